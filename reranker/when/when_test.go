package when_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker/when"
)

func gateRanking(t *testing.T, scores ...float64) pipeline.Ranking {
	t.Helper()
	var hits []pipeline.Hit
	for i, s := range scores {
		hits = append(hits, pipeline.Hit{Document: pipeline.Document{ID: string(rune('a' + i)), Text: string(rune('a' + i))}, Score: s})
	}
	r, err := pipeline.NewRanking("store", pipeline.Unbounded, hits)
	require.NoError(t, err)
	return r
}

func TestWhenClose(t *testing.T) {
	t.Parallel()
	near := when.Close(.25)
	for sentence, test := range map[string]struct {
		scores []float64
		want   bool
	}{
		"far ahead": {[]float64{10, 5, 0}, false}, "just as far as allowed": {[]float64{4, 3, 0}, false}, "close": {[]float64{10, 9, 0}, true},
		"equal": {[]float64{1, 1, 1}, true}, "two": {[]float64{9, 1}, true}, "none": {nil, true}, "negative": {[]float64{-1, -9, -11}, false},
	} {
		assert.Equal(t, test.want, near(pipeline.Query{}, gateRanking(t, test.scores...)), sentence)
	}
}

func TestWhenLegsDisagree(t *testing.T) {
	t.Parallel()
	marked := func(ranks ...[2]int) pipeline.Ranking {
		var hits []pipeline.Hit
		for i, r := range ranks {
			h := pipeline.Hit{Document: pipeline.Document{ID: string(rune('a' + i))}, Score: 1}
			if r[0] > 0 {
				h = h.Marked(pipeline.Mark{Stage: "bm25", Rank: r[0], Score: 1})
			}
			if r[1] > 0 {
				h = h.Marked(pipeline.Mark{Stage: "dense", Rank: r[1], Score: 1})
			}
			hits = append(hits, h)
		}
		return pipeline.Ranking{Hits: hits}
	}
	disagree := when.LegsDisagree("bm25", "dense", 2, .5)
	assert.False(t, disagree(pipeline.Query{}, marked([2]int{1, 1}, [2]int{2, 2})))
	assert.False(t, disagree(pipeline.Query{}, marked([2]int{1, 2}, [2]int{2, 3}, [2]int{3, 1})), "one of two")
	assert.True(t, disagree(pipeline.Query{}, marked([2]int{1, 3}, [2]int{2, 4}, [2]int{3, 1}, [2]int{4, 2})))
	assert.True(t, disagree(pipeline.Query{}, marked([2]int{1, 0}, [2]int{2, 0})), "one leg said nothing")
}

func TestUnlessExact(t *testing.T) {
	t.Parallel()
	exact := when.NotExact(nil)
	r := gateRanking(t, 2, 1)
	r.Hits[0].Document.Text = "http.ReverseProxy"
	assert.False(t, exact(pipeline.Query{Text: " HTTP reverseproxy?"}, r))
	assert.True(t, exact(pipeline.Query{Text: "reverse proxy"}, r))
	assert.True(t, exact(pipeline.Query{Text: "?"}, r), "a query without words is answered by nothing")
	assert.True(t, exact(pipeline.Query{Text: "x"}, pipeline.Ranking{}))
	title := when.NotExact(func(d pipeline.Document) string { return d.ID })
	assert.False(t, title(pipeline.Query{Text: "A"}, r))
}

func TestEstimateGate(t *testing.T) {
	t.Parallel()
	far, near := gateRanking(t, 10, 5, 0), gateRanking(t, 10, 9, 0)
	turned := gateRanking(t, 3, 2, 1)
	turned.Hits[0], turned.Hits[2] = turned.Hits[2], turned.Hits[0]
	e := when.Replay(when.Close(.25), 2, []when.Trace{{Before: far, After: far}, {Before: far, After: turned}, {Before: near, After: turned}})
	assert.Equal(t, when.Estimate{Queries: 3, Skipped: 2, FirstChanged: 1, Overlap: (1 + .5) / 2}, e)
	assert.InDelta(t, 1, when.Replay(when.Close(1), 2, nil).Overlap, 0)
}

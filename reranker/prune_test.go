package reranker_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// mix adds (1-weight) times the first list, scaled by its own range, and weight
// times the second, scaled by fixed bounds. Equal sums are ordered by best rank,
// then by ID.
type mix struct{ weight, low, high float64 }

func (m mix) FixedList(list int) bool { return list == 1 }

func (m mix) Describe() pipeline.Node {
	return pipeline.Node{Name: "mix", Facts: pipeline.Facts{Role: pipeline.RoleFuse, Scale: pipeline.Fused}}
}

func (m mix) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) {
	type part struct {
		score float64
		rank  int
	}
	parts := [2]map[string]part{{}, {}}
	for l, in := range inputs {
		for i, h := range in.Hits {
			parts[l][h.Document.ID] = part{h.Score, i + 1}
		}
	}
	if len(inputs[0].Hits) == 0 {
		return pipeline.Merge(inputs, pipeline.Fused, nil), nil
	}
	top, bottom := inputs[0].Hits[0].Score, inputs[0].Hits[len(inputs[0].Hits)-1].Score
	hits := slices.Clone(inputs[0].Hits)
	best := map[string]int{}
	for i, h := range hits {
		a, b := parts[0][h.Document.ID], parts[1][h.Document.ID]
		x := 1.0
		if top > bottom {
			x = (a.score - bottom) / (top - bottom)
		}
		y := (min(max(b.score, m.low), m.high) - m.low) / (m.high - m.low)
		d := &pipeline.Derivation{Terms: []pipeline.Term{{Contribution: (1 - m.weight) * x}, {List: 1, Contribution: m.weight * y}}}
		hits[i] = h.Marked(pipeline.Mark{Stage: "mix", Score: d.Value(), Scale: pipeline.Fused, Deriver: d})
		best[h.Document.ID] = min(a.rank, b.rank)
	}
	pipeline.Sort(hits, func(h pipeline.Hit) int { return best[h.Document.ID] })
	for i, h := range hits {
		marks := h.Marks()
		marks[len(marks)-1].Rank = i + 1
		hits[i].Trail = pipeline.TrailOf(marks...)
	}
	return pipeline.Merge(inputs, pipeline.Fused, hits), nil
}

// table scores a document by looking its text up, and counts.
type table struct {
	scores map[string]float64
	sent   *int
	fail   map[string]bool
}

func (s table) Describe() pipeline.Node {
	return pipeline.Node{Name: "table", Facts: pipeline.Facts{Scale: pipeline.Probability}}
}

func (s table) Score(_ context.Context, _ string, documents []string) (reranker.Scores, error) {
	*s.sent += len(documents)
	out := reranker.Scores{Values: make([]float64, len(documents)), Scale: pipeline.Probability}
	for i, d := range documents {
		out.Values[i] = s.scores[d]
		if s.fail[d] {
			if out.Unscored == nil {
				out.Unscored = make([]pipeline.Reason, len(documents))
			}
			out.Unscored[i] = pipeline.ReasonServerError
		}
	}
	return out, nil
}

// pruning is one random case: few different scores make many ties.
type pruning struct {
	in      pipeline.Ranking
	scores  map[string]float64
	fuser   mix
	options reranker.PruneOptions
}

func drawPruning(t *rapid.T) pruning {
	n := rapid.IntRange(1, 24).Draw(t, "documents")
	grid := rapid.SampledFrom([]float64{2, 5, 20, 1e6}).Draw(t, "grid")
	level := rapid.Custom(func(t *rapid.T) float64 {
		return math.Round(rapid.Float64Range(0, 1).Draw(t, "score")*grid) / grid
	})
	c := pruning{scores: map[string]float64{}, fuser: mix{weight: level.Draw(t, "weight"), high: 1}}
	hits := make([]pipeline.Hit, n)
	order := rapid.Permutation(slices.Collect(func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	})).Draw(t, "names")
	texts := rapid.IntRange(1, n).Draw(t, "texts")
	for i := range hits {
		text := "text " + strconv.Itoa(rapid.IntRange(0, texts).Draw(t, "text"))
		hits[i] = pipeline.Hit{Document: pipeline.Document{ID: fmt.Sprintf("d%02d", order[i]), Text: text}, Score: 30 * level.Draw(t, "retrieval")}
		if _, known := c.scores[text]; !known {
			c.scores[text] = level.Draw(t, "rerank")
		}
	}
	var err error
	c.in, err = pipeline.NewRanking("store", pipeline.BM25, hits)
	require.NoError(t, err)
	c.options = reranker.PruneOptions{Limit: rapid.IntRange(1, n+2).Draw(t, "limit")}
	return c
}

// unpruned is what the pruned run has to equal.
func (c pruning) unpruned(t require.TestingT, rerank *reranker.Staged) pipeline.Ranking {
	blend := pipeline.Blend(c.fuser, pipeline.Keep(), rerank)
	r, err := blend.Apply(context.Background(), pipeline.Query{}, c.in)
	require.NoError(t, err)
	return r.Derive(r.Hits[:min(c.options.Limit, len(r.Hits))])
}

func sameBits(t require.TestingT, want, got pipeline.Ranking) {
	require.Equal(t, want.IDs(), got.IDs())
	for i, w := range want.Hits {
		g := got.Hits[i]
		wm, _ := w.Mark("mix")
		gm, _ := g.Mark("mix")
		require.Equal(t, wm.Rank, gm.Rank)
		require.Equal(t, math.Float64bits(w.Score), math.Float64bits(g.Score))
		for _, stage := range []string{"store", "rerank", "mix"} {
			wm, _ := w.Mark(stage)
			gm, _ := g.Mark(stage)
			require.Equal(t, math.Float64bits(wm.Score), math.Float64bits(gm.Score), stage)
			require.Equal(t, wm.Status, gm.Status, stage)
			require.Equal(t, math.Float64bits(wm.Value()), math.Float64bits(gm.Value()), stage)
		}
	}
}

func TestPruningChangesNothing(t *testing.T) {
	t.Parallel()
	saved, total, cases := 0, 0, 0
	for range 20 { // of 100 each
		rapid.Check(t, func(rt *rapid.T) {
			c := drawPruning(rt)
			all, some := 0, 0
			want := c.unpruned(rt, reranker.Stage(table{scores: c.scores, sent: &all}, reranker.Evaluation()))
			got, err := reranker.Prune(c.fuser, reranker.Stage(table{scores: c.scores, sent: &some}, reranker.Evaluation()), c.options).
				Apply(t.Context(), pipeline.Query{}, c.in)
			require.NoError(rt, err)
			sameBits(rt, want, got)
			require.Empty(rt, got.Gaps)
			require.Equal(rt, reranker.Full, reportOf(t, got).Mode)
			require.LessOrEqual(rt, some, all)
			saved, total, cases = saved+all-some, total+all, cases+1
		})
	}
	assert.GreaterOrEqual(t, cases, 2000)
	assert.Greater(t, saved, total/20, "pruning saves something: %d of %d", saved, total)
}

func TestPruneSendsWhatItCannotDoWithout(t *testing.T) {
	t.Parallel()
	in := ranked(t, "a", "b", "c", "d", "e", "f", "g", "h")
	for name, c := range map[string]struct {
		scores map[string]float64
		in     pipeline.Ranking
		sends  int
	}{
		"the head is certain":                 {map[string]float64{"a": 1, "b": 1}, in, 2},
		"the head is poor, so all is sent":    {map[string]float64{}, in, 8},
		"a score beyond the bounds":           {map[string]float64{"a": 1.5, "b": 1}, in, 8},
		"a blank document":                    {map[string]float64{"a": 1, "b": 1}, ranked(t, "a", "b", "c", "d", "", "f", "g", "h"), 7},
		"no more hits than are wanted anyway": {map[string]float64{"a": 1}, ranked(t, "a", "b"), 2},
		"one text many times over":            {map[string]float64{"a": 0.1}, ranked(t, "a", "a", "a", "a"), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sent := 0
			rerank := reranker.Stage(table{scores: c.scores, sent: &sent}, reranker.Chat())
			out, err := reranker.Prune(mix{weight: 0.5, high: 1}, rerank, reranker.PruneOptions{Limit: 1}).Apply(t.Context(), pipeline.Query{}, c.in)
			require.NoError(t, err)
			assert.Len(t, out.Hits, 1)
			assert.Equal(t, c.sends, sent)
			assert.False(t, out.Degraded() && c.sends == 2, "what was not sent is no gap")
		})
	}
}

func TestPruneDegradesAsTheStageDoes(t *testing.T) {
	t.Parallel()
	in := ranked(t, "a", "b", "c", "d", "e", "f")
	down := reranker.ScorerFunc(func(context.Context, string, []string) (reranker.Scores, error) {
		return reranker.Scores{}, &reranker.Error{Kind: reranker.KindOverloaded, Op: "test"}
	})
	o := reranker.PruneOptions{Limit: 2, High: 1}
	out, err := reranker.Prune(mix{weight: 0.5, high: 1}, reranker.Stage(down, reranker.Chat()), o).Apply(t.Context(), pipeline.Query{}, in)
	require.NoError(t, err)
	assert.Equal(t, []string{"d1", "d2"}, out.IDs())
	assert.Equal(t, reranker.RetrievalOnly, reportOf(t, out).Mode)
	_, err = reranker.Prune(mix{weight: 0.5, high: 1}, reranker.Stage(down, reranker.Evaluation()), o).Apply(t.Context(), pipeline.Query{}, in)
	var unscored *reranker.UnscoredError
	require.ErrorAs(t, err, &unscored)
	assert.Len(t, unscored.Gaps[0].IDs, 6)
	out, err = reranker.Prune(refusing{}, reranker.Stage(down, reranker.Chat()), o).Apply(t.Context(), pipeline.Query{}, in)
	require.NoError(t, err)
	assert.Equal(t, []string{"d1", "d2"}, out.IDs())
	require.ErrorIs(t, out.Err(), errBoom)
}

// refusing is a fuser that refuses everything.
type refusing struct{}

func (refusing) FixedList(int) bool { return true }

func (refusing) Fuse([]pipeline.Ranking) (pipeline.Ranking, error) {
	return pipeline.Ranking{}, errBoom
}

func TestPruneRefuses(t *testing.T) {
	t.Parallel()
	stage := reranker.Stage(table{sent: new(int)}, reranker.Chat())
	deep := reranker.Chat()
	deep.Depth = 10
	for name, c := range map[string]*reranker.Pruned{
		"a fuser without fixed bounds": reranker.Prune(pipeline.FuserFunc(mix{}.Fuse), stage, reranker.PruneOptions{Limit: 1}),
		"no limit":                     reranker.Prune(mix{}, stage, reranker.PruneOptions{}),
		"no stage":                     reranker.Prune(mix{}, nil, reranker.PruneOptions{Limit: 1}),
		"a scorer without bounds":      reranker.Prune(mix{}, reranker.Stage(patient(0), reranker.Chat()), reranker.PruneOptions{Limit: 1}),
		"a depth":                      reranker.Prune(mix{}, reranker.Stage(table{}, deep), reranker.PruneOptions{Limit: 1}),
		"a listwise scorer":            reranker.Prune(mix{}, reranker.Stage(reranker.Listwise(digits{}), reranker.Chat()), reranker.PruneOptions{Limit: 1, High: 1}),
		"a stage without a policy":     reranker.Prune(mix{}, reranker.Stage(table{}, reranker.StageOptions{}), reranker.PruneOptions{Limit: 1}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := c.Apply(t.Context(), pipeline.Query{}, ranked(t, "a"))
			var typed *reranker.Error
			require.ErrorAs(t, err, &typed)
			assert.Equal(t, reranker.KindConfig, typed.Kind)
			assert.Equal(t, err, c.Describe().Err)
		})
	}
}

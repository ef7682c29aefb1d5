package fusion_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
)

// long draws lists that overlap by half, with scores of which some tie, long
// enough for what is only done with many documents. Text and metadata are not in
// every list.
func long(tb testing.TB, lists, length int, scale pipeline.Scale) []pipeline.Ranking {
	tb.Helper()
	rnd := rand.New(rand.NewPCG(uint64(lists), uint64(length)))
	out := make([]pipeline.Ranking, lists)
	for l := range out {
		hits := make([]pipeline.Hit, length)
		for i, n := range rnd.Perm(2 * length)[:length] {
			hits[i] = pipeline.Hit{Document: pipeline.Document{ID: fmt.Sprintf("d%03d", n)}, Score: float64(rnd.IntN(3*length)) / float64(4*length)}
			if n%(l+2) == 0 {
				hits[i].Document.Text = fmt.Sprintf("text of %d in %d", n, l)
			}
			if n%(l+3) == 0 {
				hits[i].Document.Metadata = map[string]any{"list": l}
			}
		}
		var err error
		out[l], err = pipeline.NewRanking(fmt.Sprintf("leg %d", l+1), scale, hits)
		require.NoError(tb, err)
	}
	return out
}

// plainly makes what a fused ranking must be from the scores alone, by the text of
// the contract and without a thought for speed.
func plainly(inputs []pipeline.Ranking, scores map[string]float64, name string) []pipeline.Hit {
	var hits []pipeline.Hit
	best := map[string]int{}
	for id, score := range scores {
		h := pipeline.Hit{Document: pipeline.Document{ID: id}, Score: score}
		for _, r := range inputs {
			i := slices.IndexFunc(r.Hits, func(h pipeline.Hit) bool { return h.Document.ID == id })
			if i < 0 {
				continue
			}
			if best[id] == 0 || i+1 < best[id] {
				best[id] = i + 1
			}
			if h.Document.Text == "" {
				h.Document.Text = r.Hits[i].Document.Text
			}
			if h.Document.Metadata == nil {
				h.Document.Metadata = r.Hits[i].Document.Metadata
			}
			for _, m := range r.Hits[i].Marks() {
				if !slices.Contains(h.Marks(), m) {
					h.Trail = h.Trail.With(m)
				}
			}
		}
		hits = append(hits, h)
	}
	pipeline.Sort(hits, func(h pipeline.Hit) int { return best[h.Document.ID] })
	for i, h := range hits {
		hits[i] = h.Marked(pipeline.Mark{Stage: name, Rank: i + 1, Score: h.Score, Scale: pipeline.Fused})
	}
	return hits
}

// What is fast is bit for bit what is plain, for few documents and for many,
// whatever was fused before with the same memory.
func TestFusingRankingsIsThePlainWay(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{2, 20}, {3, 150}, {7, 60}, {1, 130}, {2, 90}} {
		for _, m := range everyMethod(t) {
			inputs := long(t, size[0], size[1], scaleFor(m))
			got, err := m.Fuse(inputs)
			if size[0] != 2 && err != nil { // learnt for two lists
				continue
			}
			require.NoError(t, err, m.String())
			whole := task(inputs, 0)
			scored, err := new(fusion.Workspace).Fuse(nil, m, whole)
			require.NoError(t, err, m.String())
			scores := map[string]float64{}
			for _, s := range scored {
				scores[whole.Names[s.ID]] = s.Score
			}
			want := plainly(inputs, scores, m.Describe().Name)
			require.Len(t, got.Hits, len(want), m.String())
			for i, h := range got.Hits {
				marks := h.Marks()
				newest := &marks[len(marks)-1]
				require.Equal(t, h.Score, newest.Value(), "%v of %v at %d", m, size, i+1)
				newest.Deriver = nil
				require.Equal(t, want[i].Marks(), marks, "%v of %v", m, size)
				require.Equal(t, want[i].Document, h.Document, "%v of %v", m, size)
			}
		}
	}
}

func TestAnErrorLeavesNothingToTheNextFusion(t *testing.T) {
	t.Parallel()
	inputs := long(t, 2, 40, pipeline.Probability)
	want, err := fusion.Convex{}.Fuse(inputs)
	require.NoError(t, err)
	twice := inputs[0].Derive(append(slices.Clone(inputs[0].Hits), inputs[0].Hits[3]))
	for range 3 {
		_, err = fusion.Convex{}.Fuse([]pipeline.Ranking{twice, inputs[1]})
		require.ErrorIs(t, err, fusion.ErrInput)
		_, err = fusion.Convex{Weights: []float64{1}}.Fuse(inputs)
		require.Error(t, err)
		got, err := fusion.Convex{}.Fuse(inputs)
		require.NoError(t, err)
		assertSameHits(t, want.Hits, got.Hits)
	}
}

func assertSameHits(t *testing.T, want, got []pipeline.Hit) {
	t.Helper()
	require.Len(t, got, len(want))
	for i, h := range got {
		assert.Equal(t, want[i].Document, h.Document)
		assert.Equal(t, want[i].Score, h.Score)
		assertSameMarks(t, want[i].Marks(), h.Marks())
	}
}

package pipeline_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/reranker"
)

// deepStore finds n documents of which each scores a little less.
func deepStore(n int) pipeline.Retriever {
	var hits []pipeline.Hit
	for i := range n {
		hits = append(hits, hit(fmt.Sprintf("d%04d", i), 10-float64(i*i)/1000))
	}
	return source("bm25", pipeline.BM25, hits...)
}

// P20: how deep the ranking is that is blended is its own setting, so that asking
// for more hits only adds hits.
func TestP20TheTopDoesNotDependOnHowMuchWasRetrieved(t *testing.T) {
	t.Parallel()
	minmax := fusion.Convex{Weights: []float64{0.7, 0.3}, Norm: fusion.MinMax{}}
	for name, stage := range map[string]pipeline.Stage{
		"a blend":             pipeline.Parallel{Depth: 20}.Blend(minmax, pipeline.Keep(), reverse{}),
		"a blend in a blend":  pipeline.Parallel{Depth: 20}.Blend(minmax, pipeline.Keep(), pipeline.Blend(minmax, pipeline.Keep(), reverse{})),
		"a rerank that falls": pipeline.Parallel{Depth: 20}.Blend(minmax, pipeline.Keep(), reranker.Stage(scoring{}, reranker.Chat())),
	} {
		shallow, err := pipeline.Chain(deepStore(20), stage, cut.TopK(20)).Retrieve(t.Context(), pipeline.Query{Text: "q"})
		require.NoError(t, err)
		for _, n := range []int{21, 100, 1000} {
			deep, err := pipeline.Chain(deepStore(n), stage).Retrieve(t.Context(), pipeline.Query{Text: "q", Trace: true})
			require.NoError(t, err)
			require.NoError(t, deep.Validate())
			require.Len(t, deep.Hits, n, name)
			assert.Equal(t, scoresOf(shallow), scoresOf(pipeline.Ranking{Hits: deep.Hits[:20]}), name)
			for i, h := range deep.Hits[20:] {
				assert.Equal(t, fmt.Sprintf("d%04d", 20+i), h.Document.ID, "the others stay in their order")
				assert.False(t, h.Judged())
				assert.Equal(t, pipeline.ReasonNotSent, h.Newest().Reason)
				if name != "a rerank that falls" {
					assert.Equal(t, 21+i, h.Newest().Rank)
				}
			}
			assert.Len(t, deep.Gaps, len(shallow.Gaps), "leaving out on purpose is no gap")
			assert.Len(t, deep.Trace.Hits, n)
			for r, err := range pipeline.Stream(t.Context(), pipeline.Chain(deepStore(n), stage), pipeline.Query{Text: "q"}) {
				require.NoError(t, err)
				require.NoError(t, r.Validate())
				assert.Len(t, r.Hits, n)
			}
		}
	}
}

func TestTheDepthOfAFanCutsItsLists(t *testing.T) {
	t.Parallel()
	two := pipeline.Parallel{Depth: 2}
	r, err := two.Fan(reciprocal{}, abcd(), dcba()).Retrieve(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"a", "b", "c", "d"}, r.IDs())
	r, err = two.Expand(rewriter{twoQueries}, reciprocal{}, abcd()).Retrieve(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b"}, r.IDs())
	assert.Contains(t, pipeline.String(two.Expand(rewriter{twoQueries}, reciprocal{}, abcd())), "depth 2")
	_, err = pipeline.Parallel{Depth: -1}.Fan(reciprocal{}, abcd()).Retrieve(t.Context(), pipeline.Query{})
	require.ErrorContains(t, err, "depth -1 must not be negative")
}

func TestABlendOfWhichAllFellKeepsTheHitsBehindItsDepth(t *testing.T) {
	t.Parallel()
	down := reranker.Stage(scoring{}, reranker.Chat())
	r, err := pipeline.Chain(deepStore(9), pipeline.Parallel{Depth: 3}.Blend(reciprocal{}, down, pipeline.Named("other", down))).Retrieve(t.Context(), pipeline.Query{Text: "q"})
	require.NoError(t, err)
	require.Len(t, r.Hits, 9)
	assert.Equal(t, pipeline.BM25, r.Scale)
	assert.True(t, r.Hits[8].Judged())
}

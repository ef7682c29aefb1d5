package nebius_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

// fuseCases look at what becomes of the client's scores; the formulas have
// their own tests beside them.
func fuseCases() []conformanceCase {
	return []conformanceCase{
		{"70_extreme_logits", func(t *testing.T) {
			r := alone(t, fusion.Sigmoid{}, pipeline.Logit, -1000, -20, 0, 20, 1000)
			assert.Equal(t, []string{"e", "d", "c", "b", "a"}, r.IDs())
			for _, h := range r.Hits {
				assert.True(t, h.Score >= 0 && h.Score <= 1, "%v", h.Score)
			}
			assert.InDelta(t, 0.5, r.Hits[2].Score, 1e-15)
			assert.InDelta(t, 1/(1+math.Exp(-20)), r.Hits[1].Score, 1e-15)
			// Auto passes probabilities on as they are.
			r = alone(t, nil, pipeline.Probability, 0.0029, 0.5)
			assert.Equal(t, []float64{0.5, 0.0029}, []float64{r.Hits[0].Score, r.Hits[1].Score})
		}},
		{"71_one_hit_and_equal_hits", func(t *testing.T) {
			for _, scores := range [][]float64{{0.3}, {0.3, 0.3, 0.3}} {
				for _, h := range alone(t, fusion.MinMax{}, pipeline.Probability, scores...).Hits {
					assert.InDelta(t, 1.0, h.Score, 0, "the documented constant")
				}
			}
		}},
		{"72_tiny_probabilities", func(t *testing.T) {
			for _, norm := range []fusion.Normaliser{nil, fusion.MinMax{}, fusion.ZScore{}, fusion.TheoreticalMinMax{}} {
				assert.Equal(t, []string{"c", "b", "a"}, alone(t, norm, pipeline.Probability, 0, 0.0003, 0.0029).IDs())
			}
		}},
		{"73_unlike_scales", func(t *testing.T) {
			bm25, rerank := list(t, "bm25", pipeline.BM25, 12, 3), list(t, "rerank", pipeline.Logit, -4, 2)
			_, err := fusion.CombSUM{Norm: fusion.None{}}.Fuse([]pipeline.Ranking{bm25, rerank})
			require.Error(t, err, "a sum of unlike scales")
			_, err = fusion.RRF{}.Fuse([]pipeline.Ranking{bm25, rerank})
			require.NoError(t, err)
		}},
		{"74_reciprocal_ranks", func(t *testing.T) {
			a, b := list(t, "a", pipeline.BM25, 3, 2), list(t, "b", pipeline.Logit, 1)
			r, err := fusion.RRF{K: 60}.Fuse([]pipeline.Ranking{a, b})
			require.NoError(t, err)
			assert.InDelta(t, 1.0/61+1.0/61, r.Hits[0].Score, 1e-15)
			assert.InDelta(t, 1.0/62, r.Hits[1].Score, 1e-15, "missing from the second list")
			_, err = fusion.Convex{Weights: []float64{-1, 2}}.Fuse([]pipeline.Ranking{a, b})
			require.Error(t, err)
		}},
		{"75_unscored_in_a_fusion", fake(unscoredInFusion)},
		{"76_threshold_after_a_degraded_stage", fake(func(t *testing.T) {
			r := degraded(t)
			after, err := cut.AtLeast(pipeline.Probability, 0).Apply(t.Context(), pipeline.Query{Text: "q"}, r)
			require.NoError(t, err)
			assert.NotContains(t, after.IDs(), "document number 3", "what has no score passes no threshold")
			reasons := map[pipeline.Reason]bool{}
			for _, g := range after.Gaps {
				reasons[g.Reason] = true
			}
			assert.True(t, reasons[pipeline.ReasonUnscored] || reasons[pipeline.ReasonBadResponse], "%v", after.Gaps)
		})},
	}
}

// list is a ranking of the documents a, b, c ... with the scores.
func list(t *testing.T, name string, scale pipeline.Scale, scores ...float64) pipeline.Ranking {
	t.Helper()
	hits := make([]pipeline.Hit, len(scores))
	for i, s := range scores {
		hits[i] = pipeline.Hit{Document: pipeline.Document{ID: string(rune('a' + i))}, Score: s}
	}
	r, err := pipeline.NewRanking(name, scale, hits)
	require.NoError(t, err)
	return r
}

// alone fuses one list with itself alone: what a normaliser makes of it.
func alone(t *testing.T, norm fusion.Normaliser, scale pipeline.Scale, scores ...float64) pipeline.Ranking {
	t.Helper()
	r, err := fusion.Convex{Norm: norm}.Fuse([]pipeline.Ranking{list(t, "rerank", scale, scores...)})
	require.NoError(t, err)
	return r
}

// degraded is a reranked ranking in which document 3 has no score.
func degraded(t *testing.T) pipeline.Ranking {
	t.Helper()
	c, _ := memory(t, rerankertest.Partial(rerankertest.Hash, func(i int) bool { return i == 3 }), nebius.Options{})
	r, err := reranker.Stage(c, reranker.StageOptions{Unscored: reranker.KeepPosition}).Apply(t.Context(), pipeline.Query{Text: "q"}, retrieved(t, 8))
	require.NoError(t, err)
	require.True(t, r.Degraded())
	return r
}

func unscoredInFusion(t *testing.T) {
	reranked := degraded(t)
	retrieval := retrieved(t, 8)
	for _, fuser := range []pipeline.Fuser{fusion.RRF{}, fusion.Convex{Weights: []float64{0.2, 0.8}}} {
		r, err := fuser.Fuse([]pipeline.Ranking{retrieval, reranked})
		require.NoError(t, err)
		require.Len(t, r.Hits, 8)
		assert.True(t, r.Degraded(), "the gap is carried on")
		assert.Contains(t, r.IDs(), "document number 3")
	}
	// The worst by the reranker must not stand above it for want of a score.
	r, err := fusion.Convex{Weights: []float64{0.5, 0.5}}.Fuse([]pipeline.Ranking{retrieval, reranked})
	require.NoError(t, err)
	assert.NotEqual(t, "document number 3", r.IDs()[7])
}

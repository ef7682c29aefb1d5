package pipeline_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/reranker"
)

// scoring is a scorer that scores the first n documents with a value and none of
// the others.
type scoring struct {
	n     int
	value float64
}

func (scoring) Describe() pipeline.Node {
	return pipeline.Node{Name: "model", Facts: pipeline.Facts{Scale: pipeline.Probability, Max: 1}}
}

func (s scoring) Score(_ context.Context, _ string, documents []string) (reranker.Scores, error) {
	if s.n == 0 {
		return reranker.Scores{}, &reranker.Error{Kind: reranker.KindOverloaded, Op: "model"}
	}
	out := reranker.Scores{Scale: pipeline.Probability, Values: make([]float64, len(documents)), Unscored: make([]pipeline.Reason, len(documents))}
	for i := range documents {
		out.Values[i] = s.value
		if i >= s.n {
			out.Values[i], out.Unscored[i] = 0, pipeline.ReasonServerError
		}
	}
	return out, nil
}

func sevenHits() pipeline.Retriever {
	var hits []pipeline.Hit
	for i, id := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		hits = append(hits, hit(id, float64(7-i)))
	}
	return source("bm25", pipeline.BM25, hits...)
}

// rerankers come back in several ways from an outage.
func outages() map[string]pipeline.Stage {
	down := reranker.Stage(scoring{}, reranker.Chat())
	strict := reranker.Stage(scoring{}, reranker.StageOptions{Unscored: reranker.AllOrNothing})
	return map[string]pipeline.Stage{
		"keep position":       down,
		"below":               reranker.Stage(scoring{}, reranker.StageOptions{Unscored: reranker.Below}),
		"in a budget":         pipeline.Within(time.Second, down),
		"behind an else":      pipeline.Else(strict, pipeline.Keep()),
		"behind two":          pipeline.Else(pipeline.Else(strict, strict), pipeline.Keep()),
		"bypassed":            reranker.Stage(scoring{n: 7, value: 0.9}, reranker.StageOptions{Unscored: reranker.KeepPosition, Bypass: 1}),
		"gated":               pipeline.Gate(never, down),
		"named":               pipeline.Named("judge", down),
		"with a cut":          pipeline.Join(down, cut.TopK(3)),
		"in a chain of cuts":  pipeline.Join(cut.TopK(5), down),
		"in a blend of parts": pipeline.Blend(fusion.Convex{Weights: []float64{0.5, 0.5}}, down, pipeline.Named("other", down)),
	}
}

func scoreByID(r pipeline.Ranking) map[string]float64 {
	out := map[string]float64{}
	for _, h := range r.Hits {
		out[h.Document.ID] = h.Score
	}
	return out
}

// P1: an outage never raises a score, and an unjudged hit passes no threshold.
func TestP1AnOutageInABlendRaisesNoScoreAndPassesNoThreshold(t *testing.T) {
	t.Parallel()
	convex := fusion.Convex{Weights: []float64{0.2, 0.8}}
	for fuserName, fuser := range map[string]pipeline.Fuser{"convex": convex, "rrf": fusion.RRF{}, "reciprocal": reciprocal{}} {
		blend := func(rerank pipeline.Stage) pipeline.Retriever {
			return pipeline.Chain(sevenHits(), pipeline.Blend(fuser, pipeline.Keep(), rerank))
		}
		healthy, err := blend(reranker.Stage(scoring{n: 7, value: 0.02}, reranker.Chat())).Retrieve(t.Context(), pipeline.Query{Text: "q"})
		require.NoError(t, err)
		worst := scoreByID(healthy)
		for name, rerank := range outages() {
			t.Run(fuserName+", "+name, func(t *testing.T) {
				t.Parallel()
				r, err := blend(rerank).Retrieve(t.Context(), pipeline.Query{Text: "q"})
				require.NoError(t, err)
				assert.Equal(t, []string{"a", "b", "c", "d", "e", "f", "g"}, sorted(r.IDs()), "nothing is lost")
				assert.Equal(t, name != "gated", r.Degraded())
				had := []string{"a", "b", "c", "d", "e", "f", "g"}
				if n, ok := map[string]int{"with a cut": 3, "in a chain of cuts": 5}[name]; ok {
					had = had[:n]
				}
				for _, h := range r.Hits {
					assert.LessOrEqual(t, h.Score, worst[h.Document.ID], h.Document.ID)
					assert.Equal(t, slices.Contains(had, h.Document.ID), !h.Judged(), "%s is unjudged where the rerank had it", h.Document.ID)
				}
				for _, least := range []float64{-1, 0, 0.001} {
					kept, err := pipeline.Chain(blend(rerank), cut.AtLeast(pipeline.Fused, least), cut.TopK(3)).Retrieve(t.Context(), pipeline.Query{Text: "q"})
					require.NoError(t, err)
					assert.NotContains(t, kept.IDs(), "a")
					assert.LessOrEqual(t, len(kept.Hits), 7-len(had))
					assert.Equal(t, pipeline.ReasonUnscored, kept.Gaps[len(kept.Gaps)-1].Reason)
				}
				passed, err := pipeline.Chain(blend(rerank), cut.Threshold{Scale: pipeline.Fused, Value: 99, Pass: true}).Retrieve(t.Context(), pipeline.Query{Text: "q"})
				require.NoError(t, err)
				assert.Contains(t, passed.IDs(), "a", "unless the threshold lets the unjudged pass")
			})
		}
	}
}

func sorted(ids []string) []string {
	slices.Sort(ids)
	return ids
}

func TestP1NothingScoredIsTreatedAsOneOfSevenScored(t *testing.T) {
	t.Parallel()
	for n := range 7 {
		search := pipeline.Chain(sevenHits(), pipeline.Blend(fusion.Convex{Weights: []float64{0.2, 0.8}}, pipeline.Keep(),
			reranker.Stage(scoring{n: n, value: 0.02}, reranker.Chat())), cut.AtLeast(pipeline.Fused, 0.0001))
		r, err := search.Retrieve(t.Context(), pipeline.Query{Text: "q"})
		require.NoError(t, err)
		assert.Len(t, r.Hits, n, "the hits that were judged, and no other")
		for _, h := range r.Hits {
			assert.Less(t, h.Score, 0.22)
		}
	}
}

func TestP1ABlendOfWhichEveryBranchHasFallenIsTheRankingAsItWas(t *testing.T) {
	t.Parallel()
	down := reranker.Stage(scoring{}, reranker.Chat())
	both := pipeline.Blend(fusion.Convex{Weights: []float64{0.5, 0.5}}, down, pipeline.Named("other", down))
	in, err := sevenHits().Retrieve(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	r, err := pipeline.Chain(sevenHits(), both).Retrieve(t.Context(), pipeline.Query{Text: "q", Trace: true})
	require.NoError(t, err)
	assert.Equal(t, in.Hits, r.Hits)
	assert.Equal(t, pipeline.BM25, r.Scale)
	assert.Equal(t, []string{"rerank", "other"}, gapNames(r))
	assert.Len(t, reranker.ReportKey.NotedAll(r), 2)
	assert.NotNil(t, r.Trace)
	kept, err := pipeline.Chain(sevenHits(), both, cut.AtLeast(pipeline.Fused, -1)).Retrieve(t.Context(), pipeline.Query{Text: "q"})
	require.NoError(t, err)
	assert.Empty(t, kept.Hits)
}

func TestP1ALegWhoseRerankIsDownIsNoErrorOfTheFanAndUnjudged(t *testing.T) {
	t.Parallel()
	leg := pipeline.Chain(sevenHits(), reranker.Stage(scoring{}, reranker.Chat()))
	refuses := pipeline.Named("refuses", pipeline.FuserFunc(func(inputs []pipeline.Ranking) (pipeline.Ranking, error) {
		if inputs[1].Scale != pipeline.Probability {
			return pipeline.Ranking{}, errFault
		}
		return reciprocal{}.Fuse(inputs)
	}))
	for name, fuser := range map[string]pipeline.Fuser{"a fuser that takes any scale": reciprocal{}, "a fuser that takes one": refuses} {
		r, err := pipeline.Chain(pipeline.Fan(fuser, abcd(), leg)).Retrieve(t.Context(), pipeline.Query{Text: "q"})
		require.NoError(t, err, name)
		assert.Equal(t, []string{"a", "b", "c", "d", "e", "f", "g"}, sorted(r.IDs()), name)
		for i, h := range r.Hits {
			assert.False(t, h.Judged(), name)
			assert.Equal(t, pipeline.ReasonServerError, h.Newest().Reason, name)
			assert.Equal(t, i+1, h.Newest().Rank, name)
		}
	}
	_, err := pipeline.Fan(refuses, leg, leg).Retrieve(t.Context(), pipeline.Query{Text: "q"})
	require.ErrorIs(t, err, errFault, "not where nothing is left")
}

func TestADocumentThatAListDoesNotHoldIsJudgedByTheOthers(t *testing.T) {
	t.Parallel()
	r, err := pipeline.Fan(fusion.RRF{}, abcd(), dcba(), down("sparse")).Retrieve(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	for _, h := range r.Hits {
		assert.True(t, h.Judged(), h.Document.ID)
	}
}

func TestAThresholdOnTheModelsMarkMeansIDoNotKnow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		scorer scoring
		want   int
	}{
		"the model is sure":       {scoring{7, 0.9}, 7},
		"the model says no":       {scoring{7, 0.02}, 0},
		"the model is down":       {scoring{}, 0},
		"the model was cut short": {scoring{2, 0.9}, 2},
	} {
		rerank := reranker.Stage(c.scorer, reranker.Chat())
		search := pipeline.Chain(sevenHits(), pipeline.Blend(fusion.Convex{Weights: []float64{0.2, 0.8}}, pipeline.Keep(), rerank),
			cut.Threshold{Scale: pipeline.Probability, Value: 0.3, By: "rerank"}, cut.TopK(7))
		r, err := search.Retrieve(t.Context(), pipeline.Query{Text: "q"})
		require.NoError(t, err, name)
		assert.Len(t, r.Hits, c.want, name)
		assert.Empty(t, pipeline.Lint(search), name)
		var cause *reranker.Error
		assert.Equal(t, name == "the model is down", errors.As(r.Err(), &cause) && cause.Kind == reranker.KindOverloaded, name)
	}
}

package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// However long a question may take, a slow reranker has its two seconds, and then
// the retrieval order stands.
func TestASlowRerankerHoldsNoAnswerUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := reranker.ScorerFunc(func(ctx context.Context, _ string, _ []string) (reranker.Scores, error) {
			<-ctx.Done()
			return reranker.Scores{}, context.Cause(ctx)
		})
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		in, err := pipeline.NewRanking("bm25", pipeline.Unbounded, []pipeline.Hit{
			{Document: pipeline.Document{ID: "a", Text: "one"}, Score: 2}, {Document: pipeline.Document{ID: "b", Text: "two"}, Score: 1},
		})
		require.NoError(t, err)
		began := time.Now()
		stage := blend(slow, fusion.Convex{Weights: []float64{0.5, 0.5}, Norm: fusion.MinMax{}}, false)
		out, err := stage.Apply(ctx, pipeline.Query{Text: "one"}, in)
		require.NoError(t, err)
		assert.Equal(t, "a", out.Hits[0].Document.ID)
		assert.NotEmpty(t, out.Gaps)
		assert.LessOrEqual(t, time.Since(began), judging)
	})
}

// Whether the documents answer is judged by meaning where the embedded model ran,
// and by words where it did not, or another model did.
func TestTheEmbeddedModelHelpsToJudgeWhetherThereIsAnAnswer(t *testing.T) {
	t.Parallel()
	hits := func(cosine float64) []pipeline.Hit {
		var list []pipeline.Hit
		for i, text := range []string{"One can get at the safe of the bank from nine.", "Ships wait for the tide.", "The baker sells bread."} {
			h := pipeline.Hit{Document: pipeline.Document{ID: text, Text: text}, Score: float64(3 - i)}
			if cosine > 0 {
				h = h.Marked(pipeline.Mark{Stage: "rerank", Rank: i + 1, Score: cosine / float64(1+i), Scale: pipeline.Cosine})
			}
			list = append(list, h)
		}
		return list
	}
	early, err := pipeline.NewRanking("bm25", pipeline.BM25, hits(0))
	require.NoError(t, err)
	final := early.Derive(hits(0.8))
	q := pipeline.Query{Text: "When does the bank vault open?"}
	words := exchange{bot: &bot{}}.judged(q, early, final)
	assert.False(t, words.Signs.Compared, "other models have other cosines")
	x := exchange{bot: &bot{meaning: meaning{}}}
	both := x.judged(q, early, final)
	assert.True(t, both.Signs.Compared)
	assert.Equal(t, 0.8, both.Signs.Similarity)
	assert.Greater(t, both.Probability, words.Probability)
	assert.Equal(t, words, x.judged(q, early, early), "the model was late")
}

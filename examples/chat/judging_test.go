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

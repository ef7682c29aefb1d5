package reranker_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

func TestScorersReadTheAttributesOfTheQuery(t *testing.T) {
	t.Parallel()
	user := pipeline.NewKey[string]("user")
	var seen []string
	scorer := reranker.ScorerFunc(func(ctx context.Context, q string, d []string) (reranker.Scores, error) {
		u, _ := user.From(ctx)
		seen = append(seen, u)
		return digits{}.Score(ctx, q, d)
	})
	in, err := pipeline.NewRanking("store", pipeline.Cosine, []pipeline.Hit{{Document: pipeline.Document{ID: "a", Text: "3"}, Score: .5}})
	require.NoError(t, err)
	q := user.With(pipeline.Query{Text: "q"}, "ann")
	stage := reranker.Stage(scorer, reranker.Chat())
	_, err = stage.Apply(t.Context(), q, in)
	require.NoError(t, err)
	for _, err := range stage.Refine(t.Context(), q, in) {
		require.NoError(t, err)
	}
	pruned := reranker.Prune(mix{weight: .5, high: 1}, reranker.Stage(scorer, reranker.Chat()), reranker.PruneOptions{Limit: 1, High: 1})
	_, err = pruned.Apply(t.Context(), q, in)
	require.NoError(t, err)
	assert.Equal(t, []string{"ann", "ann", "ann"}, seen)
}

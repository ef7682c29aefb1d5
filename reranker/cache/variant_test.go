package cache_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/cache"
)

// told is a scorer whose scores depend on what it is told, by its options and by
// the query.
type told struct{ instruction string }

func (s told) Variant(ctx context.Context) string {
	if own, ok := reranker.InstructionKey.From(ctx); ok {
		return own
	}
	return s.instruction
}

func (s told) Score(ctx context.Context, _ string, documents []string) (reranker.Scores, error) {
	scores := reranker.Scores{Values: make([]float64, len(documents)), Scale: pipeline.Probability}
	for i := range documents {
		scores.Values[i] = float64(len(s.Variant(ctx))) / 10
	}
	return scores, nil
}

func TestC10WhatChangesAScoreIsInTheKey(t *testing.T) {
	t.Parallel()
	store, err := cache.NewLRU(100, 0)
	require.NoError(t, err)
	ask := func(ctx context.Context, s reranker.Scorer) float64 {
		shared := cache.New(s, store, cache.Options{Tenant: "t", Endpoint: "e", Model: "m"})
		scores, err := shared.Score(ctx, "q", []string{"d"})
		require.NoError(t, err)
		return scores.Values[0]
	}
	asking := func(instruction string) context.Context {
		return pipeline.WithQuery(t.Context(), reranker.InstructionKey.With(pipeline.Query{}, instruction))
	}
	for range 2 { // the second time from the store
		assert.InDelta(t, .9, ask(t.Context(), told{"123456789"}), 0)
		assert.InDelta(t, .1, ask(t.Context(), told{"1"}), 0, "another client")
		assert.InDelta(t, .2, ask(asking("12"), told{"1"}), 0, "another query")
		assert.InDelta(t, .1, ask(asking("1"), told{"x"}), 0)
		assert.InDelta(t, .3, ask(t.Context(), reranker.Shard(told{"123"}, reranker.ShardOptions{})), 0, "through shards")
	}
}

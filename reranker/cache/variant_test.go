package cache_test

import (
	"context"
	"sync"
	"testing"
	"time"

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

// turning is a scorer that learns from its first answer that its scores belong to
// whole lists, as a nebius.Client does. The score of a document is the length of the
// list.
type turning struct {
	mu    sync.Mutex
	lists bool
	calls [][]string
	wait  chan struct{} // the first call waits for it
}

func (s *turning) Listwise() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lists
}

func (s *turning) Score(_ context.Context, _ string, documents []string) (reranker.Scores, error) {
	s.mu.Lock()
	s.calls = append(s.calls, documents)
	first := len(s.calls) == 1
	s.mu.Unlock()
	if first && s.wait != nil {
		<-s.wait
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lists = s.lists || len(documents) > 1
	scores := reranker.Scores{Values: make([]float64, len(documents)), Scale: pipeline.Logit, Usage: reranker.Usage{Calls: 1}}
	for i := range documents {
		scores.Values[i] = float64(len(documents))
	}
	return scores, nil
}

func TestAScorerThatTurnsOutToBeListwiseIsAskedAboutWholeLists(t *testing.T) {
	t.Parallel()
	for sentence, wrap := range map[string]func(reranker.Scorer) reranker.Scorer{
		"itself":              func(s reranker.Scorer) reranker.Scorer { return s },
		"under a decorator":   func(s reranker.Scorer) reranker.Scorer { return reranker.Decorator{Scorer: s} },
		"under shards":        func(s reranker.Scorer) reranker.Scorer { return reranker.Shard(s, reranker.ShardOptions{}) },
		"under a fallback":    func(s reranker.Scorer) reranker.Scorer { return reranker.Fallback(s, s) },
		"under another cache": func(s reranker.Scorer) reranker.Scorer { return cache.New(s, lru(t), cache.Options{}) },
		"within a calibration": func(s reranker.Scorer) reranker.Scorer {
			return reranker.Calibrated(s, plus{}, reranker.CalibratedOptions{})
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			inner := &turning{}
			c := cache.New(wrap(inner), lru(t), cache.Options{})
			ask := func(documents ...string) reranker.Scores {
				scores, err := c.Score(t.Context(), "q", documents)
				require.NoError(t, err)
				require.True(t, scores.Complete())
				return scores
			}
			ask("a")
			assert.NotNil(t, ask("a").Cached, "nobody knows better yet")
			learnt := ask("a", "b", "c")
			assert.Equal(t, learnt.Values[0], learnt.Values[2], "a is not taken from the call before")
			assert.Nil(t, learnt.Cached)
			before := len(inner.calls)
			assert.Nil(t, ask("a", "b", "c").Cached)
			assert.Nil(t, ask("a").Cached, "not even what was kept before")
			assert.Len(t, inner.calls, before+2)
			assert.True(t, pipeline.Describe(c).Facts.Listwise)
		})
	}
}

// plus maps every score into [0, 1].
type plus struct{}

func (plus) Probability(v float64) float64 { return v / (1 + v) }

// Who waits for the pairs of a call that learns it gets none of its scores.
func TestNobodySharesScoresOfAListThatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	inner := &turning{wait: make(chan struct{})}
	c := cache.New(inner, lru(t), cache.Options{})
	leader := make(chan reranker.Scores, 1)
	go func() {
		scores, _ := c.Score(t.Context(), "q", []string{"a", "b", "c"})
		leader <- scores
	}()
	require.Eventually(t, func() bool { inner.mu.Lock(); defer inner.mu.Unlock(); return len(inner.calls) == 1 }, 10*time.Second, time.Millisecond)
	follower := make(chan reranker.Scores, 1)
	go func() {
		scores, _ := c.Score(t.Context(), "q", []string{"a", "d"})
		follower <- scores
	}()
	require.Eventually(t, func() bool { inner.mu.Lock(); defer inner.mu.Unlock(); return len(inner.calls) == 2 }, 10*time.Second, time.Millisecond)
	close(inner.wait)
	assert.Equal(t, []float64{3, 3, 3}, (<-leader).Values)
	got := <-follower
	assert.Equal(t, []float64{2, 2}, got.Values, "of its own list")
	assert.GreaterOrEqual(t, got.Usage.Calls, 2, "what was asked before counts")
	inner.mu.Lock()
	defer inner.mu.Unlock()
	assert.Equal(t, []string{"a", "b", "c"}, inner.calls[0])
	assert.Equal(t, []string{"a", "d"}, inner.calls[len(inner.calls)-1])
}

// The states of a stream that learns it end with one whole list.
func TestAStreamThatLearnsItEndsWithOneList(t *testing.T) {
	t.Parallel()
	inner := &turning{}
	c := cache.New(inner, lru(t), cache.Options{})
	_, err := c.Score(t.Context(), "q", []string{"a"})
	require.NoError(t, err)
	var last reranker.Scores
	for scores, err := range c.ScoreStream(t.Context(), "q", []string{"a", "b", "c"}) {
		require.NoError(t, err)
		last = scores
	}
	assert.Equal(t, []float64{3, 3, 3}, last.Values)
}

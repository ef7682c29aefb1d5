package reranker_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEndpointAttemptsAreBounded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ attempts, calls int }{
		"two by default": {0, 2}, "one is no retry": {1, 1}, "four when asked for": {4, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := &server{answer: func(int, []string) error { return refusal(reranker.KindServer, 500, "") }}
				s := reranker.Shard(newEndpoint(t, reranker.EndpointOptions{}, fake), reranker.ShardOptions{Attempts: c.attempts, Timeout: time.Minute})
				scores, err := s.Score(t.Context(), "q", []string{"1"})
				require.Error(t, err)
				assert.EqualValues(t, c.calls, fake.calls.Load())
				assert.Equal(t, c.calls, scores.Report.Attempts)
				assert.Equal(t, c.calls-1, scores.Report.Retries)
				assert.Equal(t, []pipeline.Reason{pipeline.ReasonServerError}, scores.Unscored)
			})
		})
	}
}

func TestEndpointRetriesAreBudgeted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const queries = 300
		fake := &server{took: always(10 * time.Millisecond), answer: func(_ int, d []string) error {
			if number(d[0]) == 1 { // a fifth of the queries, again and again
				return refusal(reranker.KindServer, 500, "")
			}
			return nil
		}}
		s := reranker.Shard(newEndpoint(t, reranker.EndpointOptions{}, fake), reranker.ShardOptions{NoHedge: true})
		for i := range queries {
			_, _ = s.Score(t.Context(), "q", texts(5)[i%5:i%5+1])
		}
		extra := fake.calls.Load() - queries
		assert.LessOrEqual(t, extra, int64(10+queries/10))
		assert.GreaterOrEqual(t, extra, int64(30), "what the budget allows is used")
	})
}

func TestEndpointHedgesAreBudgeted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := 1 << 30
		fake := &server{took: func(n int, _ []string) time.Duration {
			if n >= slow && n%2 == 0 {
				return time.Second
			}
			return time.Duration(90+n%20) * time.Millisecond
		}}
		e := newEndpoint(t, reranker.EndpointOptions{}, fake)
		s := reranker.Shard(e, reranker.ShardOptions{})
		for range 100 {
			_, err := s.Score(t.Context(), "q", texts(10))
			require.NoError(t, err)
		}
		slow = 0
		const queries = 200
		hedges := 0
		for range queries {
			scores, err := s.Score(t.Context(), "q", texts(10))
			require.NoError(t, err)
			hedges += scores.Report.Hedges
		}
		assert.LessOrEqual(t, hedges, 10+queries/10)
		assert.Positive(t, hedges)
	})
}

func TestEndpointDoesNotHedgeWhileThrottled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mode atomic.Value
		mode.Store("well")
		fake := &server{
			took: func(n int, _ []string) time.Duration {
				if mode.CompareAndSwap("stall", "well") {
					return 800 * time.Millisecond
				}
				return time.Duration(90+n%20) * time.Millisecond
			},
			answer: func(int, []string) error {
				if mode.CompareAndSwap("refuse", "well") {
					return &reranker.Error{Kind: reranker.KindRateLimited, Status: 429, RetryAfter: 200 * time.Millisecond}
				}
				return nil
			},
		}
		s := reranker.Shard(newEndpoint(t, reranker.EndpointOptions{}, fake), reranker.ShardOptions{})
		ask := func(m string) int {
			mode.Store(m)
			scores, err := s.Score(t.Context(), "q", texts(10))
			require.NoError(t, err)
			return scores.Report.Hedges
		}
		for range 100 {
			ask("well")
		}
		ask("refuse")
		assert.Zero(t, ask("stall"), "a server that refuses calls gets no second ones")
		time.Sleep(11 * time.Second)
		assert.Equal(t, 1, ask("stall"))
	})
}

func TestEndpointDoesNotSendWhatWouldComeTooLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := &server{took: always(300 * time.Millisecond)}
		e := newEndpoint(t, reranker.EndpointOptions{Concurrency: 1}, fake)
		s := reranker.Shard(e, reranker.ShardOptions{NoHedge: true})
		for range 3 {
			_, err := s.Score(t.Context(), "q", texts(10))
			require.NoError(t, err)
		}
		before := fake.calls.Load()
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := s.Score(t.Context(), "q", texts(10))
			assert.NoError(t, err)
		})
		time.Sleep(time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		start := time.Now()
		scores, err := s.Score(ctx, "q", texts(10)) // 200 ms are left when the slot is free
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Less(t, time.Since(start), 310*time.Millisecond, "and says so at once")
		assert.Equal(t, 10, scores.Report.Reasons[pipeline.ReasonDeadline])
		wg.Wait()
		assert.EqualValues(t, 1, fake.calls.Load()-before)
	})
}

package reranker_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// opened returns an endpoint whose breaker has opened and whose time is up, so
// that the next call is the probe, and a switch that makes the server slow and
// well.
func opened(t *testing.T, o reranker.EndpointOptions) (*reranker.Endpoint, *server) {
	t.Helper()
	fake := &server{took: always(time.Millisecond), answer: func(int, []string) error { return refusal(reranker.KindServer, 500, "") }}
	e := newEndpoint(t, o, fake)
	s := reranker.Shard(e, reranker.ShardOptions{Attempts: 1})
	for e.State().Breaker == reranker.Healthy {
		_, err := s.Score(t.Context(), "q", []string{"1"})
		require.Error(t, err)
	}
	time.Sleep(e.State().BreakerWait)
	fake.answer = nil
	fake.took = always(300 * time.Millisecond)
	return e, fake
}

func TestEndpointWhileTheProbeIsOnItsWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, fake := opened(t, reranker.EndpointOptions{Concurrency: 1})
		before := fake.calls.Load()
		s := reranker.Shard(e, reranker.ShardOptions{})
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := s.Score(t.Context(), "q", []string{"1"})
			assert.NoError(t, err)
		})
		time.Sleep(100 * time.Millisecond)
		assert.Equal(t, reranker.HalfOpen, e.State().Breaker)
		start := time.Now()
		for range 5 {
			scores, err := s.Score(t.Context(), "q", []string{"1"})
			require.Error(t, err)
			assert.Equal(t, []pipeline.Reason{pipeline.ReasonBreaker}, scores.Unscored)
		}
		assert.Zero(t, time.Since(start), "nobody queues behind the probe")
		wg.Wait()
		assert.EqualValues(t, 1, fake.calls.Load()-before)
		assert.Equal(t, reranker.Healthy, e.State().Breaker)
	})
}

func TestEndpointProbeThatIsCancelledIsMadeAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, fake := opened(t, reranker.EndpointOptions{})
		before := fake.calls.Load()
		s := reranker.Shard(e, reranker.ShardOptions{})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		_, err := s.Score(ctx, "q", []string{"1"})
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, reranker.Open, e.State().Breaker)
		_, err = s.Score(t.Context(), "q", []string{"1"})
		require.NoError(t, err, "a caller who leaves says nothing about the server")
		assert.EqualValues(t, 2, fake.calls.Load()-before)
	})
}

func TestEndpointLimitGoesDownAndUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sick := true
		fake := &server{took: always(10 * time.Millisecond), answer: func(n int, _ []string) error {
			if sick && n%3 == 0 {
				return refusal(reranker.KindOverloaded, 503, "")
			}
			return nil
		}}
		e := newEndpoint(t, reranker.EndpointOptions{Concurrency: 8}, fake)
		s := reranker.Shard(e, reranker.ShardOptions{Calls: 16, Concurrency: 16, Top: -1, Attempts: 1})
		for range 10 {
			_, _ = s.Score(t.Context(), "q", texts(64))
		}
		low := e.State().Limit
		assert.Less(t, low, 5.0)
		assert.GreaterOrEqual(t, low, 1.0)
		sick = false
		for range 60 {
			_, err := s.Score(t.Context(), "q", texts(64))
			require.NoError(t, err)
		}
		assert.InDelta(t, 8, e.State().Limit, 1e-9, "and back to what is allowed, no further")
	})
}

func TestEndpointBatchLeavesQuotaToChats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := &server{took: always(time.Millisecond)}
		e := newEndpoint(t, reranker.EndpointOptions{Tokens: 40_000}, fake) // bursts of 10,000
		batch := reranker.Shard(e, reranker.EvaluationShards())
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for ctx.Err() == nil {
					_, _ = batch.Score(ctx, "q", texts(200))
					time.Sleep(time.Millisecond) // the last ones are refused at once
				}
			})
		}
		for range 100 {
			time.Sleep(time.Second)
			assert.GreaterOrEqual(t, e.State().RemainingTokens, 2499)
		}
		scores, err := reranker.Shard(e, reranker.ShardOptions{}).Score(t.Context(), "q", texts(50))
		require.NoError(t, err)
		assert.True(t, scores.Complete(), "a chat finds its quarter")
		wg.Wait()
	})
}

func TestEndpointBoundsTheBytesOnTheirWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		huge := make([]byte, 100<<20)
		for i := range huge {
			huge[i] = 'a'
		}
		text := string(huge)
		fake := &server{took: always(10 * time.Millisecond)}
		e := newEndpoint(t, reranker.EndpointOptions{}, fake)
		s := reranker.Shard(e, reranker.ShardOptions{Calls: 5, Top: -1, NoHedge: true})
		var most int
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 6 {
				time.Sleep(5 * time.Millisecond)
				most = max(most, e.State().BytesInFlight)
			}
		}()
		scores, err := s.Score(t.Context(), "q", []string{text, text, text, text, text})
		require.NoError(t, err)
		assert.True(t, scores.Complete())
		<-done
		assert.Equal(t, 200<<20, most, "two of them at a time fit into 256 MiB")
	})
}

func TestEndpointAHangingServerIsTriedNowAndThen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hanging := false
		fake := &server{took: func(int, []string) time.Duration {
			if hanging {
				return time.Hour
			}
			return 10 * time.Millisecond
		}}
		e := newEndpoint(t, reranker.EndpointOptions{}, fake)
		s := reranker.Shard(e, reranker.ShardOptions{NoHedge: true})
		ask := func() (scored int) {
			ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
			defer cancel()
			scores, _ := s.Score(ctx, "q", texts(40))
			return scores.Report.Scored
		}
		for range 10 {
			require.Positive(t, ask())
		}
		hanging = true
		before, start := fake.calls.Load(), time.Now()
		for time.Since(start) < 20*time.Second {
			ask()
			time.Sleep(10 * time.Millisecond)
		}
		assert.LessOrEqual(t, fake.calls.Load()-before, int64(80), "one small call for each 400 ms")
		hanging = false
		time.Sleep(500 * time.Millisecond)
		assert.Equal(t, 40, ask(), "and the first query after that is whole")
	})
}

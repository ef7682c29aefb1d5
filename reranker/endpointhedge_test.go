package reranker_test

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rankcascade/cascade/reranker"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEndpointHedges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var stall atomic.Bool
		fake := &server{took: func(n int, _ []string) time.Duration {
			if stall.CompareAndSwap(true, false) {
				return 2 * time.Second
			}
			return time.Duration(90+n%20) * time.Millisecond
		}}
		e := newEndpoint(t, reranker.EndpointOptions{}, fake)
		s := reranker.Shard(e, reranker.ShardOptions{Timeout: 5 * time.Second})
		ask := func() reranker.Scores {
			scores, err := s.Score(t.Context(), "q", texts(10))
			require.NoError(t, err)
			require.True(t, scores.Complete())
			return scores
		}
		stall.Store(true)
		start := time.Now()
		assert.Zero(t, ask().Report.Hedges, "nothing is known yet")
		assert.Equal(t, 2*time.Second, time.Since(start))
		for range 300 {
			ask()
		}
		stall.Store(true)
		start = time.Now()
		scores := ask()
		assert.Equal(t, 1, scores.Report.Hedges)
		assert.Equal(t, 1, scores.Report.HedgesWon)
		assert.Equal(t, 2, scores.Report.Attempts)
		assert.Equal(t, reranker.Usage{Calls: 1, Documents: 10, Tokens: scores.Report.Wasted.Tokens}, scores.Report.Wasted, "the loser is charged")
		assert.Positive(t, scores.Report.Wasted.Tokens)
		assert.Less(t, time.Since(start), 300*time.Millisecond)
	})
}

func TestEndpointFirstSuccessWinsAHedge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var phase atomic.Int64
		fake := &server{
			took: func(n int, _ []string) time.Duration {
				switch phase.Load() {
				case 1: // the slow good answer
					phase.Store(2)
					return 500 * time.Millisecond
				case 2: // the hedge fails at once
					phase.Store(3)
					return time.Millisecond
				}
				return time.Duration(90+n%20) * time.Millisecond
			},
			answer: func(int, []string) error {
				if phase.CompareAndSwap(3, 0) {
					return refusal(reranker.KindRateLimited, 429, "")
				}
				return nil
			},
		}
		e := newEndpoint(t, reranker.EndpointOptions{}, fake)
		s := reranker.Shard(e, reranker.ShardOptions{})
		for range 100 {
			_, err := s.Score(t.Context(), "q", texts(10))
			require.NoError(t, err)
		}
		before := fake.calls.Load()
		phase.Store(1)
		start := time.Now()
		scores, err := s.Score(t.Context(), "q", texts(10))
		require.NoError(t, err)
		assert.True(t, scores.Complete())
		assert.Equal(t, 500*time.Millisecond, time.Since(start))
		assert.EqualValues(t, 2, fake.calls.Load()-before)
		assert.Equal(t, 1, scores.Report.Hedges)
		assert.Zero(t, scores.Report.HedgesWon)
	})
}

func TestEndpointHedgingSwitchesItselfOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 4))
		var free time.Time
		var mu sync.Mutex
		fake := &server{took: func(int, []string) time.Duration { // one replica, first come, first served
			mu.Lock()
			defer mu.Unlock()
			now := time.Now()
			if free.Before(now) {
				free = now
			}
			free = free.Add(time.Duration(50+rng.IntN(300)) * time.Millisecond)
			return free.Sub(now)
		}}
		e := newEndpoint(t, reranker.EndpointOptions{}, fake)
		s := reranker.Shard(e, reranker.ShardOptions{Timeout: 10 * time.Second})
		hedges, won := 0, 0
		for range 3000 {
			scores, err := s.Score(t.Context(), "q", texts(10))
			require.NoError(t, err)
			hedges += scores.Report.Hedges
			won += scores.Report.HedgesWon
		}
		assert.Positive(t, hedges)
		assert.LessOrEqual(t, hedges, 70+5*won, "48 in three steps, and a few in later trials")
	})
}

// TestEndpointEjectsAnUpstreamThatHangs: hedges save the first queries that meet
// it, and then nobody meets it any more.
func TestEndpointEjectsAnUpstreamThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var hangs atomic.Bool
		usual := func(n int, _ []string) time.Duration { return time.Duration(90+n%20) * time.Millisecond }
		sick := &server{took: func(n int, d []string) time.Duration {
			if hangs.Load() {
				return time.Hour
			}
			return usual(n, d)
		}}
		e := newEndpoint(t, reranker.EndpointOptions{}, sick, &server{took: usual}, &server{took: usual})
		s := reranker.Shard(e, reranker.ShardOptions{Calls: 1, Timeout: 3 * time.Second})
		for range 300 {
			_, err := s.Score(t.Context(), "q", texts(10))
			require.NoError(t, err)
		}
		hangs.Store(true)
		slow := 0
		for range 300 {
			start := time.Now()
			scores, err := s.Score(t.Context(), "q", texts(10))
			require.NoError(t, err)
			require.True(t, scores.Complete())
			if time.Since(start) > time.Second {
				slow++
			}
		}
		assert.Zero(t, slow)
		state := e.State()
		assert.True(t, state.Upstreams[0].Ejected)
		assert.False(t, state.Upstreams[1].Ejected || state.Upstreams[2].Ejected)
		assert.Equal(t, reranker.Healthy, state.Breaker, "the others answer")
	})
}

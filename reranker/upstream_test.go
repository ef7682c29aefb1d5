package reranker_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rankcascade/cascade/reranker"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUpstreamsShareTheLoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fast, slow := &server{took: always(20 * time.Millisecond)}, &server{took: always(200 * time.Millisecond)}
		e := newEndpoint(t, reranker.EndpointOptions{}, fast, slow)
		s := reranker.Shard(e, reranker.ShardOptions{NoHedge: true})
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 50 {
					_, err := s.Score(t.Context(), "q", texts(10))
					assert.NoError(t, err)
				}
			})
		}
		wg.Wait()
		assert.Greater(t, fast.calls.Load(), 2*slow.calls.Load(), "the less loaded of the two is taken")
		assert.Positive(t, slow.calls.Load())
	})
}

func TestUpstreamsAreHeldForThemselves(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		oneServer bool
		waits     bool
	}{
		"replicas: the other goes on":                 {false, false},
		"connections to one server: all of them wait": {true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				once := func(n int, _ []string) error {
					if n == 0 {
						return &reranker.Error{Kind: reranker.KindRateLimited, Status: 429, RetryAfter: 500 * time.Millisecond}
					}
					return nil
				}
				first, second := &server{answer: once}, &server{answer: once}
				e := newEndpoint(t, reranker.EndpointOptions{OneServer: c.oneServer}, first, second)
				s := reranker.Shard(e, reranker.ShardOptions{Calls: 1, Top: -1, Attempts: 5})
				start := time.Now()
				scores, err := s.Score(t.Context(), "q", texts(10))
				require.NoError(t, err)
				assert.True(t, scores.Complete())
				assert.GreaterOrEqual(t, time.Since(start), 500*time.Millisecond, "in the end both have refused")
				assert.EqualValues(t, 3, first.calls.Load()+second.calls.Load())
				if c.waits {
					assert.GreaterOrEqual(t, time.Since(start), time.Second, "one after the other")
				} else {
					assert.Less(t, time.Since(start), time.Second)
				}
			})
		})
	}
}

func TestUpstreamsHedgeElsewhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hang := func(at int) func(int, []string) time.Duration {
			return func(n int, _ []string) time.Duration {
				if n == at {
					return time.Hour
				}
				return time.Duration(90+n%20) * time.Millisecond
			}
		}
		a, b := &server{}, &server{}
		a.took, b.took = hang(60), hang(85)
		e := newEndpoint(t, reranker.EndpointOptions{}, a, b)
		s := reranker.Shard(e, reranker.ShardOptions{})
		hedges := 0
		for range 200 {
			scores, err := s.Score(t.Context(), "q", texts(10))
			require.NoError(t, err)
			require.True(t, scores.Complete(), "a call that hangs for ever costs nobody a score")
			hedges += scores.Report.HedgesWon
		}
		assert.GreaterOrEqual(t, hedges, 1)
	})
}

func TestUpstreamWithABadKeyIsPutOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bad := &server{took: always(time.Millisecond), answer: func(int, []string) error { return refusal(reranker.KindAuth, 401, "no") }}
		good := &server{took: always(time.Millisecond)}
		e := newEndpoint(t, reranker.EndpointOptions{}, bad, good)
		s := reranker.Shard(e, reranker.ShardOptions{})
		lost := 0
		for range 50 {
			if _, err := s.Score(t.Context(), "q", texts(5)); err != nil {
				lost++
			}
		}
		assert.LessOrEqual(t, lost, 1)
		assert.EqualValues(t, 1, bad.calls.Load())
		assert.Equal(t, reranker.Healthy, e.State().Breaker)
	})
}

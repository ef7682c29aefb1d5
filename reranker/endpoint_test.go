package reranker_test

import (
	"context"
	"errors"
	"math/rand/v2"
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

// server is a scripted rerank server: answer decides about call n, from 0, and
// nil means a good answer; every call takes the time that took says.
type server struct {
	calls  atomic.Int64
	docs   atomic.Int64
	took   func(n int, d []string) time.Duration
	answer func(n int, d []string) error
	limits func(n int) reranker.Limits
}

func (s *server) Score(ctx context.Context, q string, d []string) (reranker.Scores, error) {
	n := int(s.calls.Add(1)) - 1
	s.docs.Add(int64(len(d)))
	if s.took != nil {
		select {
		case <-time.After(s.took(n, d)):
		case <-ctx.Done():
			return reranker.Scores{}, &reranker.Error{Kind: reranker.KindCanceled, Op: "fake", Err: context.Cause(ctx)}
		}
	}
	if s.answer != nil {
		if err := s.answer(n, d); err != nil {
			return reranker.Scores{}, err
		}
	}
	scores, err := numbers(ctx, q, d)
	if s.limits != nil {
		scores.Limits = s.limits(n)
	}
	return scores, err
}

func always(d time.Duration) func(int, []string) time.Duration {
	return func(int, []string) time.Duration { return d }
}

func refusal(kind reranker.ErrorKind, status int, message string) *reranker.Error {
	return &reranker.Error{Kind: kind, Op: "fake", Status: status, Message: message}
}

func newEndpoint(t *testing.T, o reranker.EndpointOptions, ups ...reranker.Scorer) *reranker.Endpoint {
	t.Helper()
	if o.Rand == nil {
		o.Rand = rand.New(rand.NewPCG(1, 2))
	}
	e, err := reranker.NewEndpoint(ups, o)
	require.NoError(t, err)
	return e
}

func TestEndpointRetriesByKind(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    *reranker.Error
		calls  int64
		reason pipeline.Reason // "" when the retry mends it
	}{
		"500 is retried once":               {refusal(reranker.KindServer, 500, "oops"), 2, ""},
		"502 is retried once":               {refusal(reranker.KindServer, 502, ""), 2, ""},
		"503 is retried once":               {refusal(reranker.KindOverloaded, 503, ""), 2, ""},
		"a reset is retried once":           {refusal(reranker.KindTransport, 0, "reset"), 2, ""},
		"408 is retried once":               {refusal(reranker.KindValidation, 408, ""), 2, ""},
		"a torn answer is retried once":     {refusal(reranker.KindProtocol, 200, "cut"), 2, ""},
		"an unknown host is not retried":    {&reranker.Error{Kind: reranker.KindTransport, Permanent: true}, 1, pipeline.ReasonTransport},
		"401 is not retried":                {refusal(reranker.KindAuth, 401, "no"), 1, pipeline.ReasonClientError},
		"404 is not retried":                {refusal(reranker.KindRouteNotFound, 404, "no"), 1, pipeline.ReasonClientError},
		"an over-long document is final":    {refusal(reranker.KindTooLarge, 413, ""), 1, pipeline.ReasonTooLong},
		"500 that names size is over-long":  {refusal(reranker.KindServer, 500, "input (603 tokens) is too large to process"), 1, pipeline.ReasonTooLong},
		"a refused document is final":       {refusal(reranker.KindValidation, 422, "bad"), 1, pipeline.ReasonClientError},
		"429 is retried after what it says": {&reranker.Error{Kind: reranker.KindRateLimited, Status: 429, RetryAfter: 300 * time.Millisecond}, 2, ""},
		"429 beyond the deadline is final":  {&reranker.Error{Kind: reranker.KindRateLimited, Status: 429, RetryAfter: 24 * time.Hour}, 1, pipeline.ReasonRateLimit},
		"503 that asks for too long a wait": {&reranker.Error{Kind: reranker.KindOverloaded, Status: 503, RetryAfter: time.Minute}, 1, pipeline.ReasonServerError},
		"an untyped error is final":         {nil, 1, pipeline.ReasonFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fail := error(c.err)
				if c.err == nil {
					fail = errors.New("who knows")
				}
				fake := &server{took: always(10 * time.Millisecond), answer: func(n int, _ []string) error {
					if n == 0 {
						return fail
					}
					return nil
				}}
				s := reranker.Shard(newEndpoint(t, reranker.EndpointOptions{}, fake), reranker.ShardOptions{})
				start := time.Now()
				scores, err := s.Score(t.Context(), "q", []string{"1"})
				assert.Equal(t, c.calls, fake.calls.Load())
				if c.reason == "" {
					require.NoError(t, err)
					assert.True(t, scores.Complete())
					assert.Equal(t, 1, scores.Report.Retries)
					assert.Empty(t, scores.Causes)
					assert.Len(t, scores.Report.Causes, 1, "a mended error is still told")
				} else {
					require.ErrorIs(t, err, fail)
					assert.Equal(t, []pipeline.Reason{c.reason}, scores.Unscored)
					assert.Equal(t, 10*time.Millisecond, time.Since(start), "fails at once")
				}
				if c.err != nil && c.reason == "" && c.err.RetryAfter > 0 {
					assert.GreaterOrEqual(t, time.Since(start), c.err.RetryAfter)
					assert.Less(t, time.Since(start), c.err.RetryAfter+200*time.Millisecond)
				}
			})
		})
	}
}

func TestEndpointRefusalHoldsAllShards(t *testing.T) {
	t.Parallel()
	for name, limits := range map[string]reranker.Error{
		"by Retry-After":       {RetryAfter: 2 * time.Second},
		"by the reset of 0":    {Limits: reranker.Limits{Known: true, Requests: -1, Tokens: -1, RemainingRequests: 0, RemainingTokens: -1, ResetRequests: 2 * time.Second}},
		"by nothing, so by us": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var starts []time.Duration
				begin := time.Now()
				fake := &server{answer: func(n int, _ []string) error {
					mu.Lock()
					defer mu.Unlock()
					starts = append(starts, time.Since(begin))
					if n == 3 {
						e := limits
						e.Kind, e.Status = reranker.KindRateLimited, 429
						return &e
					}
					return nil
				}}
				s := reranker.Shard(newEndpoint(t, reranker.EndpointOptions{}, fake),
					reranker.ShardOptions{Calls: 8, Concurrency: 1, Top: -1, Timeout: 10 * time.Second})
				scores, err := s.Score(t.Context(), "q", texts(16))
				require.NoError(t, err)
				assert.True(t, scores.Complete())
				require.Len(t, starts, 9)
				pause := starts[4] - starts[3]
				assert.Greater(t, pause, time.Duration(0))
				if name != "by nothing, so by us" {
					assert.GreaterOrEqual(t, pause, 2*time.Second)
				}
				assert.Less(t, pause, 2100*time.Millisecond)
				assert.InDelta(t, 5*pause.Seconds(), scores.Report.Waited.Seconds(), 0.1, "every shard that was left waited")
			})
		})
	}
}

func TestEndpointIsNotSilencedForADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := &server{answer: func(n int, _ []string) error {
			if n == 0 {
				return &reranker.Error{Kind: reranker.KindRateLimited, Status: 429, RetryAfter: 24 * time.Hour}
			}
			return nil
		}}
		e := newEndpoint(t, reranker.EndpointOptions{}, fake)
		s := reranker.Shard(e, reranker.ShardOptions{})
		for range 10 {
			start := time.Now()
			scores, err := s.Score(t.Context(), "q", []string{"1"})
			require.Error(t, err)
			assert.Equal(t, []pipeline.Reason{pipeline.ReasonRateLimit}, scores.Unscored)
			assert.Zero(t, time.Since(start), "nobody waits for what cannot come in time")
		}
		assert.EqualValues(t, 1, fake.calls.Load(), "and nothing is sent")
		time.Sleep(time.Minute)
		_, err := s.Score(t.Context(), "q", []string{"1"})
		require.NoError(t, err)
	})
}

func TestEndpointBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sick := true
		var changes []reranker.State
		fake := &server{took: always(5 * time.Millisecond), answer: func(int, []string) error {
			if sick {
				return refusal(reranker.KindServer, 500, "")
			}
			return nil
		}}
		e := newEndpoint(t, reranker.EndpointOptions{OnChange: func(s reranker.EndpointState) { changes = append(changes, s.Breaker) }}, fake)
		s := reranker.Shard(e, reranker.ShardOptions{})
		ask := func() (reranker.Scores, error) { return s.Score(t.Context(), "q", []string{"1"}) }
		for e.State().Breaker == reranker.Healthy {
			_, err := ask()
			require.Error(t, err)
		}
		assert.LessOrEqual(t, fake.calls.Load(), int64(21))
		before := fake.calls.Load()
		start := time.Now()
		for range 100 {
			scores, err := ask()
			var typed *reranker.Error
			require.ErrorAs(t, err, &typed)
			assert.Equal(t, reranker.KindBreakerOpen, typed.Kind)
			assert.Greater(t, typed.RetryAfter, 4*time.Second, "and says for how long")
			assert.Equal(t, []pipeline.Reason{pipeline.ReasonBreaker}, scores.Unscored)
		}
		assert.Zero(t, time.Since(start), "open answers at once")
		assert.Equal(t, before, fake.calls.Load(), "and sends nothing")

		time.Sleep(e.State().BreakerWait)
		_, err := ask()
		require.Error(t, err, "the probe fails")
		assert.Equal(t, before+1, fake.calls.Load())
		assert.Greater(t, e.State().BreakerWait, 9*time.Second, "and doubles the time")

		sick = false
		time.Sleep(e.State().BreakerWait)
		scores, err := ask()
		require.NoError(t, err)
		assert.True(t, scores.Complete())
		assert.Equal(t, reranker.Healthy, e.State().Breaker)
		assert.Equal(t, []reranker.State{reranker.Open, reranker.Open, reranker.Healthy}, changes)
	})
}

func TestEndpointOneRefusalOfTheKeyOpensTheBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := &server{took: always(time.Millisecond), answer: func(int, []string) error { return refusal(reranker.KindAuth, 401, "no") }}
		e := newEndpoint(t, reranker.EndpointOptions{}, fake)
		s := reranker.Shard(e, reranker.ShardOptions{Calls: 8, Concurrency: 2, Top: -1})
		scores, err := s.Score(t.Context(), "q", texts(64))
		require.Error(t, err)
		assert.Equal(t, map[pipeline.Reason]int{pipeline.ReasonClientError: 64}, scores.Report.Reasons)
		assert.LessOrEqual(t, fake.calls.Load(), int64(2), "the siblings are not sent")
		assert.Equal(t, reranker.Open, e.State().Breaker)
	})
}

func TestEndpointFollowsDeclaredQuotas(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := &server{took: always(20 * time.Millisecond), limits: func(n int) reranker.Limits {
			return reranker.Limits{Known: n == 0, Requests: 6, Tokens: 6000, RemainingRequests: 5, RemainingTokens: 700}
		}}
		e := newEndpoint(t, reranker.EndpointOptions{}, fake)
		chat := reranker.Shard(e, reranker.ShardOptions{Top: -1, Documents: 1000})
		_, err := chat.Score(t.Context(), "q", texts(1))
		require.NoError(t, err)
		state := e.State()
		assert.Equal(t, []int{6, 6000, 5, 700}, []int{state.Requests, state.Tokens, state.RemainingRequests, state.RemainingTokens})

		docs := texts(200) // about 2,400 tokens
		scores, err := chat.Score(t.Context(), "q", docs)
		require.NoError(t, err)
		assert.Equal(t, reranker.Partial, scores.Report.Mode)
		assert.Equal(t, scores.Report.Unscored, scores.Report.Reasons[pipeline.ReasonRateLimit])
		assert.Greater(t, scores.Report.Scored, 20)
		for i := 1; i < len(docs); i++ {
			assert.True(t, scores.Scored(i-1) || !scores.Scored(i), "the top of the retrieval order is kept")
		}
		assert.EqualValues(t, 2, fake.calls.Load(), "too few tokens for more than one call at 6 requests to 6,000 tokens")

		// An experiment waits instead, and leaves a part to the chats.
		start := time.Now()
		scores, err = reranker.Shard(e, reranker.EvaluationShards()).Score(t.Context(), "q", docs[:100])
		require.NoError(t, err)
		assert.True(t, scores.Complete())
		assert.Greater(t, time.Since(start), 5*time.Second)
	})
}

func TestEndpointSendsNothingWithoutQuota(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := &server{limits: func(int) reranker.Limits {
			return reranker.Limits{Known: true, Requests: 60, Tokens: 60, RemainingRequests: 50, RemainingTokens: 0}
		}}
		s := reranker.Shard(newEndpoint(t, reranker.EndpointOptions{}, fake), reranker.ShardOptions{})
		_, err := s.Score(t.Context(), "q", texts(1))
		require.NoError(t, err)
		start := time.Now()
		scores, err := s.Score(t.Context(), "q", texts(50))
		require.Error(t, err)
		assert.Zero(t, time.Since(start))
		assert.Equal(t, map[pipeline.Reason]int{pipeline.ReasonRateLimit: 50}, scores.Report.Reasons)
		assert.EqualValues(t, 1, fake.calls.Load())
	})
}

func TestEndpointBatchCannotStarveAChat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := &server{took: always(100 * time.Millisecond)}
		e := newEndpoint(t, reranker.EndpointOptions{Concurrency: 4}, fake)
		batch := reranker.Shard(e, reranker.EvaluationShards())
		ctx, cancel := context.WithCancel(reranker.WithLane(t.Context(), reranker.LaneBatch))
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				for ctx.Err() == nil {
					_, _ = batch.Score(ctx, "q", texts(64))
				}
			})
		}
		time.Sleep(1050 * time.Millisecond)
		assert.Equal(t, 3, e.State().InFlight, "a quarter is left to chats")
		chat := reranker.Shard(e, reranker.ShardOptions{})
		for range 10 {
			start := time.Now()
			scores, err := chat.Score(t.Context(), "q", texts(10))
			require.NoError(t, err)
			assert.True(t, scores.Complete())
			assert.Equal(t, 100*time.Millisecond, time.Since(start), "a chat does not queue behind the experiment")
		}
		cancel()
		wg.Wait()
	})
}

func TestEndpointUpstreams(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sick := true
		bad := &server{took: always(5 * time.Millisecond), answer: func(int, []string) error {
			if sick {
				return refusal(reranker.KindTransport, 0, "connection refused")
			}
			return nil
		}}
		good := &server{took: always(20 * time.Millisecond)}
		e := newEndpoint(t, reranker.EndpointOptions{}, bad, good)
		s := reranker.Shard(e, reranker.ShardOptions{})
		lost := 0
		for range 100 {
			scores, _ := s.Score(t.Context(), "q", texts(10))
			if !scores.Complete() {
				lost++
			}
		}
		assert.Zero(t, lost, "a retry goes to the other upstream")
		assert.GreaterOrEqual(t, bad.calls.Load(), int64(5))
		assert.LessOrEqual(t, bad.calls.Load(), int64(12), "five failures in a row put it out, and it is probed each half second")
		assert.True(t, e.State().Upstreams[0].Ejected)
		assert.Equal(t, reranker.Healthy, e.State().Breaker)

		sick = false
		time.Sleep(31 * time.Second)
		for range 50 {
			_, err := s.Score(t.Context(), "q", texts(10))
			require.NoError(t, err)
		}
		assert.False(t, e.State().Upstreams[0].Ejected, "a probe brings it back")
		assert.Greater(t, bad.calls.Load(), int64(15))
	})
}

func TestEndpointLateQueriesAreNotSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := &server{took: always(300 * time.Millisecond)}
		s := reranker.Shard(newEndpoint(t, reranker.EndpointOptions{}, fake), reranker.ShardOptions{})
		for range 5 {
			_, err := s.Score(t.Context(), "q", texts(10))
			require.NoError(t, err)
		}
		require.Equal(t, 300*time.Millisecond, s.TypicalLatency())
		before := fake.calls.Load()
		for i := range 20 {
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			start := time.Now()
			scores, err := s.Score(ctx, "q", texts(10))
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, map[pipeline.Reason]int{pipeline.ReasonDeadline: 10}, scores.Report.Reasons)
			if i > 0 {
				assert.Zero(t, time.Since(start))
			}
			cancel()
		}
		assert.EqualValues(t, 1, fake.calls.Load()-before, "the first finds out whether it is still so, and the next one 400 ms later")
		ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
		defer cancel()
		_, err := s.Score(ctx, "q", texts(10))
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestEndpointClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := &server{took: always(time.Hour)}
		e := newEndpoint(t, reranker.EndpointOptions{}, fake)
		s := reranker.Shard(e, reranker.ShardOptions{Timeout: -1})
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				_, err := s.Score(t.Context(), "q", texts(100))
				assert.ErrorIs(t, err, reranker.ErrClosed)
			})
		}
		time.Sleep(time.Second)
		for range 3 {
			wg.Go(func() { assert.NoError(t, e.Close()) })
		}
		require.NoError(t, e.Close())
		assert.Zero(t, e.State().InFlight)
		wg.Wait()
		before := fake.calls.Load()
		_, err := s.Score(t.Context(), "q", texts(3))
		require.ErrorIs(t, err, reranker.ErrClosed)
		_, err = e.Score(t.Context(), "q", texts(3))
		require.ErrorIs(t, err, reranker.ErrClosed)
		assert.Equal(t, before, fake.calls.Load())
	})
}

func TestEndpointPanickingHookCostsNothing(t *testing.T) {
	t.Parallel()
	fake := &server{answer: func(int, []string) error { return refusal(reranker.KindAuth, 403, "") }}
	e := newEndpoint(t, reranker.EndpointOptions{OnChange: func(reranker.EndpointState) { panic("hook") }}, fake)
	scores, err := e.Score(t.Context(), "q", texts(3))
	require.Error(t, err)
	var panicked *pipeline.PanicError
	require.ErrorAs(t, errors.Join(scores.Report.Causes...), &panicked)
	assert.Zero(t, e.State().InFlight)
	assert.Zero(t, e.State().Queries)
}

func TestNewEndpointChecksItsArguments(t *testing.T) {
	t.Parallel()
	good := &server{}
	for name, c := range map[string]struct {
		o    reranker.EndpointOptions
		ups  []reranker.Scorer
		says string
	}{
		"no upstream":          {reranker.EndpointOptions{}, nil, "at least one upstream"},
		"a nil upstream":       {reranker.EndpointOptions{}, []reranker.Scorer{good, nil}, "upstream is nil"},
		"a negative quota":     {reranker.EndpointOptions{Tokens: -1}, []reranker.Scorer{good}, "quotas"},
		"negative concurrency": {reranker.EndpointOptions{Concurrency: -1}, []reranker.Scorer{good}, "Concurrency"},
		"an absurd share":      {reranker.EndpointOptions{ExtraShare: 3}, []reranker.Scorer{good}, "ExtraShare"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := reranker.NewEndpoint(c.ups, c.o)
			require.ErrorContains(t, err, c.says)
			var typed *reranker.Error
			require.ErrorAs(t, err, &typed)
			assert.Equal(t, reranker.KindConfig, typed.Kind)
		})
	}
}

package reranker_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// pot is a Shared in process: permits that never come back, and what was said.
type pot struct {
	mu     sync.Mutex
	left   int
	ahead  bool
	said   []reranker.ShareRequest
	answer func(r reranker.ShareRequest, g *reranker.ShareGrant) error
}

func (p *pot) Share(ctx context.Context, r reranker.ShareRequest) (reranker.ShareGrant, error) {
	if ctx.Err() != nil {
		return reranker.ShareGrant{}, ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said = append(p.said, r)
	g := reranker.ShareGrant{Limits: reranker.Permits{Requests: 600}, Capacity: reranker.Permits{Requests: 150}, Lease: 2 * time.Second, Processes: 4}
	if n := r.Need.Requests; n > 0 {
		if p.ahead {
			n += r.Ahead.Requests
		}
		if p.left >= n {
			p.left -= n
			g.Granted = reranker.Permits{Requests: n, Tokens: r.Need.Tokens}
		} else {
			g.Wait = time.Second
		}
	}
	g.Left.Requests = p.left
	if p.answer != nil {
		if err := p.answer(r, &g); err != nil {
			return reranker.ShareGrant{}, err
		}
	}
	return g, nil
}

func (p *pot) requests() []reranker.ShareRequest {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]reranker.ShareRequest(nil), p.said...)
}

func (p *pot) answers(f func(r reranker.ShareRequest, g *reranker.ShareGrant) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = f
}

// fast answers within a millisecond, or as it is told.
type fast struct {
	mu    sync.Mutex
	calls int
	err   error
}

func (f *fast) Score(ctx context.Context, _ string, documents []string) (reranker.Scores, error) {
	select {
	case <-ctx.Done():
		return reranker.Scores{}, context.Cause(ctx)
	case <-time.After(time.Millisecond):
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	if f.err != nil {
		return reranker.Scores{}, f.err
	}
	return reranker.Scores{Values: make([]float64, len(documents)), Scale: pipeline.Probability}, nil
}

func (f *fast) fails(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *fast) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

func sharedEndpoint(t *testing.T, s reranker.Scorer, shared reranker.Shared, o reranker.EndpointOptions) *reranker.Endpoint {
	t.Helper()
	o.Shared = shared
	e, err := reranker.NewEndpoint([]reranker.Scorer{s}, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return e
}

func asks(t *testing.T, s reranker.Scorer, within time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	_, err := s.Score(ctx, "q", []string{"d"})
	return err
}

func TestACallNeedsAPermit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared, server := &pot{left: 3}, &fast{}
		e := sharedEndpoint(t, server, shared, reranker.EndpointOptions{Requests: 600})
		for range 3 {
			require.NoError(t, asks(t, e, time.Minute))
		}
		err := asks(t, e, 10*time.Second)
		require.Error(t, err)
		assert.Equal(t, 3, server.count(), "nothing is sent without a permit")
		assert.Equal(t, reranker.SharedState{Processes: 4, Asked: int64(len(shared.requests()))}, e.State().Shared)
		assert.Less(t, len(shared.requests()), 30, "who is told to wait does")
		assert.Equal(t, 600, e.State().Requests)
		first := shared.requests()[0]
		assert.Equal(t, reranker.Permits{Requests: 600}, first.Limits)
		assert.Equal(t, 1, first.Need.Requests)
		assert.Positive(t, first.Need.Tokens)
		assert.Contains(t, pipeline.Describe(e).Settings, pipeline.Setting{Name: "quotas", Value: "shared"})
	})
}

func TestMostCallsNeedNoQuestion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := &pot{left: 1 << 30, ahead: true, answer: func(_ reranker.ShareRequest, g *reranker.ShareGrant) error {
			g.Limits.Requests = 1 << 20
			return nil
		}}
		e := sharedEndpoint(t, &fast{}, shared, reranker.EndpointOptions{})
		for range 5000 { // at a thousand a second
			require.NoError(t, asks(t, e, time.Second))
		}
		assert.Less(t, len(shared.requests()), 200)
		for _, r := range shared.requests() {
			assert.LessOrEqual(t, r.Ahead.Requests, 300)
		}
	})
}

func TestWhoIsIdleGivesPermitsBackBeforeTheyLapse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := &pot{left: 1000, answer: func(r reranker.ShareRequest, g *reranker.ShareGrant) error {
			if r.Need.Requests > 0 {
				g.Granted.Requests = 6
			}
			return nil
		}}
		e := sharedEndpoint(t, &fast{}, shared, reranker.EndpointOptions{})
		require.NoError(t, asks(t, e, time.Second))
		require.NoError(t, asks(t, e, time.Second))
		time.Sleep(time.Second)
		require.NoError(t, asks(t, e, time.Second))
		said := shared.requests()
		require.Len(t, said, 2)
		assert.Equal(t, 4, said[1].Held.Requests)
		assert.Zero(t, said[1].Back)
		time.Sleep(1490 * time.Millisecond)
		synctest.Wait()
		require.Len(t, shared.requests(), 2)
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
		require.Len(t, shared.requests(), 3, "three quarters of the lease")
		last := shared.requests()[2]
		assert.Zero(t, last.Held.Requests)
		assert.Zero(t, last.Need)
		assert.Equal(t, 9, last.Back.Requests, "4 and 6, without the one that was used")
		time.Sleep(time.Hour)
		require.Len(t, shared.requests(), 3, "and then there is nothing to say")
		require.NoError(t, asks(t, e, time.Second))
		assert.Zero(t, shared.requests()[3].Back, "once")
		require.NoError(t, e.Close())
		require.Len(t, shared.requests(), 5)
		assert.Equal(t, 5, shared.requests()[4].Back.Requests, "who ends gives back at once")
		require.NoError(t, e.Close())
		require.Len(t, shared.requests(), 5)
	})
}

func TestPermitsLapse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := &pot{left: 1000, answer: func(r reranker.ShareRequest, g *reranker.ShareGrant) error {
			if r.Need.Requests == 0 {
				return errors.New("away")
			}
			g.Granted.Requests = 6
			return nil
		}}
		e := sharedEndpoint(t, &fast{}, shared, reranker.EndpointOptions{})
		require.NoError(t, asks(t, e, time.Second))
		time.Sleep(2 * time.Second)
		require.NoError(t, asks(t, e, time.Second))
		last := shared.requests()[len(shared.requests())-1]
		assert.Zero(t, last.Held.Requests)
		assert.Equal(t, 5, last.Back.Requests, "nobody heard of it before")
	})
}

func TestWithoutTheOthersAnEndpointKeepsToItsPart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared, server := &pot{left: 1 << 20}, &fast{}
		e := sharedEndpoint(t, server, shared, reranker.EndpointOptions{})
		scorer := reranker.Shard(e, reranker.ShardOptions{Wait: true, Timeout: time.Hour})
		require.NoError(t, asks(t, scorer, time.Minute))
		shared.answers(func(reranker.ShareRequest, *reranker.ShareGrant) error { return errors.New("away") })
		time.Sleep(time.Second)
		began := time.Now()
		for range 51 {
			require.NoError(t, asks(t, scorer, time.Hour))
		}
		// A quarter of 600 a minute, from an empty bucket.
		assert.InDelta(t, 20, time.Since(began).Seconds(), 1)
		state := e.State().Shared
		assert.True(t, state.Alone)
		assert.Equal(t, 4, state.Processes)
		assert.ErrorContains(t, state.Cause, "away")
		assert.InDelta(t, 23, state.Failed, 3, "once a second")

		shared.answers(nil)
		before := len(shared.requests())
		time.Sleep(2 * time.Second)
		require.NoError(t, asks(t, scorer, time.Minute))
		assert.False(t, e.State().Shared.Alone)
		used := 0
		for _, p := range shared.requests()[before].Recent {
			used += p.Requests
		}
		assert.Equal(t, 51, used, "what was used alone is told")
		time.Sleep(time.Second)
		require.NoError(t, asks(t, scorer, time.Minute))
		assert.Empty(t, shared.requests()[len(shared.requests())-1].Recent, "once")
	})
}

func TestAStateThatIsLostIsToldEverything(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := &pot{left: 1 << 20}
		e := sharedEndpoint(t, &fast{}, shared, reranker.EndpointOptions{Requests: 600, Tokens: 1000})
		for range 5 {
			require.NoError(t, asks(t, e, time.Second))
			time.Sleep(time.Second)
		}
		lost := true
		shared.answers(func(r reranker.ShareRequest, g *reranker.ShareGrant) error {
			if lost && !r.Full {
				*g = reranker.ShareGrant{Fresh: true}
				return nil
			}
			lost = false
			return nil
		})
		before := len(shared.requests())
		require.NoError(t, asks(t, e, time.Second))
		full := shared.requests()[before+1]
		assert.True(t, full.Full)
		assert.Equal(t, reranker.Permits{Requests: 600, Tokens: 1000}, full.Limits)
		require.Len(t, full.Recent, 6)
		assert.Zero(t, full.Recent[0].Requests)
		for _, p := range full.Recent[1:] {
			assert.Equal(t, 1, p.Requests)
			assert.Positive(t, p.Tokens)
		}
	})
}

func TestNonsenseOfTheOthersIsAFailure(t *testing.T) {
	t.Parallel()
	for sentence, answer := range map[string]func(r reranker.ShareRequest, g *reranker.ShareGrant) error{
		"always fresh":        func(_ reranker.ShareRequest, g *reranker.ShareGrant) error { g.Fresh = true; return nil },
		"a negative grant":    func(_ reranker.ShareRequest, g *reranker.ShareGrant) error { g.Granted.Tokens = -1; return nil },
		"a negative limit":    func(_ reranker.ShareRequest, g *reranker.ShareGrant) error { g.Limits.Requests = -1; return nil },
		"a negative capacity": func(_ reranker.ShareRequest, g *reranker.ShareGrant) error { g.Capacity.Requests = -1; return nil },
		"a negative wait":     func(_ reranker.ShareRequest, g *reranker.ShareGrant) error { g.Wait = -1; return nil },
		"a negative lease":    func(_ reranker.ShareRequest, g *reranker.ShareGrant) error { g.Lease = -1; return nil },
		"a negative hold":     func(_ reranker.ShareRequest, g *reranker.ShareGrant) error { g.Gate = -1; return nil },
		"a negative breaker":  func(_ reranker.ShareRequest, g *reranker.ShareGrant) error { g.Open = -1; return nil },
		"an error":            func(reranker.ShareRequest, *reranker.ShareGrant) error { return errors.New("away") },
		"a panic":             func(reranker.ShareRequest, *reranker.ShareGrant) error { panic("boom") },
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := &fast{}
				e := sharedEndpoint(t, server, &pot{left: 1000, answer: answer}, reranker.EndpointOptions{})
				require.NoError(t, asks(t, e, time.Second))
				assert.Equal(t, 1, server.count())
				state := e.State().Shared
				assert.True(t, state.Alone)
				assert.EqualValues(t, 3, state.Failed)
				assert.Error(t, state.Cause)
			})
		})
	}
}

func TestOthersThatHangCostLittle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hanging := reranker.SharedFunc(func(ctx context.Context, _ reranker.ShareRequest) (reranker.ShareGrant, error) {
			<-ctx.Done()
			return reranker.ShareGrant{}, ctx.Err()
		})
		e := sharedEndpoint(t, &fast{}, hanging, reranker.EndpointOptions{})
		began := time.Now()
		require.NoError(t, asks(t, e, time.Second))
		assert.Equal(t, 301*time.Millisecond, time.Since(began), "three questions")
		began = time.Now()
		for range 100 {
			require.NoError(t, asks(t, e, time.Second))
		}
		assert.Equal(t, 100*time.Millisecond, time.Since(began))
	})
}

func TestACallerWhoGoesAwayIsNoFailureOfTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hanging := reranker.SharedFunc(func(ctx context.Context, _ reranker.ShareRequest) (reranker.ShareGrant, error) {
			<-ctx.Done()
			return reranker.ShareGrant{}, ctx.Err()
		})
		e := sharedEndpoint(t, &fast{}, hanging, reranker.EndpointOptions{})
		for range 10 {
			require.Error(t, asks(t, e, 10*time.Millisecond))
		}
		assert.Zero(t, e.State().Shared.Failed)
	})
}

func tooMany() error {
	return &reranker.Error{Kind: reranker.KindRateLimited, Op: "fast", Status: http.StatusTooManyRequests, RetryAfter: 20 * time.Second}
}

func TestARefusalIsToldAtOnceAndHeard(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared, server := &pot{left: 1000}, &fast{err: tooMany()}
		e := sharedEndpoint(t, server, shared, reranker.EndpointOptions{})
		require.Error(t, asks(t, e, 5*time.Second))
		told := time.Duration(0)
		for _, r := range shared.requests() {
			told = max(told, r.Gate)
		}
		assert.InDelta(t, 20*time.Second, told, float64(time.Second))

		server = &fast{}
		shared = &pot{left: 1000, answer: func(_ reranker.ShareRequest, g *reranker.ShareGrant) error { g.Gate = 20 * time.Second; return nil }}
		e = sharedEndpoint(t, server, shared, reranker.EndpointOptions{})
		require.Error(t, asks(t, e, 5*time.Second))
		assert.Zero(t, server.count(), "the refusal of another process holds this one")
		assert.Positive(t, e.State().GateWait)
	})
}

func TestBreakersOpenProbeAndCloseTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var changes []reranker.State
		shared, server := &pot{left: 1 << 20}, &fast{}
		e := sharedEndpoint(t, server, shared, reranker.EndpointOptions{OnChange: func(s reranker.EndpointState) { changes = append(changes, s.Breaker) }})
		require.NoError(t, asks(t, e, time.Second))

		open := func(_ reranker.ShareRequest, g *reranker.ShareGrant) error {
			g.Open = 5 * time.Second
			g.Granted = reranker.Permits{}
			return nil
		}
		shared.answers(open)
		time.Sleep(time.Second)
		require.Error(t, asks(t, e, time.Second))
		assert.Equal(t, reranker.Open, e.State().Breaker, "another process opened it")
		assert.Equal(t, 1, server.count())

		shared.answers(nil) // another process has found the server well
		time.Sleep(time.Second)
		require.NoError(t, asks(t, e, time.Second))
		assert.Equal(t, reranker.Healthy, e.State().Breaker)
		assert.Equal(t, []reranker.State{reranker.Open, reranker.Healthy}, changes)

		shared.answers(open)
		time.Sleep(time.Second)
		require.Error(t, asks(t, e, time.Second))
		shared.answers(func(r reranker.ShareRequest, g *reranker.ShareGrant) error { g.Probe = r.Need.Requests > 0; return nil })
		server.fails(badKey())
		time.Sleep(time.Second)
		before := len(shared.requests())
		require.Error(t, asks(t, e, time.Second))
		said := shared.requests()[before:]
		assert.Positive(t, said[len(said)-1].Open, "the probe failed, and that is told")
		shared.answers(func(r reranker.ShareRequest, g *reranker.ShareGrant) error {
			g.Probe = r.Need.Requests > 0
			return nil
		})
		server.fails(nil)
		time.Sleep(2 * time.Minute)
		before = len(shared.requests())
		require.NoError(t, asks(t, e, time.Second))
		said = shared.requests()[before:]
		assert.True(t, said[len(said)-1].Closed, "the probe succeeded, and that is told")
		assert.Equal(t, reranker.Healthy, e.State().Breaker)
	})
}

func badKey() error {
	return &reranker.Error{Kind: reranker.KindAuth, Op: "fast", Status: http.StatusUnauthorized}
}

func TestABreakerThatOpensHereIsToldAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared, server := &pot{left: 1 << 20}, &fast{err: badKey()}
		e := sharedEndpoint(t, server, shared, reranker.EndpointOptions{})
		require.Error(t, asks(t, e, time.Second))
		said := shared.requests()
		assert.Positive(t, said[len(said)-1].Open)
		assert.Equal(t, reranker.Open, e.State().Breaker)
	})
}

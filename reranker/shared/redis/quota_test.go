package redis_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/internal/redistest"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/internal/pace"
	"github.com/rankcascade/cascade/reranker/shared/redis"
)

// strict is a server that serves so many calls in any minute and refuses the others.
type strict struct {
	limit int

	mu      sync.Mutex
	served  []time.Time
	refused int
}

func (s *strict) Score(ctx context.Context, _ string, documents []string) (reranker.Scores, error) {
	if !s.admit(time.Now()) {
		return reranker.Scores{}, &reranker.Error{Kind: reranker.KindRateLimited, Op: "strict", Status: http.StatusTooManyRequests, RetryAfter: time.Second}
	}
	select {
	case <-ctx.Done():
		return reranker.Scores{}, context.Cause(ctx)
	case <-time.After(20 * time.Millisecond):
	}
	return reranker.Scores{Values: make([]float64, len(documents)), Scale: pipeline.Probability}, nil
}

func (s *strict) admit(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.served); n >= s.limit && now.Sub(s.served[n-s.limit]) < time.Minute {
		s.refused++
		return false
	}
	s.served = append(s.served, now)
	return true
}

func (s *strict) counts() (served, refused int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.served), s.refused
}

// load lets a process send both lanes until the time is over, and returns how many
// queries of each were answered. after tells of each answer.
func load(t *testing.T, endpoint *reranker.Endpoint, end time.Time, after func()) (chat, batch int) {
	t.Helper()
	var all sync.WaitGroup
	run := func(o reranker.ShardOptions, every time.Duration, count *int) {
		scorer := reranker.Shard(endpoint, o)
		for time.Now().Before(end) {
			ctx, cancel := context.WithDeadline(t.Context(), end)
			if _, err := scorer.Score(ctx, "q", []string{"d"}); err == nil {
				*count++
				after()
			}
			cancel()
			time.Sleep(every)
		}
	}
	all.Go(func() {
		run(reranker.ShardOptions{Lane: reranker.LaneChat, Timeout: 2 * time.Second}, 5*time.Second, &chat)
	})
	all.Go(func() {
		run(reranker.ShardOptions{Lane: reranker.LaneBatch, Timeout: 2 * time.Minute, Wait: true}, 0, &batch)
	})
	all.Wait()
	return chat, batch
}

func endpoint(t *testing.T, server reranker.Scorer, requests int, shared reranker.Shared) *reranker.Endpoint {
	t.Helper()
	e, err := reranker.NewEndpoint([]reranker.Scorer{server}, reranker.EndpointOptions{Requests: requests, Shared: shared})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return e
}

func TestFourProcessesUseOneQuotaUp(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes 70 seconds: a minute of quota is a minute")
	}
	const lasts = 70 * time.Second
	end := time.Now().Add(lasts)
	var all sync.WaitGroup
	for _, limit := range []int{60, 600} { // permits one by one, and ahead
		url, n := redistest.URL(t), name(t)
		server := &strict{limit: limit}
		var mu sync.Mutex
		chats, batches := 0, 0
		var four sync.WaitGroup
		for range 4 {
			e := endpoint(t, server, limit, open(t, url, n, redis.Options{}))
			four.Go(func() {
				chat, batch := load(t, e, end, func() {})
				mu.Lock()
				defer mu.Unlock()
				chats, batches = chats+chat, batches+batch
			})
		}
		all.Go(func() {
			four.Wait()
			served, refused := server.counts()
			t.Logf("%d a minute: served %d (%d of chat, %d of batch), refused %d", limit, served, chats, batches, refused)
			assert.Zero(t, refused, "%d a minute", limit)
			assert.GreaterOrEqual(t, served, int(.95*float64(limit)*lasts.Minutes()), "%d a minute", limit)
			assert.Greater(t, chats, 10, "%d a minute: chat is not starved", limit)
		})
	}
	all.Wait()
}

func TestAnswersGoOnWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes 70 seconds")
	}
	redisServer := redistest.Start(t)
	server := &strict{limit: 60}
	began := time.Now()
	end := began.Add(70 * time.Second)
	var mu sync.Mutex
	var answers []time.Duration
	var all sync.WaitGroup
	for range 4 {
		e := endpoint(t, server, 60, open(t, redisServer.URL(), "n", redis.Options{}))
		all.Go(func() {
			load(t, e, end, func() {
				mu.Lock()
				defer mu.Unlock()
				answers = append(answers, time.Since(began))
			})
		})
	}
	time.Sleep(15 * time.Second)
	redisServer.Kill()
	time.Sleep(20 * time.Second)
	redisServer.Restart()
	all.Wait()
	served, refused := server.counts()
	away := 0
	for _, at := range answers {
		if at > 17*time.Second && at < 35*time.Second {
			away++
		}
	}
	t.Logf("served %d, refused %d, answered while Redis was away %d", served, refused, away)
	assert.GreaterOrEqual(t, away, 12, "a quarter of one a second in each of four")
	assert.LessOrEqual(t, refused, 2)
	assert.GreaterOrEqual(t, served, 50)
}

// skewed is a process whose clock is wrong by so much.
type skewed struct {
	t      *testing.T
	pace   *pace.Pace
	shared *redis.State
	wrong  time.Duration
	waiter *pace.Waiter
}

// call reports whether the process would make a call now.
func (s *skewed) call() bool {
	s.t.Helper()
	for range 3 {
		now := time.Now().Add(s.wrong)
		a := s.pace.Admit(now, pace.Call{Waiter: s.waiter, Avoid: -1})
		if a.Ticket != nil {
			s.pace.Release(now, a.Ticket, pace.Outcome{Verdict: pace.Good, Answered: true})
			return true
		}
		if !a.Ask {
			return false
		}
		for _, full := range []bool{false, true} {
			w := s.pace.Wish(now, pace.Chat, 0, full)
			r := reranker.ShareRequest{
				Need: reranker.Permits(w.Need), Limits: reranker.Permits(w.Limits), Remaining: reranker.Permits(w.Remaining),
				Held: reranker.Permits(w.Held), Back: reranker.Permits(w.Back), Full: full,
			}
			g, err := s.shared.Share(s.t.Context(), r)
			require.NoError(s.t, err)
			if g.Fresh {
				continue
			}
			s.pace.Granted(now, time.Now().Add(s.wrong), w, pace.Grant{
				Granted: pace.Permits(g.Granted), Lease: g.Lease, Wait: g.Wait, Limits: pace.Permits(g.Limits),
				Capacity: pace.Permits(g.Capacity), Left: pace.Permits(g.Left), Processes: g.Processes,
			})
			break
		}
	}
	return false
}

func TestClocksThatDifferByAMinuteDoNotMatter(t *testing.T) {
	t.Parallel()
	url, n := redistest.URL(t), name(t)
	var all []*skewed
	for _, wrong := range []time.Duration{0, time.Minute, -time.Minute, time.Hour} {
		all = append(all, &skewed{
			t: t, wrong: wrong, shared: open(t, url, n, redis.Options{}).State, waiter: pace.NewWaiter(pace.Chat),
			pace: pace.New(time.Now().Add(wrong), pace.Options{Upstreams: 1, Concurrency: 32, Requests: 120, Shared: true}),
		})
	}
	made := make([]int, len(all))
	const lasts = 4 * time.Second
	for began := time.Now(); time.Since(began) < lasts; time.Sleep(10 * time.Millisecond) {
		for i, s := range all {
			if s.call() {
				made[i]++
			}
		}
	}
	sum := 0
	for i, n := range made {
		sum += n
		assert.Positive(t, n, "process %d", i)
	}
	assert.InDelta(t, 30+2*lasts.Seconds(), sum, 3, "a quarter at once, and two a second")
}

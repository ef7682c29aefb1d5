package redis_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rankcascade/cascade/internal/redistest"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/shared/redis"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patient is for tests that are not about time, on a machine that is busy.
const patient = 10 * time.Second

var names atomic.Int64

func name(t testing.TB) string {
	return fmt.Sprintf("%d %d %s", os.Getpid(), names.Add(1), t.Name())
}

// process is one that shares.
type process struct {
	t testing.TB
	*redis.State
}

func open(t testing.TB, url, name string, o redis.Options) process {
	t.Helper()
	if o.Patience == 0 {
		o.Patience = patient
	}
	s, err := redis.Open(t.Context(), url, name, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return process{t, s}
}

// ask asks, and once more in full if the state is fresh.
func (p process) ask(r reranker.ShareRequest) reranker.ShareGrant {
	p.t.Helper()
	if r.Remaining == (reranker.Permits{}) {
		r.Remaining = reranker.Permits{Requests: -1, Tokens: -1}
	}
	g, err := p.Share(context.Background(), r)
	require.NoError(p.t, err)
	if g.Fresh {
		r.Full = true
		g, err = p.Share(context.Background(), r)
		require.NoError(p.t, err)
		require.False(p.t, g.Fresh)
	}
	return g
}

func permits(requests, tokens int) reranker.Permits {
	return reranker.Permits{Requests: requests, Tokens: tokens}
}

// one wishes for one request, with a quota of so many.
func one(limit int) reranker.ShareRequest {
	return reranker.ShareRequest{Need: permits(1, 0), Limits: permits(limit, 0)}
}

// drain asks until nothing is granted, and returns what was.
func (p process) drain(r reranker.ShareRequest) (granted int, last reranker.ShareGrant) {
	p.t.Helper()
	for {
		last = p.ask(r)
		if last.Granted.Requests == 0 {
			return granted, last
		}
		granted += last.Granted.Requests
		require.Less(p.t, granted, 100_000)
	}
}

func TestAQuarterOfTheQuotaMayBeUsedAtOnceByAllTogether(t *testing.T) {
	t.Parallel()
	url, n := redistest.URL(t), name(t)
	a, b := open(t, url, n, redis.Options{}), open(t, url, n, redis.Options{})
	a.SetMinute(time.Hour)
	b.SetMinute(time.Hour)
	first := a.ask(one(60))
	assert.Equal(t, permits(1, 0), first.Granted)
	assert.Equal(t, permits(60, 0), first.Limits)
	assert.Equal(t, permits(15, 0), first.Capacity)
	assert.Equal(t, 14, first.Left.Requests)
	assert.Equal(t, 1, first.Processes)
	assert.Equal(t, redis.DefaultLease, first.Lease)
	granted, last := b.drain(one(0))
	assert.Equal(t, 14, granted)
	assert.Equal(t, 2, last.Processes)
	assert.Equal(t, permits(60, 0), last.Limits, "learned from the other one")
	assert.InDelta(t, time.Minute, last.Wait, float64(5*time.Second), "a minute, of 60 in an hour")
	other := open(t, url, n+" other key", redis.Options{})
	assert.Equal(t, 14, other.ask(one(60)).Left.Requests, "other names share nothing")
}

func TestBatchLeavesAQuarterToChat(t *testing.T) {
	t.Parallel()
	p := open(t, redistest.URL(t), name(t), redis.Options{})
	p.SetMinute(time.Hour)
	r := one(80)
	r.Lane = reranker.LaneBatch
	granted, _ := p.drain(r)
	assert.Equal(t, 15, granted)
	granted, _ = p.drain(one(80))
	assert.Equal(t, 5, granted)
}

func TestTokensAreAQuotaOfTheirOwn(t *testing.T) {
	t.Parallel()
	p := open(t, redistest.URL(t), name(t), redis.Options{})
	p.SetMinute(time.Hour)
	r := reranker.ShareRequest{Need: permits(1, 100), Limits: permits(1000, 2000)}
	granted, last := p.drain(r)
	assert.Equal(t, 5, granted, "a quarter of 2000 tokens")
	assert.Positive(t, last.Wait)
	assert.Equal(t, 245, last.Left.Requests)
	assert.Equal(t, 0, last.Left.Tokens)
	large := open(t, redistest.URL(t), name(t), redis.Options{})
	g := large.ask(reranker.ShareRequest{Need: permits(1, 900), Limits: permits(0, 2000)})
	assert.Equal(t, permits(1, 900), g.Granted, "a call beyond the bucket goes when it is full")
	g = large.ask(reranker.ShareRequest{Need: permits(1, 1)})
	assert.Zero(t, g.Granted.Requests, "and leaves it in debt")
}

func TestWithoutQuotasEverythingIsGranted(t *testing.T) {
	t.Parallel()
	p := open(t, redistest.URL(t), name(t), redis.Options{})
	for range 200 {
		g := p.ask(reranker.ShareRequest{Need: permits(1, 1_000_000), Ahead: permits(5, 5)})
		require.Equal(t, 1_000_005, g.Granted.Tokens)
		require.Zero(t, g.Wait)
	}
}

func TestPermitsAheadAreFewAndComeBack(t *testing.T) {
	t.Parallel()
	url, n := redistest.URL(t), name(t)
	killed := open(t, url, n, redis.Options{Lease: 500 * time.Millisecond})
	other := open(t, url, n, redis.Options{Lease: 500 * time.Millisecond})
	r := one(2400)
	r.Ahead = permits(100, 0)
	g := killed.ask(r)
	assert.Equal(t, 11, g.Granted.Requests, "one, and what the quota yields in half a lease")
	assert.Equal(t, 600-11, g.Left.Requests)
	require.Eventually(t, func() bool {
		return other.ask(reranker.ShareRequest{}).Left.Requests == 600-1
	}, patient, 20*time.Millisecond, "what it did not use is back, what it used is not")

	back := open(t, url, name(t), redis.Options{Lease: 15 * time.Second})
	back.SetMinute(time.Hour)
	assert.Equal(t, 6, back.ask(r).Granted.Requests)
	g = back.ask(reranker.ShareRequest{Held: permits(1, 0), Back: permits(3, 0)})
	assert.Equal(t, 600-3, g.Left.Requests, "given back by itself: one is in hand and two were used")
	g = back.ask(reranker.ShareRequest{Back: permits(1000, 0)})
	assert.Equal(t, 600-2, g.Left.Requests, "no more than was granted")

	few := one(6)
	few.Ahead = permits(100, 0)
	assert.Equal(t, 1, open(t, url, name(t), redis.Options{}).ask(few).Granted.Requests)
}

func TestWhatWasUsedAfterItsPermitsLapsedInRedisCounts(t *testing.T) {
	t.Parallel()
	url, n := redistest.URL(t), name(t)
	o := redis.Options{Lease: 5 * time.Second}
	slow, other := open(t, url, n, o), open(t, url, n, redis.Options{Lease: time.Millisecond})
	for _, p := range []process{slow, other} {
		p.SetMinute(time.Hour)
	}
	r := one(7200)
	r.Ahead = permits(4, 0)
	brief := open(t, url, n, redis.Options{Lease: 1200 * time.Millisecond})
	brief.SetMinute(time.Hour)
	slow.ask(one(7200))
	before := other.ask(reranker.ShareRequest{}).Left.Requests
	require.Equal(t, 2, brief.ask(r).Granted.Requests, "half of 1.2 seconds yields one")
	require.Equal(t, before-2, other.ask(reranker.ShareRequest{}).Left.Requests)
	require.Eventually(t, func() bool {
		return other.ask(reranker.ShareRequest{}).Left.Requests >= before-1
	}, patient, 20*time.Millisecond, "it lapses")
	full := other.ask(reranker.ShareRequest{}).Left.Requests
	g := brief.ask(reranker.ShareRequest{})
	assert.LessOrEqual(t, g.Left.Requests, full, "the one ahead was used, as is told late")
	again := brief.ask(reranker.ShareRequest{})
	assert.GreaterOrEqual(t, again.Left.Requests, g.Left.Requests, "once")
}

// TestNoMinuteHoldsMoreThanTheQuota lets four processes use permits one by one and,
// at a larger quota, those that they took ahead, at any time of their lease.
func TestNoMinuteHoldsMoreThanTheQuota(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for sentence, row := range map[string]struct {
		limit, ahead int
		lease        time.Duration
	}{
		"one by one":            {60, 0, 0},
		"some of them ahead":    {240, 4, 200 * time.Millisecond},
		"most of them ahead":    {480, 20, 400 * time.Millisecond},
		"with a lease too long": {60, 20, 2 * time.Second},
	} {
		url, n := redistest.URL(t), name(t)
		var processes [4]process
		for i := range processes {
			processes[i] = open(t, url, n, redis.Options{Lease: row.lease})
		}
		all.Go(func() { holdsAMinute(t, sentence, processes[:], row.limit, row.ahead, row.lease) })
	}
	all.Wait()
}

func holdsAMinute(t *testing.T, sentence string, processes []process, limit, ahead int, lease time.Duration) {
	const minute = 4 * time.Second
	var mu sync.Mutex
	var at []time.Time
	var all sync.WaitGroup
	began := time.Now()
	for i, p := range processes {
		p.SetMinute(minute)
		r := one(limit)
		r.Ahead = permits(ahead, 0)
		if i%2 == 1 {
			r.Lane = reranker.LaneBatch
		}
		chance := rand.New(rand.NewPCG(uint64(i), 7))
		all.Go(func() {
			held, until, used := 0, time.Time{}, func(sent time.Time) {
				mu.Lock()
				defer mu.Unlock()
				at = append(at, sent, time.Now())
			}
			for time.Since(began) < 3*minute {
				asked := time.Now()
				if !asked.Before(until) {
					held = 0 // lapsed
				}
				r.Held = permits(held, 0)
				g := p.ask(r)
				until = asked.Add(lease)
				if g.Granted.Requests == 0 {
					time.Sleep(min(g.Wait, 20*time.Millisecond))
					continue
				}
				used(asked)
				// What is ahead is used soon, or late, or stays in hand for the next time.
				held += g.Granted.Requests - 1
				for pause := lease / time.Duration(8+30*chance.IntN(5)); held > 0 && chance.IntN(8) > 0; held-- {
					time.Sleep(pause)
					sent := time.Now()
					if !sent.Before(until) {
						break
					}
					used(sent)
				}
			}
		})
	}
	all.Wait()
	// Each grant lies between two times; the later of one and the earlier of the
	// others bound any window from below.
	var sent, got []time.Time
	for i := 0; i < len(at); i += 2 {
		sent, got = append(sent, at[i]), append(got, at[i+1])
	}
	sort.Slice(sent, func(i, j int) bool { return sent[i].Before(sent[j]) })
	sort.Slice(got, func(i, j int) bool { return got[i].Before(got[j]) })
	for i := limit; i < len(got); i++ {
		if !assert.Greater(t, got[i].Sub(sent[i-limit]), minute, "%s: grant %d", sentence, i) {
			break
		}
	}
	t.Logf("%s: %d used of %d", sentence, len(got), 3*limit)
	if lease == 0 {
		assert.GreaterOrEqual(t, len(got), 3*limit*94/100, "%s: %d used of %d", sentence, len(got), 3*limit)
	}
	assert.LessOrEqual(t, len(got), 3*limit)
}

func TestAStateThatIsNewAsksForTheWholeHistory(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	n := name(t)
	a, b := open(t, server.URL(), n, redis.Options{}), open(t, server.URL(), n, redis.Options{})
	none := permits(-1, -1)
	g, err := a.Share(t.Context(), reranker.ShareRequest{Need: permits(1, 0), Limits: permits(60, 0), Remaining: none})
	require.NoError(t, err)
	assert.Equal(t, reranker.ShareGrant{Fresh: true}, g)
	assert.Equal(t, 1, a.ask(one(60)).Granted.Requests)
	server.Kill()
	_, err = a.Share(t.Context(), one(60))
	var e *redis.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, redis.KindUnavailable, e.Kind)
	server.Restart()
	used := one(60)
	used.Recent = []reranker.Permits{permits(10, 0), {}, permits(25, 0)}
	g = a.ask(used)
	assert.Zero(t, g.Granted.Requests, "the burst was used up before")
	used.Recent = []reranker.Permits{permits(25, 0)}
	b.ask(used)
	used.Recent = nil
	require.Eventually(t, func() bool { return a.ask(reranker.ShareRequest{}).Processes == 2 }, patient, time.Millisecond)
	g = a.ask(used)
	assert.Zero(t, g.Granted.Requests)
	assert.Greater(t, g.Wait, 30*time.Second, "sixty were used in the last minute, by both")
}

func TestUseWithoutAGrantCounts(t *testing.T) {
	t.Parallel()
	p := open(t, redistest.URL(t), name(t), redis.Options{})
	p.SetMinute(time.Hour)
	p.ask(one(60))
	r := reranker.ShareRequest{Recent: []reranker.Permits{permits(2, 0), permits(3, 0)}}
	assert.Equal(t, 9, p.ask(r).Left.Requests)
}

func TestWhatTheServerDeclaresHolds(t *testing.T) {
	t.Parallel()
	p := open(t, redistest.URL(t), name(t), redis.Options{})
	p.SetMinute(time.Hour)
	assert.Equal(t, 14, p.ask(one(60)).Left.Requests)
	g := p.ask(reranker.ShareRequest{Limits: permits(120, 0), Remaining: permits(-1, -1)})
	assert.Equal(t, permits(120, 0), g.Limits)
	assert.Equal(t, permits(30, 0), g.Capacity)
	assert.Equal(t, 28, g.Left.Requests)
	g = p.ask(reranker.ShareRequest{Limits: permits(120, 0), Remaining: permits(3, -1)})
	assert.Equal(t, 3, g.Left.Requests)
	g = p.ask(reranker.ShareRequest{Limits: permits(120, 0), Remaining: permits(100, -1)})
	assert.Equal(t, 3, g.Left.Requests, "it may be an old answer")
}

func TestARefusalHoldsEverybody(t *testing.T) {
	t.Parallel()
	url, n := redistest.URL(t), name(t)
	a, b := open(t, url, n, redis.Options{}), open(t, url, n, redis.Options{})
	g := a.ask(reranker.ShareRequest{Gate: time.Minute, Limits: permits(60, 0)})
	assert.InDelta(t, time.Minute, g.Gate, float64(time.Second))
	g = b.ask(one(0))
	assert.InDelta(t, time.Minute, g.Gate, float64(10*time.Second))
	assert.InDelta(t, g.Gate, g.Wait, float64(time.Second))
	assert.Zero(t, g.Granted.Requests)
	g = b.ask(reranker.ShareRequest{Gate: time.Second})
	assert.Greater(t, g.Gate, 30*time.Second, "a shorter one ends nothing")
}

func TestOneProcessFindsOutWhetherTheServerIsBack(t *testing.T) {
	t.Parallel()
	url, n := redistest.URL(t), name(t)
	a, b, c := open(t, url, n, redis.Options{}), open(t, url, n, redis.Options{}), open(t, url, n, redis.Options{})
	g := a.ask(reranker.ShareRequest{Open: 300 * time.Millisecond})
	assert.Positive(t, g.Open)
	g = b.ask(one(0))
	assert.Positive(t, g.Open)
	assert.False(t, g.Probe)
	assert.Zero(t, g.Granted.Requests)
	require.Eventually(t, func() bool {
		idle := c.ask(reranker.ShareRequest{})
		assert.False(t, idle.Probe, "who has no call is no probe")
		assert.Positive(t, idle.Open)
		g = b.ask(one(0))
		return g.Probe
	}, patient, 10*time.Millisecond)
	assert.Zero(t, g.Open)
	assert.Equal(t, 1, g.Granted.Requests)
	other := a.ask(one(0))
	assert.False(t, other.Probe)
	assert.InDelta(t, 2*time.Second, other.Open, float64(2*time.Second))
	g = b.ask(reranker.ShareRequest{Closed: true})
	assert.Zero(t, g.Open)
	g = a.ask(one(0))
	assert.Zero(t, g.Open)
	assert.False(t, g.Probe)
	assert.Equal(t, 1, g.Granted.Requests)
}

func TestAProbeThatDiesIsReplaced(t *testing.T) {
	t.Parallel()
	url, n := redistest.URL(t), name(t)
	a, b := open(t, url, n, redis.Options{}), open(t, url, n, redis.Options{})
	a.ask(reranker.ShareRequest{Open: time.Millisecond})
	require.Eventually(t, func() bool { return a.ask(one(0)).Probe }, patient, time.Millisecond)
	require.Eventually(t, func() bool { return b.ask(one(0)).Probe }, patient, 20*time.Millisecond)
}

func TestProcessesAreCountedWhileTheyUseTheQuota(t *testing.T) {
	t.Parallel()
	url, n := redistest.URL(t), name(t)
	a, b := open(t, url, n, redis.Options{}), open(t, url, n, redis.Options{})
	a.SetMinute(300 * time.Millisecond)
	b.SetMinute(300 * time.Millisecond)
	a.ask(one(60))
	assert.Equal(t, 2, b.ask(one(60)).Processes)
	require.Eventually(t, func() bool { return b.ask(one(60)).Processes == 1 }, patient, 20*time.Millisecond)
}

func TestNothingStaysInRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	p := open(t, server.URL(), "https://api.example.com secret-key", redis.Options{Prefix: "own"})
	p.ask(one(60))
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{server.Addr()}, DisableCache: true})
	require.NoError(t, err)
	defer c.Close()
	keys, err := c.Do(t.Context(), c.B().Keys().Pattern("*").Build()).AsStrSlice()
	require.NoError(t, err)
	require.Len(t, keys, 3)
	for _, k := range keys {
		assert.NotContains(t, k, "secret")
		assert.NotContains(t, k, "example")
		assert.True(t, strings.HasPrefix(k, "own:quota:2:{"), k)
		left, err := c.Do(t.Context(), c.B().Pttl().Key(k).Build()).AsInt64()
		require.NoError(t, err)
		assert.InDelta(t, 4*60_000, left, 10_000)
	}
}

func TestOpenRefusesByName(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--requirepass", "hunter2")
	for sentence, row := range map[string]struct {
		url  string
		kind redis.Kind
	}{
		"no URL":         {"", redis.KindAddress},
		"wrong password": {"redis://:s3cret@" + server.Addr(), redis.KindAuth},
		"no password":    {"redis://" + server.Addr(), redis.KindAuth},
		"wrong database": {"redis://:hunter2@" + server.Addr() + "/99", redis.KindDatabase},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			_, err := redis.Open(t.Context(), row.url, "n", redis.Options{})
			var e *redis.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, row.kind, e.Kind)
			assert.Contains(t, err.Error(), "reranker/shared/redis: redis: open")
			assert.NotContains(t, err.Error(), "s3cret")
			assert.NotContains(t, err.Error(), "hunter2")
		})
	}
	_, err := redis.Open(t.Context(), server.URL(), "", redis.Options{})
	assert.ErrorContains(t, err, "the name is empty")
	_, err = redis.Open(t.Context(), server.URL(), "n", redis.Options{Lease: -1})
	assert.ErrorContains(t, err, "lease")
	p := open(t, "redis://:hunter2@"+server.Addr(), "n", redis.Options{})
	assert.NoError(t, p.Ping(t.Context()))
}

func TestFingerprintsTellKeysApartAndSayNothing(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "262eb79f0612518b", redis.Fingerprint("a"), "the same in every process")
	assert.NotEqual(t, redis.Fingerprint("a"), redis.Fingerprint("b"))
	assert.Len(t, redis.Fingerprint("secret"), 16)
}

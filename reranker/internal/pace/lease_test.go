package pace_test

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/reranker/internal/pace"
)

// member is a process that shares, and its clock.
type member struct {
	*pace.Pace
	now    time.Time
	waiter *pace.Waiter
}

func newMember(o pace.Options) *member {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	o.Shared, o.Upstreams, o.Concurrency, o.Rand = true, 1, 32, rand.New(rand.NewPCG(1, 2))
	return &member{Pace: pace.New(now, o), now: now, waiter: pace.NewWaiter(pace.Chat)}
}

func (m *member) call(tokens int) pace.Admission {
	a := m.Admit(m.now, pace.Call{Waiter: m.waiter, Avoid: -1, Tokens: tokens})
	if a.Ticket != nil {
		m.Release(m.now, a.Ticket, pace.Outcome{Verdict: pace.Good, Answered: true})
	}
	return a
}

// told hands over an answer to the wish of a call.
func (m *member) told(g pace.Grant) pace.Wish {
	w := m.Wish(m.now, pace.Chat, 10, false)
	if g.Lease == 0 {
		g.Lease = 2 * time.Second
	}
	m.Granted(m.now, m.now, w, g)
	return w
}

func (m *member) pass(d time.Duration) { m.now = m.now.Add(d) }

func TestACallAsksWhenNothingIsInHand(t *testing.T) {
	t.Parallel()
	m := newMember(pace.Options{Requests: 600})
	assert.True(t, m.call(10).Ask, "at first")
	limits := pace.Permits{Requests: 600, Tokens: 6000}
	w := m.told(pace.Grant{Granted: pace.Permits{Requests: 2, Tokens: 30}, Limits: limits})
	assert.Equal(t, pace.Permits{Requests: 1, Tokens: 10}, w.Need)
	assert.Equal(t, pace.Permits{Requests: 600}, w.Limits)
	assert.Equal(t, pace.Permits{Requests: -1, Tokens: -1}, w.Remaining)
	require.NotNil(t, m.call(10).Ticket)
	assert.True(t, m.call(21).Ask, "too few tokens")
	require.NotNil(t, m.call(20).Ticket, "the last ones")
	assert.True(t, m.call(0).Ask, "no request")
	w = m.told(pace.Grant{Wait: time.Second, Limits: limits})
	assert.Zero(t, w.Limits, "the others know them")
	assert.Equal(t, pace.Admission{Wait: time.Second}, m.call(10))
	m.pass(200 * time.Millisecond)
	assert.Equal(t, pace.Admission{Wait: 800 * time.Millisecond}, m.call(10))
	m.pass(50 * time.Millisecond)
	assert.True(t, m.call(10).Ask, "what is known is a quarter of a second old")
}

func TestWithoutLimitsOnlyNewsIsAskedFor(t *testing.T) {
	t.Parallel()
	m := newMember(pace.Options{})
	m.told(pace.Grant{})
	for range 100 {
		require.NotNil(t, m.call(1000).Ticket)
		m.pass(time.Millisecond)
	}
	m.pass(150 * time.Millisecond)
	assert.True(t, m.call(1000).Ask)
}

func TestPermitsAreAskedForAheadByWhatIsUsed(t *testing.T) {
	t.Parallel()
	m := newMember(pace.Options{})
	limits := pace.Permits{Requests: 48_000}
	m.told(pace.Grant{Granted: pace.Permits{Requests: 500}, Limits: limits})
	for range 100 {
		require.NotNil(t, m.call(10).Ticket)
	}
	w := m.Wish(m.now, pace.Chat, 10, false)
	assert.Equal(t, pace.Permits{Requests: 25, Tokens: 250}, w.Ahead, "a quarter of a second of a hundred a second")
	assert.Equal(t, 400, w.Held.Requests)
	for range 400 {
		require.NotNil(t, m.call(10).Ticket)
	}
	m.told(pace.Grant{Granted: pace.Permits{Requests: 600}, Limits: limits})
	for range 600 {
		require.NotNil(t, m.call(10).Ticket)
	}
	assert.Equal(t, 200, m.Wish(m.now, pace.Chat, 10, false).Ahead.Requests, "what the quota yields in a quarter of a second")
	m.pass(time.Second)
	assert.Equal(t, 200, m.Wish(m.now, pace.Chat, 10, false).Ahead.Requests, "the second before counts")
	m.pass(2 * time.Second)
	assert.Equal(t, 4, m.Wish(m.now, pace.Chat, 10, false).Ahead.Requests, "a burst is over")
	m.pass(8 * time.Second)
	assert.Zero(t, m.Wish(m.now, pace.Chat, 10, false).Ahead)
	assert.Zero(t, m.Wish(m.now, pace.Chat, -1, false).Need, "no call, no need")
}

func TestFewCallsHavePermitsForSeconds(t *testing.T) {
	t.Parallel()
	for sentence, row := range map[string]struct {
		every  time.Duration
		limit  int
		ahead  int
		within time.Duration // in which no call asks
	}{
		"one in four seconds asks each time":                    {4 * time.Second, 60, 0, 250 * time.Millisecond},
		"one a second has three seconds":                        {time.Second, 60, 3, 3 * time.Second},
		"two a second have two":                                 {500 * time.Millisecond, 240, 4, 2 * time.Second},
		"but never more than the quota yields":                  {500 * time.Millisecond, 60, 2, 2 * time.Second},
		"eight a second have half a second":                     {125 * time.Millisecond, 6000, 4, 500 * time.Millisecond},
		"forty a second have a quarter of a second, not a call": {25 * time.Millisecond, 6000, 10, 250 * time.Millisecond},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			m := newMember(pace.Options{})
			grant := pace.Grant{Granted: pace.Permits{Requests: 1000}, Limits: pace.Permits{Requests: row.limit}, Lease: time.Minute}
			m.told(grant)
			for range int(10 * time.Second / row.every) {
				if m.call(10).Ask {
					m.told(grant)
					require.NotNil(t, m.call(10).Ticket)
				}
				m.pass(row.every)
			}
			w := m.told(grant)
			assert.Equal(t, row.ahead, w.Ahead.Requests)
			m.pass(row.within - time.Millisecond)
			require.NotNil(t, m.call(10).Ticket)
			m.pass(time.Millisecond)
			assert.True(t, m.call(10).Ask)
		})
	}
}

func TestOldNewsHoldsForFewCalls(t *testing.T) {
	t.Parallel()
	m := newMember(pace.Options{})
	grant := pace.Grant{Lease: time.Minute}
	m.told(grant)
	for range 10 {
		if m.call(10).Ask {
			m.told(grant)
			require.NotNil(t, m.call(10).Ticket)
		}
		m.pass(time.Second)
	}
	m.told(grant)
	for range 5 {
		require.NotNil(t, m.call(10).Ticket)
	}
	m.pass(249 * time.Millisecond)
	require.NotNil(t, m.call(10).Ticket, "it is no old news yet")
	m.pass(time.Millisecond)
	assert.True(t, m.call(10).Ask, "more calls than there were")
}

func TestAWishWithoutACallGivesBackWhatIsInHand(t *testing.T) {
	t.Parallel()
	m := newMember(pace.Options{})
	m.told(pace.Grant{Granted: pace.Permits{Requests: 5, Tokens: 50}, Limits: pace.Permits{Requests: 600}})
	require.NotNil(t, m.call(10).Ticket)
	w := m.Wish(m.now, pace.Chat, -1, false)
	assert.Equal(t, pace.Permits{Requests: 4, Tokens: 40}, w.Back)
	assert.Zero(t, w.Held)
	assert.Zero(t, w.Need)
	m.Granted(m.now, m.now, w, pace.Grant{Lease: time.Second, Limits: pace.Permits{Requests: 600}})
	assert.True(t, m.call(10).Ask, "they are gone")
	assert.Zero(t, m.Wish(m.now, pace.Chat, -1, false).Back, "once")
}

func TestAloneAProcessKeepsToItsPartUntilItAsksAgain(t *testing.T) {
	t.Parallel()
	m := newMember(pace.Options{})
	m.told(pace.Grant{Granted: pace.Permits{Requests: 3}, Limits: pace.Permits{Requests: 240}, Capacity: pace.Permits{Requests: 60}, Processes: 4})
	again := m.now.Add(time.Second)
	m.Alone(m.now, again)
	for range 3 {
		require.NotNil(t, m.call(1).Ticket, "what was in hand")
	}
	assert.InDelta(t, time.Second, m.call(1).Wait, float64(time.Millisecond), "60 a minute")
	m.Alone(m.now, again) // is the same
	assert.InDelta(t, time.Second, m.call(1).Wait, float64(time.Millisecond))
	m.pass(999 * time.Millisecond)
	assert.False(t, m.call(1).Ask)
	m.pass(time.Millisecond)
	assert.True(t, m.call(1).Ask)
	m.Alone(m.now, m.now.Add(time.Hour))
	require.NotNil(t, m.call(1).Ticket)
	m.pass(time.Second)
	require.NotNil(t, m.call(1).Ticket)
	w := m.Wish(m.now, pace.Chat, 1, false)
	assert.Equal(t, []pace.Permits{{Requests: 1, Tokens: 1}, {Requests: 1, Tokens: 1}, {Requests: 3, Tokens: 3}}, w.Recent, "used alone, newest second first")
	full := m.Wish(m.now, pace.Chat, 1, true)
	assert.Equal(t, pace.Permits{Requests: 240}, full.Limits)
	m.Granted(m.now, m.now, w, pace.Grant{Limits: pace.Permits{Requests: 240}, Lease: time.Second})
	assert.Empty(t, m.Wish(m.now, pace.Chat, 1, false).Recent)
	m.pass(70 * time.Second)
	assert.Empty(t, m.Wish(m.now, pace.Chat, 1, true).Recent, "more than a minute ago is over")
}

func TestDeclaredLimitsGoToTheOthers(t *testing.T) {
	t.Parallel()
	m := newMember(pace.Options{})
	m.told(pace.Grant{Granted: pace.Permits{Requests: 9, Tokens: 900}, Limits: pace.Permits{Requests: 60, Tokens: 6000}, Processes: 2})
	declare := func(tokens int, l pace.Limits) {
		a := m.Admit(m.now, pace.Call{Waiter: m.waiter, Avoid: -1, Tokens: tokens})
		require.NotNil(t, a.Ticket)
		l.Known = true
		m.Release(m.now, a.Ticket, pace.Outcome{Verdict: pace.Good, Answered: true, Limits: l})
	}
	declare(10, pace.Limits{Requests: 100, Tokens: 5000, RemainingRequests: 40, RemainingTokens: 30})
	w := m.Wish(m.now, pace.Chat, 1, false)
	assert.Equal(t, pace.Permits{Requests: 100, Tokens: 5000}, w.Limits)
	assert.Equal(t, pace.Permits{Requests: 40, Tokens: 30}, w.Remaining)
	assert.Equal(t, 60, m.Snapshot(m.now).Requests, "until they say so")
	declare(10, pace.Limits{Requests: 100, Tokens: 9, RemainingRequests: 40, RemainingTokens: 30})
	w = m.Wish(m.now, pace.Chat, 1, false)
	assert.Equal(t, pace.Permits{Requests: 100}, w.Limits, "a limit that the answered call went beyond is none")
	assert.Equal(t, pace.Permits{Requests: 40, Tokens: -1}, w.Remaining)
	m.Granted(m.now, m.now, w, pace.Grant{Limits: pace.Permits{Requests: 60}, Lease: time.Second, Processes: 2})
	assert.Zero(t, m.Wish(m.now, pace.Chat, 1, false).Limits, "once")
	m.Alone(m.now, m.now.Add(time.Hour))
	assert.Equal(t, 30, m.Snapshot(m.now).Requests)
	declare(0, pace.Limits{Requests: 100, Tokens: -1, RemainingRequests: 40, RemainingTokens: -1})
	assert.Equal(t, 50, m.Snapshot(m.now).Requests, "alone, half of what is declared")
	m.told(pace.Grant{Limits: pace.Permits{Requests: 60}, Granted: pace.Permits{Requests: 1}})
	declare(0, pace.Limits{Requests: -1, Tokens: 5000, RemainingRequests: -1, RemainingTokens: 30})
	assert.Equal(t, pace.Permits{Tokens: 5000}, m.Wish(m.now, pace.Chat, 1, false).Limits, "what was not declared is not said")
}

func TestGateAndBreakerFollowTheOthers(t *testing.T) {
	t.Parallel()
	m := newMember(pace.Options{})
	m.told(pace.Grant{Gate: 3 * time.Second})
	assert.Equal(t, 3*time.Second, m.Snapshot(m.now).GateWait)
	assert.Equal(t, 3*time.Second, m.Wish(m.now, pace.Chat, 1, false).Gate)
	m.pass(4 * time.Second)

	m.told(pace.Grant{Open: 5 * time.Second})
	assert.Equal(t, pace.Open, m.Snapshot(m.now).Breaker)
	assert.Zero(t, m.Wish(m.now, pace.Chat, 1, false).Open, "they know")
	a := m.call(1)
	assert.True(t, a.Suspended)
	assert.Equal(t, 5*time.Second, a.For)
	m.pass(5 * time.Second)
	assert.True(t, m.call(1).Ask, "another one may be probing")
	m.told(pace.Grant{Probe: true})
	a = m.Admit(m.now, pace.Call{Waiter: m.waiter, Avoid: -1})
	require.NotNil(t, a.Ticket)
	assert.Equal(t, pace.HalfOpen, m.Snapshot(m.now).Breaker)
	m.told(pace.Grant{Open: time.Second})
	assert.Equal(t, pace.HalfOpen, m.Snapshot(m.now).Breaker, "a probe under way is waited for")
	m.Release(m.now, a.Ticket, pace.Outcome{Verdict: pace.Bad, Cause: errors.New("down")})
	assert.Equal(t, pace.Open, m.Snapshot(m.now).Breaker)
	assert.Positive(t, m.Wish(m.now, pace.Chat, 1, false).Open, "that is news")
	m.told(pace.Grant{Open: m.Snapshot(m.now).BreakerWait})
	m.told(pace.Grant{})
	assert.Equal(t, pace.Closed, m.Snapshot(m.now).Breaker, "another one has found the server well")
	assert.False(t, m.Wish(m.now, pace.Chat, 1, false).Closed)
}

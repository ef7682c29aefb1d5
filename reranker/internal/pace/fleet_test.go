package pace

// White-box: which server a call goes to, and what the servers do together, shows
// from outside only through many calls.

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

var noon = time.Unix(1000, 0)

func fleetOf(n int, oneServer bool) *fleet {
	f := newFleet(n, oneServer, rand.New(rand.NewPCG(1, 2)))
	return &f
}

func TestAFleetPicksTheUpstreamWithLessToDo(t *testing.T) {
	t.Parallel()
	f := fleetOf(2, false)
	f.ups[1].started(500)
	for range 20 {
		up, wait := f.pick(noon, -1)
		assert.Equal(t, 0, up)
		assert.Zero(t, wait)
	}
	up, _ := f.pick(noon, 0)
	assert.Equal(t, 1, up, "another one than the one to avoid")
	f.ups[1].gate.close(noon, time.Second)
	up, _ = f.pick(noon, 0)
	assert.Equal(t, 0, up, "the one to avoid is better than a closed gate")
	assert.False(t, f.elsewhere(noon, 0))
	assert.True(t, f.elsewhere(noon, 1))
	f.ups[0].gate.close(noon, 3*time.Second)
	up, wait := f.pick(noon, -1)
	assert.Equal(t, -1, up)
	assert.Equal(t, time.Second, wait, "the gate that opens first")
	assert.Equal(t, time.Second, f.gate(noon))
}

func TestAFleetTriesAllWhenAllAreEjected(t *testing.T) {
	t.Parallel()
	f := fleetOf(2, false)
	f.ups[0].eject(noon, ejectFor)
	for range 20 {
		up, _ := f.pick(noon, -1)
		assert.Equal(t, 1, up)
	}
	assert.True(t, f.usable(noon))
	f.ups[1].eject(noon, ejectFor)
	assert.False(t, f.usable(noon))
	up, _ := f.pick(noon, -1)
	assert.GreaterOrEqual(t, up, 0)
}

func TestARefusalHoldsTheServersThatItIsAbout(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		oneServer bool
		outcome   Outcome
		first     time.Duration
		other     time.Duration
	}{
		"one of several servers": {false, Outcome{RetryAfter: 2 * time.Second}, 2 * time.Second, 0},
		"connections to one":     {true, Outcome{RetryAfter: 2 * time.Second}, 2 * time.Second, 2 * time.Second},
		"a budget that it calls empty": {false, Outcome{Limits: Limits{Known: true, RemainingRequests: 0, ResetRequests: 5 * time.Second}},
			5 * time.Second, 0},
		"a day is a minute": {false, Outcome{RetryAfter: 24 * time.Hour}, GateLongest, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := fleetOf(2, c.oneServer)
			f.refused(noon, f.ups[0], c.outcome)
			assert.Equal(t, c.first, f.ups[0].gate.wait(noon))
			assert.Equal(t, c.other, f.ups[1].gate.wait(noon))
			assert.True(t, f.throttled(noon))
			assert.False(t, f.throttled(noon.Add(throttledFor)))
		})
	}
	f := fleetOf(1, false)
	f.refused(noon, f.ups[0], Outcome{})
	assert.Positive(t, f.gate(noon), "a back-off, where the server says nothing")
}

// learned lets an upstream answer a call of so many tokens in a time.
func learned(u *upstream, tokens int, took time.Duration) {
	u.work.ended(noon, u.work.start(noon.Add(-took), tokens), Outcome{Answered: true})
}

func TestAFleetKnowsWhatIsScarce(t *testing.T) {
	t.Parallel()
	f := fleetOf(2, false)
	assert.False(t, f.scarce(noon, time.Second, 1e6, fewDocuments), "few documents go at once while nothing is known")
	assert.True(t, f.scarce(noon, time.Second, 1e6, fewDocuments+1))
	assert.False(t, f.scarce(noon, portionMax, 1e6, fewDocuments+1), "there is time to find out")
	learned(f.ups[0], 1000, time.Second)
	learned(f.ups[1], 1000, time.Second)
	rate, backlog := f.speed(noon)
	assert.InDelta(t, 2000, rate, 1)
	assert.Zero(t, backlog)
	assert.False(t, f.scarce(noon, 4*time.Second, 3900, 100))
	assert.True(t, f.scarce(noon, 4*time.Second, 4100, 100), "more than half of the time")
	f.ups[1].eject(noon, ejectFor)
	rate, _ = f.speed(noon)
	assert.InDelta(t, 1000, rate, 1, "an ejected one does nothing")
	f.ups[1].work.start(noon, 700)
	_, backlog = f.speed(noon)
	assert.Zero(t, backlog)
	assert.InDelta(t, 700, f.backlog(noon), 1, "but has something before it")
}

func TestAQueryThatCannotBeInTimeIsTriedNowAndThen(t *testing.T) {
	t.Parallel()
	f := fleetOf(1, false)
	in := func(now time.Time, rest time.Duration) [2]bool {
		ok, trial := f.inTime(now, rest, 1000)
		return [2]bool{ok, trial}
	}
	assert.Equal(t, [2]bool{true, false}, in(noon, time.Millisecond), "nobody knows better")
	assert.Equal(t, [2]bool{}, in(noon, 0))
	learned(f.ups[0], 1000, time.Second)
	assert.Equal(t, [2]bool{true, false}, in(noon, 2*time.Second))
	edge := f.ups[0].work.takes(noon, 1000)
	assert.Equal(t, [2]bool{true, false}, in(noon, edge*16/15+1))
	assert.Equal(t, [2]bool{true, true}, in(noon, edge*16/15-2), "no portion of it would be sent")
	assert.Equal(t, [2]bool{}, in(noon.Add(trialEvery-1), time.Millisecond))
	assert.Equal(t, [2]bool{true, true}, in(noon.Add(trialEvery), time.Millisecond))
}

func TestAPortionGoesToTheUpstreamThatAnswersItFirst(t *testing.T) {
	t.Parallel()
	f := fleetOf(3, false)
	learned(f.ups[0], 1000, time.Second)
	learned(f.ups[1], 4000, time.Second)
	learned(f.ups[2], 9000, time.Second)
	f.ups[2].gate.close(noon, time.Second)
	f.ups[0].work.start(noon, 1000)
	q := Portions{Waiter: NewWaiter(Chat), Time: 4 * time.Second, Rest: 4 * time.Second, Next: 500}
	p := f.portion(noon, q)
	assert.Equal(t, 1, p.Upstream)
	assert.Positive(t, p.Tokens)
	q.Rest = time.Millisecond
	q.First = true
	assert.True(t, f.portion(noon, q).Late)
	q.First = false
	assert.False(t, f.portion(noon, q).Late, "one document finds out whether it has become faster")
	f.ups[0].gate.close(noon, time.Second)
	f.ups[1].gate.close(noon, time.Second)
	assert.True(t, f.portion(noon, q).Late)
}

func TestASnapshotOfAFleetTellsEachUpstream(t *testing.T) {
	t.Parallel()
	f := fleetOf(2, false)
	f.ups[0].started(10)
	f.ups[1].cause = errors.New("away")
	f.ups[1].eject(noon, ejectFor)
	f.close(noon, time.Second)
	assert.Equal(t, []UpstreamSnapshot{
		{InFlight: 1, GateWait: time.Second},
		{Ejected: true, GateWait: time.Second, Cause: f.ups[1].cause},
	}, f.snapshot(noon))
}

func TestACrowdIsSparedUntilTheServerRests(t *testing.T) {
	t.Parallel()
	var c crowd
	rest := time.Second
	assert.True(t, c.spares(noon, rest, 0, 0), "nobody knows yet")
	for range restedQueries - 2 {
		assert.True(t, c.spares(noon, rest, 0, 0))
	}
	assert.False(t, c.spares(noon, rest, 0, 0), "so many in a row met a rested server")
	assert.False(t, c.spares(noon, rest, 1, 0), "a call of its own is no crowd")
	assert.True(t, c.spares(noon, rest, 1, 100), "something is before the server")
	for range restedQueries - 1 {
		assert.True(t, c.spares(noon, rest, 0, 0))
	}
	c.active = noon
	assert.True(t, c.spares(noon.Add(rest/2-1), rest, 0, 0), "a call ended just before: the count begins again")
	assert.True(t, c.spares(noon.Add(rest), rest, 0, 0))
}

func TestQueriesThatOverlappedCountAsSeveralForAWhile(t *testing.T) {
	t.Parallel()
	var c crowd
	a, b := NewWaiter(Chat), NewWaiter(Chat)
	a.until, b.until = noon.Add(time.Second), noon.Add(2*time.Second)
	assert.False(t, c.overlaps(noon, a))
	assert.False(t, c.overlaps(noon, a), "it does not overlap with itself")
	assert.True(t, c.overlaps(noon, b))
	assert.True(t, c.overlaps(noon.Add(sharedFor-1), b))
	assert.False(t, c.overlaps(noon.Add(sharedFor), b))
	assert.False(t, c.overlaps(noon.Add(sharedFor), a), "b has ended")
}

func TestAPartOfAQuotaIsItsLimitAndItsBurst(t *testing.T) {
	t.Parallel()
	q := quota{requests: newQuotaBucket(60, noon), tokens: newQuotaBucket(6000, noon)}
	q.part(noon, 3, Permits{2, 100})
	assert.Equal(t, quotaBucket{limit: 20, capacity: 5, level: 2, at: noon}, q.requests)
	assert.Equal(t, quotaBucket{limit: 2000, capacity: 500, level: 100, at: noon}, q.tokens)
	q.part(noon, 10, Permits{50, 0})
	assert.Equal(t, quotaBucket{limit: 2, capacity: 1, level: 1, at: noon}, q.requests, "one call at least, and no more than the burst")
}

func TestAServerIsFreedWhenTheFirstAbandonedCallIsDone(t *testing.T) {
	t.Parallel()
	var w work
	assert.Zero(t, w.freed(noon))
	w.flows = []*flow{{}, {until: noon.Add(3 * time.Second)}, {until: noon.Add(time.Second)}, {until: noon.Add(2 * time.Second)}, {until: noon}}
	assert.Equal(t, time.Second, w.freed(noon))
}

func TestAnUnknownServerGetsOneCallFirst(t *testing.T) {
	t.Parallel()
	var w work
	q := Portions{Time: time.Second, Rest: time.Second, Next: 5, First: true}
	assert.Equal(t, Portion{Tokens: firstDocuments * 5, Documents: firstDocuments}, w.portion(noon, q))
	w.start(noon, 5)
	assert.Equal(t, Portion{}, w.portion(noon, q))
}

func TestAPortionThatTakesAllTheTimeIsNotLate(t *testing.T) {
	t.Parallel()
	var u upstream
	learned(&u, 1000, time.Second)
	q := Portions{Time: 2 * time.Second, Rest: 1066666666, Next: 1}
	assert.Equal(t, time.Second, q.Rest-q.Rest/16, "the time without its reserve")
	assert.Equal(t, time.Second, u.work.takes(noon, 1))
	assert.False(t, u.work.portion(noon, q).Late)
	q.Rest -= 17
	assert.True(t, u.work.portion(noon, q).Late)
}

func TestCallsArePreciousWhenAllServersRefuse(t *testing.T) {
	t.Parallel()
	f := fleetOf(2, false)
	assert.False(t, f.rationed(noon))
	f.refused(noon, f.ups[0], Outcome{})
	assert.False(t, f.rationed(noon), "the other one takes calls")
	f.refused(noon, f.ups[1], Outcome{})
	assert.True(t, f.rationed(noon.Add(rationedFor-1)))
	assert.False(t, f.rationed(noon.Add(rationedFor)))
}

func TestTheSoonestAnswerIsOfAUsableServer(t *testing.T) {
	t.Parallel()
	f := fleetOf(2, false)
	assert.Zero(t, f.soonest(noon, 1000), "nothing is known")
	learned(f.ups[0], 1000, time.Second)
	learned(f.ups[1], 4000, time.Second)
	assert.Equal(t, f.ups[1].work.takes(noon, 2000), f.soonest(noon, 2000))
	f.ups[1].eject(noon, ejectFor)
	assert.Equal(t, f.ups[0].work.takes(noon, 2000), f.soonest(noon, 2000))
	f.ups[0].eject(noon, ejectFor)
	assert.Equal(t, f.ups[1].work.takes(noon, 2000), f.soonest(noon, 2000), "all are tried when all are left out")
}

func TestCallsThatFillTheServerFitWhenAnEighthIsAnswered(t *testing.T) {
	t.Parallel()
	f := fleetOf(1, false)
	learned(f.ups[0], 1000, time.Second)
	c := Forecast{Tokens: 15_000, Calls: 20, Width: 20, Items: make([]Item, 20)}
	assert.True(t, f.fits(noon, 2*time.Second, c))
	c.Tokens = 17_000
	assert.False(t, f.fits(noon, 2*time.Second, c))
	c.Calls = 4
	assert.False(t, f.fits(noon, 2*time.Second, c), "not even the first is")
	c.Calls, c.Width = 20, 10
	assert.True(t, f.fits(noon, 2*time.Second, c), "of those that are made at once")
}

func TestAPortionWaitsForTheServerThatHasRoomFirst(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		freed []time.Duration // of a call that was given up, 0 for one that goes on
		want  Portion
	}{
		"the first":                        {[]time.Duration{time.Second, 2 * time.Second}, Portion{Upstream: 0, Wait: time.Second}},
		"the second":                       {[]time.Duration{2 * time.Second, time.Second}, Portion{Upstream: 1, Wait: time.Second}},
		"what is known before what is not": {[]time.Duration{time.Second, 0}, Portion{Upstream: 0, Wait: time.Second}},
	} {
		f := fleetOf(2, false)
		for i, d := range c.freed {
			learned(f.ups[i], 1000, time.Second)
			call := f.ups[i].work.start(noon, 3000)
			if d > 0 {
				call.until = noon.Add(d)
			}
		}
		q := Portions{Waiter: NewWaiter(Chat), Time: 16 * time.Second, Rest: 16 * time.Second, Next: 500}
		assert.Equal(t, c.want, f.portion(noon, q), name)
	}
}

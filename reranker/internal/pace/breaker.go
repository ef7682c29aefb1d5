package pace

import (
	"math/rand/v2"
	"time"
)

const (
	breakerWindow    = 50
	breakerSamples   = 20
	breakerFirstOpen = 5 * time.Second
	breakerLastOpen  = 60 * time.Second
	breakerHasty     = 500 * time.Millisecond
)

// breaker stops calls to a server that fails: at half of at least 20 calls in
// the newest 50, or at one refusal of the key. It stays open for 5 s, twice as
// long after every probe that fails, at most 60 s, each time up to a tenth
// longer, so that many processes do not return in step.
type breaker struct {
	outcomes           [breakerWindow]bool
	count, next, wrong int
	state              State
	until              time.Time
	period             time.Duration
	// hasty says that the newest failure was a server that could not be reached: such
	// a one is often back within a second.
	hasty bool
}

// wait is how long the breaker stays open; 0 lets a call or a probe pass.
func (b *breaker) wait(now time.Time) time.Duration {
	switch b.state {
	case Open:
		return max(0, b.until.Sub(now))
	case HalfOpen:
		return time.Nanosecond
	}
	return 0
}

// allow reports whether a call may start, and whether it is the probe.
func (b *breaker) allow(now time.Time) (ok, probe bool) {
	switch b.state {
	case Closed:
		return true, false
	case Open:
		if now.Before(b.until) {
			return false, false
		}
		b.state = HalfOpen
		return true, true
	}
	return false, false
}

// record takes the outcome of a call. What started before the breaker opened
// says nothing about the server since, and is ignored.
func (b *breaker) record(now time.Time, probe, failed bool, rng *rand.Rand) {
	switch {
	case probe && b.state == HalfOpen:
		if failed {
			b.open(now, rng)
		} else {
			*b = breaker{}
		}
	case !probe && b.state == Closed:
		b.add(failed)
		if b.count >= breakerSamples && 2*b.wrong >= b.count {
			b.open(now, rng)
		}
	}
}

// trip opens the breaker whatever the window says.
func (b *breaker) trip(now time.Time, rng *rand.Rand) {
	if b.state != Open {
		b.open(now, rng)
	}
}

// follow does what the breakers of others do: it opens with them, probes when it is
// told to, and closes when another one has found the server well. known says that
// they knew of this one being open. A probe under way is waited for.
func (b *breaker) follow(now time.Time, open time.Duration, probe, known bool) {
	switch {
	case b.state == HalfOpen:
	case open > 0:
		*b = breaker{state: Open, period: b.period, until: now.Add(open)}
	case probe:
		*b = breaker{state: Open, period: b.period, until: now}
	case b.state == Open && known:
		*b = breaker{}
	}
}

// abandon takes back a probe that ended without an outcome; the next call is
// the probe then.
func (b *breaker) abandon() {
	if b.state == HalfOpen {
		b.state = Open
	}
}

// forget empties the window of a closed breaker.
func (b *breaker) forget() {
	if b.state == Closed {
		*b = breaker{}
	}
}

func (b *breaker) add(failed bool) {
	if b.count == breakerWindow {
		if b.outcomes[b.next] {
			b.wrong--
		}
	} else {
		b.count++
	}
	b.outcomes[b.next] = failed
	if failed {
		b.wrong++
	}
	b.next = (b.next + 1) % breakerWindow
}

func (b *breaker) open(now time.Time, rng *rand.Rand) {
	period := min(max(breakerFirstOpen, 2*b.period), breakerLastOpen)
	if b.hasty {
		period = breakerHasty
	}
	*b = breaker{state: Open, period: period}
	b.until = now.Add(period + time.Duration(rng.Float64()*float64(period)/10))
}

package pace

import (
	"math"
	"math/rand/v2"
	"time"
)

// fleet are the upstreams of an endpoint: what they do together, and which of them
// a call goes to.
type fleet struct {
	ups []*upstream
	// oneServer says that they are connections to one server, so that a refusal by one
	// holds all of them.
	oneServer bool
	rng       *rand.Rand
	tried     time.Time // of the newest trial
}

func newFleet(upstreams int, oneServer bool, rng *rand.Rand) fleet {
	f := fleet{oneServer: oneServer, rng: rng, ups: make([]*upstream, upstreams)}
	for i := range f.ups {
		f.ups[i] = &upstream{}
	}
	return f
}

// lone reports whether there is one upstream only.
func (f *fleet) lone() bool { return len(f.ups) == 1 }

// usable reports whether any upstream is, see upstream.usable.
func (f *fleet) usable(now time.Time) bool {
	for _, u := range f.ups {
		if u.usable(now) {
			return true
		}
	}
	return false
}

// pick chooses the upstream for a call: of two drawn at random the one with
// fewer tokens in flight, not the one to avoid if there is another; -1 avoids none.
// An upstream that failed 5 times in a row is left out for 30 s, longer each time,
// then one call probes it. When all are left out, all are tried. Without one up is
// -1, and wait is how long the gates of all of them stay closed.
func (f *fleet) pick(now time.Time, avoid int) (up int, wait time.Duration) {
	var room [8]int
	candidates := room[:0]
	gather := func(fits func(*upstream) bool) {
		for i, u := range f.ups {
			if fits(u) && i != avoid {
				candidates = append(candidates, i)
			}
		}
		if len(candidates) == 0 && avoid >= 0 && fits(f.ups[avoid]) {
			candidates = append(candidates, avoid)
		}
	}
	gather(func(u *upstream) bool { return u.usable(now) && u.gate.wait(now) == 0 })
	if len(candidates) == 0 && !f.usable(now) {
		gather(func(u *upstream) bool { return u.gate.wait(now) == 0 })
	}
	switch len(candidates) {
	case 0:
		return -1, max(f.gate(now), time.Millisecond)
	case 1:
		return candidates[0], 0
	}
	i := f.rng.IntN(len(candidates))
	j := f.rng.IntN(len(candidates) - 1)
	if j >= i {
		j++
	}
	a, b := candidates[i], candidates[j]
	if f.ups[b].tokens < f.ups[a].tokens {
		return b, 0
	}
	return a, 0
}

// elsewhere reports whether a call may go right away to another upstream than the
// given one.
func (f *fleet) elsewhere(now time.Time, than int) bool {
	for i, u := range f.ups {
		if i != than && u.usable(now) && u.gate.wait(now) == 0 {
			return true
		}
	}
	return false
}

// gate returns how long until the first gate opens, 0 if one is open.
func (f *fleet) gate(now time.Time) time.Duration {
	least := GateLongest
	for _, u := range f.ups {
		least = min(least, u.gate.wait(now))
	}
	return least
}

// close holds back calls to all upstreams for d.
func (f *fleet) close(now time.Time, d time.Duration) {
	for _, u := range f.ups {
		u.gate.close(now, d)
	}
}

// refused closes the gate after a refusal: for as long as the server says, or
// until the budget that it calls empty is full again, or for a back-off.
func (f *fleet) refused(now time.Time, up *upstream, o Outcome) {
	held := []*upstream{up}
	if f.oneServer {
		held = f.ups
	}
	pause := o.RetryAfter
	if pause == 0 {
		pause = o.Limits.pause()
	}
	for _, u := range held {
		u.gate.refuse(now)
		d := pause
		if d <= 0 {
			d = backoff(u.gate.refusals, true, f.rng)
		}
		u.gate.close(now, d)
	}
}

// throttled reports whether a server refused something lately.
func (f *fleet) throttled(now time.Time) bool {
	for _, u := range f.ups {
		if u.gate.hot(now) {
			return true
		}
	}
	return false
}

// rationed reports whether all servers have refused something lately.
func (f *fleet) rationed(now time.Time) bool {
	for _, u := range f.ups {
		if !u.gate.refused(now, rationedFor) {
			return false
		}
	}
	return true
}

// speed is what the usable upstreams do a second, and what is before them.
func (f *fleet) speed(now time.Time) (rate, backlog float64) {
	for _, u := range f.ups {
		if u.usable(now) || !f.usable(now) {
			rate += u.work.rate(now)
			backlog += u.work.backlog(now)
		}
	}
	return rate, backlog
}

// backlog is what is before all upstreams.
func (f *fleet) backlog(now time.Time) float64 {
	sum := 0.0
	for _, u := range f.ups {
		sum += u.work.backlog(now)
	}
	return sum
}

// soonest is how long until the first usable upstream can answer a call of so many
// tokens.
func (f *fleet) soonest(now time.Time, tokens float64) time.Duration {
	least := time.Duration(math.MaxInt64)
	for _, u := range f.ups {
		if u.usable(now) || !f.usable(now) {
			least = min(least, u.work.takes(now, tokens))
		}
	}
	return least
}

// scarce reports whether a query of so many tokens is not sure to be done within
// half of the time that it has.
func (f *fleet) scarce(now time.Time, rest time.Duration, tokens float64, documents int) bool {
	rate, backlog := f.speed(now)
	if rate == 0 {
		return documents > fewDocuments && rest < portionMax
	}
	return seconds((backlog+tokens)/rate) > rest/2
}

// fits reports whether a good part of the calls that would be made at once is likely
// to be answered in time.
func (f *fleet) fits(now time.Time, rest time.Duration, c Forecast) bool {
	tokens := float64(c.Tokens) / float64(max(1, c.Calls))
	if n := c.Bounds.Documents; n > 0 {
		tokens = min(tokens, float64(c.Tokens)*float64(n)/float64(max(1, len(c.Items))))
	}
	rate, soonest := 0.0, rest
	for _, u := range f.ups {
		if r := u.work.rate(now); r > 0 {
			rate += r
			soonest = min(soonest, u.work.takes(now, tokens))
		}
	}
	return soonest < rest && seconds(tokens*float64(min(c.Width, c.Calls))/rate) < 8*rest
}

// inTime reports whether a call of so many tokens can have an answer within the
// rest of its time. One that cannot is a trial now and then.
func (f *fleet) inTime(now time.Time, rest time.Duration, smallest int) (ok, trial bool) {
	if rest <= 0 {
		return false, false
	}
	for _, u := range f.ups {
		if u.work.takes(now, float64(smallest)) <= inTime(rest) {
			return true, false
		}
	}
	if now.Sub(f.tried) < trialEvery {
		return false, false
	}
	f.tried = now
	return true, true
}

// portion says what a query may send next, to the upstream that answers it soonest.
func (f *fleet) portion(now time.Time, q Portions) Portion {
	best := Portion{Late: true}
	soonest := time.Duration(0)
	for i, u := range f.ups {
		if !u.usable(now) && f.usable(now) || u.gate.wait(now) > 0 {
			continue
		}
		o := u.work.portion(now, q)
		if o.Late && u.probe(now, q) {
			return Portion{Upstream: i, Tokens: q.Next}
		}
		o.Upstream = i
		switch takes := u.work.takes(now, float64(o.Tokens)); {
		case o.Tokens > 0 && (best.Tokens == 0 || takes < soonest):
			best, soonest = o, takes
		case best.Tokens == 0 && !o.Late && (best.Late || o.Wait > 0 && o.Wait < best.Wait):
			best = o
		}
	}
	return best
}

// snapshot returns what is known of each upstream.
func (f *fleet) snapshot(now time.Time) []UpstreamSnapshot {
	all := make([]UpstreamSnapshot, len(f.ups))
	for i, u := range f.ups {
		all[i] = UpstreamSnapshot{InFlight: u.inFlight, Failures: u.failed, Ejected: u.times > 0, GateWait: u.gate.wait(now), Cause: u.cause}
	}
	return all
}

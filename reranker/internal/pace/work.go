package pace

import (
	"math"
	"time"
)

// work is what one upstream has before it, and how fast it gets done. Servers
// answer first come, first served and finish what clients have given up, so a call
// that was abandoned stays in the server until it must be done.
type work struct {
	flows     []*flow // in the server, in the order in which they started
	delivered float64 // tokens that it is known to have done
	at        time.Time
	ring      [8]float64 // newest rates, tokens a second
	count     int        // rates ever
	solo      float64    // tokens a second of a call that met an idle server
	width     float64    // how many calls it does at once: rate over solo, at least 1
	floor     time.Duration
	base      time.Duration // mean latency of calls that met none of ours, beyond their work
	seen      time.Time     // of the newest evidence
}

// flow is one call in the server.
type flow struct {
	tokens    float64
	started   time.Time
	delivered float64   // when it started
	since     time.Time // of that delivery, or the start if the server was idle
	alone     bool
	// passed says that a call which started later was answered first: then this one
	// hangs behind something of its own, and says nothing about the others.
	passed bool
	// until is when a call that was given up is believed to be done; zero while
	// somebody waits for it.
	until time.Time
}

// start puts a call into the server.
func (w *work) start(now time.Time, tokens int) *flow {
	w.clear(now)
	f := &flow{tokens: float64(tokens), started: now, delivered: w.delivered, since: now, alone: len(w.flows) == 0}
	if !f.alone {
		// The server has worked on what was before this call since it came, or since the
		// last delivery; what it did of that is counted as delivered later.
		f.since = w.flows[0].started
		if w.at.After(f.since) {
			f.since = w.at
		}
	}
	w.flows = append(w.flows, f)
	return f
}

// clear forgets the abandoned calls that are believed to be done.
func (w *work) clear(now time.Time) {
	kept := w.flows[:0]
	for _, f := range w.flows {
		if f.until.IsZero() || f.until.After(now) {
			kept = append(kept, f)
		}
	}
	clear(w.flows[len(kept):])
	w.flows = kept
}

// remove takes a call out of the server.
func (w *work) remove(f *flow) {
	for i, other := range w.flows {
		if other == f {
			w.flows = append(w.flows[:i], w.flows[i+1:]...)
			return
		}
	}
}

// answered takes an answer as evidence: between the delivery before the call and
// its own, the server has done what it delivered. Calls that were abandoned before
// this one started are done as well; that they count may not raise the belief.
func (w *work) answered(now time.Time, f *flow) {
	took := now.Sub(f.started)
	believed := w.rate(now)
	w.remove(f)
	w.delivered += f.tokens
	elapsed := max(now.Sub(f.since), time.Microsecond).Seconds()
	rate := (w.delivered - f.delivered) / elapsed
	for _, other := range append([]*flow(nil), w.flows...) {
		switch {
		case other.alone && other.started.Equal(f.started):
			// Of those that started together the one that is answered first met the idle
			// server.
			f.alone, other.alone = true, false
		case !other.started.Before(f.started):
		case other.until.IsZero():
			other.passed = true
		default:
			w.remove(other)
			w.delivered += other.tokens
		}
	}
	if all := (w.delivered - f.delivered) / elapsed; all > rate {
		rate = max(rate, min(all, believed))
	}
	w.at, w.seen = now, now
	if w.floor == 0 || took < w.floor {
		w.floor = took
	} else {
		w.floor += w.floor / 64
	}
	w.ring[w.count%len(w.ring)] = rate
	w.count++
	if f.alone {
		if w.solo == 0 || took > 4*w.floor {
			// Of a short call most is the way there and back, which says nothing about how
			// fast the server works.
			w.solo = max(f.tokens/max(took, time.Microsecond).Seconds(), 0.97*w.solo)
		}
		w.base += (max(0, took-seconds(f.tokens/w.solo)) - w.base) / 4
	}
	if w.solo > 0 {
		w.width = min(64, max(1, w.width*0.97, w.rate(now)/w.solo))
	}
}

// abandoned takes note of a call that nobody waits for any more. late says that it
// was given up because it took too long, which is evidence, too.
func (w *work) abandoned(now time.Time, f *flow, late bool) {
	age := now.Sub(f.started)
	if late && !f.passed {
		w.seen = now
		bound := w.bound(now, f)
		for i := range w.ring {
			w.ring[i] = min(w.ring[i], bound)
		}
		if w.count == 0 {
			w.ring[0], w.count = bound, 1
		}
		if w.solo > 0 {
			// It does no more at once than that.
			w.width = max(1, min(w.width, w.rate(now)/w.solo))
		}
	}
	left := age / 2
	if rate := w.rate(now); rate > 0 {
		left = max(left, seconds(w.before(f)/rate)-age)
	}
	f.until = now.Add(left)
}

// ended takes the outcome of a call.
func (w *work) ended(now time.Time, f *flow, o Outcome) {
	switch {
	case o.Answered:
		w.answered(now, f)
	case o.CutOff:
		w.abandoned(now, f, o.Late)
	default:
		w.remove(f) // an error says nothing about speed
	}
}

// before is the work in the server up to and with a call.
func (w *work) before(f *flow) float64 {
	sum := 0.0
	for _, other := range w.flows {
		sum += other.tokens
		if other == f {
			break
		}
	}
	return sum
}

// bound is the most that the server can have done a second, when a call is still
// not answered.
func (w *work) bound(now time.Time, f *flow) float64 {
	return (w.delivered - f.delivered + w.before(f)) / max(now.Sub(f.since), time.Millisecond).Seconds()
}

// rate is how many tokens a second the upstream is believed to do, 0 while nothing
// is known. Calls that are not answered lower it from the moment at which they
// should have been.
func (w *work) rate(now time.Time) float64 {
	if w.count == 0 {
		return 0
	}
	best := 0.0
	for _, r := range w.ring[:min(w.count, len(w.ring))] {
		best = max(best, r)
	}
	for _, f := range w.flows {
		if !f.passed && now.Sub(f.started) > w.floor {
			best = min(best, max(w.bound(now, f), best/1000))
		}
	}
	return best
}

// backlog is the work in the server, in tokens.
func (w *work) backlog(now time.Time) float64 {
	w.clear(now)
	sum := 0.0
	for _, f := range w.flows {
		sum += f.tokens
	}
	return sum
}

// takes predicts how long a call would take that is sent now.
func (w *work) takes(now time.Time, tokens float64) time.Duration {
	rate := w.rate(now)
	if rate == 0 {
		return 0
	}
	return max(w.floor, w.floor/4+seconds(max(tokens*w.wide(), w.backlog(now)+tokens)/rate))
}

// wide is how many calls the server does at once, as far as it is believed.
func (w *work) wide() float64 { return min(widest, max(1, w.width)) }

// freed is how long until the first abandoned call is believed to be done, 0 if
// there is none.
func (w *work) freed(now time.Time) time.Duration {
	least := time.Duration(0)
	for _, f := range w.flows {
		if d := f.until.Sub(now); !f.until.IsZero() && d > 0 && (least == 0 || d < least) {
			least = d
		}
	}
	return least
}

// room is how much a portion may hold, and how much more may be in the server at once.
func (w *work) room(now time.Time, q Portions, rate, backlog float64) (tokens, room float64) {
	tokens = rate / w.wide() * q.Time.Seconds() / portionOf
	if now.Sub(w.seen) > staleAfter && len(w.flows) == 0 {
		tokens /= 4
	}
	depth := q.Time/ahead + min(2*w.base, q.Time/2)
	if q.tail && q.shared {
		// What is in the server delays the first tier of the next query.
		tokens /= 2
		depth = q.Time/portionOf + min(w.base, q.Time/4)
	}
	room = rate * depth.Seconds()
	if call := max(tokens, float64(q.Next)); w.solo > 0 {
		// One more than the server is believed to do at once, so that it shows what it can.
		room = max(room, 1.25*rate*call/w.solo+call)
	}
	return tokens, room - backlog
}

// portion says what may be sent to one upstream.
func (w *work) portion(now time.Time, q Portions) Portion {
	backlog, rate := w.backlog(now), w.rate(now)
	next := float64(q.Next)
	switch {
	case rate == 0 && len(w.flows) > 0:
		return Portion{} // one call first
	case rate == 0 && !q.First:
		return Portion{Tokens: math.MaxInt32} // it fails, and not because of what is sent
	case rate == 0, q.Trial:
		return Portion{Tokens: max(q.Next, firstDocuments*q.Next), Documents: firstDocuments}
	case w.takes(now, next) > inTime(q.Rest):
		if backlog > 0 && w.takes(now, next)-seconds(backlog/rate) <= inTime(q.Rest) {
			return Portion{Wait: max(w.freed(now), q.Rest/16, time.Millisecond)}
		}
		return Portion{Late: true}
	}
	if q.rescued {
		return Portion{Tokens: q.Next}
	}
	tokens, room := w.room(now, q, rate, backlog)
	if backlog > 0 && room < min(tokens, next) {
		return Portion{Wait: w.freed(now)}
	}
	// Smaller towards the end, so that it can still be answered.
	left := (inTime(q.Rest) - w.floor/4).Seconds() * rate
	tokens = min(tokens, left-backlog, left/w.wide())
	return Portion{Tokens: int(max(tokens, next))}
}

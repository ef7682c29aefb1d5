package pace

import (
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// Pace is what all queries of an endpoint share. Make one with New. It is safe
// for concurrent use.
type Pace struct {
	o Options

	mu       sync.Mutex
	rng      *rand.Rand
	fleet    fleet
	crowd    crowd
	quota    quota
	lease    lease
	limit    callLimit
	extra    extraBudget
	breaker  breaker
	hedges   hedgeRecord
	size     tokenEstimate
	latency  latencyModel
	ladder   ladder
	batch    batchLimit
	bytes    int   // in flight
	tokens   int   // in flight
	cause    error // of the newest failure that counted against the server
	answered int   // calls that succeeded
}

// New returns a pace that knows nothing yet but its options.
func New(now time.Time, o Options) *Pace {
	p := &Pace{
		o: o, rng: o.Rand,
		quota: quota{requests: newQuotaBucket(o.Requests, now), tokens: newQuotaBucket(o.Tokens, now)},
		extra: newExtraBudget(o.ExtraShare, o.ExtraBurst),
		batch: newBatchLimit(o.Bounds), lease: newLease(o),
		fleet: newFleet(o.Upstreams, o.OneServer, o.Rand),
	}
	if o.ExtraShare < 0 {
		p.extra = newExtraBudget(0, 0)
	}
	p.limit = newCallLimit(o.Concurrency, &p.fleet)
	return p
}

// Forecast says how a query is best sent. Without any items left the quota is
// used up.
func (p *Pace) Forecast(now time.Time, q Query) Forecast {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range q.Items {
		q.Items[i].Tokens = p.size.pair(q.QueryBytes, q.Items[i].Bytes)
	}
	var long []Item
	if !q.Whole {
		q.Items, long = p.batch.sort(now, q.Items)
	}
	covered, most := p.quota.afford(now, q)
	f := Forecast{Items: q.Items[:covered], Left: q.Items[covered:], Long: long}
	if covered == 0 {
		return f
	}
	for _, it := range f.Items {
		f.Tokens += it.Tokens
	}
	f.Calls = q.Calls
	if f.Calls == 0 {
		f.Calls = p.ladder.choose(f.Tokens, min(most, ceilDiv(f.Tokens, smallestCall)), p.rng)
	}
	if f.Rationed = q.Calls == 0 && !q.Wait && p.fleet.rationed(now); f.Rationed {
		most = min(most, rationedCalls)
	}
	f.Calls = min(f.Calls, most)
	// Behind a single process a hedge only queues behind the call that it should
	// overtake.
	f.Hedge = !p.fleet.lone() || !p.ladder.serial(f.Tokens)
	f.Width = q.Width
	if f.Width == 0 {
		f.Width = DefaultWidth
		if q.Calls == 0 {
			f.Width = max(f.Width, f.Calls)
		}
	}
	f.Bounds = p.batch.bounds(q.Bounds)
	f.Expected = p.ladder.expect(f.Tokens)
	if p.fleet.scarce(now, q.Rest, float64(f.Tokens), len(f.Items)) {
		spares := p.crowd.spares(now, q.Rest, p.limit.inFlight, p.fleet.backlog(now))
		f.Portions = spares || !p.fleet.fits(now, q.Rest, f)
	}
	return f
}

// InTime reports whether a call of so many tokens can have an answer within the
// rest of its time. One that cannot is a trial now and then.
func (p *Pace) InTime(now time.Time, rest time.Duration, smallest int) (ok, trial bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fleet.inTime(now, rest, smallest)
}

// Portion says what a query may send next.
func (p *Pace) Portion(now time.Time, q Portions) Portion {
	p.mu.Lock()
	defer p.mu.Unlock()
	q.Waiter.tier, q.Waiter.portions = q.Tier, true
	w := q.Waiter
	w.need, w.next, w.first = float64(q.Top), float64(q.Next), 0
	w.until, w.half = now.Add(q.Rest), now.Add(q.Rest-q.Time/2)
	if q.First {
		w.first = float64(q.Next * len(p.fleet.ups))
	}
	class := p.limit.class(now, w, new(float64))
	q.rescued, q.tail = class == rescued, class > wholeTier
	q.shared = p.crowd.overlaps(now, w)
	if p.limit.ahead(now, q.Waiter) || p.limit.free(q.Waiter.lane) <= 0 {
		p.limit.enqueue(now, q.Waiter)
		p.limit.kick(now)
		return Portion{Wait: q.Rest}
	}
	best := p.fleet.portion(now, q)
	if best.Tokens == 0 && !best.Late {
		p.limit.enqueue(now, q.Waiter)
	}
	return best
}

// BytesInFlight bounds the document text that is on its way at one time.
const BytesInFlight = 256 << 20

// Admit decides about one call. Budget for extra calls has been spent before.
func (p *Pace) Admit(now time.Time, c Call) Admission {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lease.on && !p.lease.alone && p.breaker.state == Open && p.lease.asked.Before(p.breaker.until) && !now.Before(p.breaker.until) {
		return Admission{Ask: true} // somebody else may be finding out whether the server is back
	}
	if wait := p.breaker.wait(now); wait > 0 {
		if p.breaker.state == Open && p.lease.stale(now) {
			return Admission{Ask: true}
		}
		return Admission{Suspended: true, For: wait, Cause: p.cause}
	}
	lane := c.Waiter.lane
	ahead := p.limit.ahead(now, c.Waiter)
	if ahead || p.limit.free(lane) <= 0 || p.bytes > 0 && p.bytes+c.Bytes > BytesInFlight {
		if !c.Hedge {
			p.limit.enqueue(now, c.Waiter)
		}
		if ahead {
			p.limit.kick(now) // whose turn it is may have changed with time alone
		}
		return Admission{Slot: true}
	}
	up, wait := c.To, time.Duration(0)
	if !c.Portion {
		up, wait = p.fleet.pick(now, c.Avoid)
	}
	ask, held := p.lease.wants(now, c.Tokens, lane)
	if ask {
		return Admission{Ask: true}
	}
	if wait = max(wait, held); !p.lease.on || p.lease.alone {
		wait = max(wait, p.quota.wait(now, float64(c.Tokens), lane))
	}
	if up < 0 || wait > 0 {
		return Admission{Wait: wait}
	}
	ok, probe := p.breaker.allow(now)
	if !ok {
		return Admission{Suspended: true, Cause: p.cause}
	}
	p.limit.take()
	p.quota.take(now, float64(c.Tokens))
	p.lease.take(now, c.Tokens)
	p.bytes += c.Bytes
	p.tokens += c.Tokens
	p.fleet.ups[up].started(c.Tokens)
	if !c.Extra {
		p.extra.earn()
		p.hedges.called()
	}
	p.limit.kick(now)
	return Admission{Ticket: &Ticket{
		Upstream: up, Started: now, HedgeAfter: p.hedgeAfter(c.Tokens), call: c, probe: probe, flow: p.fleet.ups[up].work.start(now, c.Tokens),
	}}
}

// Leave takes a waiter out of the queue for slots.
func (p *Pace) Leave(now time.Time, w *Waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit.dequeue(now, w)
}

// Release takes the outcome of a call and learns from it. It reports whether the
// breaker has changed its state or an upstream was ejected.
func (p *Pace) Release(now time.Time, t *Ticket, o Outcome) (changed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.breaker.state
	p.bytes -= t.call.Bytes
	p.tokens -= t.call.Tokens
	v := verdict(o)
	p.crowd.active = now
	ofUpstream := v
	if o.Overtaken {
		// One whose calls are overtaken again and again without a single answer hangs,
		// and is ejected like one that fails; the server as a whole answers.
		ofUpstream = Bad
	}
	p.fleet.ups[t.Upstream].work.ended(now, t.flow, o)
	ejected := p.fleet.ups[t.Upstream].ended(now, t.call.Tokens, ofUpstream, p.fleet.lone())
	if o.Size && p.batch.served(t.call.Documents, t.call.Longest) {
		v = Bad // it is called too large although calls as large were served
	}
	if v != None && v != Good {
		p.cause, p.fleet.ups[t.Upstream].cause = o.Cause, o.Cause
	}
	p.learn(now, t, o, v)
	p.judge(now, t, v, ejected)
	p.limit.release(now)
	return p.breaker.state != before || ejected
}

// verdict says what the outcome tells about the server. A call that was cut off
// says how fast the server is, see work, and nothing about its health.
func verdict(o Outcome) Verdict {
	if o.CutOff {
		return None
	}
	return o.Verdict
}

// judge passes the verdict on to the breaker, the limit of calls in flight and
// the hedge record.
func (p *Pace) judge(now time.Time, t *Ticket, v Verdict, ejected bool) {
	switch v {
	case None:
		if t.probe {
			p.breaker.abandon()
		}
		return
	case Good:
		p.limit.succeeded()
	case Pushback:
		p.limit.pushedBack()
	case Key:
		if !p.fleet.usable(now) || p.fleet.lone() {
			p.breaker.trip(now, p.rng)
			return
		}
	}
	p.breaker.hasty = v == Unreachable
	p.breaker.record(now, t.probe, v != Good, p.rng)
	if ejected && p.fleet.usable(now) {
		// What the ejected upstream did wrong says nothing about the others.
		p.breaker.forget()
	}
}

// learn corrects quotas, gates and estimates by what the server said.
func (p *Pace) learn(now time.Time, t *Ticket, o Outcome, v Verdict) {
	up := p.fleet.ups[t.Upstream]
	calls := float64(p.limit.inFlight - 1)
	if p.lease.on {
		o.Limits = p.lease.scaled(o.Limits, o.Answered, t.call.Tokens)
	}
	if pause := p.quota.declare(now, t.Started, o, calls, float64(p.tokens)); pause > 0 {
		up.gate.close(now, pause)
	}
	if v == Good && !o.Answered && !p.fleet.lone() && !p.fleet.oneServer {
		// It refused a request; until it is known whether others accept it, the next
		// calls go to them.
		up.gate.close(now, refusalHold)
	}
	switch {
	case v == Pushback && o.Refused && !o.CutOff:
		p.fleet.refused(now, up, o)
	case o.Answered:
		up.gate.refusals = 0
		p.answered++
		p.latency.observe(t.call.Tokens, now.Sub(t.Started))
		p.size.observe(t.call.Bytes+t.call.Documents*t.call.QueryBytes, t.call.Documents, o.Tokens)
		p.batch.accepted(t.call.Documents, t.call.Longest)
	}
}

// refusalHold is how long an upstream that refused a request is avoided.
const refusalHold = 50 * time.Millisecond

// hedgeSamples is how many calls must have been measured before a late one can
// be told from a slow one.
const hedgeSamples = 60

// hedgeAfter is how long a call of so many tokens may take before it is hedged:
// the prediction times a high quantile of measured over predicted.
func (p *Pace) hedgeAfter(tokens int) time.Duration {
	if p.latency.ratios.count < hedgeSamples || p.o.ExtraShare < 0 {
		return 0
	}
	return time.Duration(p.hedges.ratio(&p.latency.ratios) * float64(p.latency.predict(tokens)))
}

// MayHedge reports whether a hedge may fire now, and takes its cost out of the
// budget if so. Hedged must follow.
func (p *Pace) MayHedge(now time.Time, rest time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.hedges.enabled() || p.fleet.throttled(now) || rest < p.latency.typical() || !p.extra.spend(1) {
		return false
	}
	p.hedges.fired++
	return true
}

// Hedged takes the result of a hedge.
func (p *Pace) Hedged(r HedgeResult) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r == HedgeUnsent {
		p.extra.refund(1)
	}
	p.hedges.ended(r)
}

// Spend takes n calls out of the budget for retries and hedges, all or none.
func (p *Pace) Spend(n int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.extra.spend(n)
}

// Likely predicts the latency of a call, 0 when nothing is known. With no tokens
// it is the median of the newest calls.
func (p *Pace) Likely(tokens int) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	typical := p.latency.typical()
	if tokens == 0 {
		return typical
	}
	return min(p.latency.predict(tokens), typical)
}

// Gated reports whether all calls are held back after a refusal.
func (p *Pace) Gated(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fleet.gate(now) > 0
}

// RetryDelay is the wait before repetition n of a call. elsewhere says that it
// may go to another upstream than the given one right away.
func (p *Pace) RetryDelay(now time.Time, n, avoid int) (delay time.Duration, elsewhere bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return backoff(n, false, p.rng), p.fleet.elsewhere(now, avoid)
}

// TooLong reports whether a document of so many bytes has shown to be too long.
func (p *Pace) TooLong(now time.Time, bytes int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.batch.tooLong(now, bytes)
}

// Served reports whether a call with as many documents, and one with as long a
// document, have been answered: then it is not its size that a server refuses.
func (p *Pace) Served(documents, longest int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.batch.served(documents, longest)
}

// Accuse ejects an upstream that refused what another accepted.
func (p *Pace) Accuse(now time.Time, upstream int, cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	u := p.fleet.ups[upstream]
	u.cause = cause
	u.eject(now, ejectFor)
}

// Learn takes a lesson.
func (p *Pace) Learn(l Lesson) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.Calls > 0 {
		p.ladder.observe(l.Tokens, l.Calls, l.Took)
	}
	if l.HalfDocuments > 0 {
		p.batch.refused(l.HalfDocuments, l.HalfBytes, l.Body)
	}
	if l.Alone > 0 {
		p.batch.alone(l.Now, l.Alone)
	}
}

// Ignored returns the limits of requests and of tokens that the server declares and
// that are ignored, because calls that did not fit them were answered, as far as they
// were not told before; -1 for none.
func (p *Pace) Ignored() (requests, tokens int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.quota.ignored()
}

// Wish is what this process has to tell those with which it shares the quotas, and
// what a call of so many tokens needs; below 0 there is none. full asks for all of
// the use of the last minute, for others who know nothing.
func (p *Pace) Wish(now time.Time, lane Lane, tokens int, full bool) Wish {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.lease.wish(now, lane, tokens, full)
	w.Gate = p.fleet.gate(now)
	switch {
	case p.breaker.state == Open && !p.breaker.until.Equal(p.lease.open):
		w.Open = p.breaker.wait(now)
	case p.breaker.state == Closed && !p.lease.open.IsZero():
		w.Closed = true
	}
	return w
}

// Granted takes the answer to a wish of the time asked. It reports whether the
// breaker has changed its state.
func (p *Pace) Granted(asked, now time.Time, w Wish, g Grant) (changed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lease.granted(asked, w, g)
	p.quota.share(asked, g, p.lease.held)
	if g.Gate > 0 {
		p.fleet.close(asked, g.Gate)
	}
	before := p.breaker.state
	p.breaker.follow(asked, g.Open, g.Probe, p.breaker.until.Equal(p.lease.open))
	if p.lease.open = p.breaker.until; p.breaker.state == Closed {
		p.lease.open = time.Time{}
	}
	p.limit.kick(now)
	return p.breaker.state != before
}

// Alone takes note that the others cannot be reached before again: until then this
// process keeps to its share of the quotas, by the number of processes that was
// known last.
func (p *Pace) Alone(now, again time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lease.leave(now, again) {
		p.quota.part(now, max(1, p.lease.processes), p.lease.held)
	}
}

// Snapshot returns what is known.
func (p *Pace) Snapshot(now time.Time) Snapshot {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.quota.requests.refill(now)
	p.quota.tokens.refill(now)
	fixed, perToken := 0.0, 0.0
	if p.latency.n > 0 {
		fixed, perToken = p.latency.line()
	}
	s := Snapshot{
		Breaker: p.breaker.state, GateWait: p.fleet.gate(now),
		InFlight: p.limit.inFlight, BytesInFlight: p.bytes, Limit: p.limit.limit,
		Waiting:  len(p.limit.waiting[Chat]) + len(p.limit.waiting[Batch]),
		Requests: int(p.quota.requests.limit), Tokens: int(p.quota.tokens.limit),
		RemainingRequests: int(p.quota.requests.level), RemainingTokens: int(p.quota.tokens.level),
		ExtraCalls: p.extra.level, Hedging: p.hedges.enabled() && !p.fleet.throttled(now),
		MaxDocuments: p.batch.documents, MaxBytes: p.batch.mostBytes,
		TokensPerByte:   p.size.rate(),
		LatencyFixed:    seconds(fixed),
		LatencyPerToken: seconds(perToken),
		TypicalLatency:  p.latency.typical(),
		Answered:        p.answered,
		Cause:           p.cause,
		Upstreams:       p.fleet.snapshot(now),
	}
	if s.Breaker == Open {
		s.BreakerWait = max(0, p.breaker.until.Sub(now))
	}
	return s
}

func seconds(s float64) time.Duration {
	return time.Duration(min(s, math.MaxInt64/float64(2*time.Second)) * float64(time.Second))
}

package pace

import (
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// Options sets a Pace. All numbers are checked by the caller.
type Options struct {
	// Upstreams is the number of servers, at least 1; OneServer says that they are
	// connections to one, so that a refusal by one holds all of them.
	Upstreams int
	OneServer bool
	// Requests and Tokens are the quotas for each minute, 0 while unknown.
	Requests, Tokens int
	// Bounds are what one call may hold as the server declares it, 0 where it
	// declares nothing; they hold from the first call.
	Bounds Bounds
	// Concurrency is the most calls in flight.
	Concurrency int
	// ExtraShare and ExtraBurst bound retries and hedges; a share below 0 allows
	// none.
	ExtraShare float64
	ExtraBurst int
	// Rand is the source of jitter, exploration and choice, used under the lock.
	Rand *rand.Rand
}

// Pace is what all queries of an endpoint share. Make one with New. It is safe
// for concurrent use.
type Pace struct {
	o Options

	mu       sync.Mutex
	rng      *rand.Rand
	ups      []*upstream
	quota    quota
	limit    callLimit
	extra    extraBudget
	breaker  breaker
	hedges   hedgeRecord
	size     tokenEstimate
	latency  latencyModel
	ladder   ladder
	batch    batchLimit
	bytes    int // in flight
	tokens   int // in flight
	skipped  int // queries in a row that were too late to try
	answered int // calls that succeeded
}

// New returns a pace that knows nothing yet but its options.
func New(now time.Time, o Options) *Pace {
	p := &Pace{
		o: o, rng: o.Rand,
		quota: quota{requests: newQuotaBucket(o.Requests, now), tokens: newQuotaBucket(o.Tokens, now)},
		limit: newCallLimit(o.Concurrency), extra: newExtraBudget(o.ExtraShare, o.ExtraBurst),
		batch: newBatchLimit(o.Bounds),
	}
	if o.ExtraShare < 0 {
		p.extra = newExtraBudget(0, 0)
	}
	for range o.Upstreams {
		p.ups = append(p.ups, &upstream{})
	}
	return p
}

// Query describes a query before anything of it is sent.
type Query struct {
	Lane       Lane
	QueryBytes int
	// Items are the documents in retrieval order; their tokens are filled in.
	Items []Item
	// Rest is the time to the deadline.
	Rest time.Duration
	// Calls and Width are how many calls the caller wants in all and at once, 0
	// learns them; Bounds are what one may hold, 0 learns it.
	Calls, Width int
	Bounds       Bounds
	// Wait says that the query waits for quotas; Whole that it goes in one call.
	Wait, Whole bool
}

// Forecast is what a Pace says about a query.
type Forecast struct {
	// Items are those that the quota covers; Left counts the others, all from the
	// end. Long are items that may be too long, each to be sent alone.
	Items, Long []Item
	Left        int
	// Tokens is what all of Items and Long hold, Bounds what one call may hold.
	Tokens int
	Bounds Bounds
	// Calls is into how many calls the query is best split, Width how many of them
	// are best made at once.
	Calls, Width int
	// Expected is how long such a query takes, 0 if none has been seen.
	Expected time.Duration
	// Hedge says that late calls may be hedged.
	Hedge bool
}

// smallestCall is how many tokens are worth a call of their own.
const smallestCall = 512

// defaultWidth is how many calls of a query are in flight before the number is
// learned.
const defaultWidth = 8

// Forecast says how a query is best sent. Without any items left the quota is
// used up.
func (p *Pace) Forecast(now time.Time, q Query) Forecast {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range q.Items {
		q.Items[i].Tokens = p.size.pair(q.QueryBytes, q.Items[i].Bytes)
	}
	covered, most := p.quota.afford(now, q)
	f := Forecast{Items: q.Items[:covered], Left: len(q.Items) - covered}
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
	f.Calls = min(f.Calls, most)
	// Behind a single process a hedge only queues behind the call that it should
	// overtake.
	f.Hedge = len(p.ups) > 1 || !p.ladder.serial(f.Tokens)
	f.Width = q.Width
	if f.Width == 0 {
		f.Width = defaultWidth
		if q.Calls == 0 {
			f.Width = max(f.Width, f.Calls)
		}
	}
	f.Bounds = p.batch.bounds(q.Bounds)
	f.Expected = p.ladder.expect(f.Tokens)
	if !q.Whole {
		f.Items, f.Long = p.batch.suspects(f.Items)
	}
	return f
}

// lateTrial is how many queries in a row may be skipped as too late before one
// is sent all the same, lest an old latency be believed for ever.
const lateTrial = 20

// InTime reports whether a query whose smallest call has so many tokens can have
// an answer within the rest of its time. A trial is sent although it is likely
// to come too late.
func (p *Pace) InTime(rest time.Duration, smallest int) (ok, trial bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	need := min(p.latency.typical(), p.latency.predict(smallest))
	switch {
	case rest <= 0:
		return false, false
	case rest >= need:
		return true, false
	}
	p.skipped++
	trial = p.skipped%lateTrial == 0
	return trial, trial
}

// Call describes a call before it is made.
type Call struct {
	Waiter        *Waiter
	Avoid         int // an upstream, -1 for none
	Tokens, Bytes int
	Documents     int
	QueryBytes    int // of the query, for each document
	Extra, Hedge  bool
}

// Ticket is a call that was let through.
type Ticket struct {
	// Upstream is where the call goes to.
	Upstream int
	// Started is when it was let through.
	Started time.Time
	// HedgeAfter is how long it may take before it is late, 0 if nobody knows.
	HedgeAfter time.Duration

	call  Call
	probe bool
}

// Hedge reports whether the call is a hedge.
func (t *Ticket) Hedge() bool { return t.call.Hedge }

// Admission is the answer to a wish to call: a ticket, or what to wait for, or
// that calls are suspended.
type Admission struct {
	Ticket *Ticket
	// Wait is how long a quota or a gate holds the call back.
	Wait time.Duration
	// Slot says that the waiter is woken when it may try again.
	Slot bool
	// Suspended says that the breaker is open, for so long if it is not 0.
	Suspended bool
	For       time.Duration
}

// BytesInFlight bounds the document text that is on its way at one time.
const BytesInFlight = 256 << 20

// Admit decides about one call. Budget for extra calls has been spent before.
func (p *Pace) Admit(now time.Time, c Call) Admission {
	p.mu.Lock()
	defer p.mu.Unlock()
	if wait := p.breaker.wait(now); wait > 0 {
		return Admission{Suspended: true, For: wait}
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
	up, wait := p.pick(now, c.Avoid)
	wait = max(wait, p.quota.wait(now, float64(c.Tokens), lane))
	if up < 0 || wait > 0 {
		return Admission{Wait: wait}
	}
	ok, probe := p.breaker.allow(now)
	if !ok {
		return Admission{Suspended: true}
	}
	p.limit.take()
	p.quota.take(now, float64(c.Tokens))
	p.bytes += c.Bytes
	p.tokens += c.Tokens
	p.ups[up].started(c.Tokens)
	if !c.Extra {
		p.extra.earn()
		p.hedges.called()
	}
	p.limit.kick(now)
	return Admission{Ticket: &Ticket{Upstream: up, Started: now, HedgeAfter: p.hedgeAfter(c.Tokens), call: c, probe: probe}}
}

func (p *Pace) pick(now time.Time, avoid int) (up int, wait time.Duration) {
	var shunned *upstream
	if avoid >= 0 {
		shunned = p.ups[avoid]
	}
	chosen, wait := pick(p.ups, now, shunned, p.rng)
	for i, u := range p.ups {
		if u == chosen {
			return i, wait
		}
	}
	return -1, wait
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
	v := p.verdict(now, t, o)
	ofUpstream := v
	if o.Overtaken {
		// One whose calls are overtaken again and again without a single answer hangs,
		// and is ejected like one that fails; the server as a whole answers.
		ofUpstream = Bad
	}
	ejected := p.ups[t.Upstream].ended(now, t.call.Tokens, ofUpstream, len(p.ups) == 1)
	p.learn(now, t, o, v)
	p.judge(now, t, v, ejected)
	p.limit.release(now)
	return p.breaker.state != before || ejected
}

// verdict says what the outcome tells about the server. A call that the deadline
// cut off counts against it only if it took far longer than calls of its size do,
// or as long and the whole query got nothing: a short deadline is no fault of a
// server, and a query that got its first tier was served.
func (p *Pace) verdict(now time.Time, t *Ticket, o Outcome) Verdict {
	switch {
	case o.Late:
		took := now.Sub(t.Started)
		usual := p.latency.predict(t.call.Tokens)
		if usual == 0 {
			usual = 100 * time.Millisecond
		}
		if o.Barren && took >= usual || took >= 3*usual {
			return Pushback
		}
		return None
	case o.CutOff:
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
		if !anyUsable(p.ups, now) || len(p.ups) == 1 {
			p.breaker.trip(now, p.rng)
			return
		}
	}
	p.breaker.record(now, t.probe, v != Good, p.rng)
	if ejected && anyUsable(p.ups, now) {
		// What the ejected upstream did wrong says nothing about the others.
		p.breaker.forget()
	}
}

// learn corrects quotas, gates and estimates by what the server said.
func (p *Pace) learn(now time.Time, t *Ticket, o Outcome, v Verdict) {
	up := p.ups[t.Upstream]
	calls := float64(p.limit.inFlight - 1)
	if pause := p.quota.declare(now, t.Started, o.Limits, calls, float64(p.tokens)); pause > 0 {
		up.gate.close(now, pause)
	}
	switch {
	case v == Pushback && o.Refused && !o.CutOff:
		p.refused(now, up, o)
	case o.Answered:
		up.gate.refusals = 0
		p.answered++
		p.skipped = 0
		p.latency.observe(t.call.Tokens, now.Sub(t.Started))
		p.size.observe(t.call.Bytes+t.call.Documents*t.call.QueryBytes, t.call.Documents, o.Tokens)
		p.batch.accepted(t.call.Documents)
	}
}

// refused closes the gate after a refusal: for as long as the server says, or
// until the budget that it calls empty is full again, or for a back-off.
func (p *Pace) refused(now time.Time, up *upstream, o Outcome) {
	held := []*upstream{up}
	if p.o.OneServer {
		held = p.ups
	}
	pause := o.RetryAfter
	if pause == 0 {
		pause = o.Limits.pause()
	}
	for _, u := range held {
		u.gate.refuse(now)
		d := pause
		if d <= 0 {
			d = backoff(u.gate.refusals, true, p.rng)
		}
		u.gate.close(now, d)
	}
}

// throttled reports whether the server refused something lately.
func (p *Pace) throttled(now time.Time) bool {
	for _, u := range p.ups {
		if u.gate.hot(now) {
			return true
		}
	}
	return false
}

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
	if !p.hedges.enabled() || p.throttled(now) || rest < p.latency.typical() || !p.extra.spend(1) {
		return false
	}
	p.hedges.fired++
	return true
}

// HedgeResult is what became of a hedge.
type HedgeResult uint8

// The results.
const (
	HedgeLost    HedgeResult = iota // another call answered first, or none did
	HedgeWon                        // it answered first
	HedgeUnsent                     // it was not sent after all
	HedgeUnknown                    // nobody waited for it
)

// Hedged takes the result of a hedge.
func (p *Pace) Hedged(r HedgeResult) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch r {
	case HedgeLost, HedgeWon:
		p.hedges.record(r == HedgeWon)
	case HedgeUnsent:
		p.extra.refund(1)
		p.hedges.fired--
	case HedgeUnknown:
		p.hedges.fired = max(0, p.hedges.fired-1)
	}
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
	for _, u := range p.ups {
		if u.gate.wait(now) == 0 {
			return false
		}
	}
	return true
}

// RetryDelay is the wait before repetition n of a call. elsewhere says that it
// may go to another upstream than the given one right away.
func (p *Pace) RetryDelay(now time.Time, n, avoid int) (delay time.Duration, elsewhere bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, u := range p.ups {
		elsewhere = elsewhere || i != avoid && u.usable(now) && u.gate.wait(now) == 0
	}
	return backoff(n, false, p.rng), elsewhere
}

// GateLongest bounds what a server may ask for: a Retry-After of a day must not
// silence a process for a day.
const GateLongest = gateLongest

// Lesson is what a whole query, or a call that was split, teaches.
type Lesson struct {
	// Tokens, Calls and Took are of a query that went its way.
	Tokens, Calls int
	Took          time.Duration
	// HalfDocuments and HalfBytes are of the larger half of a call that was refused
	// for its size and whose halves were both accepted; Body says that the server
	// blamed bytes.
	HalfDocuments, HalfBytes int
	Body                     bool
	// Alone is the bytes of a document that was refused in a call of its own.
	Alone int
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
		p.batch.alone(l.Alone)
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
		Breaker:  p.breaker.state,
		InFlight: p.limit.inFlight, BytesInFlight: p.bytes, Limit: p.limit.limit,
		Waiting:  len(p.limit.waiting[Chat]) + len(p.limit.waiting[Batch]),
		Requests: int(p.quota.requests.limit), Tokens: int(p.quota.tokens.limit),
		RemainingRequests: int(p.quota.requests.level), RemainingTokens: int(p.quota.tokens.level),
		ExtraCalls: p.extra.level, Hedging: p.hedges.enabled() && !p.throttled(now),
		MaxDocuments: p.batch.documents, MaxBytes: p.batch.mostBytes,
		TokensPerByte:   p.size.rate(),
		LatencyFixed:    seconds(fixed),
		LatencyPerToken: seconds(perToken),
		TypicalLatency:  p.latency.typical(),
		Answered:        p.answered,
		Upstreams:       make([]UpstreamSnapshot, len(p.ups)),
	}
	if s.Breaker == Open {
		s.BreakerWait = max(0, p.breaker.until.Sub(now))
	}
	s.GateWait = gateLongest
	for i, u := range p.ups {
		wait := u.gate.wait(now)
		s.GateWait = min(s.GateWait, wait)
		s.Upstreams[i] = UpstreamSnapshot{InFlight: u.inFlight, Failures: u.failed, Ejected: u.times > 0, GateWait: wait}
	}
	return s
}

func seconds(s float64) time.Duration {
	return time.Duration(min(s, math.MaxInt64/float64(2*time.Second)) * float64(time.Second))
}

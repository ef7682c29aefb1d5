package pace

import (
	"cmp"
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
	// Shared says that others use the quotas as well, see Wish.
	Shared bool
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
	lease    lease
	limit    callLimit
	extra    extraBudget
	breaker  breaker
	hedges   hedgeRecord
	size     tokenEstimate
	latency  latencyModel
	ladder   ladder
	batch    batchLimit
	bytes    int       // in flight
	tokens   int       // in flight
	tried    time.Time // of the newest trial
	crowded  bool      // queries follow so closely that what one gives up delays the next, or may
	newest   *Waiter   // that was sent in portions
	shared   time.Time // when such queries overlapped last
	cause    error     // of the newest failure that counted against the server
	quiet    int       // scarce queries in a row that met a rested server
	active   time.Time // when a call of ours was last in a server
	answered int       // calls that succeeded
}

// New returns a pace that knows nothing yet but its options.
func New(now time.Time, o Options) *Pace {
	p := &Pace{
		o: o, rng: o.Rand,
		quota: quota{requests: newQuotaBucket(o.Requests, now), tokens: newQuotaBucket(o.Tokens, now)},
		limit: newCallLimit(o.Concurrency), extra: newExtraBudget(o.ExtraShare, o.ExtraBurst),
		batch: newBatchLimit(o.Bounds), lease: lease{on: o.Shared, processes: 1}, crowded: true,
	}
	if o.ExtraShare < 0 {
		p.extra = newExtraBudget(0, 0)
	}
	p.limit.speed = p.speed
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
	// Items are those that the quota covers; Left are the others, all from the
	// end. Long are items that the server has shown to be too long.
	Items, Long, Left []Item
	// Tokens is what all of Items hold, Bounds what one call may hold.
	Tokens int
	Bounds Bounds
	// Calls is into how many calls the query is best split, Width how many of them
	// are best made at once.
	Calls, Width int
	// Expected is how long such a query takes, 0 if none has been seen.
	Expected time.Duration
	// Hedge says that late calls may be hedged.
	Hedge bool
	// Portions says that the query is not sure to be done in time, so that it is sent
	// in portions, see Pace.Portion.
	Portions bool
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
	if p.scarce(now, q.Rest, float64(f.Tokens), len(f.Items)) {
		crowd := p.crowd(now, q.Rest)
		f.Portions = crowd || !p.fits(now, q.Rest, f)
	}
	return f
}

// speed is what the usable upstreams do a second, and what is before them.
func (p *Pace) speed(now time.Time) (rate, backlog float64) {
	for _, u := range p.ups {
		if u.usable(now) || !anyUsable(p.ups, now) {
			rate += u.work.rate(now)
			backlog += u.work.backlog(now)
		}
	}
	return rate, backlog
}

// scarce reports whether a query of so many tokens is not sure to be done within
// half of the time that it has.
func (p *Pace) scarce(now time.Time, rest time.Duration, tokens float64, documents int) bool {
	rate, backlog := p.speed(now)
	if rate == 0 {
		return documents > fewDocuments && rest < portionMax
	}
	return seconds((backlog+tokens)/rate) > rest/2
}

// restedQueries is how many scarce queries in a row must meet a rested server until
// one may be sent as if what it gives up at its deadline delayed nobody.
const restedQueries = 20

// crowd reports whether a query that is not sure to be done should spare the server,
// because the next one comes before what it would give up is done. Where the
// server rests between queries, it is best filled to the brim.
func (p *Pace) crowd(now time.Time, rest time.Duration) bool {
	backlog := 0.0
	for _, u := range p.ups {
		backlog += u.work.backlog(now)
	}
	switch {
	case p.limit.inFlight == 0 && now.Sub(p.active) >= rest/2:
		p.quiet++
	case backlog > 0:
		p.crowded, p.quiet = true, 0
	default:
		p.quiet = 0
	}
	if p.quiet >= restedQueries {
		p.crowded = false
	}
	return p.crowded
}

// fits reports whether most of the calls that would be made at once are likely to
// be answered in time.
func (p *Pace) fits(now time.Time, rest time.Duration, f Forecast) bool {
	tokens := float64(f.Tokens) / float64(max(1, f.Calls))
	if n := f.Bounds.Documents; n > 0 {
		tokens = min(tokens, float64(f.Tokens)*float64(n)/float64(max(1, len(f.Items))))
	}
	rate, soonest := 0.0, rest
	for _, u := range p.ups {
		if r := u.work.rate(now); r > 0 {
			rate += r
			soonest = min(soonest, u.work.takes(now, tokens))
		}
	}
	return soonest < rest && seconds(tokens*float64(min(f.Width, f.Calls))/rate) < 2*rest+rest/4
}

// InTime reports whether a call of so many tokens can have an answer within the
// rest of its time. One that cannot is a trial now and then.
func (p *Pace) InTime(now time.Time, rest time.Duration, smallest int) (ok, trial bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if rest <= 0 {
		return false, false
	}
	for _, u := range p.ups {
		if u.work.takes(now, float64(smallest)) <= rest {
			return true, false
		}
	}
	if now.Sub(p.tried) < trialEvery {
		return false, false
	}
	p.tried = now
	return true, true
}

// Portion says what a query may send next.
func (p *Pace) Portion(now time.Time, q Portions) Portion {
	p.mu.Lock()
	defer p.mu.Unlock()
	q.Waiter.tier, q.Waiter.portions = q.Tier, true
	w := q.Waiter
	w.need, w.until, w.half, w.first = float64(q.Top), now.Add(q.Rest), now.Add(q.Rest-q.Time/2), 0
	if q.First {
		w.first = float64(q.Next * len(p.ups))
	}
	q.rescued = p.limit.rescues(now, w)
	if p.newest != w && p.newest != nil && p.newest.until.After(now) {
		p.shared = now
	}
	p.newest, q.shared = w, !p.shared.IsZero() && now.Sub(p.shared) < sharedFor
	if p.limit.ahead(now, q.Waiter) || p.limit.free(q.Waiter.lane) <= 0 {
		p.limit.enqueue(now, q.Waiter)
		p.limit.kick(now)
		return Portion{Wait: q.Rest}
	}
	best := Portion{Late: true}
	soonest := time.Duration(0)
	for i, u := range p.ups {
		if !u.usable(now) && anyUsable(p.ups, now) || u.gate.wait(now) > 0 {
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
	if best.Tokens == 0 && !best.Late {
		p.limit.enqueue(now, q.Waiter)
	}
	return best
}

// Call describes a call before it is made.
type Call struct {
	Waiter        *Waiter
	Avoid         int // an upstream, -1 for none
	Tokens, Bytes int
	Documents     int
	QueryBytes    int // of the query, for each document
	Longest       int // bytes of the longest document
	Extra, Hedge  bool
	// Portion says that the call was allowed by Portion, for the upstream To.
	Portion bool
	To      int
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
	flow  *flow
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
	// Ask says that those who share the quota are to be asked first, see Wish.
	Ask bool
	// Slot says that the waiter is woken when it may try again.
	Slot bool
	// Suspended says that the breaker is open, for so long if it is not 0, and Cause
	// what opened it.
	Suspended bool
	For       time.Duration
	Cause     error
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
		up, wait = p.pick(now, c.Avoid)
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
	p.ups[up].started(c.Tokens)
	if !c.Extra {
		p.extra.earn()
		p.hedges.called()
	}
	p.limit.kick(now)
	return Admission{Ticket: &Ticket{
		Upstream: up, Started: now, HedgeAfter: p.hedgeAfter(c.Tokens), call: c, probe: probe, flow: p.ups[up].work.start(now, c.Tokens),
	}}
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
	v := verdict(o)
	p.active = now
	ofUpstream := v
	if o.Overtaken {
		// One whose calls are overtaken again and again without a single answer hangs,
		// and is ejected like one that fails; the server as a whole answers.
		ofUpstream = Bad
	}
	p.ups[t.Upstream].work.ended(now, t.flow, o)
	ejected := p.ups[t.Upstream].ended(now, t.call.Tokens, ofUpstream, len(p.ups) == 1)
	if o.Size && p.batch.served(t.call.Documents, t.call.Longest) {
		v = Bad // it is called too large although calls as large were served
	}
	if v != None && v != Good {
		p.cause, p.ups[t.Upstream].cause = o.Cause, o.Cause
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
		if !anyUsable(p.ups, now) || len(p.ups) == 1 {
			p.breaker.trip(now, p.rng)
			return
		}
	}
	p.breaker.hasty = v == Unreachable
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
	if p.lease.on {
		o.Limits = p.lease.scaled(o.Limits, o.Answered, t.call.Tokens)
	}
	if pause := p.quota.declare(now, t.Started, o, calls, float64(p.tokens)); pause > 0 {
		up.gate.close(now, pause)
	}
	if v == Good && !o.Answered && len(p.ups) > 1 && !p.o.OneServer {
		// It refused a request; until it is known whether others accept it, the next
		// calls go to them.
		up.gate.close(now, refusalHold)
	}
	switch {
	case v == Pushback && o.Refused && !o.CutOff:
		p.refused(now, up, o)
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
	// Alone is the bytes of a document that was refused in a call of its own at the
	// time Now.
	Alone int
	Now   time.Time
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
	u := p.ups[upstream]
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
	requests, tokens = -1, -1
	if n, ok := p.quota.requests.doubt.news(); ok {
		requests = n
	}
	if n, ok := p.quota.tokens.doubt.news(); ok {
		tokens = n
	}
	return requests, tokens
}

// Wish is what this process has to tell those with which it shares the quotas, and
// what a call of so many tokens needs; below 0 there is none. full asks for all of
// the use of the last minute, for others who know nothing.
func (p *Pace) Wish(now time.Time, lane Lane, tokens int, full bool) Wish {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.lease.wish(now, lane, tokens, full)
	if full {
		w.Limits.Requests = cmp.Or(w.Limits.Requests, p.lease.limits.Requests)
		w.Limits.Tokens = cmp.Or(w.Limits.Tokens, p.lease.limits.Tokens)
	}
	if full || p.lease.limits == (Permits{}) { // else the others know, and may know better
		w.Limits.Requests = cmp.Or(w.Limits.Requests, p.o.Requests)
		w.Limits.Tokens = cmp.Or(w.Limits.Tokens, p.o.Tokens)
	}
	w.Gate = gateLongest
	for _, u := range p.ups {
		w.Gate = min(w.Gate, u.gate.wait(now))
	}
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
	p.quota.requests.share(asked, g.Limits.Requests, g.Capacity.Requests, g.Left.Requests+p.lease.held.Requests)
	p.quota.tokens.share(asked, g.Limits.Tokens, g.Capacity.Tokens, g.Left.Tokens+p.lease.held.Tokens)
	if g.Gate > 0 {
		for _, u := range p.ups {
			u.gate.close(asked, g.Gate)
		}
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
	l := &p.lease
	if l.again = again; l.alone {
		return
	}
	l.lapse(now)
	l.alone = true
	n := max(1, l.processes)
	p.quota.requests.part(now, n, l.held.Requests)
	p.quota.tokens.part(now, n, l.held.Tokens)
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
		Cause:           p.cause,
		Upstreams:       make([]UpstreamSnapshot, len(p.ups)),
	}
	if s.Breaker == Open {
		s.BreakerWait = max(0, p.breaker.until.Sub(now))
	}
	s.GateWait = gateLongest
	for i, u := range p.ups {
		wait := u.gate.wait(now)
		s.GateWait = min(s.GateWait, wait)
		s.Upstreams[i] = UpstreamSnapshot{InFlight: u.inFlight, Failures: u.failed, Ejected: u.times > 0, GateWait: wait, Cause: u.cause}
	}
	return s
}

func seconds(s float64) time.Duration {
	return time.Duration(min(s, math.MaxInt64/float64(2*time.Second)) * float64(time.Second))
}

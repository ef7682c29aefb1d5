package reranker

import (
	"context"
	"time"

	"github.com/rankcascade/cascade/internal/stray"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker/internal/pace"
)

// run is one query on its way. Its fields belong to the goroutine of the caller,
// which decides everything; the goroutines of the calls only call and report.
type run struct {
	s    *Sharded
	e    *Endpoint
	ctx  context.Context // of the calls: ends at the deadline
	term term
	lane Lane

	whole  bool // everything goes in one call
	plan   plan
	flight flight
	tally  tally
	send   sender
	mend   mender

	waiter *pace.Waiter
	trial  bool // sent although it is likely to come too late
}

func newRun(ctx context.Context, s *Sharded, query string, documents []string) *run {
	r := &run{
		s: s, e: s.endpoint, whole: s.listwise(), lane: laneOf(ctx, s.o.Lane), term: newTerm(ctx, time.Now(), s.o.Timeout),
	}
	r.send = sender{e: r.e, term: &r.term, query: query, documents: documents}
	r.tally = newTally(len(documents), s.o.Top, r.term)
	r.waiter = pace.NewWaiter(pace.Lane(r.lane))
	return r
}

// score runs the query. stopped says that progress asked to end it.
func (r *run) score(progress func(Scores) bool) (scores Scores, stopped bool, err error) {
	var cancel context.CancelFunc
	r.ctx, cancel = context.WithDeadline(r.term.caller, r.term.deadline)
	// Whatever happens, also in the consumer of a stream: no call outlives this, or
	// it is left behind.
	defer func() {
		r.join(cancel)
		r.e.pace.Leave(time.Now(), r.waiter)
	}()
	if r.begin() {
		stopped = r.loop(progress)
	}
	r.join(cancel)
	if stopped {
		return Scores{}, true, nil
	}
	scores, err = r.finish()
	return scores, false, err
}

// begin plans the query and reports whether there is anything to send.
func (r *run) begin() bool {
	send, blank := items(r.send.documents)
	r.tally.blank = blank
	if r.term.caller.Err() != nil {
		r.tally.refuse(send, r.term.ending())
		return false
	}
	if send = r.fit(send); len(send) == 0 {
		return false
	}
	r.send.anchors = newAnchors(r.s.o.Anchors, r.send.documents, send)
	r.mend = mender{e: r.e, o: r.s.o, term: &r.term, flight: &r.flight, tally: &r.tally, texts: r.send.documents, whole: r.whole}
	f := r.e.pace.Forecast(r.term.start, r.forecastQuery(send))
	if len(f.Long) > 0 {
		r.tally.refuse(f.Long, loss{pipeline.ReasonTooLong, errTooLong})
	}
	if len(f.Left) > 0 {
		r.tally.unaffordable(f.Left, len(f.Items)+len(f.Left))
	}
	if len(f.Items) == 0 {
		return false
	}
	r.plan = newPlan(f, r.s.o, r.whole, r.term.rest(r.term.start))
	if r.plan.refused != nil {
		r.tally.refuse(f.Items, loss{r.plan.reason, r.plan.refused})
		return false
	}
	ok, trial := r.e.pace.InTime(r.term.start, r.term.rest(r.term.start), r.plan.smallest())
	if r.trial = trial; !ok && !r.whole {
		r.tally.refuse(f.Items, loss{pipeline.ReasonDeadline, errNoTime})
		return false
	}
	r.flight = newFlight(r.plan, r.term.start)
	r.tally.report.Planned = len(r.plan.parcels)
	r.send.answers = make(chan *call, r.plan.width)
	return r.flight.undecided()
}

// fit keeps the documents within what the model takes together with the query,
// and returns what is to be sent.
func (r *run) fit(send []pace.Item) []pace.Item {
	f := fitting{limit: r.e.pairTokens, fitter: r.e.fitter, noCut: r.s.o.NoCut, query: r.send.query, documents: r.send.documents}
	kept := f.all(r.ctx, send)
	r.send.documents, r.tally.cut = f.documents, f.warning()
	if len(f.long) > 0 {
		r.tally.refuse(f.long, loss{pipeline.ReasonTooLong, f.tooLong()})
	}
	if len(f.failed) > 0 {
		r.tally.refuse(f.failed, loss{pipeline.ReasonFailed, f.err})
	}
	return kept
}

func (r *run) forecastQuery(send []pace.Item) pace.Query {
	o := r.s.o
	return pace.Query{
		Lane: pace.Lane(r.lane), QueryBytes: len(r.send.query), Items: send, Rest: r.term.rest(r.term.start),
		Calls: o.Calls, Width: o.Concurrency, Bounds: pace.Bounds{Documents: o.Documents, Bytes: o.Bytes, Tokens: o.Tokens},
		Wait: o.Wait, Whole: r.whole,
	}
}

// loop starts what may start and takes what comes back, until nothing is open or
// the time is up. It reports whether progress asked to stop.
func (r *run) loop(progress func(Scores) bool) (stopped bool) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for r.flight.undecided() {
		if r.over() {
			return false
		}
		next := r.dispatch()
		if !r.flight.undecided() {
			return false
		}
		timer.Reset(time.Until(next))
		select {
		case c := <-r.send.answers:
			answered := r.settle(c)
			for len(r.send.answers) > 0 {
				answered = r.settle(<-r.send.answers) || answered
			}
			if answered && progress != nil && r.flight.undecided() && !progress(r.scores()) {
				return true
			}
		case <-timer.C:
		case <-r.waiter.Wake:
		case <-r.term.caller.Done():
		case <-r.e.life.closed:
		}
	}
	return false
}

// over ends the query when its time is up, its caller has gone or the endpoint
// has closed, and reports whether it did.
func (r *run) over() bool {
	select {
	case <-r.e.life.closed:
		r.flight.loseOpen(pipeline.ReasonCanceled, &Error{Kind: KindConfig, Op: "reranker: shard", Err: ErrClosed})
		return true
	default:
	}
	if !r.term.over(time.Now()) {
		return false
	}
	for len(r.send.answers) > 0 {
		r.settle(<-r.send.answers) // what has arrived still counts
	}
	l := r.term.ending()
	r.flight.loseOpen(l.reason, l.err)
	return true
}

// dispatch starts every call that may start now, first tier first, then hedges
// what is slow. It returns when something may have to be done next.
func (r *run) dispatch() (next time.Time) {
	next = r.term.deadline
	blocked := false
	for i := 0; i < len(r.flight.pieces); i++ { // pieces may be split while we go
		p := r.flight.pieces[i]
		if p.state != pieceWaiting {
			continue
		}
		now := time.Now()
		if now.Before(p.ready) {
			next = earlier(next, p.ready)
			continue
		}
		if r.flight.flying >= r.plan.width {
			break
		}
		slot, at := r.attempt(p, now)
		if slot {
			blocked = true
			break
		}
		next = earlier(next, at)
		if p.state == pieceWaiting {
			break // behind a gate or a quota: what follows is, too
		}
	}
	if !blocked && len(r.flight.rest) > 0 {
		var at time.Time
		blocked, at = r.portions()
		next = earlier(next, at)
	}
	if !blocked {
		r.e.pace.Leave(time.Now(), r.waiter)
		next = earlier(next, r.hedge())
	}
	return next
}

// portions sends what may be sent of a query that is sent in portions. blocked
// says that the waiter waits for more, next that it is best to look again then.
func (r *run) portions() (blocked bool, next time.Time) {
	for len(r.flight.rest) > 0 && r.flight.flying < r.plan.width {
		now := time.Now()
		a := r.e.pace.Portion(now, pace.Portions{
			Waiter: r.waiter, Time: r.term.rest(r.term.start), Rest: r.term.rest(now), Next: r.flight.rest[0].Tokens, Tier: r.flight.tier(), Top: r.flight.topTokens(), Trial: r.trial, First: len(r.flight.plan) == 0,
		})
		switch {
		case a.Tokens > 0:
			p := r.flight.cut(now, a.Tokens, a.Documents)
			r.tally.report.Planned++
			p.portion, p.to = true, a.Upstream
			r.trial = false
			if slot, at := r.attempt(p, now); slot || p.state == pieceWaiting {
				return slot, at
			}
		case a.Late && r.flight.flying > 0:
			return false, time.Time{} // an answer may show that there is more time
		case a.Late:
			r.flight.loseRest(now, pipeline.ReasonDeadline, errNoTime)
		case a.Wait > 0:
			return true, now.Add(a.Wait)
		default:
			return true, time.Time{}
		}
	}
	return false, time.Time{}
}

// attempt starts p, or says what it has to wait for, or gives it up.
func (r *run) attempt(p *piece, now time.Time) (slot bool, next time.Time) {
	if !r.trial && !p.portion && now.After(r.term.start) && r.term.rest(now) < r.e.pace.Likely(p.Tokens) {
		// It waited for so long that its answer would come too late; sending it
		// would only take the server's time from calls that can make it.
		r.flight.lose(p, pipeline.ReasonDeadline, errNoTime)
		return false, time.Time{}
	}
	a := r.e.admit(r.ctx, r.lane, r.wish(p, p.tries > 0 || p.again, false, p.avoid))
	switch {
	case a.Ticket != nil:
		r.call(p, a.Ticket)
	case a.Suspended && r.s.o.Wait && a.For < r.term.rest(now):
		r.tally.wait(now, a.Cause)
		return false, now.Add(max(a.For, 10*time.Millisecond))
	case a.Suspended:
		r.flight.loseWaiting(pipeline.ReasonBreaker, r.e.suspended(a.For, a.Cause))
	case a.Slot:
		return true, time.Time{}
	default:
		r.flight.hurt = true
		if r.pays(now, a.Wait, p) {
			return false, now.Add(a.Wait)
		}
		r.flight.loseWaiting(pipeline.ReasonRateLimit, p.held(a.Wait))
	}
	return false, time.Time{}
}

// pays reports whether p can still be answered after waiting. People do not wait
// for a quota that other queries use up: past a quarter of what is left, their
// documents are given up instead, but a refusal may be waited for.
func (r *run) pays(now time.Time, wait time.Duration, p *piece) bool {
	rest := r.term.rest(now)
	if wait+r.e.pace.Likely(p.Tokens) >= rest {
		return false
	}
	return r.s.o.Wait || p.tries > 0 || r.e.pace.Gated(now) || wait <= rest/4
}

func (r *run) wish(p *piece, extra, hedge bool, avoid int) pace.Call {
	return pace.Call{
		Waiter: r.waiter, Avoid: avoid, Tokens: p.Tokens, Bytes: p.Bytes,
		Documents: len(p.Documents), QueryBytes: len(r.send.query), Longest: r.send.documents.longest(p), Extra: extra, Hedge: hedge,
		Portion: p.portion && p.tries == 0, To: p.to,
	}
}

// call makes one call in a goroutine of its own.
func (r *run) call(p *piece, t *pace.Ticket) {
	c := &call{piece: p, ticket: t}
	c.ctx, c.cancel = context.WithCancel(r.ctx)
	if !r.send.launch(c) {
		c.cancel()
		r.e.pace.Release(time.Now(), t, pace.Outcome{})
		r.flight.loseWaiting(pipeline.ReasonBreaker, &pipeline.StrayError{Part: r.e.o.Name, Left: r.e.strays.Left(), Refused: true})
		return
	}
	if !p.hedged && !t.Hedge() && r.plan.hedge && t.HedgeAfter > 0 {
		c.hedgeAt = t.Started.Add(t.HedgeAfter)
	}
	alone := len(p.calls) == 0
	if !t.Hedge() && (p.again || p.sent) {
		r.tally.report.Retries++
	}
	r.tally.started(r.flight.start(c), alone, t.Hedge(), t.Started.Sub(p.since))
}

// join cancels the calls that are still in flight, gives up what is open, and takes
// what comes back after the end was decided. Calls that do not come back are left
// behind.
func (r *run) join(cancel context.CancelFunc) {
	cancel()
	if r.flight.undecided() {
		r.flight.loseOpen(pipeline.ReasonCanceled, context.Canceled)
	}
	for patience := stray.NewPatience(callPatience); r.flight.flying > 0; {
		select {
		case c := <-r.send.answers:
			r.settle(c)
		case <-patience.Over():
			if patience.Slice() {
				continue
			}
			r.leave()
			return
		}
	}
}

// leave leaves behind what is still in flight.
func (r *run) leave() {
	r.flight.eachCall(r.leaveCall)
	for len(r.send.answers) > 0 {
		r.settle(<-r.send.answers) // it came in the last moment
	}
	if r.tally.report.LeftBehind == 0 {
		return
	}
	ended := context.Canceled
	if r.term.over(time.Now()) {
		ended = r.term.ending().err
	}
	r.tally.cause(&pipeline.StrayError{Part: r.e.o.Name, Left: r.e.LeftBehind(), Err: ended})
}

// leaveCall leaves one call behind, if it has not come back. For the endpoint it is
// one that was given up; its goroutine tells nobody when it ends.
func (r *run) leaveCall(c *call) {
	if !c.task.Leave() {
		return
	}
	now := time.Now()
	if c.released.CompareAndSwap(false, true) {
		r.tally.cause(r.e.release(now, c.ticket, pace.Outcome{CutOff: true, Late: r.term.late(now)}))
	}
	r.tally.report.LeftBehind++
	r.flight.end(c)
}

// settle takes a call that has ended and reports whether it brought scores.
func (r *run) settle(c *call) (answered bool) {
	c.cancel()
	r.tally.cause(c.hook)
	p := c.piece
	wanted := r.flight.end(c)
	r.tally.cost(c, wanted)
	switch {
	case !wanted:
		if c.ticket.Hedge() && p.state == pieceLost {
			r.e.pace.Hedged(pace.HedgeUnknown)
		}
		return false
	case !c.ended.failed:
		r.answer(c, p)
		return true
	case c.ticket.Hedge():
		r.e.pace.Hedged(pace.HedgeLost)
	}
	p.avoid = c.ticket.Upstream
	if r.flight.failed(p, c.err) {
		r.mend.fail(p, c.ended)
	}
	return false
}

// answer takes the scores of a piece.
func (r *run) answer(c *call, p *piece) {
	r.tally.report.Answered++
	if c.ticket.Hedge() {
		r.tally.report.HedgesWon++
		r.e.pace.Hedged(pace.HedgeWon)
	}
	for _, loser := range r.flight.answered(p, c) {
		loser.overtaken.Store(c.ticket.Hedge() && c.ticket.Upstream != loser.ticket.Upstream)
		loser.cancel()
		if loser.ticket.Hedge() {
			r.e.pace.Hedged(pace.HedgeLost)
		}
	}
	r.mend.reask(p)
	for _, u := range p.refusers {
		if u != c.ticket.Upstream {
			r.e.pace.Accuse(time.Now(), u, p.errs[0]) // it refused what another accepts
		}
	}
	if parent := p.parent; parent != nil && parent.halves == 2 {
		// The call was too large as a whole: both of its halves have been accepted.
		if f := fault(parent.last()); f.tooLarge {
			r.e.pace.Learn(pace.Lesson{HalfDocuments: (len(parent.Documents) + 1) / 2, HalfBytes: (parent.Bytes + 1) / 2, Body: bodyRefusal(f.err)})
		}
	}
}

// hedge starts a second call for pieces whose call is late, and returns when the
// next of them will be.
func (r *run) hedge() (next time.Time) {
	if !r.plan.hedge {
		return next
	}
	for _, p := range r.flight.pieces {
		if p.state != pieceFlying || p.hedged || len(p.calls) != 1 || p.calls[0].hedgeAt.IsZero() {
			continue
		}
		now := time.Now()
		at := p.calls[0].hedgeAt
		if now.Before(at) {
			if next.IsZero() || at.Before(next) {
				next = at
			}
			continue
		}
		if r.flight.flying < r.plan.width {
			p.hedged = true // one chance, taken or not
			r.fireHedge(p, now)
		}
	}
	return next
}

func (r *run) fireHedge(p *piece, now time.Time) {
	if !r.e.pace.MayHedge(now, r.term.rest(now)) {
		return
	}
	a := r.e.admit(r.ctx, r.lane, r.wish(p, true, true, p.calls[0].ticket.Upstream))
	if a.Ticket == nil {
		r.e.pace.Hedged(pace.HedgeUnsent)
		return
	}
	r.call(p, a.Ticket)
}

func (r *run) scores() Scores { return r.tally.scores(&r.flight, time.Now()) }

// finish puts the answer together after the last call has been joined.
func (r *run) finish() (Scores, error) {
	told, cause := r.send.anchors.align(&r.flight)
	r.tally.cause(cause)
	r.tally.warning = told
	r.tally.ignores(r.e.pace.Ignored())
	s := r.scores()
	r.teach(s.Report.Elapsed)
	if r.term.caller.Err() == context.Canceled && !s.Complete() {
		return s, r.term.ending().err
	}
	if s.Report.Scored+s.Report.Cached == 0 && len(s.Causes) > 0 {
		return s, &unscoredError{causes: append([]error(nil), s.Causes...)}
	}
	return s, nil
}

// teach tells the endpoint how long the query took. One that was cut off counts
// with the time that the rest would have taken at the same pace; one that was
// held up by something else than the server's speed does not count.
func (r *run) teach(elapsed time.Duration) {
	planned := len(r.plan.parcels)
	if planned == 0 || len(r.plan.rest) > 0 || r.s.o.Calls != 0 || elapsed <= 0 {
		return
	}
	tokens, late, known := r.flight.pace()
	if !known {
		return
	}
	if late {
		elapsed = time.Duration(min(16, float64(r.plan.tokens)/float64(max(1, tokens))) * float64(elapsed))
	}
	r.e.pace.Learn(pace.Lesson{Tokens: r.plan.tokens, Calls: planned, Took: elapsed})
}

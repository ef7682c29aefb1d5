package reranker

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/rankcascade/cascade/internal/stray"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker/internal/pace"
)

// errNoTime is why documents are lost to the deadline.
var errNoTime = fmt.Errorf("reranker: shard: %w", context.DeadlineExceeded)

// errTooLong is why documents are not sent that are as long as one that was refused
// on its own.
var errTooLong = &Error{Kind: KindTooLarge, Op: "reranker: shard", Message: "not sent: the server has refused a shorter document on its own"}

// run is one query on its way. Its fields belong to the goroutine of the caller,
// which decides everything; the goroutines of the calls only call and report.
type run struct {
	s         *Sharded
	e         *Endpoint
	caller    context.Context
	ctx       context.Context // of the calls: ends at the deadline
	query     string
	documents []string
	anchors   anchors
	start     time.Time
	deadline  time.Time

	whole  bool // everything goes in one call
	plan   plan
	flight flight
	tally  tally

	answers chan *call
	waiter  *pace.Waiter
	lane    Lane
	trial   bool // sent although it is likely to come too late
}

func newRun(ctx context.Context, s *Sharded, query string, documents []string) *run {
	r := &run{
		s: s, e: s.endpoint, whole: s.listwise(), caller: ctx, query: query, documents: documents,
		lane: laneOf(ctx, s.o.Lane), start: time.Now(),
	}
	r.tally = newTally(len(documents), s.o.Top, r.start)
	r.waiter = pace.NewWaiter(pace.Lane(r.lane))
	switch d, ok := ctx.Deadline(); {
	case ok:
		r.tally.given = max(time.Nanosecond, d.Sub(r.start))
		r.deadline = d.Add(-reserveOf(ctx, r.tally.given))
	case s.o.Timeout > 0:
		r.tally.given = s.o.Timeout
		r.deadline = r.start.Add(s.o.Timeout)
	default:
		r.deadline = r.start.Add(365 * 24 * time.Hour)
	}
	return r
}

// score runs the query. stopped says that progress asked to end it.
func (r *run) score(progress func(Scores) bool) (scores Scores, stopped bool, err error) {
	var cancel context.CancelFunc
	r.ctx, cancel = context.WithDeadline(r.caller, r.deadline)
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
	send, blank := items(r.documents)
	r.tally.blank = blank
	if r.caller.Err() != nil {
		r.refuse(send, r.ending())
		return false
	}
	if send = r.fit(send); len(send) == 0 {
		return false
	}
	r.anchors = newAnchors(r.s.o.Anchors, r.documents, send)
	f := r.e.pace.Forecast(r.start, r.forecastQuery(send))
	if len(f.Long) > 0 {
		r.refuse(f.Long, loss{pipeline.ReasonTooLong, errTooLong})
	}
	if len(f.Left) > 0 {
		r.leaveOut(f.Left, len(f.Items)+len(f.Left))
	}
	if len(f.Items) == 0 {
		return false
	}
	r.plan = newPlan(f, r.s.o, r.whole, r.rest(r.start))
	if r.plan.refused != nil {
		r.refuse(f.Items, loss{r.plan.reason, r.plan.refused})
		return false
	}
	ok, trial := r.e.pace.InTime(r.start, r.rest(r.start), r.plan.smallest())
	if r.trial = trial; !ok && !r.whole {
		r.refuse(f.Items, loss{pipeline.ReasonDeadline, errNoTime})
		return false
	}
	r.flight = newFlight(r.plan, r.start)
	r.tally.report.Planned = len(r.plan.parcels)
	r.answers = make(chan *call, r.plan.width)
	return r.flight.undecided()
}

// fit keeps the documents within what the model takes together with the query,
// and returns what is to be sent.
func (r *run) fit(send []pace.Item) []pace.Item {
	f := fitting{limit: r.e.pairTokens, fitter: r.e.fitter, noCut: r.s.o.NoCut, query: r.query, documents: r.documents}
	kept := f.all(r.ctx, send)
	r.documents, r.tally.cut = f.documents, f.warning()
	if len(f.long) > 0 {
		r.refuse(f.long, loss{pipeline.ReasonTooLong, f.tooLong()})
	}
	if len(f.failed) > 0 {
		r.refuse(f.failed, loss{pipeline.ReasonFailed, f.err})
	}
	return kept
}

// loss is why documents have no score.
type loss struct {
	reason pipeline.Reason
	err    error
}

// refuse gives up all documents before there is a plan.
func (r *run) refuse(send []pace.Item, l loss) {
	r.tally.leaveOut(positions(send), l.reason)
	r.tally.cause(l.err)
}

// positions are those of the items in the caller's list.
func positions(items []pace.Item) []int {
	all := make([]int, len(items))
	for i, it := range items {
		all[i] = it.Document
	}
	return all
}

// leaveOut gives up the last documents, which the quota does not cover.
func (r *run) leaveOut(left []pace.Item, of int) {
	r.refuse(left, loss{pipeline.ReasonRateLimit, nil})
	message := fmt.Sprintf("%d of %d documents not sent: the quota is low", len(left), of)
	if len(left) == of {
		message = "not sent: the quota is used up for now"
	}
	r.tally.cause(&Error{Kind: KindRateLimited, Op: "reranker: shard", Message: message})
}

func (r *run) rest(now time.Time) time.Duration { return r.deadline.Sub(now) }

func (r *run) forecastQuery(send []pace.Item) pace.Query {
	o := r.s.o
	return pace.Query{
		Lane: pace.Lane(r.lane), QueryBytes: len(r.query), Items: send, Rest: r.rest(r.start),
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
		case c := <-r.answers:
			answered := r.settle(c)
			for len(r.answers) > 0 {
				answered = r.settle(<-r.answers) || answered
			}
			if answered && progress != nil && r.flight.undecided() && !progress(r.scores()) {
				return true
			}
		case <-timer.C:
		case <-r.waiter.Wake:
		case <-r.caller.Done():
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
	if r.caller.Err() == nil && time.Now().Before(r.deadline) {
		return false
	}
	for len(r.answers) > 0 {
		r.settle(<-r.answers) // what has arrived still counts
	}
	l := r.ending()
	r.flight.loseOpen(l.reason, l.err)
	return true
}

// ending says why the query ends before it is done.
func (r *run) ending() loss {
	switch {
	case r.caller.Err() == context.Canceled:
		return loss{pipeline.ReasonCanceled, &Error{Kind: KindCanceled, Op: "reranker: shard", Err: context.Cause(r.caller)}}
	case r.caller.Err() != nil:
		return loss{pipeline.ReasonDeadline, fmt.Errorf("reranker: shard: %w", context.Cause(r.caller))}
	}
	return loss{pipeline.ReasonDeadline, errNoTime}
}

// dispatch starts every call that may start now, first tier first, then hedges
// what is slow. It returns when something may have to be done next.
func (r *run) dispatch() (next time.Time) {
	next = r.deadline
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
			Waiter: r.waiter, Time: r.rest(r.start), Rest: r.rest(now), Next: r.flight.rest[0].Tokens, Tier: r.flight.tier(), Top: r.flight.topTokens(), Trial: r.trial, First: len(r.flight.plan) == 0,
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

func earlier(a, b time.Time) time.Time {
	if !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// attempt starts p, or says what it has to wait for, or gives it up.
func (r *run) attempt(p *piece, now time.Time) (slot bool, next time.Time) {
	if !r.trial && !p.portion && now.After(r.start) && r.rest(now) < r.e.pace.Likely(p.Tokens) {
		// It waited for so long that its answer would come too late; sending it
		// would only take the server's time from calls that can make it.
		r.flight.lose(p, pipeline.ReasonDeadline, errNoTime)
		return false, time.Time{}
	}
	a := r.e.admit(r.ctx, r.lane, r.wish(p, p.tries > 0 || p.again, false, p.avoid))
	switch {
	case a.Ticket != nil:
		r.call(p, a.Ticket)
	case a.Suspended && r.s.o.Wait && a.For < r.rest(now):
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
		r.flight.loseWaiting(pipeline.ReasonRateLimit, held(p, a.Wait))
	}
	return false, time.Time{}
}

// held is the error of pieces that a quota or a gate keeps from being called in
// time.
func held(p *piece, wait time.Duration) error {
	if err := p.last(); err != nil {
		return err
	}
	return &Error{Kind: KindRateLimited, Op: "reranker: shard", RetryAfter: wait, Message: "not sent: the server would have to be waited for beyond the deadline"}
}

// pays reports whether p can still be answered after waiting. People do not wait
// for a quota that other queries use up: past a quarter of what is left, their
// documents are given up instead, but a refusal may be waited for.
func (r *run) pays(now time.Time, wait time.Duration, p *piece) bool {
	rest := r.rest(now)
	if wait+r.e.pace.Likely(p.Tokens) >= rest {
		return false
	}
	return r.s.o.Wait || p.tries > 0 || r.e.pace.Gated(now) || wait <= rest/4
}

func (r *run) wish(p *piece, extra, hedge bool, avoid int) pace.Call {
	return pace.Call{
		Waiter: r.waiter, Avoid: avoid, Tokens: p.Tokens, Bytes: p.Bytes,
		Documents: len(p.Documents), QueryBytes: len(r.query), Longest: r.longest(p), Extra: extra, Hedge: hedge,
		Portion: p.portion && p.tries == 0, To: p.to,
	}
}

// call makes one call in a goroutine of its own.
func (r *run) call(p *piece, t *pace.Ticket) {
	c := &call{piece: p, ticket: t}
	c.ctx, c.cancel = context.WithCancel(r.ctx)
	if !r.launch(c) {
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

// launch starts the goroutine of a call, unless too many are left behind. It touches
// nothing of the run but the channel, since it may outlive it.
func (r *run) launch(c *call) bool {
	p := c.piece
	texts := make([]string, len(p.Documents), len(p.Documents)+len(r.anchors.documents))
	for i, d := range p.Documents {
		texts[i] = r.documents[d]
	}
	task, ok := r.e.strays.Go(func() {
		defer func() { r.answers <- c }() // has room for every call in flight
		r.guarded(c, texts)
		now := time.Now()
		c.ended = endedAs(c.ctx, r.caller, !now.Before(r.deadline), c.err)
		if c.released.CompareAndSwap(false, true) {
			o := c.ended.outcome(c.scores, c.overtaken.Load())
			if c.ended.fault.kind == KindProtocol && p.again {
				o.Verdict = pace.None // it is about the documents, which were bad before
			}
			c.hook = r.e.release(now, c.ticket, o)
		}
	})
	c.task = task
	return ok
}

// guarded calls the scorer and turns a panic into an error that names the shard.
func (r *run) guarded(c *call, texts []string) {
	ctx, span := pipeline.Begin(c.ctx, pipeline.KindAttempt, "shard")
	defer func() { span.End(c.err) }()
	span.Int("shard", c.piece.index+1)
	span.Int("documents", len(texts))
	span.Int("upstream", c.ticket.Upstream)
	span.Flag("hedge", c.ticket.Hedge())
	defer func() {
		if v := recover(); v != nil {
			part := fmt.Sprintf("reranker: shard %d", c.piece.index+1)
			c.scores = Scores{}
			c.err = &Error{Kind: KindPanic, Op: part, Err: &pipeline.PanicError{Part: "scorer", Value: v, Stack: debug.Stack()}}
		}
	}()
	c.scores, c.anchors, c.err = r.anchors.ask(ctx, r.e.scorers[c.ticket.Upstream], r.query, c.piece, texts)
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
		case c := <-r.answers:
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
	for len(r.answers) > 0 {
		r.settle(<-r.answers) // it came in the last moment
	}
	if r.tally.report.LeftBehind == 0 {
		return
	}
	ended := context.Canceled
	if r.caller.Err() != nil || !time.Now().Before(r.deadline) {
		ended = r.ending().err
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
		late := !now.Before(r.deadline) && !errors.Is(r.caller.Err(), context.Canceled)
		r.tally.cause(r.e.release(now, c.ticket, pace.Outcome{CutOff: true, Late: late}))
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
		r.fail(p, c.ended)
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
	r.reask(p)
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

// reask asks again, alone, for what has no score in an otherwise sound answer: a server
// that leaves a result out, or has one document spoil its neighbours. What stays without
// one is asked for in halves, so that what spoils the others is found, as far as the
// budget for extra calls goes.
func (r *run) reask(p *piece) {
	at, parts, now := p.doubtful(), 1, time.Now()
	switch {
	case len(at) == 0, r.whole:
		return
	case len(at) == len(p.Documents):
		if !p.again || len(at) == 1 {
			return
		}
		parts = 2
	}
	if r.rest(now) <= r.e.pace.Likely(p.Tokens) || !r.e.pace.Spend(parts) {
		return
	}
	r.tally.report.Planned += parts
	r.flight.reask(p, at, parts, now, func(d int) int { return len(r.documents[d]) })
}

// fail decides what becomes of a piece whose last call failed.
func (r *run) fail(p *piece, e ending) {
	f := e.fault
	switch {
	case e.cutOff:
		l := r.ending() // the caller has gone, or the time is up
		r.flight.lose(p, l.reason, l.err)
	case p.again && f.kind == KindProtocol:
		r.reaskFailed(p)
	case f.tooLarge && !r.e.pace.Served(len(p.Documents), r.longest(p)):
		r.tooLarge(p)
	case elsewhere(f.err) && !r.e.alone() && len(p.refusers)+1 < len(r.e.scorers) && r.e.pace.Spend(1):
		p.refusers = append(p.refusers, p.avoid)
		r.flight.again(p, time.Now(), 0)
	case hopeless(f.kind):
		r.flight.lose(p, f.err.Reason(), f.err)
		if r.e.alone() {
			r.flight.loseOpen(f.err.Reason(), f.err)
		}
	case f.err != nil && contentRefusal(f.err) && len(p.Documents) > 1 && p.depth < 2 && r.e.pace.Spend(2):
		r.split(p)
	case r.s.o.Wait && awaited(f):
		r.await(p, f)
	case (f.kind == KindServer || f.kind == KindProtocol) && p.tries > 0 && len(p.Documents) > 1 && !r.whole && r.halves(p):
		r.split(p) // one document may be what upsets the server
	case f.retryable:
		r.retry(p, f)
	default:
		r.flight.lose(p, reasonOfCall(f.err), nil)
	}
}

// reaskFailed is for documents that were asked for again and have no sound score even
// so: several are split, since one of them may spoil the others.
func (r *run) reaskFailed(p *piece) {
	if len(p.Documents) > 1 && r.e.pace.Spend(2) {
		r.split(p)
		return
	}
	r.flight.lose(p, pipeline.ReasonBadResponse, nil)
}

// await repeats a call until its server is back or the time is over.
func (r *run) await(p *piece, f callFault) {
	now := time.Now()
	delay, _ := r.e.pace.RetryDelay(now, min(p.tries+1, 6), p.avoid)
	delay = max(delay, min(f.err.RetryAfter, pace.GateLongest))
	if delay >= r.rest(now) {
		r.flight.lose(p, reasonOfCall(f.err), nil)
		return
	}
	r.tally.wait(now, f.err)
	r.flight.again(p, now, delay)
}

// longest returns the bytes of the longest document of a piece.
func (r *run) longest(p *piece) int {
	most := 0
	for _, d := range p.Documents {
		most = max(most, len(r.documents[d]))
	}
	return most
}

// retry puts a piece back in the queue if attempts, budget and time allow.
func (r *run) retry(p *piece, f callFault) {
	now := time.Now()
	delay, elsewhere := r.e.pace.RetryDelay(now, p.tries+1, p.avoid)
	if f.kind != KindRateLimited {
		// After a refusal the gate holds the call longer if it must.
		delay = max(delay, min(f.err.RetryAfter, pace.GateLongest))
	}
	need := delay
	if f.kind == KindRateLimited && !elsewhere {
		need = max(need, f.err.RetryAfter)
	}
	if p.tries+1 >= r.s.o.Attempts || need+r.e.pace.Likely(p.Tokens) >= r.rest(now) || !r.e.pace.Spend(1) {
		r.flight.lose(p, reasonOfCall(f.err), nil)
		return
	}
	r.flight.again(p, now, delay)
}

// tooLarge halves a piece that was refused for its size, down to the document
// that is too long, while the others get their scores. What is as long as one that
// was refused on its own is not sent any more.
func (r *run) tooLarge(p *piece) {
	now := time.Now()
	if len(p.Documents) == 1 {
		r.e.pace.Learn(pace.Lesson{Alone: p.Bytes, Now: now})
		r.flight.lose(p, pipeline.ReasonTooLong, nil)
	}
	tooLong := func(d int) bool { return r.e.pace.TooLong(now, len(r.documents[d])) }
	for _, other := range append([]*piece(nil), r.flight.pieces...) {
		if other.state == pieceWaiting {
			r.carve(other, now, tooLong)
		}
	}
	if p.state != pieceWaiting {
		return
	}
	if len(p.Documents) == 1 || r.whole || !r.s.o.Wait && !r.halves(p) {
		r.flight.lose(p, pipeline.ReasonTooLong, nil)
		return
	}
	r.split(p)
}

// carve gives up the documents of a waiting piece that are too long.
func (r *run) carve(p *piece, now time.Time, tooLong func(d int) bool) {
	before := len(r.flight.pieces)
	r.flight.carve(p, now, func(d int) int { return len(r.documents[d]) }, tooLong, loss{pipeline.ReasonTooLong, errTooLong})
	if len(r.flight.pieces) > before {
		r.tally.report.Planned += 2
	}
}

// halves pays for two calls in place of one. Both are extra ones where the one was.
func (r *run) halves(p *piece) bool {
	if p.again {
		return r.e.pace.Spend(2)
	}
	return r.e.pace.Spend(1)
}

func (r *run) split(p *piece) {
	r.flight.split(p, time.Now(), func(d int) int { return len(r.documents[d]) })
	r.tally.report.Planned++
	r.tally.report.Sent-- // the halves count when they are sent
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
	if !r.e.pace.MayHedge(now, r.rest(now)) {
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
	told, cause := r.anchors.align(&r.flight)
	r.tally.cause(cause)
	r.tally.warning = told
	r.tally.ignores(r.e.pace.Ignored())
	s := r.scores()
	r.teach(s.Report.Elapsed)
	if r.caller.Err() == context.Canceled && !s.Complete() {
		return s, r.ending().err
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

package reranker

import (
	"context"
	"errors"
	"time"
)

// ticket is a call that the endpoint let through.
type ticket struct {
	up            *upstream
	started       time.Time
	tokens, bytes int
	documents     int
	queryBytes    int // of the query, for each document
	extra         bool
	hedge         bool
	probe         bool
}

// admission is the answer to a wish to call: a ticket, or what to wait for, or
// why it will not be.
type admission struct {
	ticket  *ticket
	wait    time.Duration // try again then; a quota or a gate
	slot    bool          // try again when the waiter is woken
	refused *Error
}

// wish describes a call before it is made.
type wish struct {
	waiter        *slotWaiter
	avoid         *upstream
	tokens, bytes int
	documents     int
	queryBytes    int
	extra, hedge  bool
}

// admit decides about one call. Budget for extra calls has been spent before.
func (e *Endpoint) admit(w wish) admission {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	if e.idle != nil {
		return admission{refused: &Error{Kind: KindConfig, Op: e.name, Err: ErrClosed}}
	}
	if wait := e.breakerWait(now); wait > 0 {
		return admission{refused: e.suspended(wait)}
	}
	lane := w.waiter.lane
	ahead := e.limit.ahead(w.waiter)
	if ahead || e.limit.free(lane) <= 0 || e.bytes > 0 && e.bytes+w.bytes > bytesInFlight {
		if !w.hedge {
			e.limit.enqueue(w.waiter)
		}
		if ahead {
			e.limit.kick() // whose turn it is may have changed with time alone
		}
		return admission{slot: true}
	}
	up, wait := pick(e.ups, now, w.avoid, e.rng)
	wait = max(wait, e.quota.wait(now, float64(w.tokens), lane))
	if up == nil || wait > 0 {
		return admission{wait: wait}
	}
	ok, probe := e.breaker.allow(now)
	if !ok {
		return admission{refused: e.suspended(0)}
	}
	e.limit.take()
	e.quota.take(now, float64(w.tokens))
	e.bytes += w.bytes
	e.tokens += w.tokens
	up.started(w.tokens)
	if !w.extra {
		e.extra.earn()
		e.hedges.called()
	}
	e.limit.kick()
	return admission{ticket: &ticket{
		up: up, started: now, tokens: w.tokens, bytes: w.bytes, documents: w.documents, queryBytes: w.queryBytes,
		extra: w.extra, hedge: w.hedge, probe: probe,
	}}
}

// breakerWait is how long the breaker stays open; 0 lets a call or a probe pass.
func (e *Endpoint) breakerWait(now time.Time) time.Duration {
	switch e.breaker.state {
	case BreakerOpen:
		return max(0, e.breaker.until.Sub(now))
	case BreakerHalfOpen:
		return time.Nanosecond
	}
	return 0
}

func (e *Endpoint) suspended(wait time.Duration) *Error {
	return &Error{
		Kind: KindBreakerOpen, Op: e.name, RetryAfter: wait,
		Message: "calls are suspended because too many failed, see Endpoint.State",
	}
}

// leave takes a waiter out of the queue for slots.
func (e *Endpoint) leave(w *slotWaiter) {
	e.locked(func() { e.limit.dequeue(w) })
}

// outcome is how a call ended, as the endpoint sees it.
type outcome struct {
	fault  callFault // zero if it succeeded
	failed bool
	late   bool // ended by the deadline
	barren bool // and no call of the query had been answered
	given  bool // ended because nobody needed it any more
	// overtaken: a hedge on another upstream answered first.
	overtaken bool
	scores    Scores
}

// release takes the outcome of a call and learns from it.
func (e *Endpoint) release(t *ticket, o outcome) {
	e.mu.Lock()
	now := time.Now()
	before := e.breaker.state
	e.bytes -= t.bytes
	e.tokens -= t.tokens
	v := e.verdict(now, t, o)
	ejected := t.up.ended(now, t.tokens, ofUpstream(v, o), len(e.ups) == 1)
	e.learn(now, t, o, v)
	e.judge(now, t, v, ejected)
	e.limit.release()
	changed := e.breaker.state != before || ejected
	var state EndpointState
	if changed && e.o.OnChange != nil {
		state = e.state(now)
	}
	e.mu.Unlock()
	if changed && e.o.OnChange != nil {
		e.o.OnChange(state)
	}
}

// verdict says what the outcome tells about the server. A call that the deadline
// cut off counts against it only if it took far longer than calls of its size do,
// or as long and the whole query got nothing: a short deadline is no fault of a
// server, and a query that got its first tier was served.
func (e *Endpoint) verdict(now time.Time, t *ticket, o outcome) callVerdict {
	switch {
	case o.given && !o.late:
		return verdictNone
	case o.late:
		took := now.Sub(t.started)
		usual := e.latency.predict(t.tokens)
		if usual == 0 {
			usual = 100 * time.Millisecond
		}
		if o.barren && took >= usual || took >= 3*usual {
			return verdictPushback
		}
		return verdictNone
	case o.failed:
		return judge(o.fault)
	}
	return verdictGood
}

// ofUpstream says what the outcome tells about the upstream beside the others. One
// whose calls are overtaken again and again without a single answer hangs, and
// is ejected like one that fails; the server as a whole answers.
func ofUpstream(v callVerdict, o outcome) callVerdict {
	if o.overtaken {
		return verdictBad
	}
	return v
}

// judge passes the verdict on to the breaker, the limit of calls in flight and
// the hedge record.
func (e *Endpoint) judge(now time.Time, t *ticket, v callVerdict, ejected bool) {
	switch v {
	case verdictNone:
		if t.probe {
			e.breaker.abandon()
		}
		return
	case verdictGood:
		e.limit.succeeded()
	case verdictPushback:
		e.limit.pushedBack()
	case verdictKey:
		if !anyUsable(e.ups, now) || len(e.ups) == 1 {
			e.breaker.trip(now, e.rng)
			return
		}
	}
	e.breaker.record(now, t.probe, v != verdictGood, e.rng)
	if ejected && anyUsable(e.ups, now) {
		// What the ejected upstream did wrong says nothing about the others.
		e.breaker.forget()
	}
}

// learn corrects quotas, gates and estimates by what the server said.
func (e *Endpoint) learn(now time.Time, t *ticket, o outcome, v callVerdict) {
	limits := o.scores.Limits
	if o.failed && o.fault.err != nil {
		limits = o.fault.err.Limits
	}
	calls := float64(e.limit.inFlight - 1)
	if pause := e.quota.declare(now, t.started, limits, calls, float64(e.tokens)); pause > 0 {
		t.up.gate.close(now, pause)
	}
	switch {
	case o.failed && v == verdictPushback && !o.late:
		e.refuse(now, t, o.fault.err)
	case !o.failed:
		t.up.gate.refusals = 0
		e.answered++
		e.skipped = 0
		e.latency.observe(t.tokens, now.Sub(t.started))
		e.size.observe(t.bytes+t.documents*t.queryBytes, t.documents, o.scores.Usage.Tokens)
		e.batch.accepted(t.documents)
	}
}

// refuse closes the gate after a refusal: for as long as the server says, or
// until the budget that it calls empty is full again, or for a back-off.
func (e *Endpoint) refuse(now time.Time, t *ticket, err *Error) {
	if err.Kind != KindRateLimited && err.RetryAfter == 0 {
		return
	}
	held := []*upstream{t.up}
	if e.o.OneServer {
		held = e.ups
	}
	pause := err.RetryAfter
	if pause == 0 && err.Limits.Known {
		if err.Limits.RemainingRequests == 0 {
			pause = max(pause, err.Limits.ResetRequests)
		}
		if err.Limits.RemainingTokens == 0 {
			pause = max(pause, err.Limits.ResetTokens)
		}
		if pause == 0 {
			pause = max(err.Limits.ResetRequests, 0)
		}
	}
	for _, u := range held {
		u.gate.refuse(now)
		d := pause
		if d <= 0 {
			d = backoff(u.gate.refusals, true, e.rng)
		}
		u.gate.close(now, d)
	}
}

// throttled reports whether the server refused something lately.
func (e *Endpoint) throttled(now time.Time) bool {
	for _, u := range e.ups {
		if u.gate.hot(now) {
			return true
		}
	}
	return false
}

// ended classifies how a call ended from its error and the contexts around it.
func endedAs(call, caller context.Context, deadline time.Time, err error) outcome {
	if err == nil {
		return outcome{}
	}
	o := outcome{failed: true, fault: fault(err)}
	if call.Err() != nil && o.fault.kind != KindPanic {
		o.given = true
		o.late = !time.Now().Before(deadline) && !errors.Is(caller.Err(), context.Canceled)
	}
	return o
}

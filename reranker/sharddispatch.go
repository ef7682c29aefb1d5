package reranker

import (
	"time"

	"github.com/rankcascade/cascade/pipeline"
)

// dispatch starts every call that may start now, first tier first, then hedges
// what is slow. It returns when something may have to be done next.
func (r *shardRun) dispatch() (next time.Time) {
	next = r.deadline
	blocked := false
	for i := 0; i < len(r.pieces); i++ { // pieces may be split while we go
		p := r.pieces[i]
		if p.state != pieceWaiting {
			continue
		}
		now := time.Now()
		if now.Before(p.ready) {
			next = earlier(next, p.ready)
			continue
		}
		if r.flying >= r.width {
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
	if !blocked {
		r.e.leave(r.waiter)
		next = earlier(next, r.hedge())
	}
	return next
}

func earlier(a, b time.Time) time.Time {
	if !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// attempt starts p, or says what it has to wait for, or gives it up.
func (r *shardRun) attempt(p *shardPiece, now time.Time) (slot bool, next time.Time) {
	if !r.trial && now.After(r.start) && r.deadline.Sub(now) < r.e.likely(p.tokens) {
		// It waited for so long that its answer would come too late; sending it
		// would only take the server's time from calls that can make it.
		r.lose(p, pipeline.ReasonDeadline, errNoTime)
		return false, time.Time{}
	}
	a := r.e.admit(r.wish(p, p.tries > 0, false))
	switch {
	case a.ticket != nil:
		r.startCall(p, a.ticket)
	case a.refused != nil:
		if a.refused.Kind != KindBreakerOpen {
			r.loseOpen(a.refused.Reason(), a.refused)
			break
		}
		r.loseWaiting(pipeline.ReasonBreaker, a.refused)
	case a.slot:
		return true, time.Time{}
	default:
		r.hurt = true
		if r.pays(now, a.wait, p) {
			return false, now.Add(a.wait)
		}
		r.loseWaiting(pipeline.ReasonRateLimit, r.held(p, a.wait))
	}
	return false, time.Time{}
}

// held is the error of pieces that a quota or a gate keeps from being called in
// time.
func (r *shardRun) held(p *shardPiece, wait time.Duration) error {
	if n := len(p.errs); n > 0 {
		return p.errs[n-1]
	}
	return &Error{Kind: KindRateLimited, Op: "reranker: shard", RetryAfter: wait, Message: "not sent: the server would have to be waited for beyond the deadline"}
}

// pays reports whether p can still be answered after waiting. People do not wait
// for a quota that other queries use up: past a quarter of what is left, their
// documents are given up instead, but a refusal may be waited for.
func (r *shardRun) pays(now time.Time, wait time.Duration, p *shardPiece) bool {
	rest := r.deadline.Sub(now)
	if wait+r.e.likely(p.tokens) >= rest {
		return false
	}
	return r.s.o.Wait || p.tries > 0 || r.e.gated(now) || wait <= rest/4
}

func (r *shardRun) wish(p *shardPiece, extra, hedge bool) wish {
	return wish{
		waiter: r.waiter, avoid: p.avoid, tokens: p.tokens, bytes: p.bytes,
		documents: len(p.documents), queryBytes: len(r.query), extra: extra, hedge: hedge,
	}
}

// hedge starts a second call for pieces whose call is late, and returns when the
// next of them will be.
func (r *shardRun) hedge() (next time.Time) {
	if r.unhedged {
		return next
	}
	for _, p := range r.pieces {
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
		if r.flying < r.width {
			p.hedged = true // one chance, taken or not
			r.fireHedge(p, now)
		}
	}
	return next
}

func (r *shardRun) fireHedge(p *shardPiece, now time.Time) {
	if !r.e.mayHedge(now, r.deadline.Sub(now)) {
		return
	}
	w := r.wish(p, true, true)
	w.avoid = p.calls[0].ticket.up
	a := r.e.admit(w)
	if a.ticket == nil {
		r.e.hedgeUndone()
		return
	}
	r.report.Hedges++
	r.startCall(p, a.ticket)
}

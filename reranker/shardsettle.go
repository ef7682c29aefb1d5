package reranker

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/rankcascade/cascade/pipeline"
)

// checkAnswer refuses scores that do not fit the documents. What is not a number
// becomes unscored.
func checkAnswer(s *Scores, n int) error {
	if len(s.Values) != n || s.Unscored != nil && len(s.Unscored) != n || s.Cached != nil && len(s.Cached) != n {
		return &Error{Kind: KindProtocol, Op: "reranker: shard", Permanent: true,
			Message: fmt.Sprintf("the scorer returned %d values for %d documents", len(s.Values), n)}
	}
	cloned := false
	for i, v := range s.Values {
		if (math.IsNaN(v) || math.IsInf(v, 0)) && s.Scored(i) {
			if !cloned {
				cloned = true
				s.Unscored = append(make([]pipeline.Reason, 0, n), s.Unscored...)[:n]
			}
			s.Unscored[i] = pipeline.ReasonBadResponse
		}
	}
	return nil
}

// settle takes a call that has ended and reports whether it brought scores.
func (r *shardRun) settle(c *shardCall) (answered bool) {
	c.cancel()
	r.flying--
	p := c.piece
	r.cost(c, p)
	for i, other := range p.calls {
		if other == c {
			p.calls = append(p.calls[:i], p.calls[i+1:]...)
			break
		}
	}
	if p.state != pieceFlying {
		if c.ticket.hedge && p.state == pieceLost {
			r.e.locked(func() { r.e.hedges.fired = max(0, r.e.hedges.fired-1) })
		}
		return false
	}
	if !c.outcome.failed {
		r.answer(c, p)
		return true
	}
	if c.ticket.hedge {
		r.e.hedgeDone(false)
	}
	p.avoid = c.ticket.up
	p.failed(c.err)
	if len(p.calls) > 0 {
		return false // the other call of a hedged pair may still answer
	}
	p.state = pieceWaiting
	r.fail(p, c.outcome)
	return false
}

// answer takes the scores of a piece.
func (r *shardRun) answer(c *shardCall, p *shardPiece) {
	p.state, p.scores = pieceAnswered, c.scores
	r.open--
	r.report.Answered++
	r.refused = 0
	if c.ticket.hedge {
		r.report.HedgesWon++
		r.e.hedgeDone(true)
	}
	for _, loser := range p.calls {
		loser.overtaken.Store(c.ticket.hedge && c.ticket.up != loser.ticket.up)
		loser.cancel()
		if loser.ticket.hedge {
			r.e.hedgeDone(false)
		}
	}
	r.hurt = r.hurt || len(p.errs) > 0
	for i, d := range p.documents {
		if c.scores.Scored(i) {
			r.values[d] = c.scores.Values[i]
		} else {
			r.mark(d, c.scores.Unscored[i])
		}
	}
	if p.parent != nil {
		r.halfAnswered(p)
	}
}

// halfAnswered teaches the endpoint that a refused call was too large as a whole
// once both of its halves have been accepted.
func (r *shardRun) halfAnswered(p *shardPiece) {
	parent := p.parent
	if parent.halves++; parent.halves < 2 {
		return
	}
	f := fault(parent.errs[len(parent.errs)-1])
	if !f.tooLarge {
		return
	}
	half := (len(parent.documents) + 1) / 2
	r.e.locked(func() { r.e.batch.refused(half, (parent.bytes+1)/2, bodyRefusal(f.err)) })
}

// cost adds up usage: of the answer that was used, and of the others as far as
// it is known. A call that was cut off is charged by estimate, for servers go on
// working when the client has gone.
func (r *shardRun) cost(c *shardCall, p *shardPiece) {
	u := c.scores.Usage
	switch {
	case !c.outcome.failed && p.state == pieceFlying:
		r.report.Useful = r.report.Useful.Add(u)
		r.used = r.used.Add(u)
	case !c.outcome.failed:
		r.report.Wasted = r.report.Wasted.Add(u)
		r.used = r.used.Add(u)
	case c.outcome.given:
		r.report.Wasted = r.report.Wasted.Add(Usage{Calls: 1, Documents: len(p.documents), Tokens: p.tokens})
	}
	limits := c.scores.Limits
	if c.outcome.failed && c.outcome.fault.err != nil {
		limits = c.outcome.fault.err.Limits
	}
	if limits.Known {
		r.limits = limits
	}
}

// fail decides what becomes of a piece whose last call failed.
func (r *shardRun) fail(p *shardPiece, o outcome) {
	f := o.fault
	r.hurt = true
	switch {
	case o.given:
		reason, err := r.ending() // the caller has gone, or the time is up
		r.lose(p, reason, err)
	case f.tooLarge:
		r.tooLarge(p, f)
	case hopeless(f.kind):
		r.lose(p, f.err.Reason(), f.err)
		if r.alone() {
			r.loseOpen(f.err.Reason(), f.err)
		}
	case f.err != nil && contentRefusal(f.err) && len(p.documents) > 1 && p.depth < 2 && r.e.spend(2):
		r.split(p)
	case f.retryable:
		r.retry(p, f)
	default:
		r.lose(p, reasonOfCall(f.err), nil)
	}
}

// alone reports whether all upstreams are one.
func (r *shardRun) alone() bool { return len(r.e.ups) == 1 || r.e.o.OneServer }

// reasonOfCall is the reason that documents get from the error of a call.
func reasonOfCall(err error) pipeline.Reason {
	var typed *Error
	if errors.As(err, &typed) {
		return typed.Reason()
	}
	return pipeline.ReasonFailed
}

// retry puts a piece back in the queue if attempts, budget and time allow.
func (r *shardRun) retry(p *shardPiece, f callFault) {
	now := time.Now()
	delay := r.e.retryDelay(p.tries+1, f)
	need := delay
	if f.kind == KindRateLimited && !r.e.others(p.avoid) {
		need = max(need, f.err.RetryAfter)
	}
	if p.tries+1 >= r.s.o.Attempts || need+r.e.likely(p.tokens) >= r.deadline.Sub(now) || !r.e.spend(1) {
		r.lose(p, reasonOfCall(f.err), nil)
		return
	}
	p.tries++
	r.report.Retries++
	p.ready = now.Add(delay)
	p.since = now
}

// tooLarge halves a piece that was refused for its size, down to the document
// that is too long, while the others get their scores.
func (r *shardRun) tooLarge(p *shardPiece, f callFault) {
	if len(p.documents) > 1 && r.refused < giveUpSplitting && !r.listwise() {
		r.split(p)
		return
	}
	if len(p.documents) == 1 {
		r.refused++
		r.e.locked(func() { r.e.batch.alone(p.bytes) })
	}
	r.lose(p, pipeline.ReasonTooLong, nil)
}

// giveUpSplitting is how many documents in a row may be refused on their own
// before it is the server, and not their length, that is taken to be the cause.
const giveUpSplitting = 8

// split replaces a piece by its halves. Lengths are sorted, so the document that
// is too long is in the second half more often than not.
func (r *shardRun) split(p *shardPiece) {
	p.state = pieceSplit
	mid := len(p.documents) / 2
	now := time.Now()
	for _, documents := range [][]int{p.documents[:mid], p.documents[mid:]} {
		half := &shardPiece{index: len(r.pieces), tier: p.tier, depth: p.depth + 1, parent: p, ready: now, since: now}
		half.documents = documents
		for _, d := range documents {
			half.bytes += len(r.documents[d])
		}
		half.tokens = max(1, p.tokens*len(documents)/len(p.documents))
		p.split = append(p.split, half)
	}
	// Depth first: the sooner the guilty document is found, the sooner it is known
	// whether it is one document at all.
	at := slices.Index(r.pieces, p)
	r.pieces = slices.Insert(r.pieces, at+1, p.split...)
	r.open++
	r.report.Planned++
	r.report.Sent-- // the halves count when they are sent
}

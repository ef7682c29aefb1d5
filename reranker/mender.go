package reranker

import (
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker/internal/pace"
)

// errTooLong is why documents are not sent that are as long as one that was refused
// on its own.
var errTooLong = &Error{Kind: KindTooLarge, Op: "reranker: shard", Message: "not sent: the server has refused a shorter document on its own"}

// mender decides what becomes of a piece that has no scores from its call, or not
// all of them: it is repeated, split, asked for elsewhere or given up.
type mender struct {
	e      *Endpoint
	o      ShardOptions
	term   *term
	flight *flight
	tally  *tally
	texts  texts
	whole  bool // everything goes in one call
}

// fail decides what becomes of a piece whose last call failed.
func (m *mender) fail(p *piece, e ending) {
	f := e.fault
	switch {
	case e.cutOff:
		l := m.term.ending() // the caller has gone, or the time is up
		m.flight.lose(p, l.reason, l.err)
	case p.again && f.kind == KindProtocol:
		m.reaskFailed(p)
	case f.tooLarge && !m.e.pace.Served(len(p.Documents), m.texts.longest(p)):
		m.tooLarge(p)
	case elsewhere(f.err) && !m.e.alone() && len(p.refusers)+1 < len(m.e.scorers) && m.e.pace.Spend(1):
		p.refusers = append(p.refusers, p.avoid)
		m.flight.again(p, time.Now(), 0)
	case hopeless(f.kind):
		m.flight.lose(p, f.err.Reason(), f.err)
		if m.e.alone() {
			m.flight.loseOpen(f.err.Reason(), f.err)
		}
	case f.err != nil && contentRefusal(f.err) && len(p.Documents) > 1 && p.depth < 2 && m.e.pace.Spend(2):
		m.split(p)
	case m.o.Wait && awaited(f):
		m.await(p, f)
	case (f.kind == KindServer || f.kind == KindProtocol) && p.tries > 0 && len(p.Documents) > 1 && !m.whole && m.halves(p):
		m.split(p) // one document may be what upsets the server
	case f.retryable:
		m.retry(p, f)
	default:
		m.flight.lose(p, reasonOfCall(f.err), nil)
	}
}

// reaskFailed is for documents that were asked for again and have no sound score even
// so: several are split, since one of them may spoil the others.
func (m *mender) reaskFailed(p *piece) {
	if len(p.Documents) > 1 && m.e.pace.Spend(2) {
		m.split(p)
		return
	}
	m.flight.lose(p, pipeline.ReasonBadResponse, nil)
}

// await repeats a call until its server is back or the time is over.
func (m *mender) await(p *piece, f callFault) {
	now := time.Now()
	delay, _ := m.e.pace.RetryDelay(now, min(p.tries+1, 6), p.avoid)
	delay = max(delay, min(f.err.RetryAfter, pace.GateLongest))
	if delay >= m.term.rest(now) {
		m.flight.lose(p, reasonOfCall(f.err), nil)
		return
	}
	m.tally.wait(now, f.err)
	m.flight.again(p, now, delay)
}

// reask asks again, alone, for what has no score in an otherwise sound answer: a server
// that leaves a result out, or has one document spoil its neighbours. What stays without
// one is asked for in halves, so that what spoils the others is found, as far as the
// budget for extra calls goes.
func (m *mender) reask(p *piece) {
	at, parts, now := p.doubtful(), 1, time.Now()
	switch {
	case len(at) == 0, m.whole:
		return
	case len(at) == len(p.Documents):
		if !p.again || len(at) == 1 {
			return
		}
		parts = 2
	}
	if m.term.rest(now) <= m.e.pace.Likely(p.Tokens) || !m.e.pace.Spend(parts) {
		return
	}
	m.tally.report.Planned += parts
	m.flight.reask(p, at, parts, now, m.texts.size)
}

// retry puts a piece back in the queue if attempts, budget and time allow.
func (m *mender) retry(p *piece, f callFault) {
	now := time.Now()
	delay, elsewhere := m.e.pace.RetryDelay(now, p.tries+1, p.avoid)
	if f.kind != KindRateLimited {
		// After a refusal the gate holds the call longer if it must.
		delay = max(delay, min(f.err.RetryAfter, pace.GateLongest))
	}
	need := delay
	if f.kind == KindRateLimited && !elsewhere {
		need = max(need, f.err.RetryAfter)
	}
	if p.tries+1 >= m.o.Attempts || need+m.e.pace.Likely(p.Tokens) >= m.term.rest(now) || !m.e.pace.Spend(1) {
		m.flight.lose(p, reasonOfCall(f.err), nil)
		return
	}
	m.flight.again(p, now, delay)
}

// tooLarge halves a piece that was refused for its size, down to the document
// that is too long, while the others get their scores. What is as long as one that
// was refused on its own is not sent any more.
func (m *mender) tooLarge(p *piece) {
	now := time.Now()
	if len(p.Documents) == 1 {
		m.e.pace.Learn(pace.Lesson{Alone: p.Bytes, Now: now})
		m.flight.lose(p, pipeline.ReasonTooLong, nil)
	}
	tooLong := func(d int) bool { return m.e.pace.TooLong(now, m.texts.size(d)) }
	for _, other := range append([]*piece(nil), m.flight.pieces...) {
		if other.state == pieceWaiting {
			m.carve(other, now, tooLong)
		}
	}
	if p.state != pieceWaiting {
		return
	}
	if len(p.Documents) == 1 || m.whole || !m.o.Wait && !m.halves(p) {
		m.flight.lose(p, pipeline.ReasonTooLong, nil)
		return
	}
	m.split(p)
}

// carve gives up the documents of a waiting piece that are too long.
func (m *mender) carve(p *piece, now time.Time, tooLong func(d int) bool) {
	before := len(m.flight.pieces)
	m.flight.carve(p, now, m.texts.size, tooLong, loss{pipeline.ReasonTooLong, errTooLong})
	if len(m.flight.pieces) > before {
		m.tally.report.Planned += 2
	}
}

// halves pays for two calls in place of one. Both are extra ones where the one was.
func (m *mender) halves(p *piece) bool {
	if p.again {
		return m.e.pace.Spend(2)
	}
	return m.e.pace.Spend(1)
}

func (m *mender) split(p *piece) {
	m.flight.split(p, time.Now(), m.texts.size)
	m.tally.report.Planned++
	m.tally.report.Sent-- // the halves count when they are sent
}

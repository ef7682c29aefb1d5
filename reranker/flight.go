package reranker

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/rankcascade/cascade/internal/stray"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker/internal/pace"
)

type pieceState uint8

const (
	pieceWaiting pieceState = iota // for its turn, for a slot, for a retry
	pieceFlying
	pieceAnswered
	pieceLost
	pieceSplit
)

// piece is one shard.
type piece struct {
	pace.Parcel
	index, tier int
	depth       int  // how often it was split off
	again       bool // asked again because its scores were in doubt in another answer
	portion     bool // allowed by the pace, for the upstream to
	to          int
	parent      *piece
	halves      int // answered halves of a split piece
	state       pieceState
	ready       time.Time // not to be called before
	since       time.Time // when it became ready
	calls       []*call   // in flight
	tries       int
	sent        bool
	hedged      bool
	avoid       int     // the upstream that failed last, -1 for none
	refusers    []int   // upstreams that refused what they may accept elsewhere
	errs        []error // of its calls, and why it was given up
	reason      pipeline.Reason
	split       []*piece
	scores      Scores
	anchors     []float64 // scores of the query's anchors
}

// call is one call for a piece.
type call struct {
	piece   *piece
	ticket  *pace.Ticket
	ctx     context.Context
	cancel  context.CancelFunc
	hedgeAt time.Time // zero if it is not hedged
	scores  Scores
	anchors []float64
	err     error
	ended   ending
	// hook is a panic of EndpointOptions.OnChange.
	hook error
	task *stray.Task
	// overtaken says that a hedge on another upstream answered first, released that the
	// endpoint knows how the call ended.
	overtaken, released atomic.Bool
}

// flight is what of a query is waiting, on its way or decided. It belongs to one
// goroutine, makes no call and reads no clock.
type flight struct {
	pieces []*piece // in the order in which they are sent
	plan   []*piece // those of the plan; split ones have their halves
	open   int      // neither answered nor lost
	flying int      // calls
	hurt   bool     // something went wrong

	rest   []pace.Item // of the plan: still to be cut into portions
	top    int         // so many of them are of the first tier
	bounds pace.Bounds // of a portion
}

// newFlight takes the calls of a plan.
func newFlight(p plan, start time.Time) flight {
	var f flight
	for _, c := range p.parcels {
		at := start
		if c.tier > 0 && p.tiered {
			at = start.Add(tierDelay)
		}
		f.plan = append(f.plan, &piece{Parcel: c.Parcel, index: len(f.plan), tier: c.tier, ready: at, since: at, avoid: -1})
	}
	f.pieces = slices.Clone(f.plan)
	f.open = len(f.plan)
	f.rest, f.top, f.bounds = p.rest, p.top, p.bounds
	return f
}

// undecided reports whether anything is neither answered nor lost.
func (f *flight) undecided() bool { return f.open > 0 || len(f.rest) > 0 }

// tier is that of the next portion.
func (f *flight) tier() int {
	if f.top > 0 {
		return 0
	}
	return 1
}

// topTokens are those that are left of the first tier.
func (f *flight) topTokens() int {
	sum := 0
	for _, it := range f.rest[:f.top] {
		sum += it.Tokens
	}
	return sum
}

// cut makes a piece out of the next documents: as many as so many tokens, the
// bounds and their tier allow, at least one.
func (f *flight) cut(now time.Time, tokens, documents int) *piece {
	p := &piece{index: len(f.plan), tier: f.tier(), ready: now, since: now, avoid: -1}
	most := len(f.rest)
	if f.top > 0 {
		most = f.top
	}
	for n, it := range f.rest[:most] {
		if n > 0 && (p.Tokens+it.Tokens > tokens || documents > 0 && n >= documents || f.over(p, it, n)) {
			break
		}
		p.Documents = append(p.Documents, it.Document)
		p.Bytes += it.Bytes
		p.Tokens += it.Tokens
	}
	n := len(p.Documents)
	f.rest, f.top = f.rest[n:], max(0, f.top-n)
	f.plan, f.pieces = append(f.plan, p), append(f.pieces, p)
	f.open++
	return p
}

func (f *flight) over(p *piece, it pace.Item, n int) bool {
	b := f.bounds
	return b.Documents > 0 && n >= b.Documents || b.Bytes > 0 && p.Bytes+it.Bytes > b.Bytes || b.Tokens > 0 && p.Tokens+it.Tokens > b.Tokens
}

// loseRest gives up what has not been cut into portions.
func (f *flight) loseRest(now time.Time, reason pipeline.Reason, err error) {
	if len(f.rest) == 0 {
		return
	}
	f.top, f.bounds = 0, pace.Bounds{}
	f.lose(f.cut(now, math.MaxInt, 0), reason, err)
}

// start notes that a call for a piece is on its way, and reports whether it is the
// first of that piece.
func (f *flight) start(c *call) (first bool) {
	p := c.piece
	first = !p.sent
	p.sent, p.state = true, pieceFlying
	p.calls = append(p.calls, c)
	f.flying++
	return first
}

// end takes a call that has ended out of its piece, and reports whether the piece
// still waits for one.
func (f *flight) end(c *call) (wanted bool) {
	f.flying--
	p := c.piece
	if at := slices.Index(p.calls, c); at >= 0 {
		p.calls = slices.Delete(p.calls, at, at+1)
	}
	return p.state == pieceFlying
}

// eachCall visits the calls in flight.
func (f *flight) eachCall(visit func(*call)) {
	for _, p := range f.pieces {
		for _, c := range slices.Clone(p.calls) {
			visit(c)
		}
	}
}

// answered decides a piece. The other calls for it are given up, and returned.
func (f *flight) answered(p *piece, c *call) (losers []*call) {
	p.state, p.scores, p.anchors = pieceAnswered, c.scores, c.anchors
	f.open--
	f.hurt = f.hurt || len(p.errs) > 0
	if p.parent != nil {
		p.parent.halves++
	}
	return p.calls
}

// failed notes the error of a call, and reports whether nothing is in flight for
// the piece any more, so that something has to be done about it.
func (f *flight) failed(p *piece, err error) (idle bool) {
	f.hurt = true
	p.fail(err)
	if len(p.calls) > 0 {
		return false // the other call of a hedged pair may still answer
	}
	p.state = pieceWaiting
	return true
}

// again puts a piece back in the queue after a delay.
func (f *flight) again(p *piece, now time.Time, delay time.Duration) {
	p.tries++
	p.ready, p.since = now.Add(delay), now
}

// lose gives up a piece that is open, and cancels its calls.
func (f *flight) lose(p *piece, reason pipeline.Reason, err error) {
	if p.state != pieceWaiting && p.state != pieceFlying {
		return
	}
	if p.again {
		reason = pipeline.ReasonBadResponse // that is why it has no score yet
	}
	p.state, p.reason = pieceLost, reason
	p.fail(err)
	f.open--
	f.hurt = true
	for _, c := range p.calls {
		c.cancel()
	}
}

// loseOpen gives up everything that is open.
func (f *flight) loseOpen(reason pipeline.Reason, err error) {
	f.loseRest(time.Time{}, reason, err)
	for _, p := range f.pieces {
		f.lose(p, reason, err)
	}
}

// loseWaiting gives up the pieces that are not in flight.
func (f *flight) loseWaiting(reason pipeline.Reason, err error) {
	f.loseRest(time.Time{}, reason, err)
	for _, p := range f.pieces {
		if p.state == pieceWaiting {
			f.lose(p, reason, err)
		}
	}
}

// split replaces a piece by its halves, of which size gives the bytes of a
// document. Lengths are sorted, so the document that is too long is in the second
// half more often than not.
func (f *flight) split(p *piece, now time.Time, size func(document int) int) {
	p.state = pieceSplit
	mid := len(p.Documents) / 2
	for _, documents := range [][]int{p.Documents[:mid], p.Documents[mid:]} {
		half := &piece{index: len(f.pieces), tier: p.tier, depth: p.depth + 1, parent: p, ready: now, since: now, avoid: p.avoid, tries: p.tries, again: p.again, hedged: p.again}
		if p.again {
			half.errs = slices.Clone(p.errs)
		}
		half.Documents = documents
		for _, d := range documents {
			half.Bytes += size(d)
		}
		half.Tokens = max(1, p.Tokens*len(documents)/len(p.Documents))
		p.split = append(p.split, half)
	}
	// Depth first: the sooner the guilty document is found, the sooner it is known
	// whether it is one document at all.
	f.pieces = slices.Insert(f.pieces, slices.Index(f.pieces, p)+1, p.split...)
	f.open++
}

// reask takes the documents at these places, which have no score in a sound answer, out
// of an answered piece and puts them into pieces of their own, so many of about the
// same length. What the answer says of them is the error of these until there is
// another one.
func (f *flight) reask(p *piece, at []int, parts int, now time.Time, size func(document int) int) {
	tokens := p.Tokens / len(p.Documents)
	for n := range parts {
		q := &piece{index: len(f.pieces), tier: p.tier, ready: now, since: now, avoid: -1, again: true, hedged: true, errs: slices.Clone(p.scores.Causes)}
		for _, i := range at[n*len(at)/parts : (n+1)*len(at)/parts] {
			q.Documents = append(q.Documents, p.Documents[i])
			q.Bytes += size(p.Documents[i])
			q.Tokens += max(1, tokens)
		}
		p.split = append(p.split, q)
	}
	p.keep(at)
	f.pieces = slices.Insert(f.pieces, slices.Index(f.pieces, p)+1, p.split...)
	f.open += parts
}

// carve takes documents out of a waiting piece and gives them up; the others wait
// on as a piece of their own.
func (f *flight) carve(p *piece, now time.Time, size func(document int) int, drop func(document int) bool, l loss) {
	var kept, dropped []int
	for _, d := range p.Documents {
		if drop(d) {
			dropped = append(dropped, d)
		} else {
			kept = append(kept, d)
		}
	}
	switch {
	case len(dropped) == 0:
		return
	case len(kept) == 0:
		f.lose(p, l.reason, l.err)
		return
	}
	p.state = pieceSplit
	for _, documents := range [][]int{kept, dropped} {
		part := &piece{index: len(f.pieces), tier: p.tier, depth: p.depth, ready: p.ready, since: p.since, avoid: p.avoid, tries: p.tries}
		part.Documents = documents
		for _, d := range documents {
			part.Bytes += size(d)
		}
		part.Tokens = max(1, p.Tokens*len(documents)/len(p.Documents))
		p.split = append(p.split, part)
	}
	f.pieces = slices.Insert(f.pieces, slices.Index(f.pieces, p)+1, p.split...)
	f.open++
	f.lose(p.split[1], l.reason, l.err)
}

// walk visits the pieces and what they were split into, in the order of the plan,
// which does not depend on which call finished first.
func (f *flight) walk(visit func(*piece)) { walkPieces(f.plan, visit) }

func walkPieces(pieces []*piece, visit func(*piece)) {
	for _, p := range pieces {
		visit(p)
		walkPieces(p.split, visit)
	}
}

// pace returns the tokens that were answered, and whether what was not answered
// ran out of time. known is false where something else than the server's speed
// held the query up.
func (f *flight) pace() (tokens int, late, known bool) {
	for _, p := range f.pieces {
		switch {
		case p.state == pieceAnswered:
			tokens += p.Tokens
		case p.state == pieceLost && p.late():
			late = true
		default:
			return 0, false, false
		}
	}
	return tokens, late, late || !f.hurt
}

// fail notes an error. Causes are gathered piece by piece in the end, so that
// their order does not depend on which call failed first.
func (p *piece) fail(err error) {
	if err != nil {
		p.errs = append(p.errs, err)
	}
}

// last is the newest error, nil without one.
func (p *piece) last() error {
	if len(p.errs) == 0 {
		return nil
	}
	return p.errs[len(p.errs)-1]
}

// held is the error of a piece that a quota or a gate keeps from being called in
// time.
func (p *piece) held(wait time.Duration) error {
	if err := p.last(); err != nil {
		return err
	}
	return &Error{Kind: KindRateLimited, Op: "reranker: shard", RetryAfter: wait, Message: "not sent: the server would have to be waited for beyond the deadline"}
}

// doubtful are the places of the documents that have no score because what the answer
// says of them cannot be trusted, or because it says nothing.
func (p *piece) doubtful() (at []int) {
	for i, reason := range p.scores.Unscored {
		if reason == pipeline.ReasonBadResponse {
			at = append(at, i)
		}
	}
	return at
}

// keep takes documents at places out of an answered piece.
func (p *piece) keep(without []int) {
	var documents []int
	s := p.scores
	s.Values, s.Unscored, s.Cached, s.Causes = nil, nil, nil, nil
	for i, d := range p.Documents {
		if slices.Contains(without, i) {
			continue
		}
		documents = append(documents, d)
		s.Values = append(s.Values, p.scores.Values[i])
		s.Unscored = append(s.Unscored, p.scores.Unscored[i])
		if p.scores.Cached != nil {
			s.Cached = append(s.Cached, p.scores.Cached[i])
		}
	}
	p.Documents, p.scores = documents, s
}

// align maps the scores of p onto the scale of the standard by the anchors, or
// takes them out and reports false.
func (p *piece) align(standard *piece) bool {
	fit, ok := fitAnchors(p.anchors, standard.anchors)
	low, high := p.scores.Scale.Bounds()
	p.scores.Values, p.scores.Unscored = slices.Clone(p.scores.Values), slices.Clone(p.scores.Unscored)
	for i, v := range p.scores.Values {
		switch {
		case !p.scores.Scored(i):
		case ok:
			p.scores.Values[i] = min(max(fit.at(v), low), high)
		default:
			p.scores.lose(i, pipeline.ReasonBadResponse)
		}
	}
	return ok
}

// late reports whether the piece was given up because no time was left.
func (p *piece) late() bool { return errors.Is(p.last(), errNoTime) }

// limits are what the call's answer or error declared.
func (c *call) limits() Limits {
	if c.ended.failed && c.ended.fault.err != nil {
		return c.ended.fault.err.Limits
	}
	return c.scores.Limits
}

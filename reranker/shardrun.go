package reranker

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/sourcegraph/conc"
)

// errNoTime is why documents are lost to the deadline.
var errNoTime = fmt.Errorf("reranker: shard: %w", context.DeadlineExceeded)

// shardRun is one query on its way. Its fields belong to the goroutine of the
// caller, which decides everything; the goroutines of the calls only call and
// report.
type shardRun struct {
	s         *Sharded
	e         *Endpoint
	caller    context.Context
	ctx       context.Context // of the calls: ends at the deadline
	query     string
	documents []string
	lane      Lane
	start     time.Time
	deadline  time.Time
	given     time.Duration // what the report calls the deadline, 0 without one

	planned  shardPlan
	pieces   []*shardPiece
	answers  chan *shardCall
	calls    conc.WaitGroup
	flying   int
	unhedged bool
	trial    bool        // sent although it is likely to come too late
	served   atomic.Bool // a call has been answered
	width    int         // most of them
	waiter   *slotWaiter
	timer    *time.Timer

	values  []float64
	reasons []pipeline.Reason // nil while every document has its score
	open    int               // pieces that are neither answered nor lost
	causes  []error
	report  Report
	used    Usage // of answers, used or not
	limits  Limits
	refused int // documents refused alone in a row
	hurt    bool
}

type pieceState uint8

const (
	pieceWaiting pieceState = iota // for its turn, for a slot, for a retry
	pieceFlying
	pieceAnswered
	pieceLost
	pieceSplit
)

// shardPiece is one shard.
type shardPiece struct {
	parcel
	index, tier int
	depth       int // how often it was split off
	parent      *shardPiece
	halves      int // answered halves of a split piece
	state       pieceState
	ready       time.Time // not to be called before
	since       time.Time // when it became ready
	calls       []*shardCall
	tries       int
	sent        bool
	hedged      bool
	avoid       *upstream
	errs        []error // of its calls, and why it was given up
	split       []*shardPiece
	scores      Scores
}

// shardCall is one call for a piece.
type shardCall struct {
	piece   *shardPiece
	ticket  *ticket
	ctx     context.Context
	cancel  context.CancelFunc
	hedgeAt time.Time
	scores  Scores
	err     error
	outcome outcome
	// overtaken says that a hedge on another upstream answered first.
	overtaken atomic.Bool
}

func newShardRun(ctx context.Context, s *Sharded, query string, documents []string) *shardRun {
	r := &shardRun{
		s: s, e: s.endpoint, caller: ctx, query: query, documents: documents,
		lane: laneOf(ctx, s.o.Lane), start: time.Now(), values: make([]float64, len(documents)),
	}
	r.waiter = &slotWaiter{lane: r.lane, wake: make(chan struct{}, 1)}
	if d, ok := ctx.Deadline(); ok {
		r.given = max(time.Nanosecond, d.Sub(r.start))
		reserve := s.o.Reserve
		if reserve == 0 {
			reserve = max(5*time.Millisecond, r.given/100)
		}
		r.deadline = d.Add(-max(0, reserve))
	} else if s.o.Timeout > 0 {
		r.given = s.o.Timeout
		r.deadline = r.start.Add(s.o.Timeout)
	} else {
		r.deadline = r.start.Add(365 * 24 * time.Hour)
	}
	return r
}

func (r *shardRun) listwise() bool { return r.s.node.Facts.Listwise && !r.s.o.AllowListwise }

// score runs the query. stopped says that progress asked to end it.
func (r *shardRun) score(progress func(Scores) bool) (scores Scores, stopped bool, err error) {
	var cancel context.CancelFunc
	r.ctx, cancel = context.WithDeadline(r.caller, r.deadline)
	// Whatever happens, also in the consumer of a stream: no call outlives this,
	// and the endpoint is left.
	defer func() {
		r.join(cancel)
		r.e.leave(r.waiter)
		r.e.exit()
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
func (r *shardRun) begin() bool {
	if r.caller.Err() != nil {
		reason, err := r.ending()
		r.loseDocuments(reason, err)
		return false
	}
	p := r.plan(r.start)
	if p.refused != nil {
		r.loseDocuments(p.reason, p.refused)
		return false
	}
	r.planned, r.pieces, r.open = p, slices.Clone(p.pieces), len(p.pieces)
	r.report.Planned = len(p.pieces)
	for _, piece := range r.pieces {
		piece.ready = r.start
		if piece.tier > 0 && p.tiered {
			piece.ready = r.start.Add(tierDelay)
		}
		piece.since = piece.ready
	}
	r.answers = make(chan *shardCall, r.width)
	return r.open > 0
}

// loop starts what may start and takes what comes back, until nothing is open or
// the time is up. It reports whether progress asked to stop.
func (r *shardRun) loop(progress func(Scores) bool) (stopped bool) {
	r.timer = time.NewTimer(time.Hour)
	defer r.timer.Stop()
	for r.open > 0 {
		if r.over() {
			return false
		}
		next := r.dispatch()
		if r.open == 0 {
			return false
		}
		r.timer.Reset(time.Until(next))
		select {
		case c := <-r.answers:
			answered := r.settle(c)
			for len(r.answers) > 0 {
				answered = r.settle(<-r.answers) || answered
			}
			if answered && progress != nil && r.open > 0 && !progress(r.scoresSoFar()) {
				return true
			}
		case <-r.timer.C:
		case <-r.waiter.wake:
		case <-r.caller.Done():
		case <-r.e.closed:
		}
	}
	return false
}

// over ends the query when its time is up, its caller has gone or the endpoint
// has closed, and reports whether it did.
func (r *shardRun) over() bool {
	select {
	case <-r.e.closed:
		r.loseOpen(pipeline.ReasonCanceled, &Error{Kind: KindConfig, Op: "reranker: shard", Err: ErrClosed})
		return true
	default:
	}
	if r.caller.Err() == nil && time.Now().Before(r.deadline) {
		return false
	}
	for len(r.answers) > 0 {
		r.settle(<-r.answers) // what has arrived still counts
	}
	r.loseOpen(r.ending())
	return true
}

// ending says why the query ends before it is done.
func (r *shardRun) ending() (pipeline.Reason, error) {
	if r.caller.Err() == context.Canceled {
		return pipeline.ReasonCanceled, &Error{Kind: KindCanceled, Op: "reranker: shard", Err: context.Cause(r.caller)}
	}
	if r.caller.Err() != nil {
		return pipeline.ReasonDeadline, fmt.Errorf("reranker: shard: %w", context.Cause(r.caller))
	}
	return pipeline.ReasonDeadline, errNoTime
}

// start makes one call in a goroutine of its own.
func (r *shardRun) startCall(p *shardPiece, t *ticket) {
	c := &shardCall{piece: p, ticket: t}
	c.ctx, c.cancel = context.WithCancel(r.ctx)
	texts := make([]string, len(p.documents))
	for i, d := range p.documents {
		texts[i] = r.documents[d]
	}
	if !p.sent {
		p.sent = true
		r.report.Sent++
	}
	if len(p.calls) == 0 {
		r.report.Waited += t.started.Sub(p.since)
	}
	p.state = pieceFlying
	p.calls = append(p.calls, c)
	if !r.unhedged && !p.hedged && !t.hedge {
		if d := r.e.hedgeDelay(t.tokens); d > 0 {
			c.hedgeAt = t.started.Add(d)
		}
	}
	r.flying++
	r.report.Attempts++
	r.calls.Go(func() {
		defer func() { r.answers <- c }() // has room for every call in flight
		c.scores, c.err = r.guarded(c, texts)
		if c.err == nil {
			c.err = checkAnswer(&c.scores, len(texts))
		}
		c.outcome = endedAs(c.ctx, r.caller, r.deadline, c.err)
		c.outcome.scores = c.scores
		if c.err == nil {
			r.served.Store(true)
		}
		c.outcome.barren = !r.served.Load()
		c.outcome.overtaken = c.outcome.given && c.overtaken.Load()
		r.e.release(t, c.outcome)
	})
}

// guarded calls the scorer and turns a panic into an error that names the shard.
func (r *shardRun) guarded(c *shardCall, texts []string) (scores Scores, err error) {
	defer func() {
		if v := recover(); v != nil {
			part := fmt.Sprintf("reranker: shard %d", c.piece.index+1)
			scores = Scores{}
			err = &Error{Kind: KindPanic, Op: part, Err: &pipeline.PanicError{Part: "scorer", Value: v, Stack: debug.Stack()}}
		}
	}()
	return c.ticket.up.scorer.Score(c.ctx, r.query, texts)
}

// join cancels and awaits the calls that are still in flight, gives up what is
// open, and takes what came back after the end was decided. A panic that gets
// here is one of the endpoint's OnChange: scores that arrived are good.
func (r *shardRun) join(cancel context.CancelFunc) {
	cancel()
	if caught := r.calls.WaitAndRecover(); caught != nil {
		r.cause(&Error{Kind: KindPanic, Op: "reranker: shard", Err: &pipeline.PanicError{Part: "EndpointOptions.OnChange", Value: caught.Value, Stack: caught.Stack}})
	}
	if r.open > 0 {
		r.loseOpen(pipeline.ReasonCanceled, context.Canceled)
	}
	for len(r.answers) > 0 {
		r.settle(<-r.answers)
	}
}

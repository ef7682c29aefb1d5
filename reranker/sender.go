package reranker

import (
	"fmt"
	"runtime/debug"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker/internal/pace"
)

// sender makes the calls of a query, each in a goroutine of its own. Nothing in it
// changes once the first call is made, and a call may outlive the query.
type sender struct {
	e         *Endpoint
	term      *term
	query     string
	documents texts
	anchors   anchors
	answers   chan *call // has room for every call in flight
}

// launch starts the goroutine of a call, and reports whether it did: not when too
// many are left behind.
func (s *sender) launch(c *call) bool {
	p := c.piece
	texts := make([]string, len(p.Documents), len(p.Documents)+len(s.anchors.documents))
	for i, d := range p.Documents {
		texts[i] = s.documents[d]
	}
	task, ok := s.e.strays.Go(func() {
		defer func() { s.answers <- c }() // has room for every call in flight
		s.guarded(c, texts)
		now := time.Now()
		c.ended = endedAs(c.ctx, s.term.caller, s.term.passed(now), c.err)
		if c.released.CompareAndSwap(false, true) {
			o := c.ended.outcome(c.scores, c.overtaken.Load())
			if c.ended.fault.kind == KindProtocol && p.again {
				o.Verdict = pace.None // it is about the documents, which were bad before
			}
			c.hook = s.e.release(now, c.ticket, o)
		}
	})
	c.task = task
	return ok
}

// guarded calls the scorer and turns a panic into an error that names the shard.
func (s *sender) guarded(c *call, texts []string) {
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
	c.scores, c.anchors, c.err = s.anchors.ask(ctx, s.e.scorers[c.ticket.Upstream], s.query, c.piece, texts)
}

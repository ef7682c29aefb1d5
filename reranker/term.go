package reranker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rankcascade/cascade/pipeline"
)

// errNoTime is why documents are lost to the deadline.
var errNoTime = fmt.Errorf("reranker: shard: %w", context.DeadlineExceeded)

// loss is why documents have no score.
type loss struct {
	reason pipeline.Reason
	err    error
}

// term is how long a query may take: until its deadline, and as long as its caller
// is there.
type term struct {
	caller   context.Context
	start    time.Time
	given    time.Duration // in all, 0 without an end
	deadline time.Time     // with the reserve taken off
}

// newTerm is the term of a query that starts now; timeout is for a caller without a
// deadline, 0 for none.
func newTerm(caller context.Context, now time.Time, timeout time.Duration) term {
	t := term{caller: caller, start: now}
	switch d, ok := caller.Deadline(); {
	case ok:
		t.given = max(time.Nanosecond, d.Sub(now))
		t.deadline = d.Add(-reserveOf(caller, t.given))
	case timeout > 0:
		t.given = timeout
		t.deadline = now.Add(timeout)
	default:
		t.deadline = now.Add(365 * 24 * time.Hour)
	}
	return t
}

func (t *term) rest(now time.Time) time.Duration { return t.deadline.Sub(now) }

// passed reports whether the deadline has.
func (t *term) passed(now time.Time) bool { return !now.Before(t.deadline) }

// over reports whether the time is up or the caller has gone.
func (t *term) over(now time.Time) bool { return t.caller.Err() != nil || t.passed(now) }

// late reports whether the time is up and the caller has not gone before.
func (t *term) late(now time.Time) bool {
	return t.passed(now) && !errors.Is(t.caller.Err(), context.Canceled)
}

// ending says why the query ends before it is done.
func (t *term) ending() loss {
	switch {
	case t.caller.Err() == context.Canceled:
		return loss{pipeline.ReasonCanceled, &Error{Kind: KindCanceled, Op: "reranker: shard", Err: context.Cause(t.caller)}}
	case t.caller.Err() != nil:
		return loss{pipeline.ReasonDeadline, fmt.Errorf("reranker: shard: %w", context.Cause(t.caller))}
	}
	return loss{pipeline.ReasonDeadline, errNoTime}
}

// earlier is the first of two times; a zero b is none.
func earlier(a, b time.Time) time.Time {
	if !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

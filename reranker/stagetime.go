package reranker

import (
	"context"
	"fmt"
	"time"

	"github.com/rankcascade/cascade/pipeline"
)

// minReserve is the least time that is left to what follows a rerank.
const minReserve = 20 * time.Millisecond

// within returns the context for the scorer, whose deadline leaves the reserve
// to the caller, and an error if the time is too short to be of use.
func (w *work) within(ctx context.Context) (context.Context, context.CancelFunc, error) {
	o := w.stage.o
	deadline, bounded := ctx.Deadline()
	switch {
	case bounded:
		w.limit = o.allot(deadline.Sub(w.start))
	case o.Default > 0:
		w.limit = o.Default
	default:
		return ctx, func() {}, nil
	}
	cause := &pipeline.BudgetError{Part: o.Name, Limit: max(0, w.limit)}
	useful := w.stage.useful()
	if w.limit <= 0 || ctx.Err() != nil || w.limit < useful && !w.stage.trial() {
		return ctx, func() {}, fmt.Errorf("reranker: %s: %v left and %v needed: %w", o.Name, w.limit.Round(time.Microsecond), useful, cause)
	}
	ctx, cancel := context.WithDeadlineCause(ctx, w.start.Add(w.limit), cause)
	return ctx, cancel, nil
}

// allot returns how much of the remaining time the stage may use.
func (o Options) allot(left time.Duration) time.Duration {
	limit := left
	switch {
	case o.Reserve > 0:
		limit -= o.Reserve
	case o.Reserve == 0:
		limit -= max(minReserve, left/20)
	}
	if o.Share > 0 {
		limit = min(limit, time.Duration(o.Share*float64(left)))
	}
	return limit
}

// lateQueries is how many queries in a row may be skipped because the scorer has
// been slow, before one is let through all the same: only a call can show that
// it has become faster.
const lateQueries = 20

// trial counts a query that is too late and reports whether it is let through.
func (s *Rerank) trial() bool {
	return s.o.MinimumUseful == 0 && s.late.Add(1)%lateQueries == 0
}

// useful returns the time below which no call is started.
func (s *Rerank) useful() time.Duration {
	if s.o.MinimumUseful > 0 {
		return s.o.MinimumUseful
	}
	return typicalLatency(s.scorer)
}

// typicalLatency asks a scorer how long it usually takes; 0 if it cannot say.
func typicalLatency(scorer Scorer) time.Duration {
	if t, ok := scorer.(interface{ TypicalLatency() time.Duration }); ok {
		return t.TypicalLatency()
	}
	return 0
}

// timeSetting describes how the stage's time is found.
func (o Options) timeSetting() string {
	rest := "the caller's less 5 %, at least 20 ms"
	switch {
	case o.Reserve > 0:
		rest = fmt.Sprintf("the caller's less %v", o.Reserve)
	case o.Reserve < 0:
		rest = "the caller's"
	}
	if o.Share > 0 {
		rest += fmt.Sprintf(", at most a share of %v", o.Share)
	}
	if o.Default > 0 {
		rest += fmt.Sprintf("; %v without a deadline", o.Default)
	}
	return rest
}

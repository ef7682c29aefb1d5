package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

// MinReserve is the least time that a default reserve holds back.
const MinReserve = 20 * time.Millisecond

// BudgetError says that a budget of the pipeline's own, not the caller's
// deadline, was used up. errors.Is finds context.DeadlineExceeded in it.
type BudgetError struct {
	// Part names what ran out of time.
	Part string
	// Limit is the time that it had.
	Limit time.Duration
}

// Error names the part and the time.
func (e *BudgetError) Error() string {
	return fmt.Sprintf("%s: budget of %v used up", e.Part, e.Limit.Round(time.Microsecond))
}

// Unwrap returns context.DeadlineExceeded.
func (e *BudgetError) Unwrap() error { return context.DeadlineExceeded }

// Budget bounds the time of a part. The part's deadline is now + Limit or the
// caller's deadline - Reserve, whichever is earlier, so that whatever follows
// the part still has time to run.
//
// A part that ignores its context is left behind some milliseconds after its
// deadline, see StrayError.
type Budget struct {
	// Limit is the time that the part may take. It must be positive.
	Limit time.Duration
	// Reserve is the time that is held back from the caller's deadline. Zero
	// stands for 5 % of what is left of it, at least MinReserve; a negative
	// reserve holds nothing back.
	Reserve time.Duration
}

// Within bounds the time of a stage: Budget{Limit: limit}.Stage(stage).
func Within(limit time.Duration, stage Stage) Stage { return Budget{Limit: limit}.Stage(stage) }

// RetrieveWithin bounds the time of a retriever, as Within does that of a stage:
// Budget{Limit: limit}.Retriever(retriever).
func RetrieveWithin(limit time.Duration, retriever Retriever) Retriever {
	return Budget{Limit: limit}.Retriever(retriever)
}

// Stage returns a stage that applies the given one within the budget.
//
// A stage that tolerates lateness (a rerank with such a policy) sees the earlier
// deadline and answers with what it has. From any other the end of the budget
// comes back as an error with a *BudgetError in its chain, which an Else, a
// Fallback or a Fan around it turns into a gap. Of a tolerant stage that has to be
// left behind the ranking comes back as it was, with a gap. Where the time is up before the
// start, only a tolerant stage is called. The end of the caller's own context is
// reported as that.
func (b Budget) Stage(stage Stage) Stage {
	w := within{Budget: b, leaving: newLeaving(), stage: newPart(stage)}
	w.err = firstError(b.check("within"), missing("within", "stage", []part[Stage]{w.stage}))
	w.tolerant = uncovered(Describe(stage)) == ""
	return w
}

// Retriever returns a retriever that asks the given one within the budget; see
// Stage.
func (b Budget) Retriever(retriever Retriever) Retriever {
	w := withinRetriever{Budget: b, leaving: newLeaving(), retriever: newPart(retriever)}
	w.err = firstError(b.check("within"), missing("within", "retriever", []part[Retriever]{w.retriever}))
	return w
}

func (b Budget) check(combinator string) error {
	if b.Limit <= 0 {
		return fmt.Errorf("pipeline: %s: a budget of %v leaves no time: give it a positive one", combinator, b.Limit)
	}
	return nil
}

func (b Budget) node(child Node, limited func(int) any, err error) Node {
	reserve := fmt.Sprintf("5 %%, at least %v", MinReserve)
	switch {
	case b.Reserve > 0:
		reserve = b.Reserve.String()
	case b.Reserve < 0:
		reserve = "none"
	}
	return Node{
		Name: "within", Children: []Node{child}, Err: err, Limited: limitedBy(limited, child),
		Settings: []Setting{{"budget", b.Limit.String()}, {"reserve", reserve}},
		Facts:    Facts{Role: RoleBudget, Budget: b.Limit},
	}
}

// context returns the context for the part, which ends with a *BudgetError as
// its cause, and whether there is any time at all.
func (b Budget) context(ctx context.Context, name string) (context.Context, context.CancelFunc, bool) {
	now := time.Now()
	limit := b.Limit
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, deadline.Sub(now)-b.reserve(deadline.Sub(now)))
	}
	child, cancel := ownDeadline(ctx, now, limit, name)
	return child, cancel, limit > 0
}

// ownDeadline returns a context with a deadline of the pipeline's own.
func ownDeadline(ctx context.Context, now time.Time, limit time.Duration, name string) (context.Context, context.CancelFunc) {
	end := now.Add(limit)
	ctx = context.WithValue(ctx, ownDeadlineKey{}, end)
	return context.WithDeadlineCause(ctx, end, &BudgetError{Part: name, Limit: max(0, limit)})
}

type ownDeadlineKey struct{}

// callersDeadline returns the deadline of ctx if it is the caller's and not one of
// the pipeline's own, after which what is in hand can still be finished.
func callersDeadline(ctx context.Context) (time.Time, bool) {
	deadline, ok := ctx.Deadline()
	own, has := ctx.Value(ownDeadlineKey{}).(time.Time)
	return deadline, ok && !(has && own.Equal(deadline))
}

func (b Budget) reserve(left time.Duration) time.Duration {
	switch {
	case b.Reserve > 0:
		return b.Reserve
	case b.Reserve < 0:
		return 0
	}
	return max(MinReserve, left/20)
}

// shareReserve returns a context for parts that run side by side, of which some
// may fail: it ends before the caller's deadline by the default reserve, and by no
// more than half of what is left, so that what has arrived can still be fused.
func shareReserve(ctx context.Context, name string) (context.Context, context.CancelFunc) {
	deadline, ok := callersDeadline(ctx)
	if !ok {
		return ctx, func() {}
	}
	now := time.Now()
	left := deadline.Sub(now)
	return ownDeadline(ctx, now, left-min(Budget{}.reserve(left), left/2), name)
}

type within struct {
	combinator
	leaving
	Budget
	stage    part[Stage]
	tolerant bool
	err      error
}

// Describe implements Describer.
func (w within) Describe() Node { return w.node(Describe(w.stage.do), w.limited, w.err) }

func (w within) limited(k int) any {
	w.stage = w.stage.only(k)
	return w
}

// Apply implements Stage.
func (w within) Apply(ctx context.Context, q Query, in Ranking) (Ranking, error) {
	if w.err != nil {
		return Ranking{}, w.err
	}
	child, cancel, time := w.context(ctx, w.stage.name)
	defer cancel()
	if !time && !w.tolerant {
		return Ranking{}, withCause(ctx, ended(child))
	}
	out, err := w.call(child, w.stage.name, withinPatience, func(child context.Context) (Ranking, error) {
		return apply(child, w.stage, q, in)
	})
	if err != nil {
		return w.instead(ctx, in, err)
	}
	return out, nil
}

// instead is what comes of an error: for a tolerant stage that had to be left behind
// the ranking as it came, with a gap.
func (w within) instead(ctx context.Context, in Ranking, err error) (Ranking, error) {
	if w.tolerant && errors.As(err, new(*StrayError)) && !callerGone(ctx) {
		return in.WithGaps(gapOf(w.stage.name, err)), nil
	}
	return Ranking{}, withCause(ctx, err)
}

// Refine implements Refiner; the budget covers the whole sequence, including
// the time that its consumer takes.
func (w within) Refine(ctx context.Context, q Query, in Ranking) iter.Seq2[Ranking, error] {
	if w.err != nil {
		return failing(w.err)
	}
	return func(yield func(Ranking, error) bool) {
		child, cancel, time := w.context(ctx, w.stage.name)
		defer cancel()
		if !time && !w.tolerant {
			yield(Ranking{}, withCause(ctx, ended(child)))
			return
		}
		for r, err := range w.sequence(child, w.stage.name, withinPatience, func(child context.Context) iter.Seq2[Ranking, error] {
			return refine(child, w.stage, q, in)
		}) {
			if err != nil {
				r, err = w.instead(ctx, in, err)
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

type withinRetriever struct {
	combinator
	leaving
	Budget
	retriever part[Retriever]
	err       error
}

// Describe implements Describer.
func (w withinRetriever) Describe() Node {
	return w.node(Describe(w.retriever.do), w.limited, w.err)
}

func (w withinRetriever) limited(k int) any {
	w.retriever = w.retriever.only(k)
	return w
}

// Retrieve implements Retriever.
func (w withinRetriever) Retrieve(ctx context.Context, q Query) (Ranking, error) {
	return last(w.bounded(ctx, func(child context.Context) iter.Seq2[Ranking, error] {
		return func(yield func(Ranking, error) bool) { yield(retrieve(child, w.retriever, q)) }
	}))
}

func (w withinRetriever) stream(ctx context.Context, q Query) iter.Seq2[Ranking, error] {
	return w.bounded(ctx, func(child context.Context) iter.Seq2[Ranking, error] {
		return streamPart(child, w.retriever, q)
	})
}

func (w withinRetriever) bounded(ctx context.Context, rankings func(context.Context) iter.Seq2[Ranking, error]) iter.Seq2[Ranking, error] {
	if w.err != nil {
		return failing(w.err)
	}
	return func(yield func(Ranking, error) bool) {
		child, cancel, _ := w.context(ctx, w.retriever.name)
		defer cancel()
		for r, err := range w.sequence(child, w.retriever.name, withinPatience, rankings) {
			if err != nil {
				err = withCause(ctx, err)
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

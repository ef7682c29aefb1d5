package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

type orElse struct {
	combinator
	leaving
	stage, alternative part[Stage]
	err                error
}

// Else applies the alternative to the same input where the stage fails. The
// ranking then has a Gap that names the stage and the error; if the alternative
// fails too, the error joins both.
//
// Where the context has a deadline, the stage gets it less a reserve of 5 % of
// the time that is left, at least MinReserve: enough for an alternative that
// works in memory, such as Keep. Before a slow alternative the stage needs a
// Within of its own. When the caller gives up, that is an error and the
// alternative does not run.
func Else(stage, alternative Stage) Stage {
	e := orElse{leaving: newLeaving(), stage: newPart(stage), alternative: newPart(alternative)}
	e.err = missing("else", "stage", []part[Stage]{e.stage, e.alternative})
	return e
}

// Describe implements Describer.
func (e orElse) Describe() Node {
	stage, alternative := Describe(e.stage.do), Describe(e.alternative.do)
	return Node{
		Name: "else", Children: []Node{stage, alternative},
		Facts: Facts{Role: RoleFallback}, Err: e.err, Limited: limitedBy(e.limited, stage, alternative),
	}
}

func (e orElse) limited(k int) any {
	e.stage, e.alternative = e.stage.only(k), e.alternative.only(k)
	return e
}

// Apply implements Stage.
func (e orElse) Apply(ctx context.Context, q Query, in Ranking) (Ranking, error) {
	if e.err != nil {
		return Ranking{}, e.err
	}
	attempt, cancel := lessReserve(ctx, e.stage.name)
	out, err := e.call(attempt, e.stage.name, legPatience, func(attempt context.Context) (Ranking, error) {
		return apply(attempt, e.stage, q, in)
	})
	cancel()
	if err == nil {
		return out, nil
	}
	return e.instead(ctx, q, in, err)
}

func (e orElse) instead(ctx context.Context, q Query, in Ranking, cause error) (Ranking, error) {
	if callerGone(ctx) {
		return Ranking{}, withCause(ctx, cause)
	}
	out, err := apply(ctx, e.alternative, q, in)
	if err != nil {
		return Ranking{}, withCause(ctx, fmt.Errorf("pipeline: else: %w", errors.Join(cause, err)))
	}
	return out.withGapsAfter(in.Gaps, gapOf(e.stage.name, cause)), nil
}

// Refine implements Refiner.
func (e orElse) Refine(ctx context.Context, q Query, in Ranking) iter.Seq2[Ranking, error] {
	if e.err != nil {
		return failing(e.err)
	}
	return func(yield func(Ranking, error) bool) {
		attempt, cancel := lessReserve(ctx, e.stage.name)
		defer cancel()
		for r, err := range e.sequence(attempt, e.stage.name, legPatience, func(attempt context.Context) iter.Seq2[Ranking, error] {
			return refine(attempt, e.stage, q, in)
		}) {
			if err != nil {
				yield(e.instead(ctx, q, in, err))
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// lessReserve returns a context that ends early enough for an alternative.
func lessReserve(ctx context.Context, name string) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	now := time.Now()
	limit := deadline.Sub(now) - Budget{}.reserve(deadline.Sub(now))
	return ownDeadline(ctx, now, limit, name)
}

type fallback struct {
	combinator
	leaving
	retrievers []part[Retriever]
	err        error
}

// Fallback asks the retriever and, where it fails, the alternatives one after
// the other. The ranking of an alternative has a Gap for each retriever that
// failed before it; if all fail, the error joins their causes.
//
// Where the context has a deadline, each attempt gets an equal share of the time
// that is left: with two retrievers the first gets half and the second whatever
// the first left over, so that a hanging one cannot use up the time of those
// behind it. RetrieveWithin around a retriever shares it in another way. When
// the caller gives up, that is an error and no alternative is asked.
func Fallback(retriever Retriever, alternatives ...Retriever) Retriever {
	f := fallback{leaving: newLeaving(), retrievers: newParts(append([]Retriever{retriever}, alternatives...))}
	f.err = missing("fallback", "retriever", f.retrievers)
	return f
}

// Describe implements Describer.
func (f fallback) Describe() Node {
	return Node{Name: "fallback", Children: nodes(f.retrievers), Facts: Facts{Role: RoleFallback}, Err: f.err}
}

// Retrieve implements Retriever.
func (f fallback) Retrieve(ctx context.Context, q Query) (Ranking, error) {
	return last(f.attempts(ctx, q, func(ctx context.Context, p part[Retriever]) iter.Seq2[Ranking, error] {
		return func(yield func(Ranking, error) bool) { yield(retrieve(ctx, p, q)) }
	}))
}

func (f fallback) stream(ctx context.Context, q Query) iter.Seq2[Ranking, error] {
	return f.attempts(ctx, q, func(ctx context.Context, p part[Retriever]) iter.Seq2[Ranking, error] {
		return streamPart(ctx, p, q)
	})
}

func (f fallback) attempts(ctx context.Context, q Query, ask func(context.Context, part[Retriever]) iter.Seq2[Ranking, error]) iter.Seq2[Ranking, error] {
	if f.err != nil {
		return failing(f.err)
	}
	return func(yield func(Ranking, error) bool) {
		var gaps []Gap
		var causes []error
		for i, p := range f.retrievers {
			share, cancel := shareOfDeadline(ctx, p.name, len(f.retrievers)-i)
			rankings := f.sequence(share, p.name, legPatience, func(share context.Context) iter.Seq2[Ranking, error] { return ask(share, p) })
			stopped, err := attemptOne(rankings, q.gaps, gaps, yield)
			cancel()
			if err == nil || stopped {
				return
			}
			causes = append(causes, err)
			if callerGone(ctx) {
				break
			}
			gaps = append(gaps, gapOf(p.name, err))
		}
		yield(Ranking{}, withCause(ctx, fmt.Errorf("pipeline: fallback: %w", errors.Join(causes...))))
	}
}

// attemptOne passes the rankings of one retriever on, with the gaps of those
// that failed before it behind the inherited ones, up to its error. The consumer
// may stop.
func attemptOne(rankings iter.Seq2[Ranking, error], inherited, gaps []Gap, yield func(Ranking, error) bool) (stopped bool, failure error) {
	for r, err := range rankings {
		if err != nil {
			return false, err
		}
		if len(gaps) > 0 {
			r = r.withGapsAfter(inherited, gaps...)
		}
		if !yield(r, nil) {
			return true, nil
		}
	}
	return false, nil
}

// shareOfDeadline returns a context with an equal share of the time that is left
// for each of the attempts to come; the last one gets all of it.
func shareOfDeadline(ctx context.Context, name string, attempts int) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok || attempts < 2 {
		return ctx, func() {}
	}
	now := time.Now()
	limit := deadline.Sub(now) / time.Duration(attempts)
	return ownDeadline(ctx, now, limit, name)
}

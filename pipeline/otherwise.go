package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

type otherwise struct {
	combinator
	leaving
	ok                     func(Query, Ranking) bool
	retriever, alternative part[Retriever]
	err                    error
}

// Otherwise asks the retriever and, where its ranking is not good enough, the
// alternative: other wording, another index, a web search. ok says what is good
// enough; it must be safe for concurrent use and must not write to its arguments,
// and a panic in it is an error. A retriever that fails is not good enough either.
//
// The alternative is asked once and its ranking is not held against ok; for a
// further try it is an Otherwise itself, so the number of tries is bounded by what
// is written down. The gaps of the first ranking stay. Where the alternative fails
// or finds nothing, the first ranking is returned, with a gap for the failure.
//
// Where the context has a deadline, the retriever gets half of the time, and the
// alternative the rest less a reserve of 5 %, at least MinReserve, so that the
// first ranking can still be returned.
func Otherwise(ok func(Query, Ranking) bool, retriever, alternative Retriever) Retriever {
	o := otherwise{leaving: newLeaving(), ok: ok, retriever: newPart(retriever), alternative: newPart(alternative)}
	o.err = missing("otherwise", "retriever", []part[Retriever]{o.retriever, o.alternative})
	if o.err == nil && ok == nil {
		o.err = errNilArgument("otherwise", "function that decides")
	}
	return o
}

// Describe implements Describer.
func (o otherwise) Describe() Node {
	return Node{
		Name: "otherwise", Children: nodes([]part[Retriever]{o.retriever, o.alternative}),
		Facts: Facts{Role: RoleFallback}, Err: o.err,
	}
}

// Retrieve implements Retriever.
func (o otherwise) Retrieve(ctx context.Context, q Query) (Ranking, error) {
	return last(o.try(ctx, trial{query: q, ask: func(ctx context.Context, p part[Retriever]) iter.Seq2[Ranking, error] {
		return func(yield func(Ranking, error) bool) { yield(retrieve(ctx, p, q)) }
	}}))
}

func (o otherwise) stream(ctx context.Context, q Query) iter.Seq2[Ranking, error] {
	return o.try(ctx, trial{query: q, ask: func(ctx context.Context, p part[Retriever]) iter.Seq2[Ranking, error] {
		return streamPart(ctx, p, q)
	}})
}

// trial is one query on its way through an Otherwise.
type trial struct {
	query Query
	ask   func(context.Context, part[Retriever]) iter.Seq2[Ranking, error]
	// first is what the retriever found, failure why it found nothing.
	first   Ranking
	failure error
}

func (o otherwise) try(ctx context.Context, t trial) iter.Seq2[Ranking, error] {
	if o.err != nil {
		return failing(o.err)
	}
	return func(yield func(Ranking, error) bool) {
		share, cancel := shareOfDeadline(ctx, o.retriever.name, 2)
		var stopped bool
		t.first, stopped, t.failure = early(o.ask(share, t, o.retriever), yield)
		cancel()
		if stopped {
			return
		}
		enough, err := o.enough(t)
		switch {
		case err != nil:
			yield(Ranking{}, withCause(ctx, err))
		case enough:
			yield(t.first, nil)
		case callerGone(ctx):
			yield(Ranking{}, withCause(ctx, firstError(t.failure, ended(ctx))))
		default:
			o.instead(ctx, t, yield)
		}
	}
}

// ask asks one of the two within its share of the time.
func (o otherwise) ask(ctx context.Context, t trial, p part[Retriever]) iter.Seq2[Ranking, error] {
	return o.sequence(ctx, p.name, legPatience, func(ctx context.Context) iter.Seq2[Ranking, error] { return t.ask(ctx, p) })
}

func (o otherwise) enough(t trial) (bool, error) {
	if t.failure != nil {
		return false, nil
	}
	return ask("otherwise", func() bool { return o.ok(t.query, t.first) })
}

// instead asks the alternative.
func (o otherwise) instead(ctx context.Context, t trial, yield func(Ranking, error) bool) {
	inherited := t.query.gaps
	gaps := withoutGaps(t.first.Gaps, inherited)
	if t.failure != nil {
		gaps = []Gap{gapOf(o.retriever.name, t.failure)}
	}
	attempt, cancel := lessReserve(ctx, o.alternative.name)
	defer cancel()
	second, stopped, err := early(o.ask(attempt, t, o.alternative), func(r Ranking, err error) bool {
		return yield(r.withGapsAfter(inherited, gaps...), err)
	})
	switch {
	case stopped:
	case err == nil && (len(second.Hits) > 0 || t.failure != nil):
		yield(second.withGapsAfter(inherited, gaps...), nil)
	case callerGone(ctx):
		yield(Ranking{}, withCause(ctx, err))
	case t.failure != nil:
		yield(Ranking{}, withCause(ctx, fmt.Errorf("pipeline: otherwise: %w", errors.Join(t.failure, err))))
	case err != nil:
		yield(t.first.WithGaps(gapOf(o.alternative.name, err)), nil)
	default:
		yield(t.first.WithGaps(withoutGaps(second.Gaps, inherited)...), nil)
	}
}

// early shows the early states of a sequence and returns its end without showing
// it.
func early(rankings iter.Seq2[Ranking, error], yield func(Ranking, error) bool) (end Ranking, stopped bool, err error) {
	for r, err := range rankings {
		switch {
		case err != nil:
			return Ranking{}, false, err
		case !r.Early():
			end = r
		case !yield(r, nil):
			return Ranking{}, true, nil
		}
	}
	return end, false, nil
}

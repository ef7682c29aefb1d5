package pipeline

import (
	"context"
	"errors"
	"runtime/debug"
)

var errNoQueries = errors.New("returned no query")

// rewrite calls a rewriter as the guard calls the other parts: a panic is an
// error that names it, observers hear of it, and what it leaves out of the
// queries is inherited from q.
func rewrite(ctx context.Context, p part[Rewriter], q Query) ([]Query, error) {
	g := newRun(p, KindRewrite, q)
	return g.observedRewrite(ctx, nil, func(ctx context.Context) ([]Query, error) { return g.rewrite(ctx, p.do, q) })
}

// observedRewrite makes the call and tells the observers before and after.
func (g *run) observedRewrite(ctx context.Context, inputs []Ranking, call func(context.Context) ([]Query, error)) ([]Query, error) {
	o := observing(ctx)
	if o == nil {
		return call(ctx)
	}
	inside, span, err := g.begin(ctx, o, inputs)
	if err != nil {
		return nil, err
	}
	queries, err := call(inside)
	if failure := g.finishRewrite(span, queries, err); failure != nil {
		return nil, failure
	}
	return queries, err
}

func (g *run) finishRewrite(span *Span, queries []Query, err error) (failure error) {
	defer func() {
		if v := recover(); v != nil {
			failure = g.observerPanic(v)
		}
	}()
	span.finish(func(e *Event) { e.Queries, e.Out, e.Err = queries, len(queries), err })
	return nil
}

func (g *run) rewrite(ctx context.Context, r Rewriter, q Query) (queries []Query, err error) {
	defer func() {
		if v := recover(); v != nil {
			queries, err = nil, &PanicError{Part: g.name, Value: v, Stack: debug.Stack()}
		}
	}()
	if err := g.mayStart(ctx); err != nil {
		return nil, err
	}
	made, err := r.Rewrite(ctx, q)
	if err == nil && len(made) == 0 {
		err = errNoQueries
	}
	if err != nil {
		return nil, g.failed(ctx, err)
	}
	queries = make([]Query, len(made))
	for i, m := range made {
		if queries[i], err = m.inherit(q); err != nil {
			return nil, g.failed(ctx, err)
		}
	}
	return queries, nil
}

package pipeline

import (
	"context"
	"errors"
)

var errNoQueries = errors.New("returned no query")

// rewrite calls a rewriter as the guard calls the other parts: a panic is an
// error that names it, observers hear of it, and what it leaves out of the
// queries is inherited from q.
func rewrite(ctx context.Context, p part[Rewriter], q Query) ([]Query, error) {
	g := newRun(p, KindRewrite, q)
	return g.observedRewrite(ctx, nil, func(ctx context.Context) ([]Query, error) { return g.rewrite(ctx, p.do, q) })
}

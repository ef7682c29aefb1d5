package pipeline

import "context"

// Retriever answers a query with a ranking. A finished pipeline is one, so
// pipelines nest.
//
// Retrieve returns an error only if there is no usable ranking; what is missing
// from a usable one stands in its Gaps. It returns within milliseconds of the
// context's end, with the cause in the error's chain, leaves no goroutine
// behind, and is safe for concurrent use.
type Retriever interface {
	Retrieve(ctx context.Context, q Query) (Ranking, error)
}

// Stage turns one ranking into another: it rescores, cuts, filters or merges.
//
// Apply never writes to its input, whose slices other stages may be reading.
// Errors, cancellation and concurrency are as in Retriever.
type Stage interface {
	Apply(ctx context.Context, q Query, in Ranking) (Ranking, error)
}

// Fuser makes one ranking of several. It is pure arithmetic: no context, no
// clock, no I/O, and equal inputs give equal bits.
//
// The inputs are in the order of the caller's list, which fixes the order of
// summation and which weight belongs to which list. An input without hits stands
// for a list that found nothing or is missing: it keeps its place, its scale
// demands nothing, and it is never a reason to refuse the others. Fuse writes to
// no input and is safe for concurrent use.
type Fuser interface {
	Fuse(inputs []Ranking) (Ranking, error)
}

// Rewriter turns a query into one or more queries that are asked in its place.
// An empty result is an error of the rewriter.
//
// It need not copy what it does not change: a query that it makes inherits the id,
// the filter, the turns, the attributes, the gaps and the trace of the one that it
// was given. Nothing that was forbidden becomes visible: a filter of its own is
// added to the one that it was given where both are a Filter or the equal fields
// that FilterOf takes, and else ErrFilterChanged is in the chain of the error; an
// attribute that is there keeps its value. Turns that are empty and not nil say
// that the rewriter has used them up.
type Rewriter interface {
	Rewrite(ctx context.Context, q Query) ([]Query, error)
}

// RetrieverFunc makes a function a Retriever.
type RetrieverFunc func(ctx context.Context, q Query) (Ranking, error)

// Retrieve calls f.
func (f RetrieverFunc) Retrieve(ctx context.Context, q Query) (Ranking, error) { return f(ctx, q) }

// StageFunc makes a function a Stage.
type StageFunc func(ctx context.Context, q Query, in Ranking) (Ranking, error)

// Apply calls f.
func (f StageFunc) Apply(ctx context.Context, q Query, in Ranking) (Ranking, error) {
	return f(ctx, q, in)
}

// FuserFunc makes a function a Fuser.
type FuserFunc func(inputs []Ranking) (Ranking, error)

// Fuse calls f.
func (f FuserFunc) Fuse(inputs []Ranking) (Ranking, error) { return f(inputs) }

// RewriterFunc makes a function a Rewriter.
type RewriterFunc func(ctx context.Context, q Query) ([]Query, error)

// Rewrite calls f.
func (f RewriterFunc) Rewrite(ctx context.Context, q Query) ([]Query, error) { return f(ctx, q) }

package pipeline

import (
	"context"
	"fmt"
	"iter"
)

type rewritten struct {
	combinator
	rewriter  part[Rewriter]
	retriever part[Retriever]
	err       error
}

// Rewrite asks the retriever the query that the rewriter makes of the one it
// gets. The new query holds for everything inside, so a reranker in there is asked
// the question that was searched. The scale of the ranking and the early states of
// a stream pass through.
//
// The rewriter makes one query; more than one is an error, see Expand. Its own
// error is an error: a rewriter that can go on without its model returns the
// question as it was, with a gap (Query.WithGaps).
func Rewrite(rewriter Rewriter, retriever Retriever) Retriever {
	r := rewritten{rewriter: newPart(rewriter), retriever: newPart(retriever)}
	r.err = firstError(missing("rewrite", "rewriter", []part[Rewriter]{r.rewriter}),
		missing("rewrite", "retriever", []part[Retriever]{r.retriever}))
	return r
}

// Describe implements Describer.
func (r rewritten) Describe() Node {
	child := Describe(r.retriever.do)
	return Node{
		Name: "rewrite", Children: []Node{describeRewriter(r.rewriter), child},
		Facts: Facts{Role: RoleChain}, Err: r.err, Limited: limitedBy(r.limited, child),
	}
}

func (r rewritten) limited(k int) any {
	r.retriever = r.retriever.only(k)
	return r
}

// Retrieve implements Retriever.
func (r rewritten) Retrieve(ctx context.Context, q Query) (Ranking, error) {
	made, err := r.query(ctx, q)
	if err != nil {
		return Ranking{}, err
	}
	return retrieve(ctx, r.retriever, made)
}

func (r rewritten) stream(ctx context.Context, q Query) iter.Seq2[Ranking, error] {
	return func(yield func(Ranking, error) bool) {
		made, err := r.query(ctx, q)
		if err != nil {
			yield(Ranking{}, err)
			return
		}
		forward(streamPart(ctx, r.retriever, made), yield)
	}
}

func (r rewritten) query(ctx context.Context, q Query) (Query, error) {
	if r.err != nil {
		return Query{}, r.err
	}
	made, err := rewrite(ctx, r.rewriter, q)
	if err != nil {
		return Query{}, err
	}
	if len(made) > 1 {
		return Query{}, fmt.Errorf("pipeline: rewrite: %s made %d queries of one: use Expand, which asks all of them", r.rewriter.name, len(made))
	}
	return made[0], nil
}

// describeRewriter describes a rewriter or a Next, which change no ranking.
func describeRewriter[T any](p part[T]) Node {
	n := Describe(p.do)
	if n.Facts.Role == RoleOther {
		n.Facts.Role = RoleRewrite
	}
	return n
}

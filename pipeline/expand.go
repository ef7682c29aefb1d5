package pipeline

import (
	"context"
	"fmt"
)

type expand struct {
	combinator
	leaving
	Parallel
	rewriter  part[Rewriter]
	fuser     part[Fuser]
	retriever part[Retriever]
	err       error
}

// Expand asks the retriever every query that the rewriter makes of the one it
// gets, at once, and fuses the rankings in the order of the queries. A query
// that fails leaves a Gap, as a retriever in a Fan does; an error of the
// rewriter, and a rewriter that returns no query, is an error. The new queries
// inherit what Rewriter says.
func Expand(rewriter Rewriter, fuser Fuser, retriever Retriever) Retriever {
	return Parallel{}.Expand(rewriter, fuser, retriever)
}

func (e expand) limited(k int) any {
	e.fuser = e.fuser.only(k)
	return e
}

// Describe implements Describer.
func (e expand) Describe() Node {
	each := Node{
		Name:     "each query",
		Children: []Node{describeRewriter(e.rewriter), Describe(e.retriever.do)},
		Facts:    Facts{Role: RoleChain},
	}
	fuser := Describe(e.fuser.do)
	return Node{
		Name: "expand", Limited: limitedBy(e.limited, fuser),
		Settings: e.settings(fmt.Sprint(e.quorum(1)), DefaultConcurrency),
		Children: []Node{fuser, each},
		Facts:    Facts{Role: RoleBranch, Repeats: -1}, Err: e.err,
	}
}

// Retrieve implements Retriever.
func (e expand) Retrieve(ctx context.Context, q Query) (Ranking, error) {
	if e.err != nil {
		return Ranking{}, e.err
	}
	queries, err := rewrite(ctx, e.rewriter, q)
	if err != nil {
		return Ranking{}, err
	}
	n := len(queries)
	name := func(int) string { return e.retriever.name }
	if n > 1 {
		name = func(i int) string { return fmt.Sprintf("%s, query %d of %d", e.retriever.name, i+1, n) }
	}
	outcomes := e.sideBySide(ctx, e.leaving, min(n, e.quorum(1)), many(n, name), func(ctx context.Context, i int) (Ranking, error) {
		r, err := retrieve(ctx, e.retriever, queries[i])
		return e.deep(r), err
	})
	inputs, err := collect(ctx, "expand", []part[Retriever]{e.retriever}, outcomes, min(n, e.quorum(1)))
	if err != nil {
		return Ranking{}, err
	}
	r, err := fuse(ctx, e.fuser, q, inputs)
	if err != nil {
		return Ranking{}, err
	}
	return eachGap(honest(e.fuser.name, r, inputs, nil), inputs, func(i int) []Gap { return queries[i].gaps }), nil
}

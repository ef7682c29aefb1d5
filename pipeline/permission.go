package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
	"slices"
)

// Permission says what a query may see: a filter that it makes of the context or
// of the query's attributes, which the program set when it knew who asks. An
// error, and a filter whose Err is not nil, end the query. It must be safe for
// concurrent use and must not write to its argument.
type Permission func(ctx context.Context, q Query) (Filter, error)

// PermissionError is the cause of the gap that a Guard leaves where a part showed
// documents that the permission does not allow. It tells their number and nothing
// else of them.
type PermissionError struct{ Documents int }

// Error tells the number of documents.
func (e *PermissionError) Error() string {
	if e.Documents == 1 {
		return "1 document dropped that the permission does not allow"
	}
	return fmt.Sprintf("%d documents dropped that the permission does not allow", e.Documents)
}

// Reason returns ReasonForbidden.
func (e *PermissionError) Reason() Reason { return ReasonForbidden }

// permit is the permission in force, which a context carries.
type permit struct {
	filter    Filter
	condition Condition
}

type permitKey struct{}

func permitted(ctx context.Context) *permit {
	p, _ := ctx.Value(permitKey{}).(*permit)
	return p
}

type guarded struct {
	combinator
	retriever  part[Retriever]
	permission Permission
	err        error
}

// Guard asks the retriever for nothing but what the permission allows. The
// permission's filter is joined by And to what the query asks for, and it holds
// for everything inside, however deep: every retriever that a combinator or Ask
// asks gets it, whatever a rewriter, a route or a stage made of the query, and
// guards within guards join theirs to it.
//
// A store is not trusted to obey. Whatever a part inside returns is checked
// against the metadata of its hits before another part, a cache that uses Ask or
// an observer sees it. What does not match is dropped, with a Gap whose reason is
// ReasonForbidden and whose cause is a *PermissionError. A hit whose store returns
// no metadata does not match, so stores have to return what the permission reads.
//
// The query's own filter must be nil, a Filter or a map[string]any that is short
// for Equal; a form that only one store knows cannot be joined and is an error
// that wraps ErrFilter.
func Guard(retriever Retriever, permission Permission) Retriever {
	g := guarded{retriever: newPart(retriever), permission: permission}
	g.err = missing("guard", "retriever", []part[Retriever]{g.retriever})
	if g.err == nil && permission == nil {
		g.err = errNilArgument("guard", "permission")
	}
	return g
}

// Describe implements Describer.
func (g guarded) Describe() Node {
	return Node{Name: "guard", Children: []Node{Describe(g.retriever.do)}, Err: g.err}
}

// Retrieve implements Retriever.
func (g guarded) Retrieve(ctx context.Context, q Query) (Ranking, error) {
	ctx, q, err := g.enter(ctx, q)
	if err != nil {
		return Ranking{}, err
	}
	r, err := retrieve(ctx, g.retriever, q)
	if err == nil && r.Trace != nil {
		r.Trace = permitted(ctx).step(r.Trace)
	}
	return r, err
}

// stream implements Stream.
func (g guarded) stream(ctx context.Context, q Query) iter.Seq2[Ranking, error] {
	ctx, q, err := g.enter(ctx, q)
	if err != nil {
		return failing(err)
	}
	return func(yield func(Ranking, error) bool) {
		for r, err := range streamPart(ctx, g.retriever, q) {
			if err == nil && r.Trace != nil {
				r.Trace = permitted(ctx).step(r.Trace)
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// enter asks for the permission and puts it into force.
func (g guarded) enter(ctx context.Context, q Query) (context.Context, Query, error) {
	if g.err != nil {
		return ctx, q, g.err
	}
	f, err := allow(ctx, g.permission, q)
	if err == nil {
		ctx, err = enforce(ctx, f)
	}
	if err == nil {
		q, err = restrict(ctx, q)
	}
	if err != nil {
		return ctx, q, fmt.Errorf("pipeline: guard: %w", err)
	}
	return ctx, q, nil
}

// allow calls the permission.
func allow(ctx context.Context, permission Permission, q Query) (f Filter, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Part: "permission", Value: v, Stack: debug.Stack()}
		}
	}()
	f, err = permission(ctx, q)
	if err != nil {
		return f, fmt.Errorf("permission: %w", err)
	}
	if err := f.Err(); err != nil {
		return f, fmt.Errorf("permission: %w", err)
	}
	return f, nil
}

// enforce puts the filter into force beside the one that is.
func enforce(ctx context.Context, f Filter) (context.Context, error) {
	if outer := permitted(ctx); outer != nil && !f.implies(outer.filter) {
		f = And(outer.filter, f)
	}
	c, err := f.Condition()
	if err != nil {
		return ctx, err
	}
	return context.WithValue(ctx, permitKey{}, &permit{f, c}), nil
}

// restrict returns the query with the permission in force in its filter.
func restrict(ctx context.Context, q Query) (Query, error) {
	p := permitted(ctx)
	if p == nil {
		return q, nil
	}
	if q.Filter == nil {
		q.Filter = p.filter
		return q, nil
	}
	own, ok := FilterOf(q.Filter)
	switch {
	case !ok:
		return q, fmt.Errorf("%w: type %T cannot be joined to the permission: use pipeline.Filter", ErrFilter, q.Filter)
	case own.Err() != nil:
		return q, own.Err()
	case !own.implies(p.filter):
		own = And(p.filter, own)
	}
	q.Filter = own
	return q, nil
}

// check drops the hits that the permission in force does not allow.
func (p *permit) check(name string, r Ranking) Ranking {
	first := slices.IndexFunc(r.Hits, p.forbids)
	if first < 0 {
		return r
	}
	kept := slices.Clone(r.Hits[:first])
	for _, h := range r.Hits[first:] {
		if !p.forbids(h) {
			kept = append(kept, h)
		}
	}
	err := &PermissionError{Documents: len(r.Hits) - len(kept)}
	r.Hits, r.Trace = kept, nil // the trace of the part shows what it returned
	r.Gaps = append(slices.Clip(r.Gaps), Gap{Stage: name, Reason: ReasonForbidden, Err: err})
	return r
}

func (p *permit) forbids(h Hit) bool { return !p.condition.Match(h.Document.Metadata) }

// step returns a trace without the hits that the permission does not allow.
func (p *permit) step(s *Step) *Step {
	seen := map[*Step]*Step{}
	var walk func(s *Step) *Step
	walk = func(s *Step) *Step {
		if s == nil || seen[s] != nil {
			return seen[s]
		}
		out := *s
		seen[s] = &out
		if slices.ContainsFunc(s.Hits, p.forbids) {
			out.Hits = slices.DeleteFunc(slices.Clone(s.Hits), p.forbids)
		}
		out.Inputs = make([]*Step, len(s.Inputs))
		for i, in := range s.Inputs {
			out.Inputs[i] = walk(in)
		}
		return &out
	}
	return walk(s)
}

// Ask asks the retriever as a combinator does: a panic is an error that names the
// part, an invalid ranking is refused, observers hear of it, and what a Guard
// further out does not allow is neither asked for nor returned. A cache, a loop or
// anything else that asks a retriever inside a pipeline uses it.
func Ask(ctx context.Context, retriever Retriever, q Query) (Ranking, error) {
	if retriever == nil {
		return Ranking{}, errNilArgument("ask", "retriever")
	}
	return retrieve(ctx, newPart(retriever), q)
}

// Queries asks the rewriter as a combinator does: a panic is an error that names
// it, observers hear of it, no queries are an error, and what it leaves out of its
// queries is inherited: filter, id, turns and attributes, which only the caller of
// the pipeline widens.
func Queries(ctx context.Context, rewriter Rewriter, q Query) ([]Query, error) {
	if rewriter == nil {
		return nil, errNilArgument("queries", "rewriter")
	}
	return rewrite(ctx, newPart(rewriter), q)
}

type guardedFetcher struct {
	fetcher    Fetcher
	permission Permission
}

// GuardFetcher hands out the documents of the fetcher that the permission allows,
// and that a Guard further out does. The query that the permission is given is the
// one that the context carries, see WithQuery; else it has nothing but zero
// values. A nil argument is an error of the first call.
func GuardFetcher(fetcher Fetcher, permission Permission) Fetcher {
	return guardedFetcher{fetcher, permission}
}

// Fetch implements Fetcher.
func (g guardedFetcher) Fetch(ctx context.Context, ids []string) ([]Document, error) {
	return g.do(ctx, func(ctx context.Context) ([]Document, error) { return g.fetcher.Fetch(ctx, ids) })
}

// Neighbours implements Fetcher. A document that is not allowed does not count: it
// is as if it were not there, except that it uses up one of the places asked for.
func (g guardedFetcher) Neighbours(ctx context.Context, id string, before, after int) ([]Document, error) {
	documents, err := g.do(ctx, func(ctx context.Context) ([]Document, error) { return g.fetcher.Neighbours(ctx, id, before, after) })
	if err == nil && !slices.ContainsFunc(documents, func(d Document) bool { return d.ID == id }) {
		return []Document{}, nil
	}
	return documents, err
}

var errNoFetcher = errors.New("pipeline: guard: the fetcher or the permission is nil")

func (g guardedFetcher) do(ctx context.Context, fetch func(context.Context) ([]Document, error)) ([]Document, error) {
	if g.fetcher == nil || g.permission == nil {
		return nil, errNoFetcher
	}
	f, err := allow(ctx, g.permission, queryIn(ctx))
	if err == nil {
		ctx, err = enforce(ctx, f)
	}
	if err != nil {
		return nil, fmt.Errorf("pipeline: guard: %w", err)
	}
	documents, err := fetch(ctx)
	if err != nil {
		return nil, err
	}
	p := permitted(ctx)
	kept := make([]Document, 0, len(documents))
	for _, d := range documents {
		if p.condition.Match(d.Metadata) {
			kept = append(kept, d)
		}
	}
	return kept, nil
}

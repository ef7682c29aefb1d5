package pipeline

import (
	"context"
	"fmt"
)

// part is something that a combinator runs, with the name by which errors,
// gaps, traces and events call it.
type part[T any] struct {
	do   T
	name string
	// structural parts are combinators of this package: their parts are guarded,
	// so errors already name a part, rankings are checked and traces recorded.
	structural bool
	// cuts says that the part only cuts, in memory.
	cuts bool
	role Role
	// first makes only the hits that the next part keeps; nil where there is no
	// such form of the part.
	first T
	// needs is the scale that the part's input must have; Unknown for any.
	needs Scale
}

// structure marks the combinators of this package.
type structure interface{ structural() }

type combinator struct{}

func (combinator) structural() {}

func newPart[T any](v T) part[T] {
	_, structural := inner(v).(structure)
	n := Describe(v)
	role := n.Facts.Role
	return part[T]{
		do: v, name: n.Name, structural: structural, role: role, needs: n.Facts.Needs,
		cuts: role == RoleCut || role == RoleThreshold,
	}
}

// only returns the part in the form that makes its first k hits, if it has one.
func (p part[T]) only(k int) part[T] {
	if p = p.before(k); any(p.first) != nil {
		p.do = p.first
	}
	return p
}

// before returns the part with the form that it has in front of a cut to the
// first k hits; k below one stands for no cut.
func (p part[T]) before(k int) part[T] {
	limited := Describe(p.do).Limited
	if k < 1 || limited == nil {
		return p
	}
	if v, err := ask(p.name, func() any { return limited(k) }); err == nil {
		p.first, _ = v.(T)
	}
	return p
}

// chosen is the form of the part for a query. A trace and an observer are shown
// all hits.
func (p part[T]) chosen(ctx context.Context, q Query) T {
	if any(p.first) == nil || q.Trace || observing(ctx) != nil {
		return p.do
	}
	return p.first
}

// limitedBy returns a Limited for a combinator that passes on the hits of inner,
// nil if that has none. build gets the limit.
func limitedBy(build func(k int) any, inner ...Node) func(k int) any {
	for _, n := range inner {
		if n.Limited != nil {
			return build
		}
	}
	return nil
}

// keepsFirst returns how many hits a stage keeps that looks at nothing but their
// number, 0 for any other.
func keepsFirst(n Node) int {
	switch {
	case n.Err != nil:
		return 0
	case n.Facts.Role == RoleCut && n.Facts.Plain:
		return n.Facts.Limit
	case n.Facts.Role == RoleChain && len(n.Children) > 0:
		return keepsFirst(n.Children[0])
	}
	return 0
}

// instant reports whether the part works in memory and takes no time.
func (p part[T]) instant() bool {
	_, keeps := inner(p.do).(keep)
	return keeps || p.cuts
}

func newParts[T any](values []T) []part[T] {
	parts := make([]part[T], len(values))
	for i, v := range values {
		parts[i] = newPart(v)
	}
	return parts
}

// nodes describes parts in their order.
func nodes[T any](parts []part[T]) []Node {
	out := make([]Node, len(parts))
	for i, p := range parts {
		out[i] = Describe(p.do)
	}
	return out
}

// missing reports the first part that is nil, or that has another shape under a
// name.
func missing[T any](combinator, what string, parts []part[T]) error {
	for i, p := range parts {
		do := inner(p.do)
		if do == nil {
			return fmt.Errorf("pipeline: %s: %s %d of %d is nil", combinator, what, i+1, len(parts))
		}
		if _, ok := do.(T); !ok {
			return fmt.Errorf("pipeline: %s: %q, a %T, is no %s", combinator, p.name, do, what)
		}
	}
	return nil
}

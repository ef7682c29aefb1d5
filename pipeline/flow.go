package pipeline

import (
	"math"
	"slices"
)

// flow is what can be said, before the first query, of a ranking at one place of
// a pipeline.
type flow struct {
	// limit is the most hits that it can have; 0 is unknown.
	limit int
	// scales are the scales that it can have, one for each way that it can come
	// about; a Fallback makes several.
	scales []Scale
	// max is the highest score that it can hold; NaN is unknown.
	max float64
	// cut names the cut that limit comes from, empty if none, and reranked says
	// that a reranker has judged the ranking.
	cut      string
	reranked bool
	// outage names the part whose outage leaves the hits unjudged; empty if there
	// is none.
	outage string
}

func unknownFlow() flow { return flow{scales: []Scale{Unknown}, max: math.NaN()} }

// scale is the one scale that the ranking is known to have, else Unknown.
func (f flow) scale() Scale {
	if len(f.scales) == 1 {
		return f.scales[0]
	}
	return Unknown
}

func (f flow) rescored(facts Facts, fallback Scale) flow {
	scale := facts.Scale
	if scale == Unknown {
		scale = fallback
	}
	f.scales = []Scale{scale}
	f.max = math.NaN()
	if _, high := scale.Bounds(); !math.IsInf(high, 1) {
		f.max = high
	}
	if facts.Max != 0 {
		f.max = facts.Max
	}
	return f
}

// either is what can be said of a ranking that came about in one way or another.
func either(a, b flow) flow {
	out := flow{max: math.Max(a.max, b.max), reranked: a.reranked || b.reranked, outage: a.outage}
	if out.outage == "" {
		out.outage = b.outage
	}
	out.scales = slices.Clone(a.scales)
	for _, s := range b.scales {
		if !slices.Contains(out.scales, s) {
			out.scales = append(out.scales, s)
		}
	}
	if a.limit > 0 && b.limit > 0 {
		out.limit = max(a.limit, b.limit)
	}
	if a.cut == b.cut {
		out.cut = a.cut
	}
	return out
}

// visitor is told of every part with the ranking that reaches it. The inputs of
// a fuser are the rankings of its branches.
type visitor func(n Node, path []string, in flow, branches []flow)

// through follows a ranking through a part.
func through(n Node, path []string, in flow, visit visitor) flow {
	path = append(slices.Clip(path), n.Name)
	if visit != nil && n.Facts.Role != RoleBranch {
		visit(n, path, in, nil)
	}
	switch n.Facts.Role {
	case RoleRetrieve:
		f := unknownFlow().rescored(n.Facts, Unknown)
		f.limit = n.Facts.Limit
		return f
	case RoleRerank:
		out := in.rescored(n.Facts, Unknown)
		out.reranked = true
		if n.Facts.Tolerates {
			out.outage = n.Name
		}
		if limit := n.Facts.Limit; limit > 0 && (out.limit == 0 || limit < out.limit) {
			out.limit = limit
		}
		return out
	case RoleCut, RoleThreshold:
		return throughCut(n, in)
	case RoleFuse, RoleRewrite:
		return in
	case RoleBranch:
		return throughBranches(n, path, in, visit)
	case RoleFallback:
		return throughAlternatives(n, path, in, visit)
	case RoleChain, RoleBudget:
		return throughAll(n, path, in, visit)
	}
	return throughOther(n, path, in, visit)
}

func throughCut(n Node, in flow) flow {
	if n.Facts.Scale != Unknown {
		in = in.rescored(n.Facts, Unknown)
	}
	if limit := n.Facts.Limit; limit > 0 {
		if in.limit == 0 || limit < in.limit {
			in.limit, in.cut = limit, n.Name
		}
	}
	return in
}

func throughAll(n Node, path []string, in flow, visit visitor) flow {
	for _, child := range n.Children {
		in = through(child, path, in, visit)
	}
	return in
}

func throughAlternatives(n Node, path []string, in flow, visit visitor) flow {
	var out flow
	for i, child := range n.Children {
		f := through(child, path, in, visit)
		if i == 0 {
			out = f
			continue
		}
		if n.Facts.Role == RoleFallback && out.reranked && !f.reranked && out.outage == "" {
			out.outage = n.Children[0].Name
		}
		out = either(out, f)
	}
	return out
}

func throughBranches(n Node, path []string, in flow, visit visitor) flow {
	if len(n.Children) == 0 {
		return unknownFlow()
	}
	var branches []flow
	limit, known, reranked, outage := 0, true, false, ""
	for _, child := range n.Children[1:] {
		f := through(child, path, in, visit)
		branches = append(branches, f)
		limit, known = limit+f.limit, known && f.limit > 0
		reranked = reranked || f.reranked
		if outage == "" {
			outage = f.outage
		}
	}
	if repeats := n.Facts.Repeats; repeats != 0 {
		limit, known = limit*repeats, known && repeats > 0
	}
	if in.limit > 0 { // branches over one ranking bring the same documents
		limit = min(limit, in.limit)
	}
	if visit != nil {
		visit(n, path, in, branches)
	}
	out := unknownFlow().rescored(capped(n, branches), Fused)
	out.reranked, out.cut, out.outage = reranked, in.cut, outage
	if known {
		out.limit = limit
	}
	return out
}

// capped returns the facts of a branch's fuser with the highest score that it can
// give out for these rankings. How many an expansion makes is not known.
func capped(n Node, branches []flow) Facts {
	fuser := n.Children[0]
	if _, unknown := inner(n.Value).(expand); unknown || fuser.Cap == nil {
		return fuser.Facts
	}
	scales := make([]Scale, len(branches))
	for i, b := range branches {
		scales[i] = b.scale()
	}
	if top, err := ask(fuser.Name, func() float64 { return fuser.Cap(scales) }); err == nil && top != 0 {
		fuser.Facts.Max = top
	}
	return fuser.Facts
}

// throughOther follows a ranking through parts that have no role: one with
// several children is a choice, one with one child may leave it out, a leaf that
// describes itself changes nothing, and any other leaf may do anything.
func throughOther(n Node, path []string, in flow, visit visitor) flow {
	switch {
	case len(n.Children) > 1:
		return throughAlternatives(n, path, in, visit)
	case len(n.Children) == 1:
		out := through(n.Children[0], path, in, visit)
		if _, conditional := inner(n.Value).(gate); conditional {
			return either(in, out)
		}
		return out
	}
	if _, ok := inner(n.Value).(Describer); ok || n.Value == nil {
		return in
	}
	return unknownFlow()
}

// rescores reports whether a part, or a part of it, gives scores of its own.
func rescores(n Node) bool {
	return n.Facts.Role == RoleRerank || slices.ContainsFunc(n.Children, rescores)
}

// judges says of each part whether it rescores.
func judges[T any](parts []T) []bool {
	out := make([]bool, len(parts))
	for i, p := range parts {
		out[i] = rescores(Describe(p))
	}
	return out
}

// scaleOf returns the scale of the rankings that a part makes, as far as its
// description says.
func scaleOf(v any) Scale { return through(Describe(v), nil, unknownFlow(), nil).scale() }

// uncovered returns the name of the first part in n whose lateness would be an
// error of n; empty if there is none.
func uncovered(n Node) string {
	if n.Facts.Tolerates || n.Facts.Role == RoleFallback {
		return ""
	}
	switch n.Facts.Role {
	case RoleCut, RoleThreshold, RoleFuse:
		return ""
	case RoleRerank, RoleRetrieve:
		return n.Name
	}
	if _, ok := inner(n.Value).(keep); ok {
		return ""
	}
	if len(n.Children) == 0 {
		return n.Name
	}
	for _, child := range n.Children {
		if name := uncovered(child); name != "" {
			return name
		}
	}
	return ""
}

// failsNever reports whether neither an outage nor lateness is an error of the
// part.
func failsNever(n Node) bool {
	switch n.Facts.Role {
	case RoleRerank:
		return n.Facts.Tolerates
	case RoleCut, RoleThreshold, RoleRewrite:
		return true
	case RoleChain, RoleBudget:
		return !slices.ContainsFunc(n.Children, func(c Node) bool { return !failsNever(c) })
	case RoleBranch:
		return len(n.Children) > 1 && !slices.ContainsFunc(n.Children[1:], func(c Node) bool { return !failsNever(c) })
	}
	_, keeps := inner(n.Value).(keep)
	return keeps
}

// bounded reports whether the time that a retriever's part takes to find its hits
// is limited by a budget in it.
func bounded(n Node) bool {
	switch n.Facts.Role {
	case RoleBudget:
		return true
	case RoleRetrieve, RoleRerank:
		return false
	case RoleCut, RoleThreshold, RoleFuse:
		return true
	}
	if _, keeps := inner(n.Value).(keep); keeps {
		return true
	}
	return len(n.Children) > 0 && !slices.ContainsFunc(n.Children, func(c Node) bool { return !bounded(c) })
}

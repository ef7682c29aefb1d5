package pipeline

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
)

type route struct {
	combinator
	choose func(Query) string
	names  []string // sorted
	routes map[string]part[Retriever]
	err    error
}

// Route asks the retriever whose name choose returns for the query. The
// retriever named "" stands in for names that the map does not have; without
// one, such a name is an error that lists the known ones. A panic in choose is
// an error. The map is copied.
func Route(choose func(Query) string, routes map[string]Retriever) Retriever {
	r := route{choose: choose, names: slices.Sorted(maps.Keys(routes)), routes: map[string]part[Retriever]{}}
	var ordered []part[Retriever]
	for _, name := range r.names {
		r.routes[name] = newPart(routes[name])
		ordered = append(ordered, r.routes[name])
	}
	r.err = missing("route", "retriever", ordered)
	switch {
	case choose == nil:
		r.err = errNilArgument("route", "function that chooses")
	case len(routes) == 0:
		r.err = fmt.Errorf("pipeline: route: nothing to choose from: give it at least one route")
	}
	return r
}

// Describe implements Describer.
func (r route) Describe() Node {
	n := Node{Name: "route", Err: r.err}
	for _, name := range r.names {
		label := fmt.Sprintf("route %q", name)
		if name == "" {
			label = "default route"
		}
		n.Children = append(n.Children, Node{Name: label, Children: []Node{Describe(r.routes[name].do)}})
	}
	return n
}

// Retrieve implements Retriever.
func (r route) Retrieve(ctx context.Context, q Query) (Ranking, error) {
	p, err := r.pick(q)
	if err != nil {
		return Ranking{}, err
	}
	return retrieve(ctx, p, q)
}

func (r route) stream(ctx context.Context, q Query) iter.Seq2[Ranking, error] {
	p, err := r.pick(q)
	if err != nil {
		return failing(err)
	}
	return streamPart(ctx, p, q)
}

func (r route) pick(q Query) (part[Retriever], error) {
	if r.err != nil {
		return part[Retriever]{}, r.err
	}
	name, err := ask("route", func() string { return r.choose(q) })
	if err != nil {
		return part[Retriever]{}, err
	}
	if p, ok := r.routes[name]; ok {
		return p, nil
	}
	if p, ok := r.routes[""]; ok {
		return p, nil
	}
	return part[Retriever]{}, fmt.Errorf("pipeline: route: no route %q and no default route %q: there are %s",
		name, "", strings.Join(r.names, ", "))
}

package pipeline

import (
	"context"
	"slices"
)

// Key names a typed attribute of a Query or a note on a Ranking, for what the
// vocabulary has no field for: a tenant, a language, a reranker's report.
//
// Two keys are the same only if they come from one NewKey call, so packages
// cannot collide. What was read back from JSON is found by a key of the name that
// it was written under, and read as the key's type. A Key is safe for concurrent
// use.
type Key[T any] struct{ name *string }

// attribute is one link of an immutable list: adding never touches what others
// hold, so queries and rankings can be copied freely.
type attribute struct {
	key   *string
	value any
	next  *attribute
	// origin is the link that this one copies; nil for an original.
	origin *attribute
}

// name is the name of the key.
func (a *attribute) name() string {
	if recorded, ok := a.value.(recordedNote); ok {
		return recorded.name
	}
	if a.key == nil {
		return ""
	}
	return *a.key
}

// source is the link that was made when the note was written.
func (a *attribute) source() *attribute {
	if a.origin != nil {
		return a.origin
	}
	return a
}

// NewKey makes a key. The name serves people who print it and need not be
// unique.
func NewKey[T any](name string) Key[T] { return Key[T]{name: &name} }

// String returns the name that the key was made with.
func (k Key[T]) String() string {
	if k.name == nil {
		return "unnamed key"
	}
	return *k.name
}

// With returns a copy of q in which the attribute has the value v.
func (k Key[T]) With(q Query, v T) Query {
	q.attributes = &attribute{key: k.name, value: v, next: q.attributes}
	return q
}

// Of returns the attribute's value in q, and whether q has it.
func (k Key[T]) Of(q Query) (T, bool) { return lookup(k, q.attributes) }

// From returns the attribute's value that WithQuery put into the context, and
// whether there is one. Parts that are given texts and no Query, such as a
// scorer, read attributes this way.
func (k Key[T]) From(ctx context.Context) (T, bool) {
	list, _ := ctx.Value(queryContext{}).(*attribute)
	return lookup(k, list)
}

// Note returns a copy of r that carries the note v. Stages pass the notes of
// their input on; a fusion carries those of all its inputs.
func (k Key[T]) Note(r Ranking, v T) Ranking {
	r.notes = &attribute{key: k.name, value: v, next: r.notes}
	return r
}

// Noted returns the newest note with this key on r, and whether there is one.
func (k Key[T]) Noted(r Ranking) (T, bool) { return lookup(k, r.notes) }

// NotedAll returns every note with this key on r, oldest first; nil if none.
// Several stand there when several stages of one pipeline wrote the same kind.
func (k Key[T]) NotedAll(r Ranking) []T {
	var found []T
	for a := r.notes; a != nil; a = a.next {
		if v, ok := valueFor(k, a); ok {
			found = append(found, v)
		}
	}
	slices.Reverse(found)
	return found
}

// queryContext is the context key of a query's attributes.
type queryContext struct{}

// WithQuery returns a context that carries the attributes of q, for Key.From.
// Those of a query that the context carried before are no longer seen. A query
// without attributes leaves the context as it is, and nothing is allocated.
func WithQuery(ctx context.Context, q Query) context.Context {
	if q.attributes == nil || ctx.Value(queryContext{}) == any(q.attributes) {
		return ctx
	}
	return context.WithValue(ctx, queryContext{}, q.attributes)
}

// queryIn returns a query with the attributes that WithQuery put into the context.
func queryIn(ctx context.Context) Query {
	list, _ := ctx.Value(queryContext{}).(*attribute)
	return Query{attributes: list}
}

func lookup[T any](k Key[T], list *attribute) (T, bool) {
	for a := list; a != nil; a = a.next {
		if v, ok := valueFor(k, a); ok {
			return v, ok
		}
	}
	var none T
	return none, false
}

// valueFor returns the value of the link if it is one of the key's. A key that
// NewKey did not make has none.
func valueFor[T any](k Key[T], a *attribute) (T, bool) {
	var none T
	if recorded, ok := a.value.(recordedNote); ok {
		return readNote(k, recorded)
	}
	if k.name == nil || a.key != k.name {
		return none, false
	}
	if a.value == nil { // an interface-typed attribute that was set to nil
		return none, true
	}
	v, ok := a.value.(T)
	return v, ok
}

// mergeNotes returns the notes of all rankings, those of later rankings newest.
// A note that several rankings inherited from a common input is kept once, also
// where it reached them through an earlier merge.
func mergeNotes(rankings []Ranking) *attribute {
	var merged *attribute
	var seen map[*attribute]bool
	for _, r := range rankings {
		var fresh []*attribute
		for a := r.notes; a != nil; a = a.next {
			if seen[a.source()] {
				continue
			}
			if seen == nil {
				seen = map[*attribute]bool{}
			}
			seen[a.source()] = true
			fresh = append(fresh, a)
		}
		for _, a := range slices.Backward(fresh) {
			merged = &attribute{key: a.key, value: a.value, next: merged, origin: a.source()}
		}
	}
	return merged
}

// overlay returns the attributes of from, and below them those of made whose
// keys from does not have.
func overlay(made, from *attribute) *attribute {
	if made == from || from == nil {
		return made
	}
	var own []*attribute
	for a := made; a != nil && a != from; a = a.next {
		if !from.has(a) {
			own = append(own, a)
		}
	}
	if own == nil {
		return from
	}
	var list *attribute
	for _, a := range slices.Backward(own) {
		list = &attribute{key: a.key, value: a.value, next: list}
	}
	return from.above(list)
}

// has reports whether the list has a link with the key of other. A key that was
// read back from JSON is known by its name.
func (a *attribute) has(other *attribute) bool {
	for ; a != nil; a = a.next {
		if a.key != nil && a.key == other.key || (a.key == nil || other.key == nil) && a.name() == other.name() {
			return true
		}
	}
	return false
}

// above returns a copy of the list that ends in other.
func (a *attribute) above(other *attribute) *attribute {
	if a == nil {
		return other
	}
	return &attribute{key: a.key, value: a.value, next: a.next.above(other), origin: a.origin}
}

// contains reports whether the list has every note of the others.
func (a *attribute) contains(others *attribute) bool {
	for ; others != nil; others = others.next {
		found := false
		for b := a; b != nil && !found; b = b.next {
			found = b.source() == others.source()
		}
		if !found {
			return false
		}
	}
	return true
}

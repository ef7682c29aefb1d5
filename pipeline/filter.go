package pipeline

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// ErrFilter is in the chain of every error about a filter that says nothing, says
// something contradictory, or cannot be done by a store. The error's text names
// the part, and no value of it.
var ErrFilter = errors.New("filter cannot be used")

// Filter is a condition on the metadata of a document, for Query.Filter: one
// expression that every store of this module takes. It is made by Eq, In, Range,
// Exists, Prefix, Contains, And, Or and Not, or read from JSON by ParseFilter. It
// never changes and is safe for concurrent use.
//
// What a filter means does not depend on the store:
//
//   - A path that is a string is one key, as it was stored, whatever characters
//     are in it: dots, blanks and brackets mean themselves. A Path of several keys
//     leads through maps within maps.
//   - A list has each of its members: a condition holds if it holds for one of
//     them. Lists within lists, maps and structs equal nothing.
//   - Numbers are compared by what they are, whatever their Go types, and exactly:
//     2^53 is not 2^53+1, -0 is 0, 3 is 3.0, NaN equals nothing and is in no range.
//     A number, a text and a boolean are never equal.
//   - Text is compared byte by byte.
//   - A time in a filter is an instant. It is compared with times, and with text
//     that is a time of RFC 3339 or a date (2006-01-02, midnight UTC). A time in
//     the metadata is also its text in RFC 3339, as encoding/json writes it, and so
//     is every value with the method MarshalText.
//   - A path exists if it leads to a value that is neither nil nor a list without
//     members.
//   - A condition on what does not exist is not true, and its negation is not true
//     either, as with NULL in SQL: Not(Eq("tenant", "b")) does not show documents
//     without a tenant. Or(Not(Exists("tenant")), ...) shows them. Not(Not(f)) is f.
//   - Exactly the documents for which the whole is true are shown.
//
// A filter of which a part is missing never shows more for it. And and Or without
// parts, an empty path, a nil value, NaN, an infinite number, an empty prefix, a
// range without bounds or between bounds that nothing fits, and the zero Filter
// are refused: Err returns an error, Match is false, and every store returns the
// error. In without values is true of no document, and is refused beneath Not.
type Filter struct{ node *filterNode }

// filterNode has a filter as it was written and as stores read it.
type filterNode struct {
	written Condition
	reduced Condition
	all     []*filterNode // the parts of an And
	err     error
}

// implies reports whether f was joined by And of g and others, or is g.
func (f Filter) implies(g Filter) bool {
	return f.node != nil && g.node != nil && f.node.has(g.node)
}

func (n *filterNode) has(part *filterNode) bool {
	return n == part || slices.ContainsFunc(n.all, func(p *filterNode) bool { return p.has(part) })
}

// Err returns nil if the filter can be used, else an error that wraps ErrFilter.
func (f Filter) Err() error {
	if f.node == nil {
		return fmt.Errorf("pipeline: filter: %w: it is empty; nil means no filter", ErrFilter)
	}
	return f.node.err
}

// Match reports whether the filter is true of a document with this metadata. It
// is what every store must do, and false for a filter whose Err is not nil.
func (f Filter) Match(metadata map[string]any) bool {
	return f.Err() == nil && f.node.reduced.Match(metadata)
}

// Condition returns the filter as a store compiles it, or Err. There Not stands
// in front of a single comparison only and is the plain complement: where that
// would show documents that lack the path, an Exists stands beside it.
// ConditionNothing, the filter that is true of no document, is only the root.
func (f Filter) Condition() (Condition, error) {
	if err := f.Err(); err != nil {
		return Condition{}, err
	}
	return f.node.reduced, nil
}

// String returns the JSON form, or says that the filter cannot be used. Equal
// texts are equal filters.
func (f Filter) String() string {
	if f.Err() != nil {
		return "unusable filter"
	}
	return string(appendCondition(nil, f.node.written))
}

// MarshalJSON returns the form that ParseFilter reads, or Err.
func (f Filter) MarshalJSON() ([]byte, error) {
	if err := f.Err(); err != nil {
		return nil, err
	}
	return appendCondition(nil, f.node.written), nil
}

// UnmarshalJSON is ParseFilter.
func (f *Filter) UnmarshalJSON(text []byte) error {
	parsed, err := ParseFilter(text)
	if err == nil {
		*f = parsed
	}
	return err
}

// Eq is true of documents that have the value at the path: a text, a boolean, a
// number, a time or a value with MarshalText.
func Eq[P FilterPath](path P, value any) Filter {
	v, err := NewValue(value)
	return leaf("eq", Condition{Op: ConditionEq, Path: pathOf(path), Values: []Value{v}}, err)
}

// In is true of documents that have one of the values at the path. A value that
// is a list stands for its members, so that a list of any type can be given as it
// is. Without values it is true of no document.
func In[P FilterPath](path P, values ...any) Filter {
	c := Condition{Op: ConditionIn, Path: pathOf(path)}
	var failure error
	for _, value := range values {
		for _, member := range members(value) {
			v, err := NewValue(member)
			if failure == nil {
				failure = err
			}
			c.Values = append(c.Values, v)
		}
	}
	return leaf("in", c, failure)
}

// members returns the members of a list, else the value alone.
func members(value any) []any {
	r := reflect.ValueOf(value)
	if !isList(r) {
		return []any{value}
	}
	out := make([]any, r.Len())
	for i := range out {
		out[i] = r.Index(i).Interface()
	}
	return out
}

// Bounds are the ends of a Range, numbers or times, all of one kind. Nil is no
// bound. Of GT (greater) and GTE (greater or equal) at most one may be set, and
// of LT and LTE too.
type Bounds struct{ GT, GTE, LT, LTE any }

// Range is true of documents that have a value within the bounds at the path.
func Range[P FilterPath](path P, b Bounds) Filter {
	c := Condition{Op: ConditionRange, Path: pathOf(path)}
	var low, high error
	c.Lower, low = bound("gt", b.GT, b.GTE)
	c.Upper, high = bound("lt", b.LT, b.LTE)
	err := firstError(low, high)
	if err == nil {
		err = checkBounds(c.Lower, c.Upper)
	}
	return leaf("range", c, err)
}

// Exists is true of documents that have something at the path: neither nil nor a
// list without members.
func Exists[P FilterPath](path P) Filter {
	return leaf("exists", Condition{Op: ConditionExists, Path: pathOf(path)}, nil)
}

// Prefix is true of documents that have a text at the path that begins with the
// prefix.
func Prefix[P FilterPath](path P, prefix string) Filter {
	return textual("prefix", ConditionPrefix, pathOf(path), prefix)
}

// Contains is true of documents that have a text at the path in which part
// occurs, in the same case and anywhere, also within a word. For a member of a
// list use Eq.
func Contains[P FilterPath](path P, part string) Filter {
	return textual("contains", ConditionContains, pathOf(path), part)
}

func textual(name string, op ConditionOp, path Path, text string) Filter {
	v, err := NewValue(text)
	if text == "" {
		err = errors.New("the text is empty: write {} or a condition such as {\"eq\": {\"path\": \"lang\", \"value\": \"en\"}}")
	}
	return leaf(name, Condition{Op: op, Path: path, Values: []Value{v}}, err)
}

// And is true of documents of which all parts are true.
func And(parts ...Filter) Filter { return several("and", ConditionAnd, parts) }

// Or is true of documents of which at least one part is true.
func Or(parts ...Filter) Filter { return several("or", ConditionOr, parts) }

// Not is true of documents of which f is false, which is not the same as not
// true: see Filter.
func Not(f Filter) Filter {
	if err := f.Err(); err != nil {
		return unusable(err)
	}
	if f.node.written.lacksValues() {
		return unusable(fmt.Errorf("pipeline: filter: %w: not: an in without values beneath it would show everything", ErrFilter))
	}
	return usable(Condition{Op: ConditionNot, Parts: []Condition{f.node.written}})
}

// Equal is true of documents that have, under every key, the value or, where the
// value is a list, one of its members: the short form that stores take as a
// map[string]any. An empty map is refused.
func Equal(fields map[string]any) Filter {
	var all []Filter
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if isList(reflect.ValueOf(fields[key])) {
			all = append(all, In(key, fields[key]))
			continue
		}
		all = append(all, Eq(key, fields[key]))
	}
	if len(all) == 1 {
		return all[0]
	}
	return And(all...)
}

// FilterOf makes a Filter of a Filter, a *Filter or an equality map, see Equal.
// ok is false for nil and for any other type, which only a store knows.
func FilterOf(filter any) (f Filter, ok bool) {
	switch f := filter.(type) {
	case Filter:
		return f, true
	case *Filter:
		if f == nil {
			return Filter{}, true
		}
		return *f, true
	case map[string]any:
		return Equal(f), true
	}
	return Filter{}, false
}

func usable(written Condition) Filter {
	return Filter{&filterNode{written: written, reduced: written.reduce()}}
}

func unusable(err error) Filter { return Filter{&filterNode{err: err}} }

func leaf(name string, c Condition, err error) Filter {
	if err == nil {
		err = c.Path.check()
	}
	if err != nil {
		return unusable(fmt.Errorf("pipeline: filter: %w: %s %s: %w", ErrFilter, name, c.Path, err))
	}
	return usable(c)
}

func several(name string, op ConditionOp, parts []Filter) Filter {
	if len(parts) == 0 {
		return unusable(fmt.Errorf("pipeline: filter: %w: %s without parts", ErrFilter, name))
	}
	c := Condition{Op: op}
	for _, p := range parts {
		if err := p.Err(); err != nil {
			return unusable(err)
		}
		c.Parts = append(c.Parts, p.node.written)
	}
	f := usable(c)
	if op == ConditionAnd {
		for _, p := range parts {
			f.node.all = append(f.node.all, p.node)
		}
	}
	return f
}

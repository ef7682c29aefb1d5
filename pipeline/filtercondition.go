package pipeline

import (
	"errors"
	"strings"
)

// ConditionOp says what a Condition asks.
type ConditionOp uint8

// The conditions. The zero value is none of them, and nothing matches it.
const (
	conditionInvalid ConditionOp = iota
	// ConditionNothing is true of no document.
	ConditionNothing
	// ConditionEq asks for Values[0] at Path.
	ConditionEq
	// ConditionIn asks for one of Values, at least one, at Path.
	ConditionIn
	// ConditionRange asks for a value between Lower and Upper at Path.
	ConditionRange
	// ConditionExists asks whether there is something at Path.
	ConditionExists
	// ConditionPrefix asks for a text that begins with Values[0].
	ConditionPrefix
	// ConditionContains asks for a text in which Values[0] occurs.
	ConditionContains
	// ConditionAnd asks for all Parts, at least one.
	ConditionAnd
	// ConditionOr asks for one of Parts, at least one.
	ConditionOr
	// ConditionNot asks that Parts[0] is not so.
	ConditionNot
)

var conditionNames = [...]string{"invalid", "nothing", "eq", "in", "range", "exists", "prefix", "contains", "and", "or", "not"}

// String returns the name in the JSON form.
func (o ConditionOp) String() string {
	if int(o) < len(conditionNames) {
		return conditionNames[o]
	}
	return conditionNames[conditionInvalid]
}

// Condition is a filter laid open for a store, see Filter.Condition. It is
// read-only.
type Condition struct {
	Op   ConditionOp
	Path Path
	// Values are what a comparison compares with. In ConditionPrefix and
	// ConditionContains there is one, a text that is not empty.
	Values []Value
	// Lower and Upper are the bounds of ConditionRange, numbers or times, both of
	// one kind; nil is no bound, and at least one is set.
	Lower, Upper *Bound
	// Parts are the conditions of ConditionAnd, ConditionOr and ConditionNot.
	Parts []Condition
}

// Bound is one end of a range.
type Bound struct {
	Value Value
	// Open leaves the value itself out.
	Open bool
}

// Match reports whether the condition is true of a document with this metadata.
// Not is the plain complement here.
func (c Condition) Match(metadata map[string]any) bool {
	switch c.Op {
	case ConditionAnd:
		for _, p := range c.Parts {
			if !p.Match(metadata) {
				return false
			}
		}
		return true
	case ConditionOr:
		for _, p := range c.Parts {
			if p.Match(metadata) {
				return true
			}
		}
		return false
	case ConditionNot:
		return !c.Parts[0].Match(metadata)
	case ConditionExists:
		return exists(c.Path.In(metadata))
	case ConditionEq:
		if s, ok := c.Path.In(metadata).(string); ok && c.Values[0].kind == TextValue {
			return s == c.Values[0].text // the frequent case
		}
	}
	return anyMember(c.Path.In(metadata), c.holds)
}

// holds reports whether a comparison is true of one value of the metadata.
func (c Condition) holds(member any) bool {
	v, err := NewValue(member)
	if err != nil {
		return false
	}
	if c.compare(v) {
		return true
	}
	if v.kind != TextValue && v.kind != TimeValue || !c.wants(TextValue+TimeValue-v.kind) {
		return false
	}
	other, ok := v.counterpart()
	return ok && c.compare(other)
}

// wants reports whether the condition compares with values of the kind.
func (c Condition) wants(kind ValueKind) bool {
	for _, v := range c.Values {
		if v.kind == kind {
			return true
		}
	}
	return c.Lower != nil && c.Lower.Value.kind == kind || c.Upper != nil && c.Upper.Value.kind == kind
}

func (c Condition) compare(v Value) bool {
	switch c.Op {
	case ConditionEq, ConditionIn:
		for _, want := range c.Values {
			if v.kind == want.kind && v.Compare(want) == 0 {
				return true
			}
		}
	case ConditionRange:
		return c.Lower.allows(v, 1) && c.Upper.allows(v, -1)
	case ConditionPrefix:
		return v.kind == TextValue && strings.HasPrefix(v.text, c.Values[0].text)
	case ConditionContains:
		return v.kind == TextValue && strings.Contains(v.text, c.Values[0].text)
	}
	return false
}

// allows reports whether v is on the side of the bound, 1 for above it and -1 for
// below. The nil bound allows everything.
func (b *Bound) allows(v Value, side int) bool {
	if b == nil {
		return true
	}
	if v.kind != b.Value.kind {
		return false
	}
	c := v.Compare(b.Value) * side
	return c > 0 || c == 0 && !b.Open
}

// reduce returns the condition as stores read it, see Filter.Condition.
func (c Condition) reduce() Condition {
	switch c.Op {
	case ConditionNot:
		return c.Parts[0].negate()
	case ConditionIn:
		if len(c.Values) == 0 {
			return Condition{Op: ConditionNothing}
		}
	case ConditionAnd, ConditionOr:
		return c.join()
	}
	return c
}

// join reduces the parts. A part that is true of nothing decides an And and is
// left out of an Or.
func (c Condition) join() Condition {
	out := Condition{Op: c.Op}
	for _, p := range c.Parts {
		p = p.reduce()
		switch {
		case p.Op != ConditionNothing:
			out.Parts = append(out.Parts, p)
		case c.Op == ConditionAnd:
			return p
		}
	}
	switch len(out.Parts) {
	case 0:
		return Condition{Op: ConditionNothing}
	case 1:
		return out.Parts[0]
	}
	return out
}

// negate returns the condition that is true where c is false and its paths exist.
func (c Condition) negate() Condition {
	switch c.Op {
	case ConditionNot:
		return c.Parts[0].reduce()
	case ConditionAnd, ConditionOr:
		out := Condition{Op: ConditionAnd + ConditionOr - c.Op}
		for _, p := range c.Parts {
			out.Parts = append(out.Parts, p.negate())
		}
		if len(out.Parts) == 1 {
			return out.Parts[0]
		}
		return out
	case ConditionExists:
		return Condition{Op: ConditionNot, Parts: []Condition{c}}
	}
	return Condition{Op: ConditionAnd, Parts: []Condition{
		{Op: ConditionExists, Path: c.Path},
		{Op: ConditionNot, Parts: []Condition{c}},
	}}
}

// lacksValues reports whether an In without values is in the condition.
func (c Condition) lacksValues() bool {
	for _, p := range c.Parts {
		if p.lacksValues() {
			return true
		}
	}
	return c.Op == ConditionIn && len(c.Values) == 0
}

// bound makes one end of a range of the exclusive and the inclusive value, of
// which at most one may be set.
func bound(name string, open, closed any) (*Bound, error) {
	switch {
	case open == nil && closed == nil:
		return nil, nil
	case open != nil && closed != nil:
		return nil, errors.New(name + " and " + name + "e are both set")
	case open == nil:
		v, err := NewValue(closed)
		return &Bound{Value: v}, err
	}
	v, err := NewValue(open)
	return &Bound{Value: v, Open: true}, err
}

func checkBounds(lower, upper *Bound) error {
	if lower == nil && upper == nil {
		return errors.New("no bound is set: set at least one of them")
	}
	for _, b := range []*Bound{lower, upper} {
		if b != nil && b.Value.kind != NumberValue && b.Value.kind != TimeValue {
			return errors.New("a bound is neither a number nor a time: take one of the two")
		}
	}
	if lower == nil || upper == nil {
		return nil
	}
	if lower.Value.kind != upper.Value.kind {
		return errors.New("one bound is a number and the other one a time")
	}
	c := lower.Value.Compare(upper.Value)
	if c > 0 || c == 0 && (lower.Open || upper.Open) {
		return errors.New("no value is within the bounds: swap or widen them")
	}
	return nil
}

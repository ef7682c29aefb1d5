package qdranttest

import (
	"slices"
	"strings"

	api "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// subject is what a filter is asked of: a point, or an object within one.
type subject struct {
	point   *point // nil within a nested filter
	payload map[string]*api.Value
	indexes map[string]*api.PayloadSchemaInfo // nil within a nested filter
}

func (s subject) passes(f *api.Filter) (bool, error) {
	if f == nil {
		return true, nil
	}
	must, err := s.count(f.GetMust())
	if err != nil || must < len(f.GetMust()) {
		return false, err
	}
	not, err := s.count(f.GetMustNot())
	if err != nil || not > 0 {
		return false, err
	}
	should, err := s.count(f.GetShould())
	if err != nil || len(f.GetShould()) > 0 && should == 0 {
		return false, err
	}
	some, err := s.count(f.GetMinShould().GetConditions())
	return err == nil && uint64(some) >= f.GetMinShould().GetMinCount(), err
}

func (s subject) count(conditions []*api.Condition) (int, error) {
	n := 0
	for _, c := range conditions {
		ok, err := s.meets(c)
		if err != nil {
			return 0, err
		}
		if ok {
			n++
		}
	}
	return n, nil
}

func (s subject) meets(c *api.Condition) (bool, error) {
	switch v := c.GetConditionOneOf().(type) {
	case nil:
		return true, nil
	case *api.Condition_Filter:
		return s.passes(v.Filter)
	case *api.Condition_HasId:
		return s.hasID(v.HasId.GetHasId())
	case *api.Condition_IsEmpty:
		return s.isEmpty(v.IsEmpty.GetKey())
	case *api.Condition_IsNull:
		return s.isNull(v.IsNull.GetKey())
	case *api.Condition_HasVector:
		return s.point != nil && s.point.has(v.HasVector.GetHasVector()), nil
	case *api.Condition_Nested:
		return s.nested(v.Nested)
	case *api.Condition_Field:
		return s.field(v.Field)
	}
	return false, status.Errorf(codes.Unimplemented, "qdranttest: condition %T", c.GetConditionOneOf())
}

func (s subject) hasID(ids []*api.PointId) (bool, error) {
	for _, id := range ids {
		k, err := key(id)
		if err != nil || s.point != nil && k == s.point.key {
			return err == nil, err
		}
	}
	return false, nil
}

func isNull(v *api.Value) bool {
	_, null := v.GetKind().(*api.Value_NullValue)
	return null || v.GetKind() == nil
}

// isNull reports whether a value at the path is null; an index knows null in a list
// as well.
func (s subject) isNull(at string) (bool, error) {
	p, err := parsePath(at)
	return err == nil && slices.ContainsFunc(p.at(s.payload), func(v *api.Value) bool {
		return isNull(v) || s.indexes[at] != nil && nullInList(v)
	}), err
}

func (s subject) isEmpty(at string) (bool, error) {
	p, err := parsePath(at)
	if err != nil {
		return false, err
	}
	for _, v := range p.at(s.payload) {
		if list := v.GetListValue(); !isNull(v) && (list == nil || len(list.GetValues()) > 0) {
			return false, nil
		}
	}
	return true, nil
}

// nested asks whether one object of a list passes a filter of its own.
func (s subject) nested(n *api.NestedCondition) (bool, error) {
	p, err := parsePath(strings.TrimSuffix(n.GetKey(), "[]") + "[]")
	if err != nil {
		_, err = parsePath(n.GetKey())
		return false, err
	}
	objects := slices.DeleteFunc(p.at(s.payload), func(v *api.Value) bool { return v.GetStructValue() == nil })
	if len(s.indexes) > 0 && len(objects) > 0 && asksEmpty(n.GetFilter()) {
		return nestedEmpty(s, n)
	}
	for _, v := range objects {
		if ok, err := (subject{payload: v.GetStructValue().GetFields()}).passes(n.GetFilter()); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// field tests whether any value of the field passes any of its tests.
func (s subject) field(f *api.FieldCondition) (bool, error) {
	p, err := parsePath(f.GetKey())
	if err != nil {
		return false, err
	}
	if f.IsEmpty != nil || f.IsNull != nil {
		return s.isEmptyOrNull(f)
	}
	if info := s.indexes[f.GetKey()]; info != nil {
		if ok, answered, err := byIndex(info, f, p.values(s.payload)); answered || err != nil {
			return ok, err
		}
	}
	if f.GetValuesCount() != nil && counts(f.GetValuesCount(), p.at(s.payload)) {
		return true, nil
	}
	for _, v := range p.values(s.payload) {
		ok, err := f.GetMatch() != nil && matches(f.GetMatch(), v), error(nil)
		if ok = ok || f.GetRange() != nil && within(f.GetRange(), v); !ok && f.GetDatetimeRange() != nil {
			ok = during(f.GetDatetimeRange(), v)
		}
		if ok = ok || inPlace(f, v); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// isEmptyOrNull answers the two tests of a field condition that hold for all of its
// values at once.
func (s subject) isEmptyOrNull(f *api.FieldCondition) (bool, error) {
	switch {
	case tests(f) > 0 || f.IsEmpty != nil && f.IsNull != nil:
		return false, missing("is_empty and is_null beside another test")
	case f.IsEmpty != nil:
		empty, err := s.isEmpty(f.GetKey())
		return empty == f.GetIsEmpty(), err
	}
	p, err := parsePath(f.GetKey())
	null := slices.ContainsFunc(p.at(s.payload), func(v *api.Value) bool { return isNull(v) || nullInList(v) })
	return null == f.GetIsNull(), err
}

// counts compares the number of values, null counting for none.
func counts(c *api.ValuesCount, found []*api.Value) bool {
	var n uint64
	for _, v := range found {
		switch list := v.GetListValue(); {
		case list != nil:
			n += uint64(len(list.GetValues()))
		case !isNull(v):
			n++
		}
	}
	return (c.Gt == nil || n > *c.Gt) && (c.Gte == nil || n >= *c.Gte) && (c.Lt == nil || n < *c.Lt) && (c.Lte == nil || n <= *c.Lte)
}

func matches(m *api.Match, v *api.Value) bool {
	text, isText := v.GetKind().(*api.Value_StringValue)
	number, isInt := v.GetKind().(*api.Value_IntegerValue)
	switch want := m.GetMatchValue().(type) {
	case *api.Match_Keyword:
		return isText && text.StringValue == want.Keyword
	case *api.Match_Integer:
		return isInt && number.IntegerValue == want.Integer
	case *api.Match_Boolean:
		b, isBool := v.GetKind().(*api.Value_BoolValue)
		return isBool && b.BoolValue == want.Boolean
	case *api.Match_Keywords:
		return isText && slices.Contains(want.Keywords.GetStrings(), text.StringValue)
	case *api.Match_Integers:
		return isInt && slices.Contains(want.Integers.GetIntegers(), number.IntegerValue)
	case *api.Match_ExceptKeywords:
		return !isNull(v) && !(isText && slices.Contains(want.ExceptKeywords.GetStrings(), text.StringValue))
	case *api.Match_ExceptIntegers:
		return !isNull(v) && !(isInt && slices.Contains(want.ExceptIntegers.GetIntegers(), number.IntegerValue))
	}
	return isText && matchesText(m, text.StringValue)
}

// matchesText is what the server does without a payload index: it looks for the
// text as it is.
func matchesText(m *api.Match, text string) bool {
	switch want := m.GetMatchValue().(type) {
	case *api.Match_Text:
		return strings.Contains(text, want.Text)
	case *api.Match_Phrase:
		return strings.Contains(text, want.Phrase)
	case *api.Match_TextAny:
		return slices.ContainsFunc(strings.Fields(want.TextAny), func(word string) bool { return strings.Contains(text, word) })
	case *api.Match_Prefix:
		return strings.HasPrefix(text, want.Prefix)
	}
	return false
}

func within(r *api.Range, v *api.Value) bool {
	var x float64
	switch k := v.GetKind().(type) {
	case *api.Value_IntegerValue:
		x = float64(k.IntegerValue)
	case *api.Value_DoubleValue:
		x = k.DoubleValue
	default:
		return false
	}
	return (r.Gt == nil || x > *r.Gt) && (r.Gte == nil || x >= *r.Gte) &&
		(r.Lt == nil || x < *r.Lt) && (r.Lte == nil || x <= *r.Lte)
}

func during(r *api.DatetimeRange, v *api.Value) bool {
	if at, ok := readTime(v.GetStringValue()); ok {
		return (r.Gt == nil || at.After(r.Gt.AsTime())) && (r.Gte == nil || !at.Before(r.Gte.AsTime())) &&
			(r.Lt == nil || at.Before(r.Lt.AsTime())) && (r.Lte == nil || !at.After(r.Lte.AsTime()))
	}
	return false
}

package qdranttest

import (
	"slices"
	"strings"

	api "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// passes reports whether the point passes the filter.
func (p *point) passes(f *api.Filter) (bool, error) {
	if f == nil {
		return true, nil
	}
	must, err := p.count(f.GetMust())
	if err != nil || must < len(f.GetMust()) {
		return false, err
	}
	not, err := p.count(f.GetMustNot())
	if err != nil || not > 0 {
		return false, err
	}
	should, err := p.count(f.GetShould())
	if err != nil || len(f.GetShould()) > 0 && should == 0 {
		return false, err
	}
	some, err := p.count(f.GetMinShould().GetConditions())
	return err == nil && uint64(some) >= f.GetMinShould().GetMinCount(), err
}

func (p *point) count(conditions []*api.Condition) (int, error) {
	n := 0
	for _, c := range conditions {
		ok, err := p.meets(c)
		if err != nil {
			return 0, err
		}
		if ok {
			n++
		}
	}
	return n, nil
}

func (p *point) meets(c *api.Condition) (bool, error) {
	switch v := c.GetConditionOneOf().(type) {
	case *api.Condition_Filter:
		return p.passes(v.Filter)
	case *api.Condition_HasId:
		return slices.ContainsFunc(v.HasId.GetHasId(), func(id *api.PointId) bool { return key(id) == p.key }), nil
	case *api.Condition_IsEmpty:
		return len(values(p.payload, v.IsEmpty.GetKey())) == 0, nil
	case *api.Condition_IsNull:
		found := at(p.payload, v.IsNull.GetKey())
		_, null := found.GetKind().(*api.Value_NullValue)
		return null, nil
	case *api.Condition_HasVector:
		_, has := p.vectors[v.HasVector.GetHasVector()]
		return has, nil
	case *api.Condition_Field:
		return p.field(v.Field)
	}
	return false, status.Errorf(codes.Unimplemented, "qdranttest: condition %T", c.GetConditionOneOf())
}

// field tests whether any value of the field passes.
func (p *point) field(f *api.FieldCondition) (bool, error) {
	for _, v := range values(p.payload, f.GetKey()) {
		switch {
		case f.GetMatch() != nil:
			ok, err := matches(f.GetMatch(), v)
			if ok || err != nil {
				return ok, err
			}
		case f.GetRange() != nil:
			if within(f.GetRange(), v) {
				return true, nil
			}
		default:
			return false, status.Error(codes.Unimplemented, "qdranttest: field condition")
		}
	}
	return false, nil
}

func matches(m *api.Match, v *api.Value) (bool, error) {
	text, isText := v.GetKind().(*api.Value_StringValue)
	number, isInt := v.GetKind().(*api.Value_IntegerValue)
	switch want := m.GetMatchValue().(type) {
	case *api.Match_Keyword:
		return isText && text.StringValue == want.Keyword, nil
	case *api.Match_Integer:
		return isInt && number.IntegerValue == want.Integer, nil
	case *api.Match_Boolean:
		b, isBool := v.GetKind().(*api.Value_BoolValue)
		return isBool && b.BoolValue == want.Boolean, nil
	case *api.Match_Keywords:
		return isText && slices.Contains(want.Keywords.GetStrings(), text.StringValue), nil
	case *api.Match_Integers:
		return isInt && slices.Contains(want.Integers.GetIntegers(), number.IntegerValue), nil
	case *api.Match_ExceptKeywords:
		return isText && !slices.Contains(want.ExceptKeywords.GetStrings(), text.StringValue), nil
	case *api.Match_ExceptIntegers:
		return isInt && !slices.Contains(want.ExceptIntegers.GetIntegers(), number.IntegerValue), nil
	case *api.Match_Text:
		return isText && strings.Contains(text.StringValue, want.Text), nil
	}
	return false, status.Errorf(codes.Unimplemented, "qdranttest: match %T", m.GetMatchValue())
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

// at follows a path of keys, "author.name".
func at(payload map[string]*api.Value, path string) *api.Value {
	if v, ok := payload[path]; ok {
		return v
	}
	first, rest, more := strings.Cut(path, ".")
	if !more {
		return nil
	}
	return at(payload[first].GetStructValue().GetFields(), rest)
}

// values returns the values of a field, those of a list one by one, without
// null.
func values(payload map[string]*api.Value, path string) []*api.Value {
	v := at(payload, path)
	switch k := v.GetKind().(type) {
	case nil, *api.Value_NullValue:
		return nil
	case *api.Value_ListValue:
		return k.ListValue.GetValues()
	}
	return []*api.Value{v}
}

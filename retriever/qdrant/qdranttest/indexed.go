package qdranttest

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	api "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// byIndex asks the index of a field in place of its values, as the server does where
// the index knows the test. It reports false for answered where the server looks at
// the payload: a keyword asked of integers, a number of keywords.
func byIndex(info *api.PayloadSchemaInfo, f *api.FieldCondition, values []*api.Value) (ok, answered bool, err error) {
	kind := info.GetDataType()
	_, whole := f.GetMatch().GetMatchValue().(*api.Match_Integer)
	if tests(f) > 1 && (kind != api.PayloadSchemaType_Integer || !whole) {
		return false, false, missing("several tests of one condition on a field with an index")
	}
	switch kind {
	case api.PayloadSchemaType_Keyword:
		return byKeywords(f.GetMatch(), values)
	case api.PayloadSchemaType_Integer:
		return byIntegers(f, values)
	case api.PayloadSchemaType_Float:
		return byFloats(f)
	case api.PayloadSchemaType_Uuid:
		return byUUIDs(f, values)
	case api.PayloadSchemaType_Text:
		return byWords(info.GetParams().GetTextIndexParams(), f.GetMatch(), values)
	}
	if excepts(f.GetMatch()) || kind == api.PayloadSchemaType_Datetime && f.GetRange() != nil {
		return false, false, missing("this condition on a field with an index")
	}
	return false, false, nil
}

// tests counts the tests of a condition.
func tests(f *api.FieldCondition) int {
	n := 0
	for _, set := range []bool{
		f.GetMatch() != nil, f.GetRange() != nil, f.GetDatetimeRange() != nil, f.GetValuesCount() != nil,
		f.GetGeoRadius() != nil, f.GetGeoBoundingBox() != nil, f.GetGeoPolygon() != nil,
	} {
		if set {
			n++
		}
	}
	return n
}

func excepts(m *api.Match) bool { return m.GetExceptKeywords() != nil || m.GetExceptIntegers() != nil }

// byKeywords looks for another text than the excepted ones: what is no text is not in
// the index.
func byKeywords(m *api.Match, values []*api.Value) (ok, answered bool, err error) {
	switch {
	case m.GetExceptIntegers() != nil:
		return false, false, missing("an exception of integers on a field with an index of keywords")
	case m.GetExceptKeywords() == nil:
		return false, false, nil
	}
	return slices.ContainsFunc(values, func(v *api.Value) bool {
		text, is := v.GetKind().(*api.Value_StringValue)
		return is && !slices.Contains(m.GetExceptKeywords().GetStrings(), text.StringValue)
	}), true, nil
}

// byIntegers asks an index that holds whole numbers, 2024.0 among them, and nothing
// else.
func byIntegers(f *api.FieldCondition, values []*api.Value) (ok, answered bool, err error) {
	var test func(n int64) bool
	switch m := f.GetMatch().GetMatchValue().(type) {
	case *api.Match_Integer:
		test = func(n int64) bool { return n == m.Integer }
	case *api.Match_Integers:
		test = func(n int64) bool { return slices.Contains(m.Integers.GetIntegers(), n) }
	case *api.Match_ExceptIntegers:
		test = func(n int64) bool { return !slices.Contains(m.ExceptIntegers.GetIntegers(), n) }
	case nil:
		if test, err = integerRange(f); test == nil {
			return false, false, err
		}
	default:
		return false, false, nil
	}
	return slices.ContainsFunc(values, func(v *api.Value) bool {
		n, is := wholeValue(v)
		return is && test(n)
	}), true, nil
}

// integerRange compares whole numbers exactly. A range of times was recorded from the
// first of all times only, which is 0 in any unit. It is nil for other tests.
func integerRange(f *api.FieldCondition) (func(int64) bool, error) {
	r := f.GetRange()
	if t := f.GetDatetimeRange(); t != nil {
		zero := float64(0)
		if t.Gte == nil || !t.Gte.AsTime().Equal(time.Unix(0, 0)) || t.Gt != nil || t.Lt != nil || t.Lte != nil {
			return nil, missing("a range of times on a field with an index of integers")
		}
		r = &api.Range{Gte: &zero}
	}
	if r == nil {
		return nil, nil
	}
	for _, bound := range []*float64{r.Gt, r.Gte, r.Lt, r.Lte} {
		if bound != nil && math.IsNaN(*bound) {
			return nil, missing("a range of no number on a field with an index of integers")
		}
	}
	return func(n int64) bool {
		return (r.Gt == nil || compareWhole(n, *r.Gt) > 0) && (r.Gte == nil || compareWhole(n, *r.Gte) >= 0) &&
			(r.Lt == nil || compareWhole(n, *r.Lt) < 0) && (r.Lte == nil || compareWhole(n, *r.Lte) <= 0)
	}, nil
}

// compareWhole compares without the rounding of n to a float64.
func compareWhole(n int64, f float64) int {
	switch low := math.Floor(f); {
	case low >= 1<<63:
		return -1
	case low < -1<<63:
		return 1
	case n < int64(low) || n == int64(low) && low < f:
		return -1
	case n == int64(low):
		return 0
	}
	return 1
}

// wholeValue is a value as an index of integers holds it.
func wholeValue(v *api.Value) (int64, bool) {
	switch k := v.GetKind().(type) {
	case *api.Value_IntegerValue:
		return k.IntegerValue, true
	case *api.Value_DoubleValue:
		return int64(k.DoubleValue), k.DoubleValue == math.Trunc(k.DoubleValue) && math.Abs(k.DoubleValue) < 1<<63
	}
	return 0, false
}

// byFloats leaves everything to the payload, which an index of floats compares alike;
// a range from no number ends the server's task.
func byFloats(f *api.FieldCondition) (ok, answered bool, err error) {
	r := f.GetRange()
	switch {
	case excepts(f.GetMatch()) || f.GetDatetimeRange() != nil:
		return false, false, missing("this condition on a field with an index of floats")
	case r == nil:
		return false, false, nil
	case r.Gte != nil && math.IsNaN(*r.Gte):
		return false, false, status.Error(codes.Internal, "Service internal error: 1 of 1 read operations failed:\n"+
			"  Service internal error: task N panicked with message \"called `Option::unwrap()` on a `None` value\"")
	case math.IsNaN(r.GetGt() + r.GetLt() + r.GetLte()):
		return false, false, missing("a range to no number on a field with an index of floats")
	}
	return false, false, nil
}

// byUUIDs compares UUIDs in any of their writings.
func byUUIDs(f *api.FieldCondition, values []*api.Value) (ok, answered bool, err error) {
	var asked []string
	switch m := f.GetMatch().GetMatchValue().(type) {
	case *api.Match_Keyword:
		asked = []string{m.Keyword}
	case *api.Match_Keywords:
		asked = m.Keywords.GetStrings()
	default:
		if excepts(f.GetMatch()) || f.GetRange() != nil || f.GetDatetimeRange() != nil {
			err = missing("this condition on a field with an index of UUIDs")
		}
		return false, false, err
	}
	for _, text := range asked {
		want, err := uuid.Parse(text)
		for _, v := range values {
			have, bad := uuid.Parse(v.GetStringValue())
			switch {
			case err != nil && text != "" && v.GetStringValue() == text:
				return false, false, missing("a text that is no UUID, and stored, on a field with an index of UUIDs")
			case err == nil && bad == nil && have == want:
				return true, true, nil
			}
		}
	}
	return false, true, nil
}

// nestedEmpty answers is_empty within nested as it was recorded: with an index on the
// path of both, a point of which one object has the field does not pass.
func nestedEmpty(s subject, n *api.NestedCondition) (bool, error) {
	must := n.GetFilter().GetMust()
	at := ""
	if len(must) == 1 && proto.Equal(n.GetFilter(), &api.Filter{Must: must}) {
		at = strings.TrimSuffix(n.GetKey(), "[]") + "[]." + must[0].GetIsEmpty().GetKey()
	}
	empty, err := true, error(nil)
	if s.indexes[at] != nil {
		empty, err = s.isEmpty(at)
	}
	if err == nil && empty {
		err = missing("is_empty in a nested filter of a collection with an index")
	}
	return false, err
}

// asksEmpty reports whether a condition of the filter is is_empty.
func asksEmpty(f *api.Filter) bool {
	for _, list := range [][]*api.Condition{f.GetMust(), f.GetShould(), f.GetMustNot(), f.GetMinShould().GetConditions()} {
		if slices.ContainsFunc(list, func(c *api.Condition) bool {
			return c.GetIsEmpty() != nil || c.GetFilter() != nil && asksEmpty(c.GetFilter())
		}) {
			return true
		}
	}
	return false
}

// settled is the filter that the server takes a filter for: it forgets the exclusions
// where each repeats a condition that is asked for, an index answers what is asked for,
// and nothing else is. Conditions in a filter of their own are not affected.
func settled(c *collection, f *api.Filter) (*api.Filter, error) {
	asked := slices.Concat(f.GetMust(), f.GetShould(), f.GetMinShould().GetConditions())
	for _, excluded := range f.GetMustNot() {
		if c.indexes[excluded.GetField().GetKey()] == nil || !containsEqual(asked, excluded) {
			return f, nil
		}
	}
	switch {
	case len(f.GetMustNot()) == 0:
		return f, nil
	case len(f.GetMust()) != len(asked) && len(f.GetShould()) != len(asked):
		return nil, missing("an exclusion of what is asked for in one of several lists, on a field with an index")
	case len(f.GetMust()) > 1:
		return f, nil
	}
	for _, condition := range asked {
		if !primary(c.indexes, condition.GetField()) {
			return nil, missing("this exclusion of what is asked for, on a field with an index")
		}
	}
	return &api.Filter{Must: f.GetMust(), Should: f.GetShould()}, nil
}

// joins refuses two filters that the server, which joins their lists, may take for one
// with a forgotten exclusion.
func joins(c *collection, a, b *api.Filter) error {
	if a == nil || b == nil {
		return nil
	}
	joined := &api.Filter{
		Must: slices.Concat(a.GetMust(), b.GetMust()), Should: slices.Concat(a.GetShould(), b.GetShould()), MustNot: slices.Concat(a.GetMustNot(), b.GetMustNot()),
	}
	if one, err := settled(c, joined); err != nil || one != joined {
		return missing("an exclusion in a prefetch of what the whole query asks for, on a field with an index")
	}
	return nil
}

func containsEqual(list []*api.Condition, c *api.Condition) bool {
	return slices.ContainsFunc(list, func(other *api.Condition) bool { return proto.Equal(c, other) })
}

// primary names the conditions of which an index was recorded to answer all.
func primary(indexes map[string]*api.PayloadSchemaInfo, f *api.FieldCondition) bool {
	_, boolean := f.GetMatch().GetMatchValue().(*api.Match_Boolean)
	_, keyword := f.GetMatch().GetMatchValue().(*api.Match_Keyword)
	_, integer := f.GetMatch().GetMatchValue().(*api.Match_Integer)
	switch indexes[f.GetKey()].GetDataType() {
	case api.PayloadSchemaType_Keyword:
		return keyword
	case api.PayloadSchemaType_Integer:
		return integer
	case api.PayloadSchemaType_Bool:
		return boolean
	case api.PayloadSchemaType_Float:
		return f.GetRange() != nil
	}
	return false
}

// nullInList reports whether a value is a list with null in it.
func nullInList(v *api.Value) bool { return slices.ContainsFunc(v.GetListValue().GetValues(), isNull) }

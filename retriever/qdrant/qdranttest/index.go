package qdranttest

import (
	"math"
	"slices"

	api "github.com/qdrant/go-client/qdrant"
)

// kinds are the types that an index was recorded with.
var kinds = map[api.FieldType]api.PayloadSchemaType{
	api.FieldType_FieldTypeKeyword: api.PayloadSchemaType_Keyword, api.FieldType_FieldTypeInteger: api.PayloadSchemaType_Integer,
	api.FieldType_FieldTypeFloat: api.PayloadSchemaType_Float, api.FieldType_FieldTypeBool: api.PayloadSchemaType_Bool,
	api.FieldType_FieldTypeGeo: api.PayloadSchemaType_Geo, api.FieldType_FieldTypeText: api.PayloadSchemaType_Text,
	api.FieldType_FieldTypeDatetime: api.PayloadSchemaType_Datetime, api.FieldType_FieldTypeUuid: api.PayloadSchemaType_Uuid,
}

func indexKind(r *api.CreateFieldIndexCollection) (api.PayloadSchemaType, error) {
	if r.GetFieldName() == "" {
		return 0, inBody("field_name", `value "" invalid, must be at least 1 characters`)
	}
	if p := r.GetFieldIndexParams().GetIntegerIndexParams(); p != nil && p.Lookup != nil && p.Range != nil && !p.GetLookup() && !p.GetRange() {
		return 0, inBody("field_index_params.index_params.lookup", "Validation error: the 'lookup' and 'range' capabilities can't be both disabled [{}]")
	}
	if r.FieldType == nil {
		return 0, refusal("cannot convert field_type")
	}
	kind, known := kinds[r.GetFieldType()]
	switch r.GetFieldIndexParams().GetIndexParams().(type) {
	case nil, *api.PayloadIndexParams_KeywordIndexParams, *api.PayloadIndexParams_TextIndexParams:
	default:
		if kind == api.PayloadSchemaType_Keyword {
			return 0, refusal("field_type (Keyword) and field_index_params do not match")
		}
	}
	if _, err := parsePath(r.GetFieldName()); err != nil {
		return 0, err
	}
	if !known {
		return 0, refusal("Bad request: Can't auto-detect field type, please specify `field_schema` in the request")
	}
	return kind, checkName("collection_name", r.GetCollectionName())
}

// checkIndexed refuses a filter whose meaning an index of the collection changes in a
// way that was recorded and is not computed: Qdrant then matches 2024.0 by 2024 and
// words in place of texts, and forgets an exclusion that stands beside the same
// condition.
func checkIndexed(c *collection, f *api.Filter) error {
	if len(c.indexes) == 0 || f == nil {
		return nil
	}
	asked := map[string]bool{}
	for _, list := range [][]*api.Condition{f.GetMust(), f.GetShould(), f.GetMinShould().GetConditions()} {
		for _, condition := range list {
			if err := checkIndexedCondition(c, condition); err != nil {
				return err
			}
			asked[condition.GetField().GetKey()] = true
		}
	}
	for _, condition := range f.GetMustNot() {
		key := condition.GetField().GetKey()
		if c.indexes[key] != nil && asked[key] {
			return missing("a field with an index that is asked for and excluded side by side")
		}
		if err := checkIndexedCondition(c, condition); err != nil {
			return err
		}
	}
	return nil
}

func checkIndexedCondition(c *collection, condition *api.Condition) error {
	switch v := condition.GetConditionOneOf().(type) {
	case *api.Condition_Filter:
		return checkIndexed(c, v.Filter)
	case *api.Condition_Nested:
		if asksEmpty(v.Nested.GetFilter()) {
			return missing("is_empty in a nested filter of a collection with an index")
		}
	case *api.Condition_IsNull:
		if c.indexes[v.IsNull.GetKey()] != nil && someValue(c, v.IsNull.GetKey(), nullInList) {
			return missing("is_null of a field with an index and a list that has null")
		}
	case *api.Condition_Field:
		if info := c.indexes[v.Field.GetKey()]; info != nil && !sameMeaning(c, info.GetDataType(), v.Field) {
			return missing("this condition on a field with an index")
		}
	}
	return nil
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

// sameMeaning reports whether the condition means the same with the index. An
// integer does where every number of the field is one, an exception where every value
// is of its type.
func sameMeaning(c *collection, kind api.PayloadSchemaType, f *api.FieldCondition) bool {
	whole := func() bool { return !someValue(c, f.GetKey(), fraction) }
	switch f.GetMatch().GetMatchValue().(type) {
	case *api.Match_Keyword, *api.Match_Keywords:
		return kind == api.PayloadSchemaType_Keyword
	case *api.Match_Boolean:
		return kind == api.PayloadSchemaType_Bool
	case *api.Match_Integer, *api.Match_Integers:
		return kind == api.PayloadSchemaType_Integer && whole()
	case *api.Match_ExceptKeywords:
		return !someValue(c, f.GetKey(), func(v *api.Value) bool { _, is := v.GetKind().(*api.Value_StringValue); return !is })
	case *api.Match_ExceptIntegers:
		return !someValue(c, f.GetKey(), func(v *api.Value) bool { _, is := v.GetKind().(*api.Value_IntegerValue); return !is })
	case *api.Match_Text, *api.Match_TextAny, *api.Match_Phrase:
		return kind == api.PayloadSchemaType_Keyword || kind == api.PayloadSchemaType_Integer
	case *api.Match_Prefix:
		return true
	}
	number := kind == api.PayloadSchemaType_Float || kind == api.PayloadSchemaType_Integer && whole()
	switch {
	case f.GetRange() != nil:
		return number && !math.IsNaN(f.GetRange().GetGt()+f.GetRange().GetGte()+f.GetRange().GetLt()+f.GetRange().GetLte())
	case f.GetDatetimeRange() != nil:
		return kind == api.PayloadSchemaType_Datetime
	}
	return f.GetValuesCount() != nil || f.GetGeoBoundingBox() != nil || f.GetGeoPolygon() != nil || f.GetGeoRadius() != nil
}

// someValue reports whether a value of the field, or of the lists there, is of that
// sort.
func someValue(c *collection, field string, sort func(*api.Value) bool) bool {
	p, err := parsePath(field)
	if err != nil {
		return true
	}
	for _, point := range c.points {
		if slices.ContainsFunc(p.values(point.payload), sort) || slices.ContainsFunc(p.at(point.payload), func(v *api.Value) bool { return v.GetListValue() != nil && sort(v) }) {
			return true
		}
	}
	return false
}

// fraction reports whether a number is no integer, or one that float64 does not hold
// exactly.
func fraction(v *api.Value) bool {
	_, is := v.GetKind().(*api.Value_DoubleValue)
	return is || v.GetIntegerValue() >= 1<<53 || v.GetIntegerValue() <= -1<<53
}

// nullInList reports whether a value is a list with null in it.
func nullInList(v *api.Value) bool {
	return slices.ContainsFunc(v.GetListValue().GetValues(), func(e *api.Value) bool { _, is := e.GetKind().(*api.Value_NullValue); return is })
}

// holdsExactly names the types of which it is known which values they hold.
func holdsExactly(kind api.PayloadSchemaType) bool {
	return kind == api.PayloadSchemaType_Keyword || kind == api.PayloadSchemaType_Integer || kind == api.PayloadSchemaType_Float || kind == api.PayloadSchemaType_Bool
}

// holds reports whether an index of the type has one of the values.
func holds(kind api.PayloadSchemaType, values []*api.Value) bool {
	for _, v := range values {
		is := false
		switch v.GetKind().(type) {
		case *api.Value_StringValue:
			is = kind == api.PayloadSchemaType_Keyword
		case *api.Value_IntegerValue:
			is = kind == api.PayloadSchemaType_Integer || kind == api.PayloadSchemaType_Float
		case *api.Value_DoubleValue:
			is = kind == api.PayloadSchemaType_Float
		case *api.Value_BoolValue:
			is = kind == api.PayloadSchemaType_Bool
		}
		if is {
			return true
		}
	}
	return false
}

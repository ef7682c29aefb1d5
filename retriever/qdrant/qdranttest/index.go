package qdranttest

import (
	"context"
	"math"

	api "github.com/qdrant/go-client/qdrant"
)

// CreateFieldIndex implements the call of that name.
func (h *points) CreateFieldIndex(_ context.Context, r *api.CreateFieldIndexCollection) (*api.PointsOperationResponse, error) {
	kind, err := indexKind(r)
	if err != nil {
		return nil, err
	}
	h.server.mu.Lock()
	defer h.server.mu.Unlock()
	c, err := h.server.lookup(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	c.indexes[r.GetFieldName()] = &api.PayloadSchemaInfo{DataType: kind, Params: r.GetFieldIndexParams()}
	return completed(r.GetWait()), nil
}

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

// schema tells about the indexes, as the info of a collection does.
func (c *collection) schema() (map[string]*api.PayloadSchemaInfo, error) {
	out := map[string]*api.PayloadSchemaInfo{}
	for field, info := range c.indexes {
		p, err := parsePath(field)
		if err != nil {
			return nil, err
		}
		if !holdsExactly(info.GetDataType()) {
			return nil, missing("the number of points in an index of this type")
		}
		var n uint64
		for _, point := range c.points {
			if holds(info.GetDataType(), p.values(point.payload)) {
				n++
			}
		}
		out[field] = &api.PayloadSchemaInfo{DataType: info.GetDataType(), Params: info.GetParams(), Points: &n}
	}
	return out, nil
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

// checkIndexed refuses a filter whose meaning an index of the collection
// changes: Qdrant then matches 2024.0 by 2024 and words in place of texts, and
// forgets an exclusion that stands beside the same condition.
func (c *collection) checkIndexed(f *api.Filter) error {
	if len(c.indexes) == 0 || f == nil {
		return nil
	}
	asked := map[string]bool{}
	for _, list := range [][]*api.Condition{f.GetMust(), f.GetShould(), f.GetMinShould().GetConditions()} {
		for _, condition := range list {
			if err := c.checkIndexedCondition(condition); err != nil {
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
		if err := c.checkIndexedCondition(condition); err != nil {
			return err
		}
	}
	return nil
}

func (c *collection) checkIndexedCondition(condition *api.Condition) error {
	switch v := condition.GetConditionOneOf().(type) {
	case *api.Condition_Filter:
		return c.checkIndexed(v.Filter)
	case *api.Condition_Nested:
		return missing("a nested filter in a collection with an index")
	case *api.Condition_IsNull:
		if c.indexes[v.IsNull.GetKey()] != nil {
			return missing("is_null of a field with an index")
		}
	case *api.Condition_Field:
		if info := c.indexes[v.Field.GetKey()]; info != nil && !c.sameMeaning(info.GetDataType(), v.Field) {
			return missing("this condition on a field with an index")
		}
	}
	return nil
}

// sameMeaning reports whether the condition means the same with the index. An
// integer does where every number of the field is one.
func (c *collection) sameMeaning(kind api.PayloadSchemaType, f *api.FieldCondition) bool {
	switch f.GetMatch().GetMatchValue().(type) {
	case *api.Match_Keyword, *api.Match_Keywords:
		return kind == api.PayloadSchemaType_Keyword
	case *api.Match_Boolean:
		return kind == api.PayloadSchemaType_Bool
	case *api.Match_Integer, *api.Match_Integers:
		return kind == api.PayloadSchemaType_Integer && !c.hasFraction(f.GetKey())
	}
	number := kind == api.PayloadSchemaType_Float || kind == api.PayloadSchemaType_Integer && !c.hasFraction(f.GetKey())
	return f.GetRange() != nil && number && !math.IsNaN(f.GetRange().GetGt()+f.GetRange().GetGte()+f.GetRange().GetLt()+f.GetRange().GetLte())
}

// hasFraction reports whether a number of the field is no integer, or one that
// float64 does not hold exactly.
func (c *collection) hasFraction(field string) bool {
	p, err := parsePath(field)
	if err != nil {
		return true
	}
	for _, point := range c.points {
		for _, v := range p.values(point.payload) {
			_, is := v.GetKind().(*api.Value_DoubleValue)
			if n := v.GetIntegerValue(); is || n >= 1<<53 || n <= -1<<53 {
				return true
			}
		}
	}
	return false
}

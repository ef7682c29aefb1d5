package qdranttest

import (
	"slices"

	"github.com/google/uuid"
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

// holds reports whether an index of the type has one of the values.
func holds(kind api.PayloadSchemaType, values []*api.Value) bool {
	return slices.ContainsFunc(values, func(v *api.Value) bool {
		switch v.GetKind().(type) {
		case *api.Value_StringValue:
			return holdsText(kind, v.GetStringValue())
		case *api.Value_IntegerValue:
			return kind == api.PayloadSchemaType_Integer || kind == api.PayloadSchemaType_Float
		case *api.Value_DoubleValue:
			_, whole := wholeValue(v)
			return kind == api.PayloadSchemaType_Float || kind == api.PayloadSchemaType_Integer && whole
		case *api.Value_BoolValue:
			return kind == api.PayloadSchemaType_Bool
		case *api.Value_StructValue:
			_, _, is := place(v)
			return kind == api.PayloadSchemaType_Geo && is
		}
		return false
	})
}

func holdsText(kind api.PayloadSchemaType, text string) bool {
	switch kind {
	case api.PayloadSchemaType_Keyword, api.PayloadSchemaType_Text:
		return true
	case api.PayloadSchemaType_Uuid:
		_, err := uuid.Parse(text)
		return err == nil
	case api.PayloadSchemaType_Datetime:
		_, is := readTime(text)
		return is
	}
	return false
}

package qdrant

import (
	"context"
	"errors"
	"fmt"

	api "github.com/qdrant/go-client/qdrant"
)

// Index is a payload index: filters on its field are fast, and a server in strict
// mode allows them only with one. What a condition on the field means is then the
// index's, see Filter.
type Index struct {
	// Field is the name of the payload field, as it is stored.
	Field string
	// Type is what is indexed; the zero value means keywords.
	Type api.FieldType
	// Tenant says that the field, of keywords, tells apart tenants that are always
	// searched one at a time: the server then stores each tenant together.
	Tenant bool
	// Params are further settings of the index; nil means the server's own. They
	// cannot be set beside Tenant.
	Params *api.PayloadIndexParams
}

// Indexer makes payload indexes; a Loader with Indexes needs it. *qdrant.Client
// is one.
type Indexer interface {
	CreateFieldIndex(ctx context.Context, request *api.CreateFieldIndexCollection) (*api.UpdateResult, error)
}

var _ Indexer = (*api.Client)(nil)

func (i Index) check() error {
	switch {
	case i.Field == "":
		return errors.New("an index names no Field: name the payload field")
	case i.Tenant && (i.Type != api.FieldType_FieldTypeKeyword || i.Params != nil):
		return fmt.Errorf("index on %q: Tenant belongs to keywords, and Params would hold it", i.Field)
	}
	if _, ok := Key(i.Field); !ok {
		return fmt.Errorf("index on %q: a name with a quotation mark or a backslash cannot be reached", i.Field)
	}
	return nil
}

// kinds are the types of a field and the names under which a collection lists
// their indexes.
var kinds = map[api.FieldType]api.PayloadSchemaType{
	api.FieldType_FieldTypeKeyword: api.PayloadSchemaType_Keyword, api.FieldType_FieldTypeInteger: api.PayloadSchemaType_Integer,
	api.FieldType_FieldTypeFloat: api.PayloadSchemaType_Float, api.FieldType_FieldTypeGeo: api.PayloadSchemaType_Geo,
	api.FieldType_FieldTypeText: api.PayloadSchemaType_Text, api.FieldType_FieldTypeBool: api.PayloadSchemaType_Bool,
	api.FieldType_FieldTypeDatetime: api.PayloadSchemaType_Datetime, api.FieldType_FieldTypeUuid: api.PayloadSchemaType_Uuid,
}

// there reports whether the collection has the index, and refuses one of another
// type: making it anew would change what running queries mean.
func (i Index) there(schema map[string]*api.PayloadSchemaInfo) (bool, error) {
	path, _ := Key(i.Field)
	have := schema[path]
	switch {
	case have == nil:
		return false, nil
	case have.GetDataType() != kinds[i.Type]:
		return false, &Error{Kind: KindInvalid, Op: "load", Message: fmt.Sprintf("field %q has an index of type %v there, not %v", i.Field, have.GetDataType(), kinds[i.Type])}
	case i.Tenant && !have.GetParams().GetKeywordIndexParams().GetIsTenant():
		return false, &Error{Kind: KindInvalid, Op: "load", Message: fmt.Sprintf("the index on field %q is not one of tenants there", i.Field)}
	}
	return true, nil
}

func (i Index) request(collection string) *api.CreateFieldIndexCollection {
	path, _ := Key(i.Field)
	wait, kind := true, i.Type
	r := &api.CreateFieldIndexCollection{CollectionName: collection, Wait: &wait, FieldName: path, FieldType: &kind, FieldIndexParams: i.Params}
	if i.Tenant {
		r.FieldIndexParams = api.NewPayloadIndexParamsKeyword(&api.KeywordIndexParams{IsTenant: &i.Tenant})
	}
	return r
}

package langchain

import (
	"reflect"
	"strings"
)

// Filter is the type of value that a store expects in vectorstores.WithFilters,
// and so in pipeline.Query.Filter.
type Filter uint8

const (
	// FilterAny is handed on unchecked, because the store is not known.
	FilterAny Filter = iota
	// FilterNone takes no filter: the store would ignore it.
	FilterNone
	// FilterEquality is a map[string]any from metadata keys to strings, all of
	// which must be equal. The store formats both into an SQL statement without
	// escaping; what could break out of it is refused (Traits.Pasted), and so is
	// a value of another type, which the store would print as "%!s(int=7)".
	FilterEquality
	// FilterMap is a map[string]any in the store's own language.
	FilterMap
	// FilterJSON is a map with string keys that encodes as JSON, in the store's
	// own language.
	FilterJSON
	// FilterString is an expression in the store's own language. Whoever builds
	// one from the text of an end user must escape that text.
	FilterString
	// FilterSQL is a condition that the store pastes into its SQL statement as it
	// is. Text of an end user must never reach it: it can read and change every
	// table that the connection may.
	FilterSQL
	// FilterWhere is a *filters.WhereBuilder of the Weaviate client.
	FilterWhere
	// FilterBedrock is a filter of the package bedrockknowledgebases.
	FilterBedrock
	// FilterBSON is a document of MongoDB: bson.D, bson.M, a map or a struct.
	FilterBSON
)

var filterNames = [...]string{
	"any value", "no filter", "map[string]any from keys to strings", "map[string]any", "a map with string keys",
	"string", "string of SQL", "*filters.WhereBuilder", "a filter of bedrockknowledgebases", "a BSON document",
}

// String says which values are accepted.
func (f Filter) String() string {
	if int(f) < len(filterNames) {
		return filterNames[f]
	}
	return "invalid filter type"
}

// takes reports whether the type of a filter, which is not nil, is accepted.
// Types of store clients are recognised by name: importing them would link the
// clients.
func (f Filter) takes(filter any) bool {
	t := reflect.TypeOf(filter)
	switch f {
	case FilterAny:
		return true
	case FilterEquality, FilterMap:
		_, ok := filter.(map[string]any)
		return ok
	case FilterJSON:
		return isMap(t)
	case FilterString, FilterSQL:
		_, ok := filter.(string)
		return ok
	case FilterWhere:
		return t.String() == "*filters.WhereBuilder"
	case FilterBedrock:
		return strings.HasPrefix(t.String(), "bedrockknowledgebases.")
	case FilterBSON:
		return isMap(t) || isStruct(t) || t.Kind() == reflect.Slice && isStruct(t.Elem())
	}
	return false
}

func isMap(t reflect.Type) bool {
	return t.Kind() == reflect.Map && t.Key().Kind() == reflect.String
}

func isStruct(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct
}

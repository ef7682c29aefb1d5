package qdrant

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	api "github.com/qdrant/go-client/qdrant"
)

// ErrPayload is in the chain of every error about a value that cannot be stored
// in a payload. The error's text names the path of keys to it.
var ErrPayload = errors.New("value cannot be stored in a payload")

// maxDepth bounds the nesting of a payload. The server's decoder stops at 100
// nested messages, and a map in a map takes three.
const maxDepth = 32

// ToValue converts a Go value to a payload value. It never panics and never
// changes a value silently.
//
// Accepted are nil, bool, every integer and floating-point type, string, and
// slices, arrays and maps with string keys of these, nested to a depth of 32;
// named types count as what they are made of. Refused, with an error that wraps
// ErrPayload and names the key path, are unsigned integers of 2^63 and more,
// NaN and infinities, text that is not UTF-8, []byte, json.Number, time.Time,
// pointers, structs, functions and channels.
func ToValue(v any) (*api.Value, error) { return toValue("value", v, 0) }

func toValue(path string, v any, depth int) (*api.Value, error) {
	if value := plainValue(v, depth); value != nil {
		return value, nil
	}
	if depth > maxDepth {
		return nil, refuse(path, "nested deeper than %d, or contains itself", maxDepth)
	}
	switch v.(type) {
	case nil:
		return api.NewValueNull(), nil
	case json.Number:
		return nil, refuse(path, "json.Number: convert it to int64 or float64 first")
	case time.Time, *time.Time:
		return nil, refuse(path, "time.Time: format it first, as RFC 3339 if it shall be filtered by range")
	case []byte:
		return nil, refuse(path, "[]byte: encode it as text first")
	}
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Slice, reflect.Array:
		return listValue(path, r, depth)
	case reflect.Map:
		return mapValue(path, r, depth)
	}
	return scalarValue(path, r)
}

// plainValue converts what most metadata are made of without reflection; nil for
// everything else, and for what is refused.
func plainValue(v any, depth int) *api.Value {
	if depth > maxDepth {
		return nil
	}
	switch v := v.(type) {
	case string:
		if utf8.ValidString(v) {
			return api.NewValueString(v)
		}
	case bool:
		return api.NewValueBool(v)
	case int:
		return api.NewValueInt(int64(v))
	case int64:
		return api.NewValueInt(v)
	case float64:
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			return api.NewValueDouble(v)
		}
	case []any:
		values := make([]*api.Value, len(v))
		for i, e := range v {
			if values[i] = plainValue(e, depth+1); values[i] == nil {
				return nil
			}
		}
		return api.NewValueFromList(values...)
	case map[string]any:
		fields := make(map[string]*api.Value, len(v)+2) // and the text and the id
		for name, e := range v {
			value := plainValue(e, depth+1)
			if value == nil || !utf8.ValidString(name) {
				return nil
			}
			fields[name] = value
		}
		return api.NewValueFromFields(fields)
	}
	return nil
}

func scalarValue(path string, r reflect.Value) (*api.Value, error) {
	switch r.Kind() {
	case reflect.Bool:
		return api.NewValueBool(r.Bool()), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return api.NewValueInt(r.Int()), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if r.Uint() > math.MaxInt64 {
			return nil, refuse(path, "%d does not fit into 63 bits: store it as text", r.Uint())
		}
		return api.NewValueInt(int64(r.Uint())), nil
	case reflect.Float32, reflect.Float64:
		if math.IsNaN(r.Float()) || math.IsInf(r.Float(), 0) {
			return nil, refuse(path, "%v is not a finite number", r.Float())
		}
		return api.NewValueDouble(r.Float()), nil
	case reflect.String:
		if !utf8.ValidString(r.String()) {
			return nil, refuse(path, "text is not valid UTF-8")
		}
		return api.NewValueString(r.String()), nil
	}
	return nil, refuse(path, "type %v: convert it to maps, lists, text, numbers or booleans first", r.Type())
}

func listValue(path string, r reflect.Value, depth int) (*api.Value, error) {
	values := make([]*api.Value, r.Len())
	for i := range values {
		v, err := toValue(path+"["+strconv.Itoa(i)+"]", r.Index(i).Interface(), depth+1)
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	return api.NewValueFromList(values...), nil
}

func mapValue(path string, r reflect.Value, depth int) (*api.Value, error) {
	if r.Type().Key().Kind() != reflect.String {
		return nil, refuse(path, "type %v: keys must be text", r.Type())
	}
	// Sorted, so that of several unfit values always the same one is named.
	keys := r.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int {
		if a.String() < b.String() {
			return -1
		}
		return 1
	})
	fields := make(map[string]*api.Value, len(keys))
	for _, k := range keys {
		name := k.String()
		if !utf8.ValidString(name) {
			return nil, refuse(path, "key %q is not valid UTF-8", name)
		}
		v, err := toValue(path+"."+name, r.MapIndex(k).Interface(), depth+1)
		if err != nil {
			return nil, err
		}
		fields[name] = v
	}
	return api.NewValueFromFields(fields), nil
}

func refuse(path, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", ErrPayload, path, fmt.Sprintf(format, args...))
}

// FromValue converts a payload value to a Go value: nil, bool, int64, float64,
// string, []any or map[string]any. A value of a kind that this version of the
// client does not know is nil.
func FromValue(v *api.Value) any {
	switch k := v.GetKind().(type) {
	case *api.Value_BoolValue:
		return k.BoolValue
	case *api.Value_IntegerValue:
		return k.IntegerValue
	case *api.Value_DoubleValue:
		return k.DoubleValue
	case *api.Value_StringValue:
		return k.StringValue
	case *api.Value_ListValue:
		list := make([]any, len(k.ListValue.GetValues()))
		for i, e := range k.ListValue.GetValues() {
			list[i] = FromValue(e)
		}
		return list
	case *api.Value_StructValue:
		return fromFields(k.StructValue.GetFields())
	}
	return nil
}

func fromFields(fields map[string]*api.Value) map[string]any {
	m := make(map[string]any, len(fields))
	for name, v := range fields {
		m[name] = FromValue(v)
	}
	return m
}

package memory

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"

	"github.com/rankcascade/cascade/pipeline"
)

// keeper returns the predicate of a Query.Filter, nil if everything is kept.
func keeper(filter any) (func(pipeline.Document) bool, error) {
	switch f := filter.(type) {
	case nil:
		return nil, nil
	case func(pipeline.Document) bool:
		return f, nil
	case map[string]any:
		return equalities(f)
	}
	return nil, fmt.Errorf("filter of type %T, want map[string]any or func(pipeline.Document) bool", filter)
}

// equalities is true of a document that has, under every key, the value or one
// of the values.
func equalities(f map[string]any) (func(pipeline.Document) bool, error) {
	if len(f) == 0 {
		return nil, nil
	}
	wanted := make(map[string][]any, len(f))
	for key, v := range f {
		list := scalars(v)
		for _, s := range list {
			if s == nil {
				return nil, fmt.Errorf("filter: metadata %q: cannot compare with %T, want a string, a number, a bool, a time or a list of these", key, v)
			}
		}
		wanted[key] = list
	}
	return func(d pipeline.Document) bool {
		for key, list := range wanted {
			if !slices.ContainsFunc(scalars(d.Metadata[key]), func(have any) bool { return have != nil && slices.Contains(list, have) }) {
				return false
			}
		}
		return true
	}, nil
}

// scalars returns the members of a list, or the value itself, in forms that ==
// compares: string, float64, bool, or the UTC nanoseconds of a time in a type of
// their own. Anything else, and NaN, is nil.
func scalars(v any) []any {
	switch v := v.(type) {
	case string: // the frequent cases need no reflection
		return []any{v}
	case []string:
		list := make([]any, len(v))
		for i, s := range v {
			list[i] = s
		}
		return list
	}
	r := reflect.ValueOf(v)
	if k := r.Kind(); k != reflect.Slice && k != reflect.Array {
		return []any{scalar(v)}
	}
	list := make([]any, r.Len())
	for i := range list {
		list[i] = scalar(r.Index(i).Interface())
	}
	return list
}

// instant is a time of which == compares the moment.
type instant int64

func scalar(value any) any {
	switch v := value.(type) {
	case time.Time:
		return instant(v.UnixNano())
	case interface{ Float64() (float64, error) }: // json.Number
		f, err := v.Float64()
		if err != nil {
			return nil
		}
		return f
	}
	r := reflect.ValueOf(value)
	switch {
	case r.Kind() == reflect.String:
		return r.String()
	case r.Kind() == reflect.Bool:
		return r.Bool()
	case r.CanInt():
		return float64(r.Int())
	case r.CanUint():
		return float64(r.Uint())
	case r.CanFloat() && !math.IsNaN(r.Float()):
		return r.Float()
	}
	return nil
}

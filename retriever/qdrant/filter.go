package qdrant

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"

	api "github.com/qdrant/go-client/qdrant"

	"github.com/rankcascade/cascade/pipeline"
)

// ErrFilter is in the chain of every error about a filter that is not understood
// or that Qdrant cannot do, and pipeline.ErrFilter with it. The error's text names
// the path to the part.
var ErrFilter error = notUnderstood{}

type notUnderstood struct{}

// Error implements error.
func (notUnderstood) Error() string { return "filter is not understood" }

// Unwrap returns the cause.
func (notUnderstood) Unwrap() error { return pipeline.ErrFilter }

// Filter turns what Query.Filter, Options.Filter and Leg.Filter may hold into
// Qdrant's own filter. It accepts
//
//   - nil, no filter;
//   - a pipeline.Filter, which means the same in every store. A number at or
//     beyond 2^53 in a range and a time finer than a microsecond are refused, because
//     Qdrant compares them inexactly; times are compared with every text that Qdrant
//     reads as one. Contains assumes that the field has no full-text index, under
//     which Qdrant looks for words;
//   - *qdrant.Filter of the client package, as it is;
//   - an equality map: map[string]any{"lang": "en", "year": 2024}. All fields must
//     equal their value: text, a boolean or a number; a list means any of its
//     texts or integers, nil means that the field is null;
//   - Qdrant's JSON filter as a map with the keys must, should, must_not and
//     min_should and no others, the form that langchaingo's Qdrant store takes.
//     A payload field of one of these names can be asked for in this form only.
//
// A key with dots or brackets means the field that is stored under this very name
// and, where Qdrant reads the key as a path, the field at the end of that path:
// "author.name" is met by either. Key makes the path of a field's name alone.
//
// A whole float64 counts as an integer in the JSON form, since that is how
// encoding/json reads one. Everything else is refused with an error that wraps
// ErrFilter, because a filter that is dropped or that loses a part would show
// documents that it should hide: an empty filter, an empty list of conditions, a
// number at or beyond 2^53 in a comparison that the server makes in float64.
//
// Where a payload index exists, the meaning of some conditions is the index's:
// an integer also equals 2024.0, text matches words in place of a part of the
// text, a UUID ignores case, is_null also finds [null].
func Filter(v any) (*api.Filter, error) {
	switch f := v.(type) {
	case nil:
		return nil, nil
	case pipeline.Filter:
		return compile(f)
	case *pipeline.Filter:
		if f == nil {
			return nil, nil
		}
		return compile(*f)
	case *api.Filter:
		if f == nil {
			return nil, nil
		}
		return f, checkFilter("filter", f, 0)
	case map[string]any:
		for key := range f {
			if isClause(key) {
				return jsonFilter("filter", f)
			}
		}
		return equality(f)
	}
	return nil, fmt.Errorf("qdrant: %w: type %T: use pipeline.Filter, *qdrant.Filter or map[string]any", ErrFilter, v)
}

// equality makes one condition for each field, in the order of their names so
// that equal maps give equal requests.
func equality(fields map[string]any) (*api.Filter, error) {
	if len(fields) == 0 {
		return nil, unknown("filter", "the map is empty: use nil for no filter")
	}
	filter := &api.Filter{}
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		c, err := equals(field, fields[field])
		if err != nil {
			return nil, err
		}
		filter.Must = append(filter.Must, c)
	}
	return filter, nil
}

func equals(field string, v any) (*api.Condition, error) {
	if field == "" {
		return nil, unknown("filter", "a field has no name")
	}
	at := "filter." + field
	if v == nil {
		return onPaths(at, field, true, api.NewIsNull)
	}
	if f, ok := float(v); ok {
		if err := checkBound(at, f); err != nil {
			return nil, err
		}
		// Qdrant matches integers and text only; a range of one point also finds
		// 3 for 3.0.
		return onPaths(at, field, true, func(path string) *api.Condition {
			return api.NewRange(path, &api.Range{Gte: &f, Lte: &f})
		})
	}
	return match(at, field, v)
}

// exact is the first whole number that the server's float64 cannot tell from its
// neighbour.
const exact = 1 << 53

// checkBound refuses numbers that the server cannot compare exactly.
func checkBound(at string, f float64) error {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return unknown(at, "%v is not a finite number", f)
	}
	if math.Abs(f) >= exact {
		return unknown(at, "%v cannot be compared exactly: Qdrant compares in float64; match an integer, or store text", f)
	}
	return nil
}

// match makes a condition that the field equals the value, or any of the list.
func match(at, field string, v any) (*api.Condition, error) {
	test, err := matching(at, v)
	if err != nil {
		return nil, err
	}
	return onPaths(at, field, true, test)
}

// matching makes the test for one value, or for any of a list.
func matching(at string, v any) (func(path string) *api.Condition, error) {
	if n, ok, err := integer(at, v); ok || err != nil {
		return func(path string) *api.Condition { return api.NewMatchInt(path, n) }, err
	}
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.String:
		return func(path string) *api.Condition { return api.NewMatchKeyword(path, r.String()) }, nil
	case reflect.Bool:
		return func(path string) *api.Condition { return api.NewMatchBool(path, r.Bool()) }, nil
	case reflect.Slice, reflect.Array:
		texts, ints, err := anyOf(at, r)
		return func(path string) *api.Condition {
			if texts != nil {
				return api.NewMatchKeywords(path, texts...)
			}
			return api.NewMatchInts(path, ints...)
		}, err
	}
	return nil, unknown(at, "type %T: use text, a number, a boolean or a list", v)
}

// anyOf reads a list of texts or of integers; exactly one result is not nil.
func anyOf(path string, list reflect.Value) (texts []string, ints []int64, err error) {
	for i := range list.Len() {
		at := path + "[" + strconv.Itoa(i) + "]"
		e := list.Index(i).Interface()
		n, ok, err := integer(at, e)
		if err != nil {
			return nil, nil, err
		}
		r := reflect.ValueOf(e)
		switch {
		case ok:
			ints = append(ints, n)
		case r.IsValid() && r.Kind() == reflect.String:
			texts = append(texts, r.String())
		default:
			return nil, nil, unknown(at, "type %T in a list: use text or integers", e)
		}
	}
	switch {
	case texts != nil && ints != nil:
		return nil, nil, unknown(path, "a list mixes text and integers")
	case texts == nil && ints == nil:
		return nil, nil, unknown(path, "an empty list would match nothing")
	}
	return texts, ints, nil
}

// integer reads any integer type, json.Number and whole floats of a decoder.
func integer(path string, v any) (n int64, ok bool, err error) {
	if number, is := v.(json.Number); is {
		n, err := number.Int64()
		if err != nil {
			return 0, false, unknown(path, "%s is not a 64-bit integer", number)
		}
		return n, true, nil
	}
	r := reflect.ValueOf(v)
	switch {
	case !r.IsValid():
		return 0, false, nil
	case r.CanInt():
		return r.Int(), true, nil
	case r.CanUint():
		if r.Uint() > math.MaxInt64 {
			return 0, false, unknown(path, "%d does not fit into 63 bits", r.Uint())
		}
		return int64(r.Uint()), true, nil
	case r.CanFloat():
		f := r.Float()
		if f != math.Trunc(f) || math.Abs(f) >= 1<<63 {
			return 0, false, unknown(path, "%v cannot be matched: use a range", f)
		}
		return int64(f), true, nil
	}
	return 0, false, nil
}

func float(v any) (float64, bool) {
	r := reflect.ValueOf(v)
	if r.IsValid() && r.CanFloat() {
		return r.Float(), true
	}
	return 0, false
}

// and returns the filter that holds where all of the given ones do.
func and(filters ...*api.Filter) *api.Filter {
	var set []*api.Filter
	for _, f := range filters {
		if f != nil {
			set = append(set, f)
		}
	}
	switch len(set) {
	case 0:
		return nil
	case 1:
		return setApart(set[0])
	}
	both := &api.Filter{}
	for _, f := range set {
		both.Must = append(both.Must, api.NewFilterAsCondition(setApart(f)))
	}
	return both
}

func unknown(path, format string, args ...any) error {
	return fmt.Errorf("qdrant: %w: %s: %s", ErrFilter, path, fmt.Sprintf(format, args...))
}

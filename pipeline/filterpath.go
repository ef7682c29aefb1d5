package pipeline

import (
	"encoding"
	"encoding/json"
	"errors"
	"iter"
	"reflect"
	"slices"
	"time"
	"unicode/utf8"
)

// Path leads through maps within maps to a value: Path{"author", "name"} is the
// key "name" of the map under the key "author". Each key is meant as it was
// stored.
type Path []string

// FilterPath is what a filter takes as a path: a string, which is one key as it
// was stored, or a Path.
type FilterPath interface{ ~string | ~[]string }

// String returns the JSON form: a string for one key, a list for several.
func (p Path) String() string { return string(appendPath(nil, p)) }

func pathOf[P FilterPath](path P) Path {
	r := reflect.ValueOf(path)
	if r.Kind() == reflect.String {
		return Path{r.String()}
	}
	out := make(Path, r.Len())
	for i := range out {
		out[i] = r.Index(i).String()
	}
	return out
}

func (p Path) check() error {
	if len(p) == 0 {
		return errors.New("the path is empty: name a metadata key")
	}
	for _, key := range p {
		if key == "" {
			return errors.New("a key of the path is empty: name a metadata key between the dots")
		}
		if !utf8.ValidString(key) {
			return errors.New("a key of the path is not valid UTF-8")
		}
	}
	return nil
}

// In returns what stands at the path in the metadata, and nil if nothing does.
func (p Path) In(metadata map[string]any) any {
	if len(p) == 1 {
		return metadata[p[0]]
	}
	var at any = metadata
	for _, key := range p {
		at = under(at, key)
	}
	return at
}

func under(v any, key string) any {
	if m, ok := v.(map[string]any); ok {
		return m[key]
	}
	r := indirect(reflect.ValueOf(v))
	if r.Kind() != reflect.Map || r.Type().Key().Kind() != reflect.String {
		return nil
	}
	found := r.MapIndex(reflect.ValueOf(key).Convert(r.Type().Key()))
	if !found.IsValid() {
		return nil
	}
	return found.Interface()
}

// indirect follows pointers and interfaces; a nil one is the invalid value.
func indirect(r reflect.Value) reflect.Value {
	for r.Kind() == reflect.Pointer || r.Kind() == reflect.Interface {
		r = r.Elem()
	}
	return r
}

// isList reports whether the value counts as a list of its members. Bytes do
// not, nor do values that write themselves as text.
func isList(r reflect.Value) bool {
	k := r.Kind()
	if k != reflect.Slice && k != reflect.Array || r.Type().Elem().Kind() == reflect.Uint8 {
		return false
	}
	_, text := r.Interface().(encoding.TextMarshaler)
	return !text
}

// exists reports whether v is neither nil nor a list without members.
func exists(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string, bool, int, int64, float64, time.Time, json.Number:
		return true
	case []any:
		return len(v) > 0
	case []string:
		return len(v) > 0
	}
	r := indirect(reflect.ValueOf(v))
	switch r.Kind() {
	case reflect.Invalid:
		return false
	case reflect.Map:
		return !r.IsNil()
	case reflect.Slice:
		return !r.IsNil() && (r.Len() > 0 || !isList(r))
	case reflect.Array:
		return r.Len() > 0
	}
	return true
}

// anyMember reports whether holds is true of v or, if v is a list, of one of its
// members.
func anyMember(v any, holds func(any) bool) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string, bool, int, int64, float64, time.Time, json.Number:
		return holds(v)
	case []string:
		for _, m := range v {
			if holds(m) {
				return true
			}
		}
		return false
	case []any:
		for _, m := range v {
			if holds(m) {
				return true
			}
		}
		return false
	}
	r := indirect(reflect.ValueOf(v))
	if !r.IsValid() {
		return false
	}
	if !isList(r) {
		return holds(v)
	}
	for i := range r.Len() {
		if holds(r.Index(i).Interface()) {
			return true
		}
	}
	return false
}

// ValuesAt returns the values that a filter sees at the path, in their order: the
// value itself or the members of a list. A text that is a time comes twice, as
// text and as time, and so does a time. What equals nothing (NaN, maps, lists
// within lists, nil) is left out, so that there may be something at the path and
// no value. Stores that index metadata use it to agree with Filter.Match.
func (p Path) ValuesAt(metadata map[string]any) (values []Value, something bool) {
	at := p.In(metadata)
	anyMember(at, func(m any) bool {
		v, err := NewValue(m)
		if err != nil {
			return false
		}
		values = append(values, v)
		if other, ok := v.counterpart(); ok {
			values = append(values, other)
		}
		return false
	})
	return values, exists(at)
}

// Paths yields every path of the metadata that a filter can name, those within
// maps too, in the order of their keys: what a store that indexes metadata asks
// ValuesAt for.
func Paths(metadata map[string]any) iter.Seq[Path] {
	return func(yield func(Path) bool) { walkPaths(nil, reflect.ValueOf(metadata), yield) }
}

func walkPaths(above Path, at reflect.Value, yield func(Path) bool) bool {
	keys := make([]string, 0, at.Len())
	for _, k := range at.MapKeys() {
		keys = append(keys, k.String())
	}
	slices.Sort(keys)
	for _, key := range keys {
		path := append(slices.Clip(above), key)
		if (Path{key}).check() != nil {
			continue
		}
		if !yield(path) {
			return false
		}
		below := indirect(at.MapIndex(reflect.ValueOf(key).Convert(at.Type().Key())))
		if below.Kind() == reflect.Map && below.Type().Key().Kind() == reflect.String && !walkPaths(path, below, yield) {
			return false
		}
	}
	return true
}

// ExactNumbers replaces each json.Number in metadata that was read with
// json.Decoder.UseNumber by the float64 that it is, or else by an int64; a number
// that neither of them holds stays as it is. Stores that keep metadata as JSON use
// it, so that whole numbers beyond 2^53 come back as they were. It writes to the
// map and to the maps and lists in it.
func ExactNumbers(metadata map[string]any) {
	for key, v := range metadata {
		metadata[key] = exactNumber(v)
	}
}

func exactNumber(v any) any {
	switch v := v.(type) {
	case json.Number:
		value, err := NewValue(v)
		if err != nil {
			return v
		}
		if f, exact := value.Float64(); exact {
			return f
		}
		if n, ok := value.Int64(); ok {
			return n
		}
	case []any:
		for i := range v {
			v[i] = exactNumber(v[i])
		}
	case map[string]any:
		ExactNumbers(v)
	}
	return v
}

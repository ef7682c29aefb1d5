package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// maxFilterDepth bounds how deep filters that are read from JSON nest.
const maxFilterDepth = 100

// ParseFilter reads the JSON form of a filter, which is an object with one key:
//
//	{"eq": {"path": "tenant", "value": "a"}}
//	{"in": {"path": "lang", "values": ["en", "de"]}}
//	{"range": {"path": "year", "gte": 2020, "lt": 2024}}
//	{"exists": {"path": ["author", "name"]}}
//	{"prefix": {"path": "sku", "text": "AB-"}}
//	{"contains": {"path": "title", "text": "annual"}}
//	{"and": [..., ...]}   {"or": [..., ...]}   {"not": ...}
//
// A path is a string, one key as it was stored, or a list of keys for maps within
// maps. A value is a string, a number, true, false, or {"time": "2024-05-01T00:00:00Z"}.
// Bounds are gt, gte, lt, lte. Whole numbers are read exactly, however long.
//
// Everything else is refused with an error that wraps ErrFilter: another or a
// missing key, a key that comes twice, null, what Filter.Err refuses, text behind
// the filter, and more than 100 levels.
func ParseFilter(text []byte) (Filter, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	r := filterReader{d}
	f, err := r.filter(0)
	if err == nil && replaced(text, f) {
		err = errors.New("a text is not valid UTF-8 or UTF-16")
	}
	if err == nil {
		err = f.Err()
	}
	if err == nil {
		if _, end := d.Token(); !errors.Is(end, io.EOF) {
			err = errors.New("text follows the filter")
		}
	}
	if err == nil {
		return f, nil
	}
	if errors.Is(err, ErrFilter) {
		return Filter{}, err
	}
	return Filter{}, fmt.Errorf("pipeline: filter: %w: byte %d: %w", ErrFilter, d.InputOffset(), err)
}

// replaced reports whether encoding/json put U+FFFD in the place of what it could
// not read, which would be another text.
func replaced(text []byte, f Filter) bool {
	return strings.ContainsRune(f.String(), utf8.RuneError) && !bytes.ContainsRune(text, utf8.RuneError) &&
		!bytes.Contains(bytes.ToLower(text), []byte(`\ufffd`)) || !utf8.Valid(text)
}

// filterReader reads token by token, because encoding/json takes keys in any
// case and the last of two equal ones.
type filterReader struct{ *json.Decoder }

// next is Token, for which the end is always too early.
func (r filterReader) next() (json.Token, error) {
	t, err := r.Token()
	switch {
	case err == nil:
		return t, nil
	case errors.Is(err, io.EOF):
		return nil, io.ErrUnexpectedEOF
	}
	return nil, errors.New("not JSON")
}

func (r filterReader) expect(want json.Delim) error {
	t, err := r.next()
	if err == nil && t != want {
		err = fmt.Errorf("want %s", want)
	}
	return err
}

// object calls member for each key, which must read the value.
func (r filterReader) object(member func(key string) error) error {
	if err := r.expect('{'); err != nil {
		return err
	}
	var seen []string
	for r.More() {
		t, err := r.next()
		if err != nil {
			return err
		}
		key, _ := t.(string)
		if slices.Contains(seen, key) {
			return fmt.Errorf("key %q comes twice", key)
		}
		seen = append(seen, key)
		if err := member(key); err != nil {
			return err
		}
	}
	return r.expect('}')
}

func (r filterReader) list(member func() error) error {
	if err := r.expect('['); err != nil {
		return err
	}
	for r.More() {
		if err := member(); err != nil {
			return err
		}
	}
	return r.expect(']')
}

func (r filterReader) filter(depth int) (f Filter, err error) {
	if depth > maxFilterDepth {
		return f, fmt.Errorf("more than %d levels", maxFilterDepth)
	}
	found := 0
	err = r.object(func(key string) error {
		if found++; found > 1 {
			return errors.New("two operators in one object: put and or or around them")
		}
		f, err = r.operator(key, depth+1)
		return err
	})
	if err == nil && found == 0 {
		err = errors.New("an object without operator: write one of eq, in, range, exists, prefix, contains, and, or, not")
	}
	return f, err
}

func (r filterReader) operator(key string, depth int) (Filter, error) {
	switch key {
	case "and", "or":
		var parts []Filter
		err := r.list(func() error {
			p, err := r.filter(depth)
			parts = append(parts, p)
			return err
		})
		if key == "or" {
			return Or(parts...), err
		}
		return And(parts...), err
	case "not":
		f, err := r.filter(depth)
		return Not(f), err
	case "eq", "in", "range", "exists", "prefix", "contains":
		return r.comparison(key)
	}
	return Filter{}, fmt.Errorf("unknown operator %q: want eq, in, range, exists, prefix, contains, and, or, not", key)
}

// arguments are the members of a comparison, with which of them were there.
type arguments struct {
	path   Path
	value  any
	values []any
	text   string
	bounds Bounds
	given  []string
}

// taken are the keys that each comparison takes.
var taken = map[string][]string{
	"eq":       {"path", "value"},
	"in":       {"path", "values"},
	"range":    {"path", "gt", "gte", "lt", "lte"},
	"exists":   {"path"},
	"prefix":   {"path", "text"},
	"contains": {"path", "text"},
}

func (r filterReader) comparison(op string) (Filter, error) {
	var a arguments
	err := r.object(func(key string) error {
		if !slices.Contains(taken[op], key) {
			return fmt.Errorf("%s takes no key %q", op, key)
		}
		a.given = append(a.given, key)
		return r.argument(&a, key)
	})
	if err != nil {
		return Filter{}, err
	}
	for _, key := range taken[op] {
		if !slices.Contains(a.given, key) && op != "range" {
			return Filter{}, fmt.Errorf("%s lacks its %s", op, key)
		}
	}
	return a.filter(op), nil
}

func (a arguments) filter(op string) Filter {
	switch op {
	case "eq":
		return Eq(a.path, a.value)
	case "in":
		return In(a.path, a.values...)
	case "range":
		return Range(a.path, a.bounds)
	case "exists":
		return Exists(a.path)
	case "prefix":
		return Prefix(a.path, a.text)
	}
	return Contains(a.path, a.text)
}

func (r filterReader) argument(a *arguments, key string) (err error) {
	switch key {
	case "path":
		a.path, err = r.path()
	case "text":
		a.text, err = r.text()
	case "value":
		a.value, err = r.value()
	case "values":
		err = r.list(func() error {
			v, err := r.value()
			a.values = append(a.values, v)
			return err
		})
	case "gt":
		a.bounds.GT, err = r.value()
	case "gte":
		a.bounds.GTE, err = r.value()
	case "lt":
		a.bounds.LT, err = r.value()
	case "lte":
		a.bounds.LTE, err = r.value()
	}
	return err
}

func (r filterReader) path() (Path, error) {
	t, err := r.next()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case string:
		return Path{t}, nil
	case json.Delim:
		if t == '[' {
			path := Path{}
			for r.More() {
				key, err := r.text()
				if err != nil {
					return nil, err
				}
				path = append(path, key)
			}
			return path, r.expect(']')
		}
	}
	return nil, errors.New("a path is a string or a list of strings")
}

func (r filterReader) text() (string, error) {
	t, err := r.next()
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	if !ok {
		return "", errors.New("want a string")
	}
	return s, nil
}

// value reads a Value.
func (r filterReader) value() (any, error) {
	t, err := r.next()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case string, bool, json.Number:
		v, err := NewValue(t)
		return v, err
	case json.Delim:
		if t == '{' {
			return r.time()
		}
	}
	return nil, errors.New(`want a string, a number, true, false or {"time": "..."}`)
}

// time reads the rest of {"time": "..."}.
func (r filterReader) time() (any, error) {
	key, err := r.text()
	if err != nil {
		return nil, err
	}
	if key != "time" {
		return nil, errors.New(`want {"time": "..."}`)
	}
	text, err := r.text()
	if err != nil {
		return nil, err
	}
	at, ok := parseTime(text)
	if !ok {
		return nil, errors.New("a time is written as in RFC 3339, or as a date")
	}
	return at, r.expect('}')
}

// appendCondition writes the JSON form of a condition as it was written.
func appendCondition(b []byte, c Condition) []byte {
	b = append(b, `{"`+c.Op.String()+`":`...)
	switch c.Op {
	case ConditionNot:
		return append(appendCondition(b, c.Parts[0]), '}')
	case ConditionAnd, ConditionOr:
		b = append(b, '[')
		for i, p := range c.Parts {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendCondition(b, p)
		}
		return append(b, "]}"...)
	}
	b = appendPath(append(b, `{"path":`...), c.Path)
	switch c.Op {
	case ConditionEq:
		b = appendValue(append(b, `,"value":`...), c.Values[0])
	case ConditionIn:
		b = append(b, `,"values":[`...)
		for i, v := range c.Values {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, v)
		}
		b = append(b, ']')
	case ConditionPrefix, ConditionContains:
		b = appendText(append(b, `,"text":`...), c.Values[0].text)
	case ConditionRange:
		b = appendBound(b, "gt", c.Lower)
		b = appendBound(b, "lt", c.Upper)
	}
	return append(b, "}}"...)
}

func appendBound(b []byte, name string, bound *Bound) []byte {
	if bound == nil {
		return b
	}
	if !bound.Open {
		name += "e"
	}
	return appendValue(append(b, `,"`+name+`":`...), bound.Value)
}

func appendPath(b []byte, p Path) []byte {
	if len(p) == 1 {
		return appendText(b, p[0])
	}
	b = append(b, '[')
	for i, key := range p {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, key)
	}
	return append(b, ']')
}

func appendValue(b []byte, v Value) []byte {
	switch v.kind {
	case TextValue:
		return appendText(b, v.text)
	case BoolValue:
		return strconv.AppendBool(b, v.flag)
	case TimeValue:
		b = append(b, `{"time":"`...)
		return append(v.time.UTC().AppendFormat(b, time.RFC3339Nano), `"}`...)
	}
	return append(b, v.Literal()...)
}

// appendText writes a JSON string; HTML is none of its business.
func appendText(b []byte, s string) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string has no error
	return append(b, bytes.TrimSuffix(out.Bytes(), []byte("\n"))...)
}

package fusion

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/rankcascade/cascade/internal/nearest"
)

// maxSpec bounds the length of a specification and maxDepth its nesting: learnt
// tables are long, and nothing else is.
const (
	maxSpec  = 1 << 20
	maxDepth = 8
)

// Parse reads a method from its specification, as String prints it:
//
//	rrf(k=60)
//	convex(w=[0.3,0.7], norm=minmax)
//	qdrant-rrf(k=2, w=[1,2])
//
// A name without parentheses stands for the defaults. Unknown names and
// parameters are errors that suggest the nearest known one; all errors have
// ErrConfig in their chain. Methods lists what there is.
func Parse(spec string) (Method, error) {
	v, err := read(spec)
	if err != nil {
		return nil, fmt.Errorf("fusion: parse %q: %w", shorten(spec), err)
	}
	for _, e := range methods {
		if e.name != v.name {
			continue
		}
		built, err := build(e.prototype, v)
		if err == nil {
			err = built.(Method).check()
		}
		if err != nil {
			return nil, fmt.Errorf("fusion: parse %q: %w", shorten(spec), err)
		}
		return built.(Method), nil
	}
	return nil, fmt.Errorf("fusion: parse %q: %w: no method is called %q%s", shorten(spec), ErrConfig, v.name, nearest.Hint(v.name, names(methods)))
}

// ParseNormaliser reads a normaliser from its specification, as String prints
// it: minmax, sigmoid(temperature=2). Errors are as in Parse.
func ParseNormaliser(spec string) (Normaliser, error) {
	v, err := read(spec)
	var n Normaliser
	if err == nil {
		n, err = buildNormaliser(v)
	}
	if err != nil {
		return nil, fmt.Errorf("fusion: parse %q: %w", shorten(spec), err)
	}
	return n, nil
}

func buildNormaliser(v value) (Normaliser, error) {
	if v.isList {
		return nil, fmt.Errorf("%w: a list is not a normaliser", ErrConfig)
	}
	for _, e := range normalisers {
		if e.name != v.name {
			continue
		}
		built, err := build(e.prototype, v)
		if err != nil {
			return nil, err
		}
		return built.(Normaliser), nil
	}
	return nil, fmt.Errorf("%w: no normaliser is called %q%s", ErrConfig, v.name, nearest.Hint(v.name, names(normalisers)))
}

// build sets the arguments on a copy of the prototype.
func build(prototype any, v value) (any, error) {
	target := reflect.New(reflect.TypeOf(prototype)).Elem()
	target.Set(reflect.ValueOf(prototype))
	fields := fieldsOf(target.Type())
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	seen := map[string]bool{}
	for _, a := range v.args {
		at := -1
		for i, f := range fields {
			if f.name == a.name {
				at = i
			}
		}
		switch {
		case at < 0:
			return nil, fmt.Errorf("%w: %s has no parameter %q%s", ErrConfig, v.name, a.name, nearest.Hint(a.name, names))
		case seen[a.name]:
			return nil, fmt.Errorf("%w: parameter %q of %s is given twice", ErrConfig, a.name, v.name)
		}
		seen[a.name] = true
		if err := assign(target.FieldByIndex(fields[at].index), fields[at], a.value); err != nil {
			return nil, fmt.Errorf("parameter %s of %s: %w", a.name, v.name, err)
		}
	}
	return target.Interface(), nil
}

// value is a parsed value: a word or number with arguments, or a list.
type value struct {
	name   string
	quoted bool
	args   []argument
	called bool
	items  []value
	isList bool
}

type argument struct {
	name  string
	value value
}

// text is a word as written, with its argument where it is a call like rank(3).
func (v value) text() string {
	if v.isList {
		return "a list"
	}
	if len(v.args) == 1 && v.args[0].name == "" {
		return v.name + "(" + v.args[0].value.text() + ")"
	}
	return v.name
}

func (v value) number() (float64, error) {
	x, err := strconv.ParseFloat(v.text(), 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, fmt.Errorf("%w: %s is not a finite number", ErrConfig, v.text())
	}
	return x, nil
}

// reader is a recursive descent over a specification.
type reader struct {
	text string
	at   int
}

func read(spec string) (value, error) {
	if len(spec) > maxSpec {
		return value{}, fmt.Errorf("%w: longer than %d bytes", ErrConfig, maxSpec)
	}
	r := &reader{text: spec}
	v, err := r.value(0)
	if err != nil {
		return value{}, err
	}
	if r.space(); r.at < len(r.text) {
		return value{}, r.expected("the end")
	}
	if v.isList || v.quoted {
		return value{}, fmt.Errorf("%w: a specification begins with a name", ErrConfig)
	}
	return v, nil
}

func (r *reader) expected(what string) error {
	found := "the end"
	if r.at < len(r.text) {
		found = strconv.Quote(shorten(r.text[r.at:]))
	}
	return fmt.Errorf("%w: expected %s at byte %d, found %s", ErrConfig, what, r.at, found)
}

func (r *reader) space() {
	for r.at < len(r.text) && strings.IndexByte(" \t\r\n", r.text[r.at]) >= 0 {
		r.at++
	}
}

// take consumes c, after spaces, if it is next.
func (r *reader) take(c byte) bool {
	r.space()
	if r.at < len(r.text) && r.text[r.at] == c {
		r.at++
		return true
	}
	return false
}

func (r *reader) value(depth int) (value, error) {
	if depth > maxDepth {
		return value{}, fmt.Errorf("%w: nested deeper than %d", ErrConfig, maxDepth)
	}
	if r.take('[') {
		return r.list(depth)
	}
	if r.space(); r.at < len(r.text) && r.text[r.at] == '"' {
		return r.quoted()
	}
	word := r.word()
	if word == "" {
		return value{}, r.expected("a name, a number or a list")
	}
	v := value{name: word}
	if !r.take('(') {
		return v, nil
	}
	v.called = true
	for !r.take(')') {
		if len(v.args) > 0 && !r.take(',') {
			return value{}, r.expected(`"," or ")"`)
		}
		a, err := r.argument(depth)
		if err != nil {
			return value{}, err
		}
		v.args = append(v.args, a)
	}
	return v, nil
}

func (r *reader) argument(depth int) (argument, error) {
	v, err := r.value(depth + 1)
	if err != nil || !r.take('=') {
		return argument{value: v}, err
	}
	if v.isList || v.quoted || v.called {
		return argument{}, r.expected("a parameter's name before =")
	}
	a := argument{name: v.name}
	a.value, err = r.value(depth + 1)
	return a, err
}

func (r *reader) list(depth int) (value, error) {
	v := value{isList: true}
	for !r.take(']') {
		if len(v.items) > 0 && !r.take(',') {
			return value{}, r.expected(`"," or "]"`)
		}
		item, err := r.value(depth + 1)
		if err != nil {
			return value{}, err
		}
		v.items = append(v.items, item)
	}
	return v, nil
}

func (r *reader) quoted() (value, error) {
	prefix, err := strconv.QuotedPrefix(r.text[r.at:])
	if err != nil {
		return value{}, r.expected("a quoted text")
	}
	r.at += len(prefix)
	text, err := strconv.Unquote(prefix)
	return value{name: text, quoted: true}, err
}

func (r *reader) word() string {
	start := r.at
	for r.at < len(r.text) {
		c := r.text[r.at]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("+-._", c) >= 0 {
			r.at++
			continue
		}
		break
	}
	return r.text[start:r.at]
}

func shorten(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

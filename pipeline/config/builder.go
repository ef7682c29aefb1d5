package config

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/internal/nearest"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/kind"
	"go.yaml.in/yaml/v3"
)

// builder turns the nodes of one file into parts.
type builder struct {
	ctx    context.Context
	file   string
	kinds  map[string]kind.Kind
	lookup func(name string) (string, bool)
	scope  *kind.Scope
	depth  int
	parts  int
}

// placed is a part by the name of its kind, and where the file names it.
type placed struct {
	kind string
	node *yaml.Node
	path string
}

// A file may come from outside, and its aliases may name each other many times.
const (
	maxDepth = 64
	maxParts = 2000
)

func newBuilder(ctx context.Context, file, folder string, kinds []kind.Kind) (*builder, error) {
	b := &builder{ctx: ctx, file: file, kinds: map[string]kind.Kind{}, lookup: os.LookupEnv, scope: &kind.Scope{Folder: folder}}
	for _, k := range append(builtin(), kinds...) {
		if k.Name() == "" {
			return nil, errors.New("config: a kind has no name: make it by kind.New")
		}
		if _, taken := b.kinds[k.Name()]; taken {
			return nil, fmt.Errorf("config: two kinds are named %q", k.Name())
		}
		b.kinds[k.Name()] = k
	}
	return b, nil
}

func (b *builder) fail(n *yaml.Node, path, format string, args ...any) *Error {
	e := &Error{File: b.file, Path: path, Message: fmt.Sprintf(format, args...)}
	if n != nil {
		e.Line, e.Column = n.Line, n.Column
	}
	return e
}

// part builds the part that the node names, of the wanted type.
func (b *builder) part(n *yaml.Node, path string, want reflect.Type) (reflect.Value, error) {
	none := reflect.Value{}
	b.depth++
	defer func() { b.depth-- }()
	if b.parts++; b.depth > maxDepth || b.parts > maxParts {
		return none, b.fail(n, path, "nested deeper than %d, or more than %d parts: split the pipeline into several files", maxDepth, maxParts)
	}
	if err := b.ctx.Err(); err != nil {
		return none, fmt.Errorf("config: build: %w", context.Cause(b.ctx))
	}
	name, settings, err := b.named(n, path, want)
	if err != nil {
		return none, err
	}
	k, known := b.kinds[name]
	switch {
	case !known && want == fuserType:
		return b.fuser(n, path, name, settings)
	case !known:
		return none, b.fail(nameNode(n), path, "there is no kind %q%s", name, b.hint(name, want))
	case !k.Part().AssignableTo(want):
		return none, b.fail(nameNode(n), path, "%s is needed here, and %q is %s%s", article(roleName(want)), name, article(roleName(k.Part())), b.choice(want))
	}
	here := join(path, name)
	filled := reflect.New(k.Settings()).Elem()
	if err := b.settings(settings, n, here, filled); err != nil {
		return none, err
	}
	part, err := k.Build(b.ctx, filled.Interface(), b.scope)
	if err != nil {
		e := b.fail(n, here, "%v", err)
		e.Err = err
		return none, e
	}
	v := reflect.ValueOf(part)
	if !v.IsValid() {
		return none, b.fail(n, here, "kind %q built nothing: its function returned neither a part nor an error", name)
	}
	return v, b.mistake(n, here, pipeline.Describe(part))
}

// nameNode is where a part's name stands.
func nameNode(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.MappingNode && len(n.Content) > 0 {
		return n.Content[0]
	}
	return n
}

// named reads "name", or {name: settings}.
func (b *builder) named(n *yaml.Node, path string, want reflect.Type) (name string, settings *yaml.Node, err error) {
	switch {
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" && n.Value != "":
		return n.Value, nil, nil
	case n.Kind == yaml.MappingNode && len(n.Content) == 2 && n.Content[0].Kind == yaml.ScalarNode:
		settings = n.Content[1]
		if settings.Kind == yaml.AliasNode {
			settings = settings.Alias
		}
		return n.Content[0].Value, settings, nil
	case n.Kind == yaml.MappingNode && len(n.Content) > 2 && n.Content[0].Value == n.Content[2].Value:
		return "", nil, b.fail(n.Content[2], path, "%q stands twice: take one of them out", n.Content[0].Value)
	case n.Kind == yaml.MappingNode && len(n.Content) > 2:
		return "", nil, b.fail(n.Content[2], path, "a part has one name, and %q stands beside %q: is it indented too little, or is a dash missing?", n.Content[2].Value, n.Content[0].Value)
	}
	return "", nil, b.fail(n, path, "%s is needed here, and this is %s: write its name, or {name: settings}%s", article(roleName(want)), shown(n), b.choice(want))
}

var fuserType = reflect.TypeFor[pipeline.Fuser]()

// fuser reads a fuser in the form of fusion.Parse.
func (b *builder) fuser(n *yaml.Node, path, text string, settings *yaml.Node) (reflect.Value, error) {
	if settings != nil {
		return reflect.Value{}, b.fail(n, path, "a fuser is written as text, like %q", "convex(w=[0.2,0.8])")
	}
	f, err := fusion.Parse(text)
	if err != nil {
		e := b.fail(n, path, "%v", err)
		e.Err = err
		return reflect.Value{}, e
	}
	return reflect.ValueOf(f), nil
}

// names are the kinds that build the wanted type, in order.
func (b *builder) names(want reflect.Type) []string {
	var names []string
	for name, k := range b.kinds {
		if k.Part().AssignableTo(want) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// hint names the nearest kind, or all that would fit.
func (b *builder) hint(name string, want reflect.Type) string {
	if strings.HasPrefix(name, "//") || strings.HasPrefix(name, "/*") {
		return ": a comment begins with # and ends with the line"
	}
	if s := nearest.Hint(name, b.names(want)); s != "" {
		return s
	}
	return b.choice(want)
}

func (b *builder) choice(want reflect.Type) string {
	names := b.names(want)
	if len(names) == 0 {
		return ": the program passes no kind of it"
	}
	return "; there is " + strings.Join(names, ", ")
}

// settings fills a struct from a mapping, or from the single value that may
// stand for it. owner is the node that the settings belong to, where there are none.
func (b *builder) settings(n, owner *yaml.Node, path string, into reflect.Value) error {
	fields := fieldsOf(into.Type())
	if n == nil || n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		return b.required(owner, path, fields, nil)
	}
	if alone, ok := fields.alone(); ok && !fields.looksLikeSettings(n, b.kinds) {
		if err := b.value(n, path, into.Field(alone.index)); err != nil {
			return err
		}
		return b.required(n, path, fields, map[string]bool{alone.name: true})
	}
	if n.Kind != yaml.MappingNode {
		return b.fail(n, path, "settings are a mapping; there is %s", fields)
	}
	seen := map[string]bool{}
	var errs []error
	for i := 0; i < len(n.Content); i += 2 {
		errs = append(errs, b.setting(n.Content[i], n.Content[i+1], path, fields, seen, into))
	}
	return errors.Join(append(errs, b.required(n, path, fields, seen))...)
}

func (b *builder) setting(key, v *yaml.Node, path string, fields fields, seen map[string]bool, into reflect.Value) error {
	f, ok := fields.find(key.Value)
	switch {
	case key.Value == "<<":
		return b.fail(key, path, "settings are not merged by <<: write them out, or name the part once by &name and repeat it by *name")
	case !ok:
		return b.fail(key, join(path, key.Value), "there is no such setting%s", suggest(key.Value, fields))
	case seen[key.Value]:
		return b.fail(key, join(path, key.Value), "stands twice: take one of them out")
	}
	seen[key.Value] = true
	return b.value(v, join(path, key.Value), into.Field(f.index))
}

func suggest(name string, fields fields) string {
	if s := nearest.Hint(name, fields.names()); s != "" {
		return s
	}
	if len(fields) == 0 {
		return ": it has none"
	}
	return "; there is " + fields.String()
}

func (b *builder) required(n *yaml.Node, path string, fields fields, seen map[string]bool) error {
	for _, f := range fields {
		if f.required && !seen[f.name] {
			return b.fail(n, path, "%s is not set: %s", f.name, f.doc)
		}
	}
	return nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// roleName says what a type is, for people.
func roleName(t reflect.Type) string {
	if t.Name() == "" {
		return "part"
	}
	return strings.ToLower(t.Name())
}

func article(noun string) string {
	if strings.ContainsAny(noun[:1], "aeiou") {
		return "an " + noun
	}
	return "a " + noun
}

// env reads {env: NAME}; ok is false for anything else. Space around the value, such
// as the line break of a file that was read into it, is no part of it.
func (b *builder) env(n *yaml.Node, path string) (value string, ok bool, err error) {
	if n.Kind == yaml.ScalarNode && n.Style == 0 && shellName.MatchString(n.Value) {
		return "", true, b.fail(n, path, "%s is not replaced: write {env: %s}, or put it into quotes if it is meant", n.Value, strings.TrimPrefix(n.Value, "$"))
	}
	if n.Kind != yaml.MappingNode || len(n.Content) < 2 || n.Content[0].Value != "env" {
		return "", false, nil
	}
	if len(n.Content) > 2 {
		return "", true, b.fail(n.Content[2], path, "env stands alone, without %s: write {env: NAME}", n.Content[2].Value)
	}
	name := n.Content[1].Value
	if n.Content[1].Kind != yaml.ScalarNode || name == "" {
		return "", true, b.fail(n.Content[1], path, "env names a variable of the environment: write {env: NAME}")
	}
	value, set := b.lookup(name)
	switch value = strings.TrimSpace(value); {
	case !set:
		return "", true, b.fail(n.Content[1], path, "the environment has no %s: set it, or name another variable", name)
	case value == "":
		return "", true, b.fail(n.Content[1], path, "%s is empty in the environment: give it a value, or name another variable", name)
	}
	return value, true, nil
}

// shellName is how shells name a variable.
var shellName = regexp.MustCompile(`^\$\w+$`)

// mistake finds what a part says would fail the first query. Parts within it that
// the file names have said their own before, at their own place.
func (b *builder) mistake(n *yaml.Node, path string, of pipeline.Node) error {
	for _, c := range of.Children {
		if err := b.mistake(n, path, c); err != nil {
			return err
		}
	}
	if of.Err == nil {
		return nil
	}
	e := b.fail(n, path, "%v", of.Err)
	e.Err = of.Err
	return e
}

// value reads a node into a field.
func (b *builder) value(n *yaml.Node, path string, into reflect.Value) error {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch t := into.Type(); {
	case t == secretType:
		return b.secret(n, path, into)
	case t == durationType:
		return b.duration(n, path, into)
	case t == filterType:
		return b.filter(n, path, into)
	case t.Kind() == reflect.Interface:
		part, err := b.part(n, path, t)
		if err == nil {
			into.Set(part)
		}
		return err
	}
	switch into.Kind() {
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		return b.value(n, path, into.Elem())
	case reflect.Struct:
		return b.settings(n, n, path, into)
	case reflect.Slice:
		return b.list(n, path, into)
	case reflect.Map:
		return b.mapping(n, path, into)
	}
	return b.scalar(n, path, into)
}

func (b *builder) secret(n *yaml.Node, path string, into reflect.Value) error {
	text, ok, err := b.env(n, path)
	if err != nil {
		return err
	}
	if !ok {
		return b.fail(n, path, "a secret does not stand in a file: write {env: NAME}, the variable of the environment that holds it")
	}
	into.SetString(text)
	return nil
}

func (b *builder) duration(n *yaml.Node, path string, into reflect.Value) error {
	d, err := time.ParseDuration(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil {
		return b.fail(n, path, "%s is no duration: write 800ms, 1.5s or 2m", shown(n))
	}
	into.SetInt(int64(d))
	return nil
}

// filter reads the JSON form of a pipeline.Filter.
func (b *builder) filter(n *yaml.Node, path string, into reflect.Value) error {
	text, err := toJSON(n)
	if err == nil {
		var f pipeline.Filter
		if f, err = pipeline.ParseFilter(text); err == nil {
			into.Set(reflect.ValueOf(f))
			return nil
		}
	}
	e := b.fail(n, path, "%v", err)
	e.Err = err
	return e
}

func (b *builder) list(n *yaml.Node, path string, into reflect.Value) error {
	if n.Kind != yaml.SequenceNode {
		return b.fail(n, path, "%s is no list: write [one, two], or a line with a dash for each", shown(n))
	}
	list := reflect.MakeSlice(into.Type(), len(n.Content), len(n.Content))
	var errs []error
	for i, e := range n.Content {
		errs = append(errs, b.value(e, fmt.Sprintf("%s[%d]", path, i), list.Index(i)))
	}
	into.Set(list)
	return errors.Join(errs...)
}

func (b *builder) mapping(n *yaml.Node, path string, into reflect.Value) error {
	if n.Kind != yaml.MappingNode {
		return b.fail(n, path, "%s is no mapping: write name: value", shown(n))
	}
	m := reflect.MakeMap(into.Type())
	var errs []error
	for i := 0; i < len(n.Content); i += 2 {
		key := reflect.ValueOf(n.Content[i].Value).Convert(into.Type().Key())
		if m.MapIndex(key).IsValid() {
			errs = append(errs, b.fail(n.Content[i], join(path, n.Content[i].Value), "stands twice: take one of them out"))
			continue
		}
		v := reflect.New(into.Type().Elem()).Elem()
		errs = append(errs, b.value(n.Content[i+1], join(path, n.Content[i].Value), v))
		m.SetMapIndex(key, v)
	}
	into.Set(m)
	return errors.Join(errs...)
}

// scalar reads text, numbers and booleans; text may come from the environment.
func (b *builder) scalar(n *yaml.Node, path string, into reflect.Value) error {
	if into.Kind() == reflect.String {
		return b.text(n, path, into)
	}
	if n.Kind != yaml.ScalarNode {
		return b.fail(n, path, "%s is no %s", shown(n), typeName(into.Kind()))
	}
	wrong := b.fail(n, path, "%s is no %s", shown(n), typeName(into.Kind()))
	switch tag := n.ShortTag(); {
	case tag == "!!str" && n.Style != 0 && plainValue(n.Value):
		return b.fail(n, path, "%s is text, because of its quotes or its tag: take them off", shown(n))
	case tag == "!!int" && len(n.Value) > 1 && strings.Trim(n.Value, "0123456789") == "" && n.Value[0] == '0':
		return b.fail(n, path, "%s would be read to the base of 8: write it without the 0 in front", shown(n))
	case into.Kind() == reflect.Bool && tag == "!!bool":
		into.SetBool(n.Value == "true" || n.Value == "True" || n.Value == "TRUE")
		return nil
	case into.CanInt() && tag == "!!int":
		v, err := strconv.ParseInt(n.Value, 0, into.Type().Bits())
		if err != nil {
			return b.fail(n, path, "%s is too large, or too far below 0: %d bits hold it", shown(n), into.Type().Bits())
		}
		into.SetInt(v)
		return nil
	case into.CanUint() && tag == "!!int":
		v, err := strconv.ParseUint(n.Value, 0, into.Type().Bits())
		if err != nil {
			return b.fail(n, path, "%s is negative or too large: write 0 or more, %d bits hold it", shown(n), into.Type().Bits())
		}
		into.SetUint(v)
		return nil
	case into.CanFloat() && (tag == "!!float" || tag == "!!int"):
		v, err := strconv.ParseFloat(n.Value, 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return b.fail(n, path, "%s is no finite number: write digits, such as 0.5", shown(n))
		}
		into.SetFloat(v)
		return nil
	}
	return wrong
}

// plainValue reports whether the text would be a number or a boolean without quotes.
func plainValue(text string) bool {
	_, err := strconv.ParseFloat(text, 64)
	return err == nil || text == "true" || text == "false"
}

func (b *builder) text(n *yaml.Node, path string, into reflect.Value) error {
	text, ok, err := b.env(n, path)
	switch {
	case err != nil:
		return err
	case ok:
		into.SetString(text)
	case n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null":
		return b.fail(n, path, "%s is no text: write a word, text in quotes, or {env: NAME}", shown(n))
	case n.ShortTag() != "!!str":
		return b.fail(n, path, "%s is no text: put it into quotes", shown(n))
	default:
		into.SetString(n.Value)
	}
	return nil
}

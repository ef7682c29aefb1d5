package config

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/internal/nearest"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/kind"
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

func (b *builder) fail(n *yaml.Node, path, format string, args ...any) error {
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
		return none, b.fail(n, path, "nested deeper than %d, or more than %d parts", maxDepth, maxParts)
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
		return none, b.fail(n, path, "there is no kind %q%s", name, b.hint(name, want))
	case !k.Part().AssignableTo(want):
		return none, b.fail(n, path, "a %s is needed here, and %q is a %s%s", roleName(want), name, roleName(k.Part()), b.choice(want))
	}
	here := join(path, name)
	filled := reflect.New(k.Settings()).Elem()
	if err := b.settings(settings, here, filled); err != nil {
		return none, err
	}
	part, err := k.Build(b.ctx, filled.Interface(), b.scope)
	if err != nil {
		e := b.fail(n, here, "%v", err).(*Error)
		e.Err = err
		return none, e
	}
	v := reflect.ValueOf(part)
	if !v.IsValid() {
		return none, b.fail(n, here, "kind %q built nothing", name)
	}
	return v, nil
}

// named reads "name", or {name: settings}.
func (b *builder) named(n *yaml.Node, path string, want reflect.Type) (name string, settings *yaml.Node, err error) {
	switch {
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" && n.Value != "":
		return n.Value, nil, nil
	case n.Kind == yaml.MappingNode && len(n.Content) == 2:
		settings = n.Content[1]
		if settings.Kind == yaml.AliasNode {
			settings = settings.Alias
		}
		return n.Content[0].Value, settings, nil
	case n.Kind == yaml.MappingNode && len(n.Content) > 2:
		return "", nil, b.fail(n.Content[2], path, "a part has one name, and %q stands beside %q: is it indented too little, or is a dash missing?", n.Content[2].Value, n.Content[0].Value)
	}
	return "", nil, b.fail(n, path, "a %s is needed here: its name, or {name: settings}%s", roleName(want), b.choice(want))
}

var fuserType = reflect.TypeFor[pipeline.Fuser]()

// fuser reads a fuser in the form of fusion.Parse.
func (b *builder) fuser(n *yaml.Node, path, text string, settings *yaml.Node) (reflect.Value, error) {
	if settings != nil {
		return reflect.Value{}, b.fail(n, path, "a fuser is written as text, like %q", "convex(w=[0.2,0.8])")
	}
	f, err := fusion.Parse(text)
	if err != nil {
		e := b.fail(n, path, "%v", err).(*Error)
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
// stand for it.
func (b *builder) settings(n *yaml.Node, path string, into reflect.Value) error {
	fields := fieldsOf(into.Type())
	if n == nil || n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		return b.required(n, path, fields, nil)
	}
	if alone, ok := fields.alone(); ok && !fields.looksLikeSettings(n, b.kinds) {
		if err := b.value(n, join(path, alone.name), into.Field(alone.index)); err != nil {
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
	case !ok:
		return b.fail(key, join(path, key.Value), "there is no such setting%s", suggest(key.Value, fields))
	case seen[key.Value]:
		return b.fail(key, join(path, key.Value), "stands twice")
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

// env reads {env: NAME}; ok is false for anything else.
func (b *builder) env(n *yaml.Node, path string) (value string, ok bool, err error) {
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 || n.Content[0].Value != "env" {
		return "", false, nil
	}
	name := n.Content[1].Value
	if n.Content[1].Kind != yaml.ScalarNode || name == "" {
		return "", true, b.fail(n.Content[1], path, "env names a variable of the environment")
	}
	value, set := b.lookup(name)
	if !set || value == "" {
		return "", true, b.fail(n.Content[1], path, "the environment has no %s", name)
	}
	return value, true, nil
}

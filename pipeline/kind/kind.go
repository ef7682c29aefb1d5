package kind

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
)

// Kind is a kind of part. It is made by New, never changes and is safe for
// concurrent use.
type Kind struct {
	name, doc string
	part      reflect.Type
	settings  reflect.Type
	build     func(ctx context.Context, settings any, s *Scope) (any, error)
}

// New makes a kind. name is what a file calls it, lower case; doc is one sentence.
//
// S is a struct of settings. A field's tag config:"name" names it in the file, the
// tag doc:"..." describes it; a field without a config tag cannot be set. At most one
// field has the tag config:"name,value": its value may stand alone in place of the
// settings, so that "topk: 8" is "topk: {k: 8}". A field tagged config:"name,required"
// must be set. The zero value of every other field is its default.
//
// Fields may be booleans, numbers, text, time.Duration ("800ms"), Secret,
// pipeline.Filter, parts, and structs, pointers, slices and maps with text keys of
// these.
//
// build makes a part of the settings. It returns what it could not do as an
// error that says what to change. A context that ends ends it. Panics if the name is
// empty, build is nil or S is no struct: these are mistakes of the program.
func New[P, S any](name, doc string, build func(ctx context.Context, settings S, s *Scope) (P, error)) Kind {
	settings := reflect.TypeFor[S]()
	if name == "" || build == nil || settings.Kind() != reflect.Struct {
		panic(fmt.Sprintf("kind: %q needs a name, settings in a struct and a function", name))
	}
	return Kind{name: name, doc: doc, part: reflect.TypeFor[P](), settings: settings,
		build: func(ctx context.Context, settings any, s *Scope) (any, error) { return build(ctx, settings.(S), s) }}
}

// Name is what a file calls the kind; empty for the zero Kind.
func (k Kind) Name() string { return k.name }

// Doc is one sentence about it.
func (k Kind) Doc() string { return k.doc }

// Part is the type that it builds, an interface such as pipeline.Stage.
func (k Kind) Part() reflect.Type { return k.part }

// Settings is the struct type of its settings.
func (k Kind) Settings() reflect.Type { return k.settings }

// Build makes a part of settings, a value of the type that Settings returns.
func (k Kind) Build(ctx context.Context, settings any, s *Scope) (any, error) {
	if k.build == nil {
		return nil, errors.New("kind: the zero Kind builds nothing: use New")
	}
	if reflect.TypeOf(settings) != k.settings {
		return nil, fmt.Errorf("kind: %s: settings of type %T: use %v", k.name, settings, k.settings)
	}
	return k.build(ctx, settings, s)
}

// OneOf returns the value whose String is the text of a setting, letter case aside.
// Empty text is the first value, the default. Other text is an error that names
// the setting and lists what there is.
func OneOf[T fmt.Stringer](setting, text string, values ...T) (T, error) {
	names := make([]string, len(values))
	for i, v := range values {
		if names[i] = v.String(); i == 0 && text == "" || strings.EqualFold(names[i], text) {
			return v, nil
		}
	}
	var none T
	return none, fmt.Errorf("%s is %q: write %s", setting, text, strings.Join(names, ", "))
}

// Number is what a setting of a file says to an option whose zero value means a
// default: 0 for nil, which is not set, and the smallest positive number, which is
// pipeline.Zero, for a 0 that stands in the file.
func Number(x *float64) float64 {
	switch {
	case x == nil:
		return 0
	case *x == 0:
		return math.SmallestNonzeroFloat64
	}
	return *x
}

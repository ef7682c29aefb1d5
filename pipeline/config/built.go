package config

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/rankcascade/cascade/pipeline/kind"
)

// Built is a part that a file described, of the type T, and owns what its kinds
// opened. It is as safe for concurrent use as the part is.
type Built[T any] struct {
	part  T
	path  string
	scope *kind.Scope
}

// Part is the part.
func (b *Built[T]) Part() T { return b.part }

// Path says which part of the file it is: chain[1].rerank.nebius; the name of the
// outermost part for the whole file.
func (b *Built[T]) Path() string { return b.path }

// Close closes what the kinds opened, the newest first. Calls must have ended.
func (b *Built[T]) Close() error {
	if err := errors.Join(b.scope.Close()...); err != nil {
		return fmt.Errorf("config: close: %w", err)
	}
	return nil
}

// LoadPart builds one part of a file and nothing else: the scorer of a pipeline,
// for a server that only scores. at is the part's path, as errors name it; empty
// means the only part of type T in the file, of parts within each other the
// outermost. Kinds that the program does not pass may stand elsewhere in the file.
func LoadPart[T any](ctx context.Context, path, at string, kinds ...kind.Kind) (*Built[T], error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("config: read the file: %w", err)
	}
	return build[T](ctx, path, text, at, false, kinds)
}

// build makes a part of a text: the whole, or the one at a path.
func build[T any](ctx context.Context, file string, text []byte, at string, whole bool, kinds []kind.Kind) (*Built[T], error) {
	folder := ""
	if file != "" {
		folder = filepath.Dir(file)
	}
	b, err := newBuilder(ctx, file, folder, kinds)
	if err != nil {
		return nil, err
	}
	root, err := parseText(file, text)
	if err != nil {
		return nil, err
	}
	want := reflect.TypeFor[T]()
	place := placed{node: root}
	if !whole {
		f := &finder{kinds: b.kinds, want: want, file: file}
		f.walk(root, "", reflect.TypeFor[any](), 0)
		if place, err = f.choose(at); err != nil {
			return nil, err
		}
	}
	return finish[T](b, place, want)
}

// finish builds the part and checks it; what was opened before a mistake is closed.
func finish[T any](b *builder, place placed, want reflect.Type) (*Built[T], error) {
	name := nameNode(place.node).Value
	above := strings.TrimSuffix(strings.TrimSuffix(place.path, name), ".") // part adds the name again
	v, err := b.part(place.node, above, want)
	if err == nil {
		return &Built[T]{part: v.Interface().(T), path: join(above, name), scope: b.scope}, nil
	}
	return nil, errors.Join(append([]error{err}, b.scope.Close()...)...)
}

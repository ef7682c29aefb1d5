package config

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/kind"
)

// Search is a pipeline that a file described. It is a pipeline.Retriever, safe for
// concurrent use as its parts are, and owns what its kinds opened.
type Search struct {
	retriever pipeline.Retriever
	scope     *kind.Scope
}

// Load reads a file and builds its pipeline. Relative paths within start at the
// file's folder. The kinds are those that the file may name beside the built-in
// ones; two of one name are an error.
//
// The error joins every mistake that was found, each an *Error with its place.
// What was opened before a mistake is closed again.
func Load(ctx context.Context, path string, kinds ...kind.Kind) (*Search, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	return build(ctx, path, filepath.Dir(path), text, kinds)
}

// Parse is Load for text. Relative paths start at the working directory.
func Parse(ctx context.Context, text []byte, kinds ...kind.Kind) (*Search, error) {
	return build(ctx, "", "", text, kinds)
}

// maxFile is the largest file that is read.
const maxFile = 1 << 20

func build(ctx context.Context, file, folder string, text []byte, kinds []kind.Kind) (*Search, error) {
	b, err := newBuilder(ctx, file, folder, kinds)
	if err != nil {
		return nil, err
	}
	root, err := b.root(text)
	if err != nil {
		return nil, err
	}
	part, err := b.part(root, "", reflect.TypeFor[pipeline.Retriever]())
	if err == nil {
		retriever := part.Interface().(pipeline.Retriever)
		if err = b.mistakes(root, pipeline.Describe(retriever)); err == nil {
			return &Search{retriever: retriever, scope: b.scope}, nil
		}
	}
	return nil, errors.Join(append([]error{err}, b.scope.Close()...)...)
}

// Retrieve asks the pipeline.
func (s *Search) Retrieve(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	return s.retriever.Retrieve(ctx, q)
}

// Describe describes the pipeline, for pipeline.String and pipeline.Lint.
func (s *Search) Describe() pipeline.Node { return pipeline.Describe(s.retriever) }

// Retriever is the pipeline itself, for pipeline.Stream.
func (s *Search) Retriever() pipeline.Retriever { return s.retriever }

// Close closes what the kinds opened, the newest first. Queries must have ended.
func (s *Search) Close() error {
	if err := errors.Join(s.scope.Close()...); err != nil {
		return fmt.Errorf("config: close: %w", err)
	}
	return nil
}

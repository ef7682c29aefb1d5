package config

import (
	"context"
	"fmt"
	"os"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/kind"
)

// Search is a pipeline that a file described. It is a pipeline.Retriever, safe for
// concurrent use as its parts are, and owns what its kinds opened.
type Search struct {
	*Built[pipeline.Retriever]
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
		return nil, fmt.Errorf("config: read the file: %w", err)
	}
	return load(ctx, path, text, kinds)
}

// Parse is Load for text. Relative paths start at the working directory.
func Parse(ctx context.Context, text []byte, kinds ...kind.Kind) (*Search, error) {
	return load(ctx, "", text, kinds)
}

func load(ctx context.Context, file string, text []byte, kinds []kind.Kind) (*Search, error) {
	built, err := build[pipeline.Retriever](ctx, file, text, "", true, kinds)
	if err != nil {
		return nil, err
	}
	return &Search{built}, nil
}

// Retrieve asks the pipeline.
func (s *Search) Retrieve(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	return s.part.Retrieve(ctx, q)
}

// Describe describes the pipeline, for pipeline.String and pipeline.Lint.
func (s *Search) Describe() pipeline.Node { return pipeline.Describe(s.part) }

// Retriever is the pipeline itself, for pipeline.Stream.
func (s *Search) Retriever() pipeline.Retriever { return s.part }

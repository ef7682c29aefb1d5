package main

import (
	"cmp"
	"context"
	"path/filepath"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/local"
	"github.com/rankcascade/cascade/reranker/local/minilm"
	"github.com/rankcascade/cascade/retriever/embed"
	"github.com/rankcascade/cascade/retriever/memory"
)

// model opens the embedded model once, in front of a file that keeps its vectors.
func (e *experimenter) model() (*embed.Model, error) {
	if e.embedded != nil {
		return e.embedded, nil
	}
	vectors, err := embed.OpenCache(filepath.Join(e.dir, "minilm.bin"), embed.CacheOptions{})
	if err != nil {
		return nil, err
	}
	e.vectors = vectors
	e.embedded, err = embed.Open(minilm.Files(), embed.Options{Cache: vectors})
	return e.embedded, err
}

// minilm is exact search among the vectors of the embedded model.
func (b *builder) minilm(ctx context.Context, name string, c retrieverConfig) (pipeline.Retriever, error) {
	model, err := b.model()
	if err != nil {
		return nil, err
	}
	return memory.New(ctx, model, b.corpus.each, memory.Options{Name: name, Limit: cmp.Or(c.Limit, defaultLimit), Progress: func(n int) {
		b.bar.show("embedding "+b.corpus.Manifest.Name, n, len(b.corpus.documents), "")
	}})
}

// biEncoder scores by the cosine of the embedded model's vectors.
func (b *builder) biEncoder() (reranker.Scorer, error) {
	model, err := b.model()
	if err != nil {
		return nil, err
	}
	return local.NewBiEncoder(model, local.Options{Model: minilm.Name}), nil
}

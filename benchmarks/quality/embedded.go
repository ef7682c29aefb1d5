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

// embedded is the embedded model, opened when a system needs it, behind a file that
// keeps its vectors.
type embedded struct {
	dir     string
	vectors *embed.Cache
	model   *embed.Model
}

func (m *embedded) open() (*embed.Model, error) {
	if m.model != nil {
		return m.model, nil
	}
	vectors, err := embed.OpenCache(filepath.Join(m.dir, "minilm.bin"), embed.CacheOptions{})
	if err != nil {
		return nil, err
	}
	m.vectors = vectors
	m.model, err = embed.Open(minilm.Files(), embed.Options{Cache: vectors})
	return m.model, err
}

// close closes the file; without one there is nothing to do.
func (m *embedded) close() error {
	if m.vectors == nil {
		return nil
	}
	return m.vectors.Close()
}

// retriever is exact search among the vectors.
func (m *embedded) retriever(ctx context.Context, name string, b *builder, limit int) (pipeline.Retriever, error) {
	model, err := m.open()
	if err != nil {
		return nil, err
	}
	return memory.New(ctx, model, b.corpus.each, memory.Options{Name: name, Limit: cmp.Or(limit, defaultLimit), Progress: func(n int) {
		b.bar.show("embedding "+b.corpus.Manifest.Name, n, len(b.corpus.documents), "")
	}})
}

// scorer scores by the cosine of the vectors.
func (m *embedded) scorer() (reranker.Scorer, error) {
	model, err := m.open()
	if err != nil {
		return nil, err
	}
	return local.NewBiEncoder(model, local.Options{Model: minilm.Name}), nil
}

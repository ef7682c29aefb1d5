package main

import (
	"context"
	"fmt"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/retriever/memory"
	"github.com/rankcascade/cascade/retriever/qdrant"
)

const collection = "cascade-quickstart"

// qdrant stores the corpus in a collection, or what is missing of it there, with
// vectors that need no model, and retrieves from it.
func (s *system) qdrant(ctx context.Context, c corpus, o options) (pipeline.Retriever, error) {
	client, err := qdrant.Dial(ctx, qdrant.Config{URL: o.qdrantURL, APIKey: o.qdrantKey})
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, client.Close)
	loader, err := qdrant.NewLoader(client, collection, qdrant.LoaderOptions{
		Vectors: []qdrant.Vector{{Dense: memory.HashEmbedder{}}},
		Text:    reranker.WithFields(keyTitle),
		Batch:   256,
		Resume:  true,
	})
	if err != nil {
		return nil, err
	}
	progress, err := loader.Load(ctx, each(c.documents))
	if err != nil {
		return nil, fmt.Errorf("%d of %d symbols are in Qdrant, run it again to go on: %w", progress.Stored+progress.Skipped, len(c.documents), err)
	}
	return qdrant.New(client, collection, memory.HashEmbedder{}, qdrant.Options{Limit: candidates})
}

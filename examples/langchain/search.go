package main

import (
	"context"
	"errors"
	"time"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/lexical"
	"github.com/rankcascade/cascade/retriever/bleve"
	"github.com/rankcascade/cascade/retriever/memory"
)

// newSearch builds the indexes and the pipeline over them. The caller closes the
// index when he has finished.
func newSearch(ctx context.Context, corpus string) (pipeline.Retriever, func() error, error) {
	byWords, err := bleve.New(ctx, documents(corpus), bleve.Options{Fields: []string{"title"}, Limit: 20})
	if err != nil {
		return nil, nil, err
	}
	bySpelling, err := memory.New(ctx, memory.HashEmbedder{}, documents(corpus), memory.Options{Name: "spelling", Limit: 20})
	if err != nil {
		return nil, nil, errors.Join(err, byWords.Close())
	}
	scorer := lexical.New(lexical.Options{Analysis: lexical.Analysis{Stem: lexical.Plural}})
	search := pipeline.Chain(
		pipeline.RetrieveWithin(time.Second, pipeline.Fan(fusion.RRF{}, byWords, bySpelling)),
		pipeline.Blend(fusion.Convex{Weights: []float64{0.5, 0.5}},
			pipeline.Keep(),
			reranker.Stage(scorer, reranker.Chat())),
		cut.TopK(3))
	return search, byWords.Close, nil
}

package embed_test

import (
	"context"
	"fmt"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/reranker/local/minilm"
	"github.com/rankcascade/cascade/retriever/bleve"
	"github.com/rankcascade/cascade/retriever/embed"
	"github.com/rankcascade/cascade/retriever/memory"
)

// A hybrid of BM25 and vectors finds what no word of the question names. Against
// rescoring BM25's first 100 it brings nothing at rank 10, and more for those who
// read deep.
func Example_hybrid() {
	ctx := context.Background()
	documents := func(yield func(pipeline.Document, error) bool) {
		for id, text := range map[string]string{
			"roof":  "Leaks in the shingles are closed with a sealing compound.",
			"bread": "The dough rests an hour before it goes into the oven.",
			"car":   "Brake fluid is changed every second year.",
		} {
			if !yield(pipeline.Document{ID: id, Text: text}, nil) {
				return
			}
		}
	}
	model, err := embed.Open(minilm.Files(), embed.Options{})
	if err != nil {
		panic(err)
	}
	words, err := bleve.New(ctx, documents, bleve.Options{})
	if err != nil {
		panic(err)
	}
	defer words.Close()
	meanings, err := memory.New(ctx, model, documents, memory.Options{Limit: 1000})
	if err != nil {
		panic(err)
	}
	search := pipeline.Chain(pipeline.Fan(fusion.Convex{Norm: fusion.MinMax{}}, words, meanings), cut.TopK(1))
	ranking, err := search.Retrieve(ctx, pipeline.Query{Text: "how do I make my house watertight"})
	if err != nil {
		panic(err)
	}
	fmt.Println(ranking.IDs())
	// Output: [roof]
}

// First is the program of README.md: a whole pipeline in one file, without a
// server, a key or a model.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/lexical"
	"github.com/rankcascade/cascade/retriever/bleve"
)

func main() {
	bm25, err := bleve.New(context.Background(), pipeline.Documents(
		pipeline.Document{ID: "bakery", Text: "The bakery sells bread and cake."},
		pipeline.Document{ID: "baking", Text: "How to bake bread: mix, knead, wait, bake."},
		pipeline.Document{ID: "dough", Text: "Knead the dough for ten minutes, then bake it."},
	), bleve.Options{})
	if err != nil {
		log.Fatal(err)
	}
	rerank := reranker.Stage(lexical.New(lexical.Options{}), reranker.Chat())
	search := pipeline.Chain(bm25, pipeline.Blend(fusion.RRF{}, pipeline.Keep(), rerank), cut.TopK(2))
	ranking, err := search.Retrieve(context.Background(), pipeline.Query{Text: "how do I bake bread"})
	if err != nil {
		log.Fatal(err)
	}
	for _, hit := range ranking.Hits {
		fmt.Printf("%.4f  %s: %s\n", hit.Score, hit.Document.ID, hit.Document.Text)
	}
	fmt.Println("degraded:", ranking.Degraded())
}

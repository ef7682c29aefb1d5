package cascade_test

import (
	"context"
	"fmt"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/chat"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/pipeline/rewrite"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/lexical"
	"github.com/rankcascade/cascade/retriever/bleve"
)

// Example runs a whole pipeline in process: lexical search, a rerank, a fusion
// and a cut, over three documents.
func Example() {
	ctx := context.Background()
	documents := func(yield func(pipeline.Document, error) bool) {
		for id, text := range map[string]string{
			"a": "A bakery sells bread.",
			"b": "How to bake bread: mix, knead, wait, bake.",
			"c": "Knead the dough for ten minutes, then wait.",
		} {
			if !yield(pipeline.Document{ID: id, Text: text}, nil) {
				return
			}
		}
	}
	bm25, err := bleve.New(ctx, documents, bleve.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer bm25.Close()
	search := pipeline.Chain(bm25,
		pipeline.Blend(fusion.RRF{},
			pipeline.Keep(),
			reranker.Stage(lexical.New(lexical.Options{}), reranker.Chat())),
		cut.TopK(2))
	ranking, err := search.Retrieve(ctx, pipeline.Query{Text: "how to bake bread"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, hit := range ranking.Hits {
		fmt.Printf("%d. %s: %s\n", i+1, hit.Document.ID, hit.Document.Text)
	}
	fmt.Println("degraded:", ranking.Degraded())
	// Output:
	// 1. b: How to bake bread: mix, knead, wait, bake.
	// 2. a: A bakery sells bread.
	// degraded: false
}

// Example_anotherWay asks in other words where what was found does not answer.
func Example_anotherWay() {
	ctx := context.Background()
	model := pipeline.GeneratorFunc(func(context.Context, string) (string, error) {
		return "How is bread baked?", nil // a language model, in a program
	})
	bm25, err := bleve.New(ctx, pipeline.Documents(
		pipeline.Document{ID: "bread", Text: "Bread is baked for an hour."},
		pipeline.Document{ID: "cake", Text: "To make a cake takes less."},
	), bleve.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer bm25.Close()
	var search pipeline.Retriever = bm25
	search = pipeline.Otherwise(func(q pipeline.Query, r pipeline.Ranking) bool {
		return chat.Answerable(q, r).Probability > 0.5
	}, search, pipeline.Expand(rewrite.Wordings(model, 3, rewrite.Options{}), fusion.RRF{}, search))
	ranking, err := search.Retrieve(ctx, pipeline.Query{Text: "how do I make a loaf"})
	fmt.Println(ranking.IDs(), err)
	// Output:
	// [bread cake] <nil>
}

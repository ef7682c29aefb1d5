package bleve_test

import (
	"context"
	"fmt"
	"log"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/bleve"
)

func Example() {
	documents := func(yield func(pipeline.Document, error) bool) {
		_ = yield(pipeline.Document{ID: "bread", Text: "Bread needs flour, water and a hot oven.", Metadata: map[string]any{"title": "Baking", "year": 2024}}, nil) &&
			yield(pipeline.Document{ID: "soup", Text: "Hot soup with carrots.", Metadata: map[string]any{"title": "Cooking", "year": 2025}}, nil) &&
			yield(pipeline.Document{ID: "river", Text: "The river carries water to the sea.", Metadata: map[string]any{"title": "Rivers", "year": 2025}}, nil)
	}
	ctx := context.Background()
	index, err := bleve.New(ctx, documents, bleve.Options{Fields: []string{"title"}})
	if err != nil {
		log.Fatal(err)
	}
	defer index.Close()

	for _, filter := range []any{nil, map[string]any{"year": []int{2024, 2023}}} {
		ranking, err := index.Retrieve(ctx, pipeline.Query{Text: "baking with hot water", Filter: filter})
		if err != nil {
			log.Fatal(err)
		}
		for i, h := range ranking.Hits {
			fmt.Printf("%d. %-5s %.3f %v\n", i+1, h.Document.ID, h.Score, ranking.Scale)
		}
		fmt.Println()
	}
	// Output:
	// 1. bread 0.954 BM25
	// 2. soup  0.260 BM25
	// 3. river 0.250 BM25
	//
	// 1. bread 0.954 BM25
}

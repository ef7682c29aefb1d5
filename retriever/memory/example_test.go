package memory_test

import (
	"context"
	"fmt"
	"log"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/memory"
)

func Example() {
	documents := func(yield func(pipeline.Document, error) bool) {
		_ = yield(pipeline.Document{ID: "bread", Text: "Bakers bake bread in an oven."}, nil) &&
			yield(pipeline.Document{ID: "river", Text: "The river carries water to the sea."}, nil)
	}
	ctx := context.Background()
	index, err := memory.New(ctx, memory.HashEmbedder{}, documents, memory.Options{Limit: 1})
	if err != nil {
		log.Fatal(err)
	}
	ranking, err := index.Retrieve(ctx, pipeline.Query{Text: "a bakery with ovens"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ranking.Hits[0].Document.ID, ranking.Scale)
	// Output: bread cosine
}

func ExampleFromVectors() {
	entries := func(yield func(memory.Entry, error) bool) {
		_ = yield(memory.Entry{Document: pipeline.Document{ID: "east"}, Vector: []float32{1, 0}}, nil) &&
			yield(memory.Entry{Document: pipeline.Document{ID: "north"}, Vector: []float32{0, 1}}, nil)
	}
	ctx := context.Background()
	index, err := memory.FromVectors(ctx, nil, entries, memory.Options{Metric: memory.Euclid})
	if err != nil {
		log.Fatal(err)
	}
	ranking, err := index.Retrieve(ctx, memory.Vector.With(pipeline.Query{}, []float32{4, 0}))
	if err != nil {
		log.Fatal(err)
	}
	for _, h := range ranking.Hits {
		fmt.Printf("%s %.2f\n", h.Document.ID, h.Score)
	}
	// Output:
	// east -3.00
	// north -4.12
}

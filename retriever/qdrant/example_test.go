package qdrant_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/memory"
	"github.com/rankcascade/cascade/retriever/qdrant"
	"github.com/rankcascade/cascade/retriever/qdrant/qdranttest"
	"github.com/rankcascade/cascade/retriever/retrievertest"
)

// exampleServer stands in for a real one, and stops with the example.
type exampleServer struct {
	testing.TB
	cleanups []func()
}

func (e *exampleServer) Helper()          {}
func (e *exampleServer) Cleanup(f func()) { e.cleanups = append(e.cleanups, f) }
func (e *exampleServer) stop() {
	for i := len(e.cleanups) - 1; i >= 0; i-- {
		e.cleanups[i]()
	}
}

// Load a collection with two vectors, search both, and fuse here: every hit
// keeps the rank and score that each vector gave it.
func Example() {
	e := &exampleServer{}
	defer e.stop()
	server := qdranttest.Listen(e)

	ctx := context.Background()
	client, err := qdrant.Dial(ctx, qdrant.Config{URL: server.URL()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	embedder := memory.HashEmbedder{}
	loader, err := qdrant.NewLoader(client, "articles", qdrant.LoaderOptions{
		Vectors: []qdrant.Vector{{Name: "dense", Dense: embedder}, {Name: "terms", Sparse: terms}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	loaded, err := loader.Load(ctx, retrievertest.All([]pipeline.Document{
		{ID: "bread", Text: "bread needs flour, water, salt and a hot oven", Metadata: map[string]any{"lang": "en"}},
		{ID: "brot", Text: "Brot braucht Mehl, Wasser, Salz und Hitze", Metadata: map[string]any{"lang": "de"}},
		{ID: "soup", Text: "hot soup with salt and fresh bread", Metadata: map[string]any{"lang": "en"}},
	}))
	fmt.Println("stored:", loaded.Stored, err)

	search, err := qdrant.New(client, "articles", embedder, qdrant.Options{
		Using: "dense",
		Legs:  []qdrant.Leg{{Using: "terms", Sparse: terms}},
		Fuser: fusion.RRF{},
		Limit: 10,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ranking, err := search.Retrieve(ctx, pipeline.Query{Text: "how hot an oven for bread?", Filter: map[string]any{"lang": "en"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, h := range ranking.Hits {
		m, _ := h.Mark("qdrant/terms")
		fmt.Printf("%s %.4f, terms: rank %d, score %.0f\n", h.Document.ID, h.Score, m.Rank, m.Score)
	}
	// Output:
	// stored: 3 <nil>
	// bread 0.0328, terms: rank 1, score 3
	// soup 0.0323, terms: rank 2, score 2
}

// The tree of a retriever says what will be asked.
func ExampleRetriever_Describe() {
	r, err := qdrant.New(answers{}, "articles", memory.HashEmbedder{}, qdrant.Options{
		Using: "dense", Scale: pipeline.Cosine,
		Legs:   []qdrant.Leg{{Using: "terms", Sparse: terms}},
		Server: &qdrant.ServerFusion{K: 61, Weights: []float64{2, 1}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range r.Describe().Settings {
		fmt.Println(s.Name+":", s.Value)
	}
	// Output:
	// collection: articles
	// limit: 100
	// query: Qdrant RRF k=61 weights=[2 1] over [dense(dense):100, sparse(terms):100]
}

// Qdrant's JSON filter is understood as it stands in its documentation.
func ExampleFilter() {
	filter, err := qdrant.Filter(map[string]any{
		"must":     []any{map[string]any{"key": "lang", "match": map[string]any{"any": []string{"en", "de"}}}},
		"must_not": []any{map[string]any{"key": "draft", "match": map[string]any{"value": true}}},
	})
	fmt.Println(len(filter.GetMust()), len(filter.GetMustNot()), err)
	_, err = qdrant.Filter(map[string]any{"lang": map[string]any{"eq": "en"}})
	fmt.Println(err)
	// Output:
	// 1 1 <nil>
	// qdrant: filter is not understood: filter.lang: type map[string]interface {}: use text, a number, a boolean or a list
}

func ExamplePointID() {
	fmt.Println(qdrant.PointID("42").GetNum())
	fmt.Println(qdrant.PointID("doc-7").GetUuid())
	// Output:
	// 42
	// d1dd524a-6f8b-566b-9ee2-7e310a2fb07c
}

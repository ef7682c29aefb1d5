package nebius_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/rankcascade/cascade/reranker/nebius"
)

// A Go program that serves a scorer under the contract, and a client that asks
// it. With the real service the BaseURL is left out.
func ExampleNew() {
	server := httptest.NewServer(nebius.Handler(hashing, nebius.HandlerOptions{Keys: []string{"a-key"}}))
	defer server.Close()

	client, err := nebius.New("a-key", "Qwen/Qwen3-Reranker-8B", nebius.Options{BaseURL: server.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = client.Close() }()
	scores, err := client.Score(context.Background(), "what is a panda?", []string{"A bear of China.", "", "A car."})
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range scores.Values {
		fmt.Printf("%d %v %q\n", i, scores.Scored(i), scores.Unscored[i])
	}
	// Output:
	// 0 true ""
	// 1 false "blank"
	// 2 true ""
}

func ExampleDialect_Wire() {
	w, err := nebius.TEI.Wire()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(w.Path, w.DocumentsKey, w.ScoreKey, w.MaxDocuments)
	_, err = nebius.Dialect("klingon").Wire()
	fmt.Println(err)
	// Output:
	// /rerank texts score 32
	// dialect "klingon" is not known; known are nebius, cohere-v1, cohere, jina, voyage, vllm, tei, llama.cpp, infinity, nim, together, deepinfra, siliconflow, mixedbread, pinecone, litellm, dashscope, sglang
}

package langchain_test

import (
	"context"
	"fmt"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/retriever/langchain"
	"github.com/tmc/langchaingo/chains"
	"github.com/tmc/langchaingo/schema"
)

// A question answering chain of langchaingo over a whole pipeline: store is any
// vector store of langchaingo, llm any model, rerank any stage.
func Example() {
	store, llm, rerank := library(), &echo{}, reversed()

	search := pipeline.Chain(langchain.FromStore(store, langchain.PGVector, 100), rerank, cut.TopK(2))
	qa := chains.NewRetrievalQAFromLLM(llm, langchain.AsRetriever(search))
	qa.ReturnSourceDocuments = true

	out, err := chains.Call(context.Background(), qa, map[string]any{"query": "the harbour permit"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(out["text"])
	for _, source := range out["source_documents"].([]schema.Document) {
		record := source.Metadata["cascade"].(map[string]any)
		fmt.Printf("%v. %.2f %s (degraded: %v)\n", record["rank"], source.Score, source.PageContent, record["degraded"])
	}
	// Output:
	// answer 1
	// 1. 0.50 the library lends old maps (degraded: false)
	// 2. 0.33 ships wait outside the harbour until the tide turns (degraded: false)
}

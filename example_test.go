package cascade_test

import (
	"context"
	"fmt"
	"iter"
	"os"
	"time"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/tmc/langchaingo/chains"
	"github.com/tmc/langchaingo/embeddings"
	"github.com/tmc/langchaingo/llms"
	"github.com/tmc/langchaingo/vectorstores"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/chat"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/pipeline/rewrite"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/lexical"
	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/rankcascade/cascade/retriever/bleve"
	"github.com/rankcascade/cascade/retriever/langchain"
	"github.com/rankcascade/cascade/retriever/qdrant"
)

// The bodies of the functions below stand in README.md; TestReadme compares.

func newSearch(client *api.Client, embedder embeddings.Embedder) (pipeline.Retriever, error) {
	articles, err := qdrant.New(client, "articles", embedder, qdrant.Options{Limit: 200})
	if err != nil {
		return nil, err
	}
	model, err := nebius.New(os.Getenv("NEBIUS_API_KEY"), "Qwen/Qwen3-Reranker-8B", nebius.Options{})
	if err != nil {
		return nil, err
	}
	rerank := reranker.Stage(reranker.Shard(model, reranker.ShardOptions{}), reranker.Chat())

	return pipeline.Chain(
		pipeline.RetrieveWithin(500*time.Millisecond, articles), // 200 candidates
		pipeline.Within(800*time.Millisecond, // never later than this
			pipeline.Blend(fusion.Convex{Weights: []float64{.2, .8}}, // fuse ...
				pipeline.Keep(), // ... the retrieval ranking
				rerank)),        // ... with the reranked one
		cut.Threshold{Scale: pipeline.Probability, Value: .3, By: "rerank", Pass: true}, // nothing left: "I do not know"
		cut.TopK(8)), nil
}

func answer(ctx context.Context, search pipeline.Retriever, question string, history []pipeline.Turn) error {
	ranking, err := search.Retrieve(ctx, pipeline.Query{Text: question, Turns: history})
	if err != nil {
		return err // nothing was retrieved at all
	}
	for _, gap := range ranking.Gaps { // what is missing, and why
		fmt.Println("degraded:", gap)
	}
	for _, hit := range ranking.Hits {
		fmt.Printf("%.3f  %s\n", hit.Score, hit.Document.Text)
	}
	return nil
}

func newChain(llm llms.Model, store vectorstores.VectorStore, scorer reranker.Scorer) chains.Chain {
	search := pipeline.Chain(
		langchain.FromStore(store, langchain.PGVector, 100),
		reranker.Stage(scorer, reranker.Chat()),
		cut.TopK(8))
	return chains.NewRetrievalQAFromLLM(llm, langchain.AsRetriever(search))
}

func compare(ctx context.Context, documents iter.Seq2[pipeline.Document, error], topics []pipeline.Query, qrels *trec.Qrels) error {
	bm25, err := bleve.New(ctx, documents, bleve.Options{Limit: 100})
	if err != nil {
		return err
	}
	defer bm25.Close()
	rerank := reranker.Stage(lexical.New(lexical.Options{}), reranker.Evaluation())

	result, err := experiment.Run(ctx, experiment.Plan{
		Systems: experiment.Systems{
			"bm25":          bm25,
			"bm25 + rerank": pipeline.Chain(bm25, rerank),
			"bm25 + blend":  pipeline.Chain(bm25, pipeline.Blend(fusion.RRF{}, pipeline.Keep(), rerank)),
		},
		Topics:     topics,
		Judgements: qrels,
		Measures:   measure.MustParse("nDCG@10", "RR@10"),
		Baseline:   "bm25",
	})
	if err != nil {
		return err
	}
	return result.WriteText(os.Stdout)
}

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

// The functions above are written for readers; this keeps them from being
// called unused.
var _ = []any{newSearch, answer, newChain, compare}

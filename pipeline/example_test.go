package pipeline_test

import (
	"context"
	"fmt"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
)

// lexical and dense stand for two stores, reciprocal for a fuser and reverse for
// a reranker; the packages retriever, fusion and reranker have real ones.
func lexical() pipeline.Retriever { return abcd() }
func dense() pipeline.Retriever   { return dcba() }

func ExampleChain() {
	search := pipeline.Chain(lexical(), reverse{}, cut.TopK(2))
	ranking, err := search.Retrieve(context.Background(), pipeline.Query{Text: "ships in the harbour"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, h := range ranking.Hits {
		fmt.Println(i+1, h.Document.ID, h.Score)
	}
	// Output:
	// 1 d 1
	// 2 c 0.5
}

func ExampleFan() {
	broken := pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) {
		return pipeline.Ranking{}, fmt.Errorf("connection refused")
	})
	search := pipeline.Fan(reciprocal{}, lexical(), dense(), broken)
	ranking, err := search.Retrieve(context.Background(), pipeline.Query{Text: "ships"})
	fmt.Println(ranking.IDs(), err)
	for _, gap := range ranking.Gaps {
		fmt.Println(gap)
	}
	// Output:
	// [d a b c e] <nil>
	// pipeline.RetrieverFunc: failed: connection refused
}

func ExampleBlend() {
	search := pipeline.Chain(lexical(),
		pipeline.Blend(reciprocal{weights: []float64{0.2, 0.8}},
			pipeline.Keep(), // the retrieval ranking ...
			reverse{}))      // ... fused with the reranked one
	ranking, err := search.Retrieve(context.Background(), pipeline.Query{Text: "ships"})
	fmt.Println(ranking.IDs(), err)
	// Output: [d c a b] <nil>
}

func ExampleExplain() {
	search := pipeline.Chain(lexical(),
		pipeline.Blend(reciprocal{weights: []float64{0.25, 0.75}}, pipeline.Keep(), reverse{}),
		cut.TopK(2))
	ranking, err := search.Retrieve(context.Background(), pipeline.Query{Text: "ships", Trace: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(pipeline.Explain(ranking, "d"))
	fmt.Println(pipeline.Explain(ranking, "b"))
	fmt.Println(pipeline.Explain(ranking, "z"))
	// Output:
	// document "d" is at rank 1 of 2, score 0.8125 (fused)
	//   bm25: rank 4, score 2 (BM25)
	//   reciprocal: rank 1, score 0.8125 (fused)
	//     + 0.0625 from bm25: rank 4, score 2, normalised 0.25, weight 0.25
	//     + 0.75 from reverse: rank 1, score 1, weight 0.75
	//     sum = 0.8125
	// document "b" is not among the 2 hits
	//   lost at top-k: rank 4 of 4 with score 0.375 (fused); 0.08333333333333331 below "c" at rank 2, the last of 2 kept
	// document "z" is not among the 2 hits
	//   bm25 did not retrieve it
}

func ExampleString() {
	search := pipeline.Chain(
		pipeline.Fan(reciprocal{}, lexical(), dense()),
		pipeline.Else(pipeline.Within(800*time.Millisecond, reverse{}), pipeline.Keep()),
		cut.TopK(8))
	fmt.Println(pipeline.String(search))
	// Output:
	// chain
	// ├─ fan: quorum 1 of 2, concurrency 2
	// │  ├─ reciprocal
	// │  ├─ bm25: limit 4
	// │  └─ dense: limit 4
	// ├─ else
	// │  ├─ within: budget 800ms, reserve 5 %, at least 20ms
	// │  │  └─ reverse
	// │  └─ keep
	// └─ top-k: k 8
}

func ExampleLint() {
	search := pipeline.Chain(lexical(),
		cut.TopK(3),
		reverse{}, // too late: the cut has been made
		cut.AtLeast(pipeline.BM25, 2))
	for _, finding := range pipeline.Lint(search) {
		fmt.Println(finding)
	}
	// Output:
	// rerank-after-cut: chain > reverse: top-k has already cut to the final 3, so the rerank can bring nothing up from below: move the cut behind the rerank
	// threshold-scale: chain > at least: the threshold is meant on BM25 and the scores that arrive can be on probability: put the threshold behind the part that makes scores on its scale, or hold it against that part's mark
}

func ExampleStream() {
	search := pipeline.Chain(lexical(), reverse{})
	for ranking, err := range pipeline.Stream(context.Background(), search, pipeline.Query{Text: "ships"}) {
		fmt.Println(ranking.IDs(), err)
	}
	// Output:
	// [a b c d] <nil>
	// [d a b c] <nil>
	// [d c a b] <nil>
	// [d c b a] <nil>
	// [d c b a] <nil>
}

func ExampleObserve() {
	report := pipeline.ObserverFunc(func(_ context.Context, e pipeline.Event) {
		fmt.Printf("%*s%s %s: %d in, %d out\n", 2*e.Depth, "", e.Kind, e.Name, e.In, e.Out)
	})
	search := pipeline.Observe(pipeline.Chain(lexical(), cut.TopK(2)), report)
	if _, err := search.Retrieve(context.Background(), pipeline.Query{Text: "ships"}); err != nil {
		fmt.Println(err)
	}
	// Output:
	//   retrieve bm25: 0 in, 4 out
	//   apply top-k: 4 in, 2 out
	// retrieve chain: 0 in, 2 out
}

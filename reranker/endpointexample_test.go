package reranker_test

import (
	"context"
	"fmt"

	"github.com/rankcascade/cascade/reranker"
)

// Two replicas of one model behind one endpoint: while one of them is down, the
// other answers, and after five failures in a row the first is left alone.
func ExampleNewEndpoint() {
	down := reranker.ScorerFunc(func(context.Context, string, []string) (reranker.Scores, error) {
		return reranker.Scores{}, &reranker.Error{Kind: reranker.KindTransport, Op: "replica 1", Message: "connection refused"}
	})
	up := reranker.ScorerFunc(func(_ context.Context, _ string, documents []string) (reranker.Scores, error) {
		return reranker.Scores{Values: make([]float64, len(documents))}, nil
	})
	endpoint, err := reranker.NewEndpoint([]reranker.Scorer{down, up}, reranker.EndpointOptions{Name: "rerank"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer endpoint.Close()

	rerank := reranker.Shard(endpoint, reranker.ShardOptions{})
	complete := 0
	for range 50 {
		if scores, err := rerank.Score(context.Background(), "question", []string{"one", "two"}); err == nil && scores.Complete() {
			complete++
		}
	}
	state := endpoint.State()
	fmt.Println(complete, "complete, breaker", state.Breaker)
	fmt.Println("ejected:", state.Upstreams[0].Ejected, state.Upstreams[1].Ejected)
	// Output:
	// 50 complete, breaker healthy
	// ejected: true false
}

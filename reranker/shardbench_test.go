package reranker_test

import (
	"context"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// BenchmarkShard is what the scheduler costs for a query of 200 documents in 8
// calls, without any server.
func BenchmarkShard(b *testing.B) {
	instant := reranker.ScorerFunc(func(_ context.Context, _ string, d []string) (reranker.Scores, error) {
		return reranker.Scores{Values: make([]float64, len(d)), Scale: pipeline.Logit, Usage: reranker.Usage{Calls: 1, Documents: len(d), Tokens: 300 * len(d)}}, nil
	})
	docs := texts(200)
	for name, o := range map[string]reranker.ShardOptions{
		"8 calls": {Calls: 8, Top: -1},
		"learned": {},
	} {
		b.Run(name, func(b *testing.B) {
			s := reranker.Shard(instant, o)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Score(context.Background(), "what is this", docs); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

package reranker_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// BenchmarkStage measures what the stage adds to a scorer that costs nothing,
// for 200 documents, and the path on which nothing is scored.
func BenchmarkStage(b *testing.B) {
	hits := make([]pipeline.Hit, 200)
	values := make([]float64, len(hits))
	for i := range hits {
		hits[i] = pipeline.Hit{Document: pipeline.Document{ID: fmt.Sprint("d", i), Text: fmt.Sprintf("document %d of some length %0400d", i, i)}, Score: float64(-i)}
		values[i] = float64(i*7919%200) / 200
	}
	in, err := pipeline.NewRanking("store", pipeline.Unbounded, hits)
	if err != nil {
		b.Fatal(err)
	}
	for name, scorer := range map[string]reranker.ScorerFunc{
		"full": func(context.Context, string, []string) (reranker.Scores, error) {
			return reranker.Scores{Values: values, Scale: pipeline.Probability}, nil
		},
		"retrieval only": func(context.Context, string, []string) (reranker.Scores, error) {
			return reranker.Scores{}, context.DeadlineExceeded
		},
	} {
		b.Run(name, func(b *testing.B) {
			s := reranker.Stage(scorer, reranker.Chat())
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Apply(context.Background(), pipeline.Query{}, in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

package rerankertest_test

import (
	"context"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

func TestSuiteAcceptsAnHonestScorer(t *testing.T) {
	t.Parallel()
	rerankertest.Run(t, func(*testing.T) reranker.Scorer {
		return reranker.ScorerFunc(func(ctx context.Context, query string, documents []string) (reranker.Scores, error) {
			if len(documents) == 0 {
				return reranker.Scores{}, nil
			}
			if ctx.Err() != nil {
				return reranker.Scores{}, context.Cause(ctx)
			}
			s := reranker.Scores{Values: make([]float64, len(documents)), Scale: pipeline.Probability}
			for i, d := range documents {
				s.Values[i] = rerankertest.Hash(query, d)
			}
			return s, nil
		})
	})
}

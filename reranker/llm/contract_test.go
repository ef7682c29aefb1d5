package llm_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/llm"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

// grader answers every question with a grade that depends on the prompt alone.
func grader(ctx context.Context, prompt string) (string, error) {
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(prompt))
	return fmt.Sprint(h.Sum32() % 4), nil
}

func TestPointwiseKeepsTheContract(t *testing.T) {
	rerankertest.Run(t, func(t *testing.T) reranker.Scorer {
		scorer, err := llm.NewPointwise(pipeline.GeneratorFunc(grader), llm.Options{})
		require.NoError(t, err)
		return scorer
	})
}

package pipeline_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
)

func TestAFanWhosePartsFailedByThemselvesWaitedForNobody(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	ctx, giveUp := context.WithCancel(t.Context())
	failing := pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) { return pipeline.Ranking{}, down })
	last := pipeline.RetrieverFunc(func(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
		defer giveUp() // the caller goes while the answer is on its way
		return abcd().Retrieve(ctx, q)
	})
	_, err := pipeline.Parallel{Concurrency: 1}.Fan(reciprocal{}, failing, last).Retrieve(ctx, pipeline.Query{})
	require.ErrorIs(t, err, down)
	assert.ErrorContains(t, err, "1 of 2 parts failed")
	assert.NotContains(t, err.Error(), "waiting")
}

func TestOfTwoCutsToOneLimitTheFirstOneIsNamed(t *testing.T) {
	t.Parallel()
	search := pipeline.Chain(storeOf(100, pipeline.BM25), cut.TopK(5), cut.MMR{Limit: 5, KeepOrder: true}, tolerantRerank(), cut.TopK(5))
	var said []string
	for _, f := range pipeline.Lint(search) {
		said = append(said, f.String())
	}
	assert.Contains(t, said[0]+said[len(said)-1], "top-k has already cut to the final 5")
	for _, s := range said {
		assert.NotContains(t, s, "mmr has already cut")
	}
}

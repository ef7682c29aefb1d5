package main

import (
	"context"
	"strings"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// bleve starts its workers when the program starts, and never stops them.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }

func TestItAnswersWithSourcesAndScores(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, run(t.Context(), nil, &out))
	for _, want := range []string{
		"Question: what does it cost if I bring a film back late?\nAnswer:   A late book costs ten cents a day, a late film fifty cents a day.",
		"Answer:   Maps never leave the room.",
		"Answer:   A reserved book is kept at the front desk for seven days.",
		"  1. Late returns           1.0000\n       bm25       rank 1 ",
		"       rerank     rank 1 ",
	} {
		assert.Contains(t, out.String(), want)
	}
	assert.NotContains(t, out.String(), "degraded")
	assert.Equal(t, 9, strings.Count(out.String(), "       convex"), "three sources for each question")
}

func TestAQuestionOfOnesOwn(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, run(t.Context(), []string{"where is the lift?"}, &out))
	assert.Contains(t, out.String(), "Answer:   The lift is behind the front desk and reaches all floors.")
	assert.Contains(t, out.String(), "1. Getting around")
}

func TestACancelledRun(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, run(ctx, nil, &strings.Builder{}), context.Canceled)
}

func TestThePipelineHasNoContradictions(t *testing.T) {
	t.Parallel()
	search, closeIndex, err := newSearch(t.Context(), handbook)
	require.NoError(t, err)
	defer func() { assert.NoError(t, closeIndex()) }()
	assert.Empty(t, pipeline.Lint(search))
}

func TestACorpusWithoutHeadingsIsAnError(t *testing.T) {
	t.Parallel()
	_, _, err := newSearch(t.Context(), "no heading here\ntext")
	assert.ErrorContains(t, err, "want id: title")
}

func TestTheModelRefusesPromptsOfAnotherForm(t *testing.T) {
	t.Parallel()
	_, err := quoter{}.Call(t.Context(), "hello")
	require.ErrorContains(t, err, "no context and no question")
	text, err := quoter{}.Call(t.Context(), "Instruction.\n\nBread is baked.\n\nQuestion: zebras?\nAnswer:")
	require.NoError(t, err)
	assert.Equal(t, "I do not know.", text)
}

package pipeline_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
)

// standalone is a rewriter that makes a question stand alone.
func standalone() pipeline.Rewriter {
	return pipeline.Named("condense", pipeline.RewriterFunc(func(_ context.Context, q pipeline.Query) ([]pipeline.Query, error) {
		return []pipeline.Query{{Text: "what does the panda eat?", Turns: []pipeline.Turn{}}}, nil
	}))
}

func ExampleRewrite() {
	condense := pipeline.RewriterFunc(func(_ context.Context, q pipeline.Query) ([]pipeline.Query, error) {
		return []pipeline.Query{{Text: q.Turns[0].Text + " " + q.Text}}, nil
	})
	echo := pipeline.RetrieverFunc(func(_ context.Context, q pipeline.Query) (pipeline.Ranking, error) {
		return pipeline.NewRanking("echo", pipeline.BM25, []pipeline.Hit{{Document: pipeline.Document{ID: q.Text}, Score: 1}})
	})
	q := pipeline.Query{Text: "what does it eat?", Turns: []pipeline.Turn{{Role: "user", Text: "tell me about the panda"}}}
	ranking, err := pipeline.Rewrite(condense, echo).Retrieve(context.Background(), q)
	fmt.Println(ranking.IDs(), err)
	// Output: [tell me about the panda what does it eat?] <nil>
}

// P4: the query is replaced for everything inside, and the ranking passes through.
func TestP4TheRerankerIsAskedTheQuestionThatWasSearched(t *testing.T) {
	t.Parallel()
	var searched, reranked, outside string
	store := pipeline.RetrieverFunc(func(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
		searched = q.Text
		return abcd().Retrieve(ctx, q)
	})
	watching := func(seen *string, s pipeline.Stage) pipeline.Stage {
		return pipeline.StageFunc(func(ctx context.Context, q pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
			*seen = q.Text
			return s.Apply(ctx, q, in)
		})
	}
	inside := pipeline.Rewrite(standalone(), pipeline.Chain(store, watching(&reranked, reverse{})))
	search := pipeline.Chain(inside, watching(&outside, pipeline.Keep()))
	r, err := search.Retrieve(t.Context(), pipeline.Query{Text: "what does it eat?", Trace: true})
	require.NoError(t, err)
	assert.Equal(t, "what does the panda eat?", searched)
	assert.Equal(t, "what does the panda eat?", reranked)
	assert.Equal(t, "what does it eat?", outside, "what stands outside gets the question that was asked")
	assert.Equal(t, pipeline.Probability, r.Scale, "the scale passes through")
	assert.Equal(t, []string{"d", "c", "b", "a"}, r.IDs())
	assert.Equal(t, "what does it eat?", r.Trace.Query)
	assert.Equal(t, "what does the panda eat?", r.Trace.Inputs[0].Query)
	orders, err := shown(t.Context(), pipeline.Rewrite(standalone(), pipeline.Chain(abcd(), reverse{})))
	require.NoError(t, err)
	assert.Equal(t, []string{"abcd", "dabc", "dcab", "dcba", "dcba"}, orders, "and so do the early states")
}

func TestRewriteRefusesWhatItCannotUse(t *testing.T) {
	t.Parallel()
	for message, search := range map[string]pipeline.Retriever{
		"pipeline: rewrite: twice made 2 queries of one: use Expand": pipeline.Rewrite(rewriter{twoQueries}, abcd()),
		"none: returned no query":                                    pipeline.Rewrite(pipeline.Named("none", rewriteTo()), abcd()),
		"rewrite: rewriter 1 of 1 is nil":                            pipeline.Rewrite(nil, abcd()),
		"rewrite: retriever 1 of 1 is nil":                           pipeline.Rewrite(standalone(), nil),
		"bad: panic: no model":                                       pipeline.Rewrite(pipeline.Named("bad", pipeline.RewriterFunc(func(context.Context, pipeline.Query) ([]pipeline.Query, error) { panic("no model") })), abcd()),
	} {
		_, err := search.Retrieve(t.Context(), pipeline.Query{})
		require.ErrorContains(t, err, message)
		for _, err = range pipeline.Stream(t.Context(), search, pipeline.Query{}) {
			require.ErrorContains(t, err, message)
		}
	}
}

func TestARewriterIsNotAskedWhenTheBudgetHasEnded(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithDeadlineCause(t.Context(), time.Now().Add(-time.Second), &pipeline.BudgetError{Part: "all", Limit: time.Second})
	defer cancel()
	_, err := pipeline.Rewrite(standalone(), abcd()).Retrieve(ctx, pipeline.Query{})
	var budget *pipeline.BudgetError
	require.ErrorAs(t, err, &budget)
	assert.ErrorContains(t, err, "condense")
}

func TestAGapOfARewriterStandsInTheRankingOnce(t *testing.T) {
	t.Parallel()
	tired := pipeline.RewriterFunc(func(_ context.Context, q pipeline.Query) ([]pipeline.Query, error) {
		return []pipeline.Query{q.WithGaps(pipeline.Gap{Stage: "condense", Reason: pipeline.ReasonDeadline})}, nil
	})
	search := pipeline.Rewrite(tired, pipeline.Rewrite(standalone(), pipeline.Chain(pipeline.Fan(reciprocal{}, abcd(), dcba()), first(2))))
	r, err := search.Retrieve(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	assert.Equal(t, []string{"condense"}, gapNames(r))
}

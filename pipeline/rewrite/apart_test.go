package rewrite_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/rewrite"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// store finds one document, named after the query, but for "down" and "panic".
var store = pipeline.RetrieverFunc(func(_ context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	switch q.Text {
	case "down":
		return pipeline.Ranking{}, errors.New("no route")
	case "panic":
		panic("out of range")
	}
	return pipeline.NewRanking("store", pipeline.BM25, []pipeline.Hit{{Document: pipeline.Document{ID: q.Text}, Score: 1}})
})

func TestPartsAreKeptApart(t *testing.T) {
	t.Parallel()
	split := rewrite.Decompose(says("first\ndown\npanic\nsecond"), 4, rewrite.Options{})
	parts, err := rewrite.Apart(t.Context(), split, store, pipeline.Query{Text: "all", Filter: "f"})
	require.NoError(t, err)
	require.Len(t, parts, 4)
	for i, want := range []string{"first", "", "", "second"} {
		assert.Equal(t, "f", parts[i].Query.Filter)
		if want == "" {
			assert.Error(t, parts[i].Err)
			continue
		}
		assert.Equal(t, want, parts[i].Query.Text)
		assert.Equal(t, []string{want}, parts[i].Ranking.IDs())
	}
	broken := rewrite.Decompose(says(""), 4, rewrite.Options{})
	parts, err = rewrite.Apart(t.Context(), broken, store, pipeline.Query{Text: "all"})
	require.NoError(t, err)
	assert.True(t, parts[0].Ranking.Degraded(), "the gap of the rewriter stands on the ranking")
}

func TestApartRefuses(t *testing.T) {
	t.Parallel()
	split := rewrite.Decompose(says("down\npanic"), 4, rewrite.Options{})
	none := pipeline.RewriterFunc(func(context.Context, pipeline.Query) ([]pipeline.Query, error) { return nil, nil })
	for name, c := range map[string]struct {
		rewriter  pipeline.Rewriter
		retriever pipeline.Retriever
		err       string
	}{
		"every part fails":         {split, store, "no route"},
		"no query":                 {none, store, "returned no query"},
		"no rewriter":              {nil, store, "is nil"},
		"no retriever":             {split, nil, "is nil"},
		"a rewriter that is wrong": {rewrite.Decompose(nil, 1, rewrite.Options{}), store, "the model is nil"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := rewrite.Apart(t.Context(), c.rewriter, c.retriever, pipeline.Query{Text: "all"})
			assert.ErrorContains(t, err, c.err)
		})
	}
}

func ExampleApart() {
	model := rewrite.GeneratorFunc(func(context.Context, string) (string, error) {
		return "- Who wrote Emma?\n- When was Emma written?", nil
	})
	parts, err := rewrite.Apart(context.Background(), rewrite.Decompose(model, 4, rewrite.Options{}), store,
		pipeline.Query{Text: "Who wrote Emma, and when?"})
	for _, p := range parts {
		fmt.Println(p.Query.Text, p.Ranking.IDs())
	}
	fmt.Println(err)
	// Output:
	// Who wrote Emma? [Who wrote Emma?]
	// When was Emma written? [When was Emma written?]
	// <nil>
}

// A part of a question sees no more than the question.
func TestApartKeepsTheFilter(t *testing.T) {
	t.Parallel()
	forgetful := pipeline.RewriterFunc(func(context.Context, pipeline.Query) ([]pipeline.Query, error) {
		return []pipeline.Query{{Text: "one"}, {Text: "two"}}, nil
	})
	filter := pipeline.Eq("tenant", "a")
	store := pipeline.RetrieverFunc(func(_ context.Context, q pipeline.Query) (pipeline.Ranking, error) {
		assert.Equal(t, filter, q.Filter)
		return pipeline.NewRanking("store", pipeline.Dot, nil)
	})
	parts, err := rewrite.Apart(t.Context(), forgetful, store, pipeline.Query{Text: "q", Filter: filter})
	require.NoError(t, err)
	assert.Len(t, parts, 2)
}

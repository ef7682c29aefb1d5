package pipeline_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
)

// asked is a retriever that keeps the queries that it was asked.
func asked(queries *[]pipeline.Query) pipeline.Retriever {
	return pipeline.RetrieverFunc(func(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
		*queries = append(*queries, q)
		return abcd().Retrieve(ctx, q)
	})
}

func rewriteTo(queries ...pipeline.Query) pipeline.Rewriter {
	return pipeline.RewriterFunc(func(context.Context, pipeline.Query) ([]pipeline.Query, error) { return queries, nil })
}

// P3: what a rewriter leaves out is inherited, and what it changes is not wider.
func TestP3QueriesMadeOfAQueryInheritFilterIDAndAttributes(t *testing.T) {
	t.Parallel()
	tenant, language := pipeline.NewKey[string]("tenant"), pipeline.NewKey[string]("language")
	filter := map[string]any{"tenant": "acme"}
	q := tenant.With(pipeline.Query{Text: "q", ID: "7", Filter: filter, Turns: []pipeline.Turn{{Role: "user", Text: "hello"}}, Trace: true}, "acme")
	for name, c := range map[string]struct {
		made pipeline.Query
		want func(t *testing.T, got pipeline.Query)
	}{
		"a query with a text only": {pipeline.Query{Text: "new"}, func(t *testing.T, got pipeline.Query) {
			assert.Equal(t, "7", got.ID)
			assert.Equal(t, q.Turns, got.Turns)
			assert.True(t, got.Trace)
		}},
		"another tenant":             {tenant.With(pipeline.Query{Text: "new"}, "other"), func(*testing.T, pipeline.Query) {}},
		"another tenant over a copy": {tenant.With(q, "other"), func(*testing.T, pipeline.Query) {}},
		"a new attribute": {language.With(pipeline.Query{Text: "new"}, "de"), func(t *testing.T, got pipeline.Query) {
			l, _ := language.Of(got)
			assert.Equal(t, "de", l)
		}},
		"the same filter": {pipeline.Query{Text: "new", Filter: map[string]any{"tenant": "acme"}}, func(*testing.T, pipeline.Query) {}},
		"an id and turns of its own": {pipeline.Query{Text: "new", ID: "7a", Turns: []pipeline.Turn{}}, func(t *testing.T, got pipeline.Query) {
			assert.Equal(t, "7a", got.ID)
			assert.Empty(t, got.Turns, "used up")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []pipeline.Query
			_, err := pipeline.Expand(rewriteTo(c.made), reciprocal{}, asked(&got)).Retrieve(t.Context(), q)
			require.NoError(t, err)
			require.Len(t, got, 1)
			assert.Equal(t, filter, got[0].Filter)
			who, ok := tenant.Of(got[0])
			assert.True(t, ok)
			assert.Equal(t, "acme", who, "only the caller widens")
			c.want(t, got[0])
		})
	}
}

func TestP3ARewriterCannotReplaceTheFilter(t *testing.T) {
	t.Parallel()
	acme, other := pipeline.Eq("tenant", "acme"), pipeline.Eq("tenant", "other")
	for name, c := range map[string]struct {
		callers, made any
		sees          []string // of acme, other, and acme's document of 2024
	}{
		"two filters":                        {acme, pipeline.Eq("year", 2024), []string{"acme 2024"}},
		"a filter that would show another's": {acme, other, nil},
		"a filter that would show both":      {acme, pipeline.Or(acme, other), []string{"acme", "acme 2024"}},
		"equal fields":                       {map[string]any{"tenant": "acme"}, map[string]any{"tenant": "other"}, nil},
		"a filter and equal fields":          {acme, map[string]any{"year": 2024}, []string{"acme 2024"}},
		"a filter where there was none":      {nil, other, []string{"other"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []pipeline.Query
			_, err := pipeline.Rewrite(rewriteTo(pipeline.Query{Text: "new", Filter: c.made}), asked(&got)).Retrieve(t.Context(), pipeline.Query{Filter: c.callers})
			require.NoError(t, err)
			f, ok := pipeline.FilterOf(got[0].Filter)
			require.True(t, ok)
			var sees []string
			for _, d := range []struct {
				name     string
				metadata map[string]any
			}{{"acme", map[string]any{"tenant": "acme"}}, {"other", map[string]any{"tenant": "other"}}, {"acme 2024", map[string]any{"tenant": "acme", "year": 2024}}} {
				if f.Match(d.metadata) {
					sees = append(sees, d.name)
				}
			}
			assert.Equal(t, c.sees, sees)
		})
	}
	for _, made := range []any{"tenant = other", acme} {
		var got []pipeline.Query
		_, err := pipeline.Expand(rewriteTo(pipeline.Query{Text: "new", Filter: made}), reciprocal{}, asked(&got)).Retrieve(t.Context(), pipeline.Query{Filter: "tenant = acme"})
		require.ErrorIs(t, err, pipeline.ErrFilterChanged)
		assert.Empty(t, got)
	}
}

func TestP3AttributesOfBothQueriesAreKeptInAnyOrder(t *testing.T) {
	t.Parallel()
	a, b, c := pipeline.NewKey[int]("a"), pipeline.NewKey[int]("b"), pipeline.NewKey[int]("c")
	var got []pipeline.Query
	from := b.With(a.With(pipeline.Query{}, 1), 2)
	made := c.With(b.With(pipeline.Query{Text: "new"}, 20), 30)
	_, err := pipeline.Parallel{Concurrency: 1}.Expand(rewriteTo(made, c.With(from, 31), pipeline.Query{}), reciprocal{}, asked(&got)).Retrieve(t.Context(), from)
	require.NoError(t, err)
	for i, want := range []int{30, 31, 0} {
		va, _ := a.Of(got[i])
		vb, _ := b.Of(got[i])
		vc, _ := c.Of(got[i])
		assert.Equal(t, []int{1, 2, want}, []int{va, vb, vc})
	}
}

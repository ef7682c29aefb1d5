package langchain_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/langchain"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/schema"
)

// scriptedStore answers with its documents, as many as it is asked for, and notes
// how it was asked.
type scriptedStore struct {
	*overlapStore
	docs []schema.Document
}

func (s *scriptedStore) search(_ context.Context, _ string, n int) ([]schema.Document, error) {
	return s.docs[:min(n, len(s.docs))], nil
}

func tenants(n int) []schema.Document {
	docs := make([]schema.Document, n)
	for i := range docs {
		docs[i] = schema.Document{PageContent: fmt.Sprint("text ", i), Metadata: map[string]any{"tenant": []any{"a", "b"}[i%2], "n": i}, Score: 1 - float32(i)/100}
	}
	return docs
}

func TestWhatAStoreCannotDoIsAnErrorThatNamesIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind   langchain.Kind
		filter pipeline.Filter
		says   string
	}{
		"a range in pgvector":            {langchain.PGVector, pipeline.Range("n", pipeline.Bounds{GT: 1}), "pgvector: filter cannot be used: the store cannot do it: range"},
		"not in chroma":                  {langchain.Chroma, pipeline.Not(pipeline.Eq("n", 1)), "chroma"},
		"a prefix in qdrant":             {langchain.Qdrant, pipeline.Prefix("n", "x"), "qdrant"},
		"a large number in pinecone":     {langchain.Pinecone, pipeline.Eq("n", int64(1)<<53+1), "beyond 2^53"},
		"a quote in a key of qdrant":     {langchain.Qdrant, pipeline.Eq(`a"b`, "x"), `a\"b`},
		"a dot in a key of mongovector":  {langchain.MongoVector, pipeline.Eq("a.b", "x"), "mongovector"},
		"a path in pgvector":             {langchain.PGVector, pipeline.Eq(pipeline.Path{"a", "b"}, "x"), "2 keys"},
		"a quote in a value of pgvector": {langchain.PGVector, pipeline.Eq("a", "x' OR 'a' = 'a"), "SQL"},
		"a blank in a key of mariadb":    {langchain.MariaDB, pipeline.Eq("a b", "x"), `"a b"`},
		"anything in weaviate":           {langchain.Weaviate, pipeline.Eq("a", "x"), "weaviate: see Options.Compile"},
		"anything in an unknown store":   {langchain.AnyStore, pipeline.Eq("a", "x"), "store"},
		"an empty filter":                {langchain.Qdrant, pipeline.Or(), "or without parts"},
	} {
		_, err := langchain.FromStore(answering(tenants(4)...), c.kind, 10).Retrieve(t.Context(), pipeline.Query{Filter: c.filter})
		require.ErrorIs(t, err, pipeline.ErrFilter, name)
		require.ErrorContains(t, err, c.says, name)
	}
	_, err := langchain.FromRetriever(answering(tenants(4)...)).Retrieve(t.Context(), pipeline.Query{Filter: pipeline.Eq("tenant", "a")})
	require.ErrorIs(t, err, pipeline.ErrFilter)
	r, err := langchain.FromStore(answering(tenants(4)...), langchain.Weaviate, 10).Retrieve(t.Context(), pipeline.Query{Filter: pipeline.In("tenant")})
	require.NoError(t, err)
	assert.Empty(t, r.Hits, "in without values needs no store")
}

func TestAFilterMayBeDecidedAfterRetrieval(t *testing.T) {
	t.Parallel()
	ask := func(limit, overFetch, documents int, f any) pipeline.Ranking {
		s := &scriptedStore{docs: tenants(documents)}
		r, err := langchain.FromStore(storeFunc(s.search), langchain.AnyStore, limit, langchain.Options{OverFetch: overFetch}).
			Retrieve(t.Context(), pipeline.Query{Filter: f})
		require.NoError(t, err)
		return r
	}
	f := pipeline.Eq("tenant", "a")
	r := ask(3, 2, 100, &f)
	assert.Len(t, r.Hits, 3, "six documents were asked for")
	assert.False(t, r.Degraded())
	r = ask(4, 1, 100, f)
	assert.Len(t, r.Hits, 2)
	require.ErrorIs(t, r.Err(), langchain.ErrFiltered, "there may be more")
	require.ErrorContains(t, r.Err(), "2 of 4 documents match")
	r = ask(60, 1, 40, f)
	assert.Len(t, r.Hits, 20)
	assert.False(t, r.Degraded(), "the store had no more")
	require.Error(t, pipeline.Describe(langchain.FromStore(answering(), langchain.AnyStore, 1, langchain.Options{OverFetch: 101})).Err)
	require.Error(t, pipeline.Describe(langchain.FromStore(answering(), langchain.AnyStore, 1, langchain.Options{OverFetch: -1})).Err)
}

func TestACompiledFilterReachesTheStore(t *testing.T) {
	t.Parallel()
	f := pipeline.And(pipeline.Eq("tenant", "a"), pipeline.Range("n", pipeline.Bounds{GTE: 2, LT: 9}))
	type m = map[string]any
	for kind, want := range map[langchain.Kind]any{
		langchain.Chroma:      m{"$and": []any{m{"tenant": m{"$eq": "a"}}, m{"n": m{"$gte": int64(2), "$lt": int64(9)}}}},
		langchain.MongoVector: m{"$and": []any{m{"metadata.tenant": m{"$eq": "a"}}, m{"metadata.n": m{"$gte": int64(2), "$lt": int64(9)}}}},
		langchain.Qdrant:      m{"must": []any{m{"key": "tenant", "match": m{"value": "a"}}, m{"key": "n", "range": m{"gte": 2.0, "lt": 9.0}}}},
		langchain.PGVector:    m{"tenant": "a"},
	} {
		store := newOverlapStore()
		_, err := langchain.FromStore(store, kind, 10, langchain.Options{OverFetch: 5}).Retrieve(t.Context(), pipeline.Query{Text: "q", Filter: f})
		require.NoError(t, err)
		o, n := store.last()
		assert.Equal(t, want, o.Filters, "%s", kind)
		assert.Equal(t, map[bool]int{true: 50, false: 10}[kind == langchain.PGVector], n, "%s: only a rest needs more documents", kind)
	}
}

func TestQdrantFiltersQuoteKeys(t *testing.T) {
	t.Parallel()
	type m = map[string]any
	for name, c := range map[string]struct {
		filter pipeline.Filter
		want   m
	}{
		"a key with a dot": {pipeline.Eq("a.b", "x"), m{"must": []any{m{"key": `"a.b"`, "match": m{"value": "x"}}}}},
		"a path":           {pipeline.Exists(pipeline.Path{"a", "b c"}), m{"must_not": []any{m{"is_empty": m{"key": `a."b c"`}}}}},
		"a negation": {pipeline.Not(pipeline.Eq("a", true)), m{"must": []any{
			m{"must_not": []any{m{"is_empty": m{"key": "a"}}}}, m{"must_not": []any{m{"key": "a", "match": m{"value": true}}}},
		}}},
		"one of several": {pipeline.In("a", 3, 2.5), m{"should": []any{
			m{"key": "a", "range": m{"gte": int64(3), "lte": int64(3)}}, m{"key": "a", "range": m{"gte": 2.5, "lte": 2.5}},
		}}},
	} {
		store := newOverlapStore()
		_, err := langchain.FromStore(store, langchain.Qdrant, 10).Retrieve(t.Context(), pipeline.Query{Text: "q", Filter: c.filter})
		require.NoError(t, err, name)
		o, _ := store.last()
		assert.Equal(t, c.want, o.Filters, name)
	}
}

func TestAProgramCompilesForItsOwnStore(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	o := langchain.Options{Compile: func(c pipeline.Condition) (any, error) {
		if c.Op == pipeline.ConditionEq {
			return c.Values[0].Text(), nil
		}
		return nil, boom
	}}
	store := newOverlapStore(tenants(6)...)
	s := langchain.FromStore(store, langchain.AnyStore, 6, o)
	r, err := s.Retrieve(t.Context(), pipeline.Query{Text: "text", Filter: pipeline.Eq("tenant", "a")})
	require.NoError(t, err)
	asked, _ := store.last()
	assert.Equal(t, "a", asked.Filters)
	for _, h := range r.Hits {
		assert.Equal(t, "a", h.Document.Metadata["tenant"], "the answer is checked")
	}
	_, err = s.Retrieve(t.Context(), pipeline.Query{Text: "text", Filter: pipeline.Exists("tenant")})
	require.ErrorIs(t, err, boom)
}

func TestTraitsTellWhatAStoreFilters(t *testing.T) {
	t.Parallel()
	some := map[pipeline.ConditionOp]pipeline.Filter{
		pipeline.ConditionEq: pipeline.Eq("a", "x"), pipeline.ConditionIn: pipeline.In("a", "x", "y"), pipeline.ConditionRange: pipeline.Range("a", pipeline.Bounds{GT: 1}),
		pipeline.ConditionExists: pipeline.Exists("a"), pipeline.ConditionPrefix: pipeline.Prefix("a", "x"), pipeline.ConditionContains: pipeline.Contains("a", "x"),
		pipeline.ConditionAnd: pipeline.And(pipeline.Eq("a", "x"), pipeline.Eq("b", "x")), pipeline.ConditionOr: pipeline.Or(pipeline.Eq("a", "x"), pipeline.Eq("b", "x")),
		pipeline.ConditionNot: pipeline.Not(pipeline.Eq("a", "x")),
	}
	for _, kind := range langchain.Kinds() {
		for op, f := range some {
			_, err := langchain.FromStore(newOverlapStore(), kind, 10).Retrieve(t.Context(), pipeline.Query{Text: "q", Filter: f})
			if able := kind.Traits().Conditions; assert.Equal(t, slices.Contains(able, op), err == nil, "%s, %s: %v", kind, op, err) && err != nil {
				require.ErrorIs(t, err, pipeline.ErrFilter)
			}
		}
	}
}

package langchain_test

import (
	"context"
	"errors"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/langchain"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/schema"
	"github.com/tmc/langchaingo/vectorstores"
)

// brokenStore fails or panics when it is added to.
type brokenStore struct {
	overlapStore
	err error
}

func (b *brokenStore) AddDocuments(context.Context, []schema.Document, ...vectorstores.Option) ([]string, error) {
	if b.err == nil {
		panic("disk on fire")
	}
	return nil, b.err
}

// concatenate is a fuser without arithmetic.
func concatenate() pipeline.Fuser {
	return pipeline.FuserFunc(func(inputs []pipeline.Ranking) (pipeline.Ranking, error) {
		seen := map[string]bool{}
		var hits []pipeline.Hit
		for _, in := range inputs {
			for _, h := range in.Hits {
				if !seen[h.Document.ID] {
					seen[h.Document.ID] = true
					h.Score = -float64(len(hits))
					hits = append(hits, h)
				}
			}
		}
		return pipeline.Merge(inputs, pipeline.Fused, hits), nil
	})
}

func TestOptionsReachEveryStoreOfAFan(t *testing.T) {
	t.Parallel()
	one, two := library(), library()
	vs := langchain.AsVectorStore(pipeline.Chain(pipeline.Fan(concatenate(),
		langchain.FromStore(one, langchain.PGVector, 10), langchain.FromStore(two, langchain.Weaviate, 10)), first(9)), one)
	_, err := vs.SimilaritySearch(t.Context(), "harbour", 3, vectorstores.WithNameSpace("port"))
	require.NoError(t, err)
	for _, store := range []*overlapStore{one, two} {
		o, _ := store.last()
		assert.Equal(t, "port", o.NameSpace)
	}
}

func TestAnOptionThatOneLegCannotHonourIsAnError(t *testing.T) {
	t.Parallel()
	store := library()
	other := func(context.Context, pipeline.Query) (pipeline.Ranking, error) {
		return pipeline.NewRanking("other", pipeline.RankOnly, nil)
	}
	with := func(leg pipeline.Retriever) langchain.VectorStore {
		return langchain.AsVectorStore(pipeline.Fan(concatenate(), langchain.FromStore(store, langchain.PGVector, 10), leg), store)
	}
	for name, c := range map[string]struct {
		vs     langchain.VectorStore
		option vectorstores.Option
		want   string
	}{
		"a retriever that is no store": {with(pipeline.RetrieverFunc(other)), vectorstores.WithNameSpace("n"), "only filters reach retriever"},
		"a schema.Retriever":           {with(langchain.FromRetriever(answering())), vectorstores.WithScoreThreshold(0.5), `only filters reach retriever "retriever"`},
		"a store that ignores it":      {with(langchain.FromStore(answering(), langchain.Qdrant, 3)), vectorstores.WithNameSpace("n"), "qdrant: WithNameSpace"},
		"a store of other filters":     {with(langchain.FromStore(answering(), langchain.Milvus, 3)), vectorstores.WithFilters(map[string]any{"a": "b"}), "milvus: filter of type"},
		"a schema.Retriever and a filter": {with(langchain.FromRetriever(answering())), vectorstores.WithFilters(map[string]any{"a": "b"}),
			"retriever: filter of type"},
	} {
		_, err := c.vs.SimilaritySearch(t.Context(), "harbour", 3, c.option)
		require.ErrorIs(t, err, langchain.ErrOption, name)
		require.ErrorContains(t, err, c.want, name)
		_, err = c.vs.SimilaritySearch(t.Context(), "harbour", 3)
		assert.NoError(t, err, name)
	}
}

func TestAddingToABrokenStore(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	store := library()
	p := langchain.FromStore(store, langchain.PGVector, 10)
	docs := []schema.Document{{PageContent: "x", Metadata: map[string]any{}}}

	vs := langchain.AsVectorStore(p, &brokenStore{err: full})
	ids, err := vs.AddDocuments(t.Context(), docs)
	require.ErrorIs(t, err, full)
	assert.Nil(t, ids)
	require.ErrorContains(t, err, "done in 0 of 1 stores")

	vs = langchain.AsVectorStore(p, store, langchain.Output{Mirrors: []vectorstores.VectorStore{&brokenStore{err: full}}})
	ids, err = vs.AddDocuments(t.Context(), docs)
	require.ErrorIs(t, err, full)
	assert.Equal(t, []string{"new-4"}, ids, "the first store has it")
	require.ErrorContains(t, err, "done in 1 of 2 stores")

	_, err = langchain.AsVectorStore(p, &brokenStore{}).AddDocuments(t.Context(), docs)
	assert.EqualError(t, err, "langchain: panic: disk on fire")
}

func TestVectorStoreMistakesAreErrors(t *testing.T) {
	t.Parallel()
	p := langchain.FromStore(library(), langchain.PGVector, 10)
	for name, vs := range map[string]langchain.VectorStore{
		"the store is nil":    langchain.AsVectorStore(p, nil),
		"a store is nil":      langchain.AsVectorStore(p, library(), langchain.Output{Mirrors: []vectorstores.VectorStore{nil}}),
		"the pipeline is nil": langchain.AsVectorStore(nil, library()),
		"the zero value":      {},
	} {
		_, err := vs.AddDocuments(t.Context(), nil)
		require.Error(t, err, name)
		_, err = vs.SimilaritySearch(t.Context(), "q", 3, vectorstores.WithNameSpace("n"))
		assert.Error(t, err, name)
	}
}

func TestAnEmptySearchOfAVectorStore(t *testing.T) {
	t.Parallel()
	p := langchain.FromStore(answering(), langchain.PGVector, 10)
	docs, err := langchain.AsVectorStore(p, library()).SimilaritySearch(t.Context(), "q", 3)
	require.NoError(t, err)
	assert.Equal(t, []schema.Document{}, docs)
	_, err = langchain.AsVectorStore(p, library(), langchain.Output{FailEmpty: true}).SimilaritySearch(t.Context(), "q", 3)
	assert.ErrorIs(t, err, langchain.ErrNoDocuments)
}

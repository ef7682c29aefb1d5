package langchain_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/langchain"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/schema"
	"github.com/tmc/langchaingo/vectorstores"
)

func TestMistakesAreReported(t *testing.T) {
	t.Parallel()
	store := answering()
	type options = langchain.Options
	from := langchain.FromStore
	for name, c := range map[string]struct {
		source *langchain.Source
		want   string
	}{
		"no store":            {from(nil, langchain.PGVector, 1), "pgvector: the store is nil: pass a vectorstores.VectorStore"},
		"no retriever":        {langchain.FromRetriever(nil), "retriever: the retriever is nil: pass a schema.Retriever"},
		"a limit of zero":     {from(store, langchain.PGVector, 0), "pgvector: limit is 0, want at least 1"},
		"a kind out of range": {from(store, langchain.Kind(99), 1), "invalid kind: kind 99 is none of the constants"},
		"two options":         {from(store, langchain.PGVector, 1, options{}, options{}), "pgvector: 2 values of langchain.Options, want at most one"},
		"a nil option":        {from(store, langchain.PGVector, 1, options{Store: []vectorstores.Option{nil}}), "pgvector: search option 1 is nil"},
		"options of a retriever": {langchain.FromRetriever(store, options{Store: []vectorstores.Option{vectorstores.WithNameSpace("n")}}),
			"retriever: Options.Store is set, but a schema.Retriever takes no options"},
		"a scale without scores": {from(store, langchain.Qdrant, 1, options{Scale: pipeline.Cosine}),
			"qdrant: scale cosine is declared, but scores are ignored: set Options.Score as well"},
		"a distance on a scale of similarities": {from(store, langchain.Milvus, 1, options{Scale: pipeline.Cosine}),
			`milvus: scale cosine does not fit the score policy "distance"`},
		"a similarity on the scale of distances": {from(store, langchain.PGVector, 1, options{Scale: pipeline.Distance}),
			`pgvector: scale negated distance does not fit the score policy "higher is better"`},
		"scores on the scale of ranks": {from(store, langchain.PGVector, 1, options{Scale: pipeline.RankOnly}),
			`pgvector: scale rank only does not fit the score policy "higher is better"`},
		"an unknown policy":           {from(store, langchain.PGVector, 1, options{Score: 9}), "pgvector: score policy 9 is none of the constants"},
		"an order by ignored scores":  {from(store, langchain.AnyStore, 1, options{Unordered: true}), "store: documents are unordered, but scores are ignored: set Options.Score"},
		"a bound below one":           {from(store, langchain.PGVector, 1, options{MaxAbandoned: -1}), "pgvector: MaxAbandoned is -1, want at least 1, or 0 for 64"},
		"the name stands in mistakes": {from(nil, langchain.PGVector, 1, options{Name: "articles"}), "articles: the store is nil: pass a vectorstores.VectorStore"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.EqualError(t, pipeline.Describe(c.source).Err, c.want)
			_, err := c.source.Retrieve(t.Context(), pipeline.Query{Text: "q"})
			assert.EqualError(t, err, c.want)
		})
	}
}

func TestWhatOptionsFixAQueryCannotChange(t *testing.T) {
	t.Parallel()
	store := library()
	s := langchain.FromStore(store, langchain.PGVector, 10, langchain.Options{IDKey: "id", Store: []vectorstores.Option{
		vectorstores.WithFilters(map[string]any{"id": "permits"}), vectorstores.WithNameSpace("port"),
		vectorstores.WithScoreThreshold(0.1), vectorstores.WithEmbedder(wordEmbedder{}),
	}})
	r, err := s.Retrieve(t.Context(), pipeline.Query{Text: "harbour"})
	require.NoError(t, err)
	assert.Equal(t, []string{"permits"}, r.IDs())
	fixed, _ := store.last()
	assert.Equal(t, "port", fixed.NameSpace)

	_, err = s.Retrieve(t.Context(), pipeline.Query{Text: "q", Filter: map[string]any{"id": "maps"}})
	require.ErrorIs(t, err, langchain.ErrOption)
	require.EqualError(t, err, "pgvector: filter of the query: option refused: Options.Store fixes it")

	vs := langchain.AsVectorStore(s, store)
	for _, option := range []vectorstores.Option{
		vectorstores.WithNameSpace("other"), vectorstores.WithScoreThreshold(0.5), vectorstores.WithEmbedder(wordEmbedder{}),
	} {
		_, err := vs.SimilaritySearch(t.Context(), "q", 1, option)
		assert.ErrorIs(t, err, langchain.ErrOption)
	}
}

// TestFixedOptionsAreNotSharedBetweenQueries would see one query append into
// the array of another.
func TestFixedOptionsAreNotSharedBetweenQueries(t *testing.T) {
	t.Parallel()
	store := library()
	fixed := make([]vectorstores.Option, 1, 8)
	fixed[0] = vectorstores.WithNameSpace("port")
	s := langchain.FromStore(store, langchain.PGVector, 10, langchain.Options{IDKey: "id", Store: fixed})
	for _, id := range []string{"maps", "permits"} {
		_, err := s.Retrieve(t.Context(), pipeline.Query{Text: "the", Filter: map[string]any{"id": id}})
		require.NoError(t, err)
	}
	assert.Nil(t, fixed[:2][1])
}

func TestARetrieverTakesNoFilter(t *testing.T) {
	t.Parallel()
	s := langchain.FromRetriever(answering(scored(1)...), langchain.Options{Score: langchain.ScoreHigherIsBetter, Scale: pipeline.Probability})
	_, err := s.Retrieve(t.Context(), pipeline.Query{Filter: "x"})
	require.EqualError(t, err, "retriever: filter of type string: option refused: a schema.Retriever takes none")
	r, err := s.Retrieve(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	assert.Equal(t, pipeline.Probability, r.Scale)
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	node := langchain.FromStore(answering(), langchain.AlloyDB, 50, langchain.Options{Unordered: true}).Describe()
	text := ""
	for _, s := range node.Settings {
		text += s.Name + "=" + s.Value + "; "
	}
	assert.Equal(t, "store=langchain_test.storeFunc; kind=alloydb; limit=50; "+
		"warning=the store returns as many documents as it was built for, whatever the limit; "+
		"score=distance; scale=negated distance; order=by score; ", text)
	assert.Equal(t, pipeline.Facts{Role: pipeline.RoleRetrieve, Limit: 50, Scale: pipeline.Distance}, node.Facts)
	assert.InDelta(t, 1.0, langchain.FromStore(answering(), langchain.Weaviate, 5).Describe().Facts.Max, 0)
	node = langchain.FromRetriever(answering()).Describe()
	assert.Equal(t, pipeline.Facts{Role: pipeline.RoleRetrieve, Scale: pipeline.RankOnly}, node.Facts)
}

func TestTheErrorOfAStoreStaysInTheChain(t *testing.T) {
	t.Parallel()
	down := fmt.Errorf("connection refused")
	s := langchain.FromStore(storeFunc(func(context.Context, string, int) ([]schema.Document, error) { return scored(1), down }), langchain.Chroma, 3)
	r, err := s.Retrieve(t.Context(), pipeline.Query{Text: "q"})
	require.ErrorIs(t, err, down)
	require.EqualError(t, err, "chroma: search: connection refused")
	assert.Empty(t, r.Hits)
}

func ExampleFromStore() {
	store := answering(
		schema.Document{PageContent: "Permits are signed by the harbour master.", Metadata: map[string]any{"id": "permits"}, Score: 0.8},
		schema.Document{PageContent: "The harbour was dredged in 1904.", Metadata: map[string]any{"id": "dredging"}, Score: 0.5},
	)
	candidates := langchain.FromStore(store, langchain.PGVector, 100, langchain.Options{IDKey: "id"})
	ranking, err := candidates.Retrieve(context.Background(), pipeline.Query{Text: "who signs permits?"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, hit := range ranking.Hits {
		fmt.Printf("%s %.1f (%v)\n", hit.Document.ID, hit.Score, ranking.Scale)
	}
	// Output:
	// permits 0.8 (cosine)
	// dredging 0.5 (cosine)
}

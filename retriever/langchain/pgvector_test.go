package langchain_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/langchain"
	"github.com/rankcascade/cascade/retriever/retrievertest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/chains"
	"github.com/tmc/langchaingo/schema"
	"github.com/tmc/langchaingo/vectorstores"
	"github.com/tmc/langchaingo/vectorstores/pgvector"
)

// pool connects to the server of CASCADE_PGVECTOR or skips the test.
func pool(t testing.TB) *pgxpool.Pool {
	t.Helper()
	address := os.Getenv("CASCADE_PGVECTOR")
	if address == "" {
		t.Skip("no pgvector: run the tests as .ci/pgvector.sh go test ./retriever/langchain/..., " +
			"or set CASCADE_PGVECTOR to the postgres:// address of a PostgreSQL with pgvector")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	p, err := pgxpool.New(ctx, address)
	require.NoError(t, err)
	t.Cleanup(func() { closePool(t, p) })
	require.NoError(t, p.Ping(ctx))
	return p
}

// closePool does not wait for ever: a store whose constructor fails keeps its
// connection, and closing a pool waits for all of them.
func closePool(t testing.TB, p *pgxpool.Pool) {
	closed := make(chan struct{})
	go func() { p.Close(); close(closed) }()
	select {
	case <-closed:
	case <-time.After(5 * time.Second):
		t.Error("a connection of the pool was not given back")
	}
}

// collection makes an empty collection of langchaingo's own store.
func collection(t testing.TB, p *pgxpool.Pool) pgvector.Store {
	t.Helper()
	name := strings.NewReplacer("/", "_", "'", "").Replace(t.Name())
	store, err := pgvector.New(t.Context(), pgvector.WithConn(p), pgvector.WithEmbedder(wordEmbedder{}),
		pgvector.WithCollectionName(fmt.Sprint(name, "_", time.Now().UnixNano())))
	require.NoError(t, err)
	return store
}

func rules() []schema.Document {
	return []schema.Document{
		{PageContent: "the harbour master signs every permit", Metadata: map[string]any{"id": "permits", "topic": "port", "page": 3}},
		{PageContent: "ships wait outside the harbour until the tide turns", Metadata: map[string]any{"id": "tide", "topic": "sea"}},
		{PageContent: "the library lends old maps", Metadata: map[string]any{"id": "maps", "topic": "town", "author": "O'Brien"}},
	}
}

func TestPGVector(t *testing.T) {
	p := pool(t)
	store := collection(t, p)
	_, err := store.AddDocuments(t.Context(), rules())
	require.NoError(t, err)
	articles := langchain.FromStore(store, langchain.PGVector, 100, named())

	t.Run("its scores are cosines, best first", func(t *testing.T) {
		r, err := articles.Retrieve(t.Context(), pipeline.Query{Text: "who signs a harbour permit"})
		require.NoError(t, err)
		require.NoError(t, r.Validate())
		assert.Equal(t, "permits", r.IDs()[0])
		assert.Len(t, r.Hits, 3)
		assert.Empty(t, r.Gaps, "the order of the store agrees with its scores")
		assert.Equal(t, pipeline.Cosine, r.Scale)
		assert.InDelta(t, cosine(t, "who signs a harbour permit", r.Hits[0].Document.Text), r.Hits[0].Score, 1e-6)
		assert.InDelta(t, float64(3), r.Hits[0].Document.Metadata["page"], 0)
	})
	t.Run("the same text has cosine 1", func(t *testing.T) {
		r, err := articles.Retrieve(t.Context(), pipeline.Query{Text: "the library lends old maps"})
		require.NoError(t, err)
		assert.InDelta(t, 1, r.Hits[0].Score, 1e-6)
	})
	t.Run("a filter reaches the database", func(t *testing.T) {
		r, err := articles.Retrieve(t.Context(), pipeline.Query{Text: "harbour", Filter: map[string]any{"topic": "sea"}})
		require.NoError(t, err)
		assert.Equal(t, []string{"tide"}, r.IDs())
		r, err = articles.Retrieve(t.Context(), pipeline.Query{Text: "harbour", Filter: map[string]any{"page": "3"}})
		require.NoError(t, err)
		assert.Equal(t, []string{"permits"}, r.IDs(), "a number is compared as text")
	})
	t.Run("a filter cannot break out of its statement", func(t *testing.T) {
		hostile := map[string]any{"topic": "x' OR 'a' = 'a"}
		docs, err := store.SimilaritySearch(t.Context(), "harbour", 10, vectorstores.WithFilters(hostile))
		require.NoError(t, err)
		assert.Len(t, docs, 3, "the store itself lets text out of the filter: this is why it is refused")
		_, err = articles.Retrieve(t.Context(), pipeline.Query{Text: "harbour", Filter: hostile})
		assert.ErrorIs(t, err, langchain.ErrOption)
	})
	t.Run("a query without words has no cosine, which is a gap and not a NaN", func(t *testing.T) {
		r, err := articles.Retrieve(t.Context(), pipeline.Query{Text: ""})
		require.NoError(t, err)
		require.NoError(t, r.Validate())
		assert.Len(t, r.Hits, 3)
		assert.ErrorIs(t, r.Err(), langchain.ErrScores)
	})
	t.Run("a context that has ended", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := articles.Retrieve(ctx, pipeline.Query{Text: "harbour"})
		assert.ErrorIs(t, err, context.Canceled)
	})
	t.Run("concurrent queries", func(t *testing.T) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				r, err := articles.Retrieve(t.Context(), pipeline.Query{Text: "who signs a harbour permit"})
				if assert.NoError(t, err) {
					assert.Equal(t, "permits", r.IDs()[0])
				}
			})
		}
		wg.Wait()
	})
}

func TestPGVectorAsVectorStore(t *testing.T) {
	p := pool(t)
	store := collection(t, p)
	vs := langchain.AsVectorStore(pipeline.Chain(langchain.FromStore(store, langchain.PGVector, 100), reversed()), store)
	ids, err := vs.AddDocuments(t.Context(), rules())
	require.NoError(t, err)
	assert.Len(t, ids, 3)

	docs, err := vs.SimilaritySearch(t.Context(), "harbour permit", 2)
	require.NoError(t, err)
	assert.Equal(t, "the library lends old maps", docs[0].PageContent, "the last of all three candidates is first now")
	assert.Len(t, docs, 2)

	docs, err = vs.SimilaritySearch(t.Context(), "the harbour master signs every permit", 5, vectorstores.WithScoreThreshold(0.9))
	require.NoError(t, err)
	assert.Equal(t, []string{"the harbour master signs every permit"}, contents(docs), "the threshold is one of the store's cosines")

	docs, err = vs.SimilaritySearch(t.Context(), "harbour", 5, vectorstores.WithNameSpace("no such collection"))
	require.NoError(t, err)
	assert.Empty(t, docs, "the name space is the collection")

	model := &echo{}
	qa := chains.NewRetrievalQAFromLLM(model, vectorstores.ToRetriever(vs, 1, vectorstores.WithFilters(map[string]any{"topic": "sea"})))
	_, err = chains.Run(t.Context(), qa, "when do ships enter?")
	require.NoError(t, err)
	assert.Contains(t, model.prompt(0), "until the tide turns")
}

// TestPGVectorContract runs the contract of every retriever on the real store.
func TestPGVectorContract(t *testing.T) {
	p := pool(t)
	retrievertest.Run(t, retrievertest.Subject{
		Scale: pipeline.Cosine,
		New: func(t testing.TB, documents []pipeline.Document, limit int) (pipeline.Retriever, error) {
			store := collection(t, p)
			docs := make([]schema.Document, len(documents))
			for i, d := range documents {
				docs[i] = schema.Document{PageContent: d.Text, Metadata: map[string]any{"doc_id": d.ID, "kind": d.Metadata["kind"], "tags": d.Metadata["tags"]}}
			}
			if _, err := store.AddDocuments(t.Context(), docs); err != nil {
				return nil, err
			}
			return langchain.FromStore(store, langchain.PGVector, limit, langchain.Options{IDKey: "doc_id"}), nil
		},
		Blank:     retrievertest.BlankAnswers,
		LooseTies: true,
	})
}

func cosine(t *testing.T, a, b string) float64 {
	t.Helper()
	vectors, err := wordEmbedder{}.EmbedDocuments(t.Context(), []string{a, b})
	require.NoError(t, err)
	var ab, aa, bb float64
	for i := range vectors[0] {
		x, y := float64(vectors[0][i]), float64(vectors[1][i])
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	return ab / math.Sqrt(aa*bb)
}

// TestP18PGVectorFilters compares what the real store shows with Filter.Match. Its
// documents have no lists, of which the store compares the text as a whole.
func TestP18PGVectorFilters(t *testing.T) {
	p := pool(t)
	retrievertest.RunFilters(t, retrievertest.FilterSubject{
		New: func(t testing.TB, documents []pipeline.Document, limit int) pipeline.Retriever {
			store := collection(t, p)
			docs := make([]schema.Document, len(documents))
			for i, d := range documents {
				docs[i] = schema.Document{PageContent: d.Text, Metadata: maps.Clone(d.Metadata)}
			}
			_, err := store.AddDocuments(t.Context(), docs)
			require.NoError(t, err)
			return langchain.FromStore(store, langchain.PGVector, limit, langchain.Options{
				ID: func(d schema.Document) string { return d.PageContent[strings.LastIndex(d.PageContent, " ")+1:] },
			})
		},
		Refuses: func(c pipeline.Condition) bool {
			if c.Op != pipeline.ConditionEq || len(c.Path) > 1 || strings.Contains(c.Path[0], "'") {
				return true
			}
			kind := c.Values[0].Kind()
			return kind == pipeline.NumberValue || kind == pipeline.TimeValue
		},
		Holds: func(d pipeline.Document) bool {
			_, err := json.Marshal(d.Metadata)
			for _, v := range d.Metadata {
				if k := reflect.ValueOf(v).Kind(); k == reflect.Slice {
					return false
				}
			}
			return err == nil
		},
	})
}

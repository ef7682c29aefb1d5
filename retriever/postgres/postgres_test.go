package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/postgres"
	"github.com/rankcascade/cascade/retriever/retrievertest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const dimensions = 64

// words embeds a text by the words that it has.
type words struct {
	fail func(ctx context.Context) error
}

func (words) EmbedDocuments(_ context.Context, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	for i, text := range texts {
		out[i] = make([]float32, dimensions)
		for _, w := range strings.Fields(text) {
			h := fnv.New32a()
			h.Write([]byte(w))
			out[i][h.Sum32()%dimensions]++
		}
	}
	return out, nil
}

func (w words) EmbedQuery(ctx context.Context, text string) ([]float32, error) {
	if w.fail != nil {
		if err := w.fail(ctx); err != nil {
			return nil, err
		}
	}
	v, err := w.EmbedDocuments(ctx, []string{text})
	return v[0], err
}

// lazy makes a pool that has not connected.
func lazy(t testing.TB, address string) *pgxpool.Pool {
	t.Helper()
	p, err := pgxpool.New(t.Context(), address)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

// pool connects to the server of CASCADE_PGVECTOR or skips the test.
func pool(t testing.TB) *pgxpool.Pool {
	t.Helper()
	address := os.Getenv("CASCADE_PGVECTOR")
	if address == "" {
		t.Skip("no pgvector: run the tests as .ci/pgvector.sh go test ./retriever/postgres/...")
	}
	p := lazy(t, address)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	require.NoError(t, p.Ping(ctx))
	return p
}

var tables atomic.Int64

// filled makes a table of its own with the documents.
func filled(t testing.TB, p *pgxpool.Pool, o postgres.Options, e postgres.Embedder, documents ...pipeline.Document) *postgres.Store {
	t.Helper()
	o.Table = fmt.Sprintf("cascade test \"%d\" %d", time.Now().UnixNano(), tables.Add(1))
	if e != nil {
		o.Dimensions = dimensions
	}
	s, err := postgres.New(p, e, o)
	require.NoError(t, err)
	require.NoError(t, s.Migrate(t.Context(), func(string) error { return nil }))
	t.Cleanup(func() {
		_, err := p.Exec(context.Background(), "DROP TABLE "+pgx.Identifier{o.Table}.Sanitize())
		assert.NoError(t, err)
	})
	require.NoError(t, s.Load(t.Context(), pipeline.Documents(documents...)))
	return s
}

func TestContract(t *testing.T) {
	p := pool(t)
	for name, leg := range map[string]func(*postgres.Store) *postgres.Retriever{"text": (*postgres.Store).Text, "vectors": (*postgres.Store).Vectors} {
		t.Run(name, func(t *testing.T) {
			s := retrievertest.Subject{
				Scale:  pipeline.Unbounded,
				Filter: func(key, value string) any { return map[string]any{key: value} },
				New: func(t testing.TB, documents []pipeline.Document, limit int) (pipeline.Retriever, error) {
					if _, err := postgres.New(p, words{}, postgres.Options{Limit: limit, Dimensions: dimensions}); err != nil {
						return nil, err
					}
					return leg(filled(t, p, postgres.Options{Limit: limit, AnyWord: true, Language: "simple"}, words{}, documents...)), nil
				},
			}
			if name == "vectors" {
				s.Scale = pipeline.Cosine
				failing := func(t testing.TB, f func(context.Context) error) pipeline.Retriever {
					return leg(filled(t, p, postgres.Options{}, words{f}, retrievertest.Corpus()...))
				}
				s.Broken = func(t testing.TB, err error) pipeline.Retriever {
					return failing(t, func(context.Context) error { return err })
				}
				s.Hanging = func(t testing.TB) pipeline.Retriever {
					return failing(t, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
				}
				s.Panicking = func(t testing.TB) pipeline.Retriever {
					return failing(t, func(context.Context) error { panic("no vector today") })
				}
			}
			retrievertest.Run(t, s)
		})
	}
}

func TestP18FiltersMeanWhatTheyMeanEverywhere(t *testing.T) {
	p := pool(t)
	retrievertest.RunFilters(t, retrievertest.FilterSubject{
		New: func(t testing.TB, documents []pipeline.Document, limit int) pipeline.Retriever {
			return filled(t, p, postgres.Options{Limit: limit}, nil, documents...).Text()
		},
		Holds: func(d pipeline.Document) bool {
			f, ok := d.Metadata["n"].(float64)
			return !ok || !math.IsNaN(f) && !math.IsInf(f, 0)
		},
	})
}

func TestAHybridKeepsTheScoresOfBothLegs(t *testing.T) {
	p := pool(t)
	s := filled(t, p, postgres.Options{AnyWord: true}, words{}, retrievertest.Corpus()...)
	first := pipeline.FuserFunc(func(in []pipeline.Ranking) (pipeline.Ranking, error) {
		require.Len(t, in, 2)
		return pipeline.Merge(in, in[0].Scale, in[0].Hits), nil
	})
	r, err := s.Hybrid(first).Retrieve(t.Context(), pipeline.Query{Text: "bread with salt", Filter: pipeline.Eq("kind", "food")})
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"bread", "soup"}, r.IDs())
	_, ok := r.Hits[0].Mark("postgres text")
	assert.True(t, ok)
	bm := pipeline.Describe(s.Hybrid(first))
	assert.Len(t, bm.Children, 3)
}

func TestWordsAreReadAsOptionsSay(t *testing.T) {
	p := pool(t)
	documents := []pipeline.Document{{ID: "a", Text: "ships wait in the harbour"}, {ID: "b", Text: "the harbour is calm"}, {ID: "c", Text: "calm ships"}}
	find := func(o postgres.Options, text string) []string {
		r, err := filled(t, p, o, nil, documents...).Text().Retrieve(t.Context(), pipeline.Query{Text: text})
		require.NoError(t, err)
		return r.IDs()
	}
	assert.Equal(t, []string{"a"}, find(postgres.Options{}, "ship harbour"), "all words, by their stems")
	assert.ElementsMatch(t, []string{"b"}, find(postgres.Options{}, "harbour -ships"))
	assert.ElementsMatch(t, []string{"a", "b", "c"}, find(postgres.Options{AnyWord: true}, "ship harbour"))
	assert.Empty(t, find(postgres.Options{Language: "simple"}, "ship"), "without stems")
	assert.Equal(t, []string{"c"}, find(postgres.Options{Rank: postgres.Density, Normalization: 2}, `"calm ships"`))
}

func TestDocumentsAreReplacedDeletedAndHandedOut(t *testing.T) {
	p := pool(t)
	var documents []pipeline.Document
	for i := range 4 {
		documents = append(documents, pipeline.Document{ID: fmt.Sprint("p", i), Text: "harbour", Metadata: map[string]any{
			"source": "book", "position": i, "big": int64(1)<<53 + 1, "list": []any{"x", 2.5},
		}})
	}
	s := filled(t, p, postgres.Options{Batch: 3}, nil, documents...)
	var f pipeline.Fetcher = s
	got, err := f.Fetch(t.Context(), []string{"p2", "none", "p0", "p2"})
	require.NoError(t, err)
	require.Len(t, got, 2)
	assert.Equal(t, "p2", got[0].ID)
	assert.Equal(t, int64(1)<<53+1, got[0].Metadata["big"])
	assert.Equal(t, []any{"x", 2.5}, got[0].Metadata["list"])
	got, err = f.Neighbours(t.Context(), "p1", 1, 5)
	require.NoError(t, err)
	assert.Len(t, got, 4)
	got, err = f.Neighbours(t.Context(), "none", 1, 5)
	require.NoError(t, err)
	assert.Empty(t, got)

	require.NoError(t, s.Load(t.Context(), pipeline.Documents(pipeline.Document{ID: "p0", Text: "desert"})))
	require.NoError(t, s.Delete(t.Context(), "p1", "none"))
	r, err := s.Text().Retrieve(t.Context(), pipeline.Query{Text: "harbour"})
	require.NoError(t, err)
	assert.Equal(t, []string{"p2", "p3"}, r.IDs())
}

// A batch is one statement with a list for each column: no character of a value ends
// the list, and of one ID the last document counts.
func TestABatchKeepsEveryCharacterAndTheLastOfAnID(t *testing.T) {
	p := pool(t)
	odd := []string{`a"b`, `c\d`, "e,f", "{g}", "NULL", "", " h ", "line\nbreak", "ünï", `\"`, "'"}
	var documents []pipeline.Document
	for i, text := range odd {
		documents = append(documents, pipeline.Document{ID: fmt.Sprint(i) + text, Text: "harbour " + text, Metadata: map[string]any{"k": text, "key " + text: i}})
	}
	documents = append(documents, pipeline.Document{ID: "twice", Text: "desert"}, pipeline.Document{ID: "twice", Text: "harbour", Metadata: map[string]any{"k": "last"}})
	s := filled(t, p, postgres.Options{}, nil, documents...)
	for _, d := range documents[:len(odd)] {
		r, err := s.Text().Retrieve(t.Context(), pipeline.Query{Text: "harbour", Filter: pipeline.And(pipeline.Eq("k", d.Metadata["k"]), pipeline.Exists("key "+d.Metadata["k"].(string)))})
		require.NoError(t, err)
		require.Equal(t, []string{d.ID}, r.IDs())
		assert.Equal(t, d.Text, r.Hits[0].Document.Text)
		assert.Equal(t, d.Metadata["k"], r.Hits[0].Document.Metadata["k"])
	}
	got, err := s.Fetch(t.Context(), []string{"twice"})
	require.NoError(t, err)
	require.Len(t, got, 1)
	assert.Equal(t, "harbour", got[0].Text)
	assert.Equal(t, "last", got[0].Metadata["k"])
}

func TestAFilterCannotBreakOutOfItsStatement(t *testing.T) {
	p := pool(t)
	s := filled(t, p, postgres.Options{}, nil, pipeline.Document{ID: "a", Text: "harbour", Metadata: map[string]any{"tenant": "a"}})
	for _, hostile := range []string{"x' OR 'a' = 'a", `x") OR true --`, "$1", `\'; DROP TABLE x; --`, "%", "{a,b}", strings.Repeat("x", 5000)} {
		for _, f := range []pipeline.Filter{pipeline.Eq("tenant", hostile), pipeline.Eq(hostile, "a"), pipeline.Contains("tenant", hostile), pipeline.Prefix(hostile, hostile)} {
			r, err := s.Text().Retrieve(t.Context(), pipeline.Query{Text: "harbour", Filter: f})
			require.NoError(t, err, "%s", f)
			assert.Empty(t, r.Hits, "%s", f)
		}
	}
	long := pipeline.Document{ID: "long", Text: "harbour", Metadata: map[string]any{"tenant": strings.Repeat("x", 5000)}}
	require.NoError(t, s.Load(t.Context(), pipeline.Documents(long)))
	for _, f := range []pipeline.Filter{pipeline.Eq("tenant", long.Metadata["tenant"]), pipeline.Prefix("tenant", "xxx")} {
		r, err := s.Text().Retrieve(t.Context(), pipeline.Query{Text: "harbour", Filter: f})
		require.NoError(t, err)
		assert.Equal(t, []string{"long"}, r.IDs())
	}
	_, err := s.Text().Retrieve(t.Context(), pipeline.Query{Text: "harbour", Filter: pipeline.Eq("tenant", "a\x00")})
	require.ErrorIs(t, err, pipeline.ErrFilter)
}

func TestBadInputIsAnErrorByName(t *testing.T) {
	p := pool(t)
	ctx := t.Context()
	absent, err := postgres.New(p, words{}, postgres.Options{Table: "nobody made it", Dimensions: dimensions})
	require.NoError(t, err)
	_, err = absent.Text().Retrieve(ctx, pipeline.Query{Text: "x"})
	require.ErrorIs(t, err, postgres.ErrSchema)
	require.Equal(t, pipeline.ReasonClientError, pipeline.ReasonOf(err))
	_, err = absent.Vectors().Retrieve(ctx, pipeline.Query{Text: "x"})
	require.ErrorIs(t, err, postgres.ErrSchema)
	require.ErrorIs(t, absent.Load(ctx, pipeline.Documents(pipeline.Document{ID: "a"})), postgres.ErrSchema)
	language, err := postgres.New(p, nil, postgres.Options{Table: "klingon", Language: "klingon"})
	require.NoError(t, err)
	require.ErrorIs(t, language.Migrate(ctx, func(string) error { return nil }), postgres.ErrSchema)

	s := filled(t, p, postgres.Options{}, words{})
	for says, d := range map[string]pipeline.Document{
		"has no ID": {Text: "x"}, "not UTF-8": {ID: "a", Text: "\xff"}, "zero byte": {ID: "a\x00"},
		"unsupported value": {ID: "a", Metadata: map[string]any{"n": math.NaN()}}, "its metadata has a zero byte": {ID: "a", Metadata: map[string]any{"n": "\x00"}},
	} {
		err := s.Load(ctx, pipeline.Documents(d))
		require.ErrorIs(t, err, postgres.ErrDocument, says)
		require.ErrorContains(t, err, says)
	}
	boom := errors.New("boom")
	require.ErrorIs(t, s.Load(ctx, func(yield func(pipeline.Document, error) bool) { yield(pipeline.Document{}, boom) }), boom)
	require.ErrorIs(t, s.Migrate(ctx, func(string) error { return boom }), boom)
	require.Error(t, s.Migrate(ctx, nil))

	gone, cancel := context.WithCancelCause(ctx)
	cancel(boom)
	require.ErrorIs(t, s.Delete(gone, "a"), boom)
	_, err = s.Fetch(gone, []string{"a"})
	require.ErrorIs(t, err, boom)
}

func TestAServerThatIsNotThereIsAnErrorWithoutThePassword(t *testing.T) {
	t.Parallel()
	s, err := postgres.New(lazy(t, "postgres://user:secret@127.0.0.1:1/none?connect_timeout=1"), nil, postgres.Options{})
	require.NoError(t, err)
	_, err = s.Text().Retrieve(t.Context(), pipeline.Query{Text: "x"})
	require.ErrorIs(t, err, postgres.ErrUnavailable)
	require.Equal(t, pipeline.ReasonTransport, pipeline.ReasonOf(err))
	require.NotContains(t, err.Error(), "secret")
	require.ErrorIs(t, s.Load(t.Context(), pipeline.Documents(pipeline.Document{ID: "a"})), postgres.ErrUnavailable)
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	p := lazy(t, "postgres://127.0.0.1:1/none")
	for says, o := range map[string]postgres.Options{
		"limit is -1": {Limit: -1}, "batch is -1": {Batch: -1}, "dimensions is -1": {Dimensions: -1}, "dimensions is 16001": {Dimensions: 16001},
		"metric 3": {Metric: 3}, "rank 2": {Rank: 2}, "normalization is 64": {Normalization: 64}, "table is not a name": {Table: "a.b.c"},
		"belong together": {Dimensions: 3},
	} {
		_, err := postgres.New(p, nil, o)
		require.ErrorContains(t, err, says)
	}
	_, err := postgres.New(nil, nil, postgres.Options{})
	require.ErrorContains(t, err, "pool is nil")
	s, err := postgres.New(p, nil, postgres.Options{})
	require.NoError(t, err)
	_, err = s.Vectors().Retrieve(t.Context(), pipeline.Query{Text: "x"})
	require.ErrorIs(t, err, postgres.ErrSchema, "there are no vectors")
	_, err = s.Text().Retrieve(t.Context(), pipeline.Query{Text: "x", Filter: 7})
	require.ErrorIs(t, err, pipeline.ErrFilter)
	wrong, err := postgres.New(p, words{}, postgres.Options{Dimensions: 3})
	require.NoError(t, err)
	_, err = wrong.Vectors().Retrieve(t.Context(), pipeline.Query{Text: "x"})
	require.ErrorIs(t, err, postgres.ErrDimensions)
	require.ErrorIs(t, wrong.Load(t.Context(), pipeline.Documents(pipeline.Document{ID: "a"})), postgres.ErrDimensions)
	n := pipeline.Describe(wrong.Vectors())
	assert.Equal(t, "postgres vectors", n.Name)
	assert.Equal(t, pipeline.Cosine, n.Facts.Scale)
}

func TestMetricsOfVectors(t *testing.T) {
	p := pool(t)
	for metric, want := range map[postgres.Metric]float64{postgres.Cosine: 1, postgres.Dot: 2, postgres.Euclid: 0} {
		s := filled(t, p, postgres.Options{Metric: metric}, words{}, pipeline.Document{ID: "a", Text: "two words"}, pipeline.Document{ID: "b", Text: ""})
		r, err := s.Vectors().Retrieve(t.Context(), pipeline.Query{Text: "two words"})
		require.NoError(t, err)
		assert.Equal(t, []string{"a", "b"}, r.IDs())
		assert.InDelta(t, want, r.Hits[0].Score, 1e-6)
		assert.Equal(t, metric.Scale(), r.Scale)
		assert.LessOrEqual(t, r.Hits[1].Score, 0.0, "a vector without length")
	}
}

func ExampleStore_Schema() {
	config, _ := pgxpool.ParseConfig("postgres://127.0.0.1:1/none")
	pool, _ := pgxpool.NewWithConfig(context.Background(), config)
	defer pool.Close()
	store, err := postgres.New(pool, nil, postgres.Options{Table: "library.passages"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, statement := range store.Schema() {
		fmt.Println(statement)
	}
	// Output:
	// CREATE TABLE IF NOT EXISTS "library"."passages" (
	// 	id text PRIMARY KEY,
	// 	content text NOT NULL,
	// 	metadata jsonb,
	// 	facts text[] NOT NULL,
	// 	keys text[] NOT NULL,
	// 	words tsvector GENERATED ALWAYS AS (to_tsvector('english'::regconfig, content)) STORED
	// )
	// CREATE INDEX IF NOT EXISTS "passages_words" ON "library"."passages" USING gin (words)
	// CREATE INDEX IF NOT EXISTS "passages_keys" ON "library"."passages" USING gin (keys)
}

func TestFetcherContract(t *testing.T) {
	p := pool(t)
	build := func(t testing.TB, documents []pipeline.Document) *postgres.Store {
		return filled(t, p, postgres.Options{}, nil, documents...)
	}
	retrievertest.RunFetcher(t, retrievertest.FetcherSubject{
		New: func(t testing.TB, documents []pipeline.Document) pipeline.Fetcher { return build(t, documents) },
		Delete: func(t testing.TB, f pipeline.Fetcher, ids ...string) {
			require.NoError(t, f.(*postgres.Store).Delete(t.Context(), ids...))
		},
		Tenant: func(t testing.TB, documents []pipeline.Document, key, value string) pipeline.Fetcher {
			return pipeline.GuardFetcher(build(t, documents), retrievertest.Allowing(key, value))
		},
	})
}

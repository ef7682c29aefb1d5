package memory_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/memory"
	"github.com/rankcascade/cascade/retriever/retrievertest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func entries(list []memory.Entry, last error) func(func(memory.Entry, error) bool) {
	return func(yield func(memory.Entry, error) bool) {
		for _, e := range list {
			if !yield(e, nil) {
				return
			}
		}
		if last != nil {
			yield(memory.Entry{}, last)
		}
	}
}

func rowsOf(vectors ...[]float32) []memory.Entry {
	list := make([]memory.Entry, len(vectors))
	for i, v := range vectors {
		list[i] = memory.Entry{Document: pipeline.Document{ID: strconv.Itoa(i)}, Vector: v}
	}
	return list
}

func TestScoresAreTheFormulas(t *testing.T) {
	t.Parallel()
	list := rowsOf([]float32{3, 4}, []float32{-3, -4}, []float32{0, 0}, []float32{1, 0})
	for metric, want := range map[memory.Metric][]float64{
		memory.Cosine: {(3*6 + 4*8) / (5.0 * 10), -1, 0, 6 / 10.0},
		memory.Dot:    {50, -50, 0, 6},
		memory.Euclid: {-5, -15, -10, -math.Sqrt(25 + 64)},
	} {
		x, err := memory.FromVectors(t.Context(), nil, entries(list, nil), memory.Options{Metric: metric})
		require.NoError(t, err)
		r, err := x.Retrieve(t.Context(), memory.Vector.With(pipeline.Query{}, []float32{6, 8}))
		require.NoError(t, err)
		for _, h := range r.Hits {
			i, err := strconv.Atoi(h.Document.ID)
			require.NoError(t, err)
			assert.InDelta(t, want[i], h.Score, 1e-6, "%v of row %d", metric, i)
		}
	}
}

// TestNearestIsSortThenCut compares with a search that computes in float64,
// sorts everything and cuts. Small whole components make both exact.
func TestNearestIsSortThenCut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 21).Draw(rt, "dimensions")
		vector := rapid.Custom(func(rt *rapid.T) []float32 {
			v := make([]float32, n)
			for i := range v {
				v[i] = float32(rapid.IntRange(-3, 3).Draw(rt, "component"))
			}
			return v
		})
		list := rowsOf(rapid.SliceOfN(vector, 0, 40).Draw(rt, "rows")...)
		query := vector.Draw(rt, "query")
		limit := rapid.IntRange(1, 50).Draw(rt, "limit")
		for _, metric := range []memory.Metric{memory.Dot, memory.Euclid} {
			x, err := memory.FromVectors(t.Context(), nil, entries(list, nil), memory.Options{Metric: metric, Limit: limit})
			require.NoError(rt, err)
			r, err := x.Retrieve(t.Context(), memory.Vector.With(pipeline.Query{}, query))
			require.NoError(rt, err)
			require.Equal(rt, slow(list, query, metric, limit), r.IDs())
		}
	})
}

func slow(list []memory.Entry, query []float32, metric memory.Metric, limit int) []string {
	scores := map[string]float64{}
	ids := []string{}
	for _, e := range list {
		sum := 0.0
		for i, c := range e.Vector {
			if metric == memory.Dot {
				sum += float64(c) * float64(query[i])
			} else {
				sum -= float64(c-query[i]) * float64(c-query[i])
			}
		}
		scores[e.Document.ID] = sum
		ids = append(ids, e.Document.ID)
	}
	slices.SortFunc(ids, func(a, b string) int { return pipeline.Compare(scores[a], scores[b], 0, 0, a, b) })
	return ids[:min(limit, len(ids))]
}

func TestTheNumberOfCoresDoesNotShow(t *testing.T) {
	rows := make([][]float32, 20_500) // enough for all cores
	for i := range rows {
		rows[i] = []float32{float32(i % 97), float32(i % 89), 1}
	}
	x, err := memory.FromVectors(t.Context(), nil, entries(rowsOf(rows...), nil), memory.Options{})
	require.NoError(t, err)
	q := memory.Vector.With(pipeline.Query{}, []float32{0.3, 0.7, 0.1})
	var before []pipeline.Hit
	for _, cores := range []int{1, 2, 5, 16} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		r, err := x.Retrieve(t.Context(), q)
		require.NoError(t, err)
		require.Len(t, r.Hits, 100)
		if before != nil {
			assert.Equal(t, before, r.Hits, "%d cores", cores)
		}
		before = r.Hits
	}
	q.Filter = func(pipeline.Document) bool { panic("no decision today") }
	_, err = x.Retrieve(t.Context(), q)
	var p *pipeline.PanicError
	require.ErrorAs(t, err, &p, "a panic in the filter, on any core")
}

func TestIndexesThatAreRefused(t *testing.T) {
	t.Parallel()
	lost := errors.New("connection lost")
	inf := float32(math.Inf(1))
	for sentence, c := range map[string]struct {
		list []memory.Entry
		last error
		o    memory.Options
		says string
	}{
		"a negative limit":             {nil, nil, memory.Options{Limit: -1}, "limit is -1"},
		"a negative batch":             {nil, nil, memory.Options{Batch: -1}, "batch is -1"},
		"an unknown metric":            {nil, nil, memory.Options{Metric: 9}, "metric 9"},
		"an empty ID":                  {[]memory.Entry{{Vector: []float32{1}}}, nil, memory.Options{}, "document 1 has no ID"},
		"a repeated ID":                {append(rowsOf([]float32{1}), rowsOf([]float32{2})...), nil, memory.Options{}, `document 2: ID "0" was already given to document 1`},
		"vectors of unequal length":    {rowsOf([]float32{1}, []float32{1, 2}), nil, memory.Options{}, "document 2: the vector has 2 dimensions, the others have 1"},
		"an empty vector":              {rowsOf([]float32{}), nil, memory.Options{}, "document 1: the vector is empty"},
		"a component without a value":  {rowsOf([]float32{0, inf}), nil, memory.Options{}, "component 1 of the vector is +Inf"},
		"an error of the iterator":     {rowsOf([]float32{1}), lost, memory.Options{}, "document 2: connection lost"},
		"no embedder and no documents": {nil, nil, memory.Options{}, ""},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			_, err := memory.FromVectors(t.Context(), nil, entries(c.list, c.last), c.o)
			if c.says == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, c.says)
		})
	}
}

// miscounting returns a vector too few, and its error for queries.
type miscounting struct{ err error }

func (m miscounting) EmbedDocuments(_ context.Context, texts []string) ([][]float32, error) {
	return make([][]float32, len(texts)-1), m.err
}
func (m miscounting) EmbedQuery(context.Context, string) ([]float32, error) { return nil, nil }

func TestEmbeddersThatMisbehave(t *testing.T) {
	t.Parallel()
	documents := retrievertest.All(retrievertest.Corpus())
	_, err := memory.New(t.Context(), nil, documents, memory.Options{})
	require.ErrorContains(t, err, "the embedder is nil")
	_, err = memory.New(t.Context(), miscounting{}, documents, memory.Options{})
	require.ErrorContains(t, err, "9 vectors for 10 texts")
	quota := errors.New("quota")
	_, err = memory.New(t.Context(), miscounting{quota}, documents, memory.Options{})
	require.ErrorIs(t, err, quota)
	x, err := memory.FromVectors(t.Context(), miscounting{}, entries(rowsOf([]float32{1}), nil), memory.Options{})
	require.NoError(t, err)
	_, err = x.Retrieve(t.Context(), pipeline.Query{Text: "water"})
	require.ErrorContains(t, err, "query: the vector is empty")
	_, err = x.Retrieve(t.Context(), memory.Vector.With(pipeline.Query{}, []float32{1, 2}))
	require.ErrorContains(t, err, "2 dimensions")
	bare, err := memory.FromVectors(t.Context(), nil, entries(rowsOf([]float32{1}), nil), memory.Options{})
	require.NoError(t, err)
	_, err = bare.Retrieve(t.Context(), pipeline.Query{Text: "water"})
	require.ErrorContains(t, err, "memory.Vector")
}

func TestDocumentsAreEmbeddedInBatches(t *testing.T) {
	t.Parallel()
	var told []int
	o := memory.Options{Batch: 4, Progress: func(n int) { told = append(told, n) }}
	x, err := memory.New(t.Context(), memory.HashEmbedder{Dimensions: 16}, retrievertest.All(retrievertest.Corpus()), o)
	require.NoError(t, err)
	assert.Equal(t, []int{4, 8, 10}, told)
	assert.Equal(t, 10, x.Len())
	assert.Equal(t, 16, x.Dimensions())

	lost := errors.New("connection lost")
	_, err = memory.New(t.Context(), memory.HashEmbedder{}, func(yield func(pipeline.Document, error) bool) {
		_ = yield(pipeline.Document{ID: "a"}, nil) && yield(pipeline.Document{}, lost)
	}, o)
	require.ErrorIs(t, err, lost)
	assert.ErrorContains(t, err, "document 2")

	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(lost)
	_, err = memory.New(ctx, memory.HashEmbedder{}, retrievertest.All(retrievertest.Corpus()), o)
	assert.ErrorIs(t, err, lost)
}

func TestFilters(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	list := rowsOf([]float32{1}, []float32{1}, []float32{1})
	list[0].Document.Metadata = map[string]any{"lang": "de", "n": 7, "tags": []any{"x", 3.0}, "at": day}
	list[1].Document.Metadata = map[string]any{"lang": "en", "n": json.Number("7"), "open": true, "m": map[string]any{}}
	x, err := memory.FromVectors(t.Context(), nil, entries(list, nil), memory.Options{})
	require.NoError(t, err)
	for sentence, c := range map[string]struct {
		filter any
		want   []string
	}{
		"nil keeps everything":                    {nil, []string{"0", "1", "2"}},
		"a string":                                {map[string]any{"lang": "de"}, []string{"0"}},
		"a list means any of":                     {map[string]any{"lang": []string{"de", "en"}}, []string{"0", "1"}},
		"an empty list matches nothing":           {map[string]any{"lang": []any{}}, []string{}},
		"keys are combined":                       {map[string]any{"lang": "en", "open": true}, []string{"1"}},
		"numbers are equal whatever their type":   {map[string]any{"n": uint8(7)}, []string{"0", "1"}},
		"a number is not a string":                {map[string]any{"n": "7"}, []string{}},
		"a list in the metadata has each member":  {map[string]any{"tags": 3}, []string{"0"}},
		"a time is a moment":                      {map[string]any{"at": day.In(time.FixedZone("x", 3600))}, []string{"0"}},
		"a function decides by the document":      {func(d pipeline.Document) bool { return d.ID > "0" }, []string{"1", "2"}},
		"values that cannot be compared are none": {map[string]any{"m": "x"}, []string{}},
	} {
		q := memory.Vector.With(pipeline.Query{Filter: c.filter}, []float32{1})
		r, err := x.Retrieve(t.Context(), q)
		require.NoError(t, err, sentence)
		assert.Equal(t, c.want, r.IDs(), sentence)
	}
	for _, refused := range []any{map[string]string{}, map[string]any{}, map[string]any(nil), (func(pipeline.Document) bool)(nil), map[string]any{"a": nil}, map[string]any{"a": []any{1, struct{}{}}}, map[string]any{"a": math.NaN()}} {
		_, err := x.Retrieve(t.Context(), memory.Vector.With(pipeline.Query{Filter: refused}, []float32{1}))
		assert.ErrorIs(t, err, pipeline.ErrFilter, "%T", refused)
	}
}

func TestHashEmbedder(t *testing.T) {
	t.Parallel()
	embed := func(text string) []float32 {
		v, err := memory.HashEmbedder{}.EmbedQuery(t.Context(), text)
		require.NoError(t, err)
		require.Len(t, v, 384)
		return v
	}
	near := func(a, b string) float64 {
		sum := 0.0
		for i, c := range embed(a) {
			sum += float64(c) * float64(embed(b)[i])
		}
		return sum
	}
	assert.InDelta(t, 1, near("Überall", "überall"), 1e-6, "case does not matter")
	assert.InDelta(t, 1, near("one, two!", "one two"), 1e-6, "punctuation does not matter")
	assert.Greater(t, near("baker", "bakery"), near("baker", "bridge")+0.3, "spelling matters")
	assert.NotZero(t, near("a", "a b"), "a word of one letter counts")
	assert.Equal(t, make([]float32, 384), embed(" .,- "))
	_, err := memory.HashEmbedder{Dimensions: -1}.EmbedQuery(t.Context(), "x")
	assert.ErrorContains(t, err, "-1 dimensions")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = memory.HashEmbedder{}.EmbedDocuments(ctx, []string{"x"})
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, "[0.5163978 0 -0.2581989 -0.2581989 -0.5163978 -0.2581989 0 -0.5163978]", fmt.Sprint(golden(t)), "vectors are stored, so they must not change")
}

func golden(t *testing.T) []float32 {
	v, err := memory.HashEmbedder{Dimensions: 8}.EmbedQuery(t.Context(), "golden words")
	require.NoError(t, err)
	return v
}

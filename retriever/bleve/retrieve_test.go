package bleve_test

import (
	"context"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/blevesearch/bleve/v2/search/query"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/bleve"
	"github.com/rankcascade/cascade/retriever/retrievertest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func newIndex(t testing.TB, documents []pipeline.Document, o bleve.Options) *bleve.Index {
	t.Helper()
	x, err := bleve.New(t.Context(), retrievertest.All(documents), o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, x.Close()) })
	return x
}

func texts(list ...string) []pipeline.Document {
	documents := make([]pipeline.Document, len(list))
	for i, text := range list {
		documents[i] = pipeline.Document{ID: string(rune('a' + i)), Text: text}
	}
	return documents
}

func TestScoreIsThePublishedFormula(t *testing.T) {
	t.Parallel()
	documents := texts("sea sea sea river", "sea", "river mountain", "mountain road road road road", "")
	const average = (4 + 1 + 2 + 5 + 0) / 5.0
	idf := func(n float64) float64 { return math.Log(1 + (5-n+0.5)/(n+0.5)) }
	part := func(qtf, n, tf, length, k1, b float64) float64 {
		return qtf * idf(n) * tf / (tf + k1*(1-b+b*length/average))
	}
	for sentence, c := range map[string]struct {
		o     bleve.Options
		k1, b float64
	}{
		"zero options mean 0.9 and 0.4":               {bleve.Options{}, 0.9, 0.4},
		"other constants are used as given":           {bleve.Options{K1: 1.5, B: 0.75}, 1.5, 0.75},
		"a negative B means no length normalisation":  {bleve.Options{K1: 1.2, B: -1}, 1.2, 0},
		"B = 1 normalises by the length altogether":   {bleve.Options{B: 1}, 0.9, 1},
		"a tiny K1 counts each matching term as once": {bleve.Options{K1: 1e-12}, 1e-12, 0.4},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			c.o.Language = bleve.NoLanguage
			x := newIndex(t, documents, c.o)
			r, err := x.Retrieve(t.Context(), pipeline.Query{Text: "Sea river SEA nowhere"})
			require.NoError(t, err)
			got := map[string]float64{}
			for _, h := range r.Hits {
				got[h.Document.ID] = h.Score
			}
			assert.Len(t, got, 3)
			assert.InDelta(t, part(2, 2, 3, 4, c.k1, c.b)+part(1, 2, 1, 4, c.k1, c.b), got["a"], 1e-12)
			assert.InDelta(t, part(2, 2, 1, 1, c.k1, c.b), got["b"], 1e-12)
			assert.InDelta(t, part(1, 2, 1, 2, c.k1, c.b), got["c"], 1e-12)
		})
	}
}

// TestScoresDoNotDependOnHowTheIndexWasBuilt is the reason for not using the
// scores of bleve: it builds segments in another way each time.
func TestScoresDoNotDependOnHowTheIndexWasBuilt(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		words := rapid.SliceOfN(rapid.SampledFrom([]string{"sea", "river", "road", "ice"}), 0, 8)
		var documents []pipeline.Document
		for i, w := range rapid.SliceOfN(words, 1, 30).Draw(rt, "documents") {
			documents = append(documents, pipeline.Document{ID: strconv.Itoa(i), Text: strings.Join(w, " ")})
		}
		o := bleve.Options{Language: bleve.NoLanguage, Limit: rapid.IntRange(1, 40).Draw(rt, "limit")}
		whole := newIndex(t, documents, o)
		cut := rapid.IntRange(0, len(documents)).Draw(rt, "cut")
		shuffled := rapid.Permutation(documents).Draw(rt, "shuffled")
		pieces := newIndex(t, shuffled[:cut], o)
		require.NoError(rt, pieces.Add(t.Context(), retrievertest.All([]pipeline.Document{{ID: "x", Text: "sea ice"}})))
		require.NoError(rt, pieces.Add(t.Context(), retrievertest.All(shuffled[cut:])))
		require.NoError(rt, pieces.Add(t.Context(), retrievertest.All(shuffled[:cut])))
		require.NoError(rt, pieces.Delete(t.Context(), "x", "never there"))
		q := pipeline.Query{Text: strings.Join(words.Draw(rt, "query"), " ")}
		want, err := whole.Retrieve(t.Context(), q)
		require.NoError(rt, err)
		got, err := pieces.Retrieve(t.Context(), q)
		require.NoError(rt, err)
		require.Equal(rt, want.Hits, got.Hits)
	})
}

func TestScoresDoNotDependOnTheNumberOfCores(t *testing.T) {
	documents := retrievertest.Corpus()
	var before []pipeline.Hit
	for _, cores := range []int{1, 2, 7} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		r, err := newIndex(t, documents, bleve.Options{}).Retrieve(t.Context(), pipeline.Query{Text: "cold water of the mountain"})
		require.NoError(t, err)
		if before != nil {
			assert.Equal(t, before, r.Hits)
		}
		before = r.Hits
	}
}

func TestFieldsAreSearchedWithTheText(t *testing.T) {
	t.Parallel()
	documents := []pipeline.Document{
		{ID: "one", Text: "about flour", Metadata: map[string]any{"title": "Bread", "authors": []string{"Ada", "Bo"}, "year": 7}},
		{ID: "two", Text: "about bread"},
	}
	ask := func(o bleve.Options, text string) []string {
		r, err := newIndex(t, documents, o).Retrieve(t.Context(), pipeline.Query{Text: text})
		require.NoError(t, err)
		return r.IDs()
	}
	assert.Equal(t, []string{"two"}, ask(bleve.Options{}, "bread"))
	assert.ElementsMatch(t, []string{"one", "two"}, ask(bleve.Options{Fields: []string{"title"}}, "bread"))
	assert.Equal(t, []string{"one"}, ask(bleve.Options{Fields: []string{"title", "authors"}}, "bo"))
	assert.Empty(t, ask(bleve.Options{Fields: []string{"year", "missing"}}, "7"), "numbers are not searched")
}

func TestFilters(t *testing.T) {
	t.Parallel()
	documents := []pipeline.Document{
		{ID: "a", Text: "sea", Metadata: map[string]any{"lang": "en", "year": 2024, "open": true, "tags": []any{"x", 3}}},
		{ID: "b", Text: "sea", Metadata: map[string]any{"lang": "de", "year": 2025.0, "open": false, "tags": []string{"y"}}},
		{ID: "c", Text: "sea", Metadata: map[string]any{"lang": "de", "year": uint8(7), "note": "2024", "deep": map[string]any{"k": 1}}},
		{ID: "d", Text: "sea"},
		{ID: "e", Text: "road", Metadata: map[string]any{"lang": "de"}},
	}
	x := newIndex(t, documents, bleve.Options{})
	term := query.NewTermQuery("de")
	term.SetField(bleve.MetadataPrefix + "lang")
	low, high := 2000.0, 2024.5
	years := query.NewNumericRangeQuery(&low, &high)
	years.SetField(bleve.MetadataPrefix + "year")
	for sentence, c := range map[string]struct {
		filter any
		want   []string
	}{
		"nil keeps everything":                       {nil, []string{"a", "b", "c", "d"}},
		"a string is equal as a whole":               {map[string]any{"lang": "de"}, []string{"b", "c"}},
		"case matters":                               {map[string]any{"lang": "DE"}, nil},
		"a list means any of":                        {map[string]any{"lang": []string{"en", "fr"}}, []string{"a"}},
		"an empty list matches nothing":              {map[string]any{"lang": []string{}}, nil},
		"keys are combined":                          {map[string]any{"lang": "de", "year": 7}, []string{"c"}},
		"numbers are equal whatever their type":      {map[string]any{"year": []any{float32(2025), int64(2024)}}, []string{"a", "b"}},
		"a number is not a string":                   {map[string]any{"year": "2024"}, nil},
		"and a string is not a number":               {map[string]any{"note": 2024}, nil},
		"booleans":                                   {map[string]any{"open": false}, []string{"b"}},
		"a list in the metadata has each member":     {map[string]any{"tags": 3}, []string{"a"}},
		"an unknown key matches nothing":             {map[string]any{"colour": "red"}, nil},
		"a query of bleve on a metadata key":         {term, []string{"b", "c"}},
		"a numeric range of bleve":                   {years, []string{"a"}},
		"a map equals nothing":                       {map[string]any{"deep": "k"}, nil},
		"a value in a map":                           {pipeline.Eq(pipeline.Path{"deep", "k"}, 1), []string{"c"}},
		"a query of bleve that excludes is possible": {query.NewBooleanQuery([]query.Query{query.NewMatchAllQuery()}, nil, []query.Query{term}), []string{"a", "d"}},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			r, err := x.Retrieve(t.Context(), pipeline.Query{Text: "sea", Filter: c.filter})
			require.NoError(t, err)
			ids := r.IDs()
			slices.Sort(ids)
			assert.ElementsMatch(t, c.want, ids)
		})
	}
}

func TestFiltersThatAreRefused(t *testing.T) {
	t.Parallel()
	x := newIndex(t, retrievertest.Corpus(), bleve.Options{Filters: []string{"kind"}})
	for sentence, c := range map[string]struct {
		filter any
		says   string
	}{
		"another type":                        {map[string]string{"kind": "food"}, "map[string]string"},
		"a key that is not indexed":           {map[string]any{"tags": "cold"}, `"tags" is not indexed`},
		"a value that cannot be compared":     {map[string]any{"kind": struct{}{}}, "struct {}"},
		"nil as a value":                      {map[string]any{"kind": nil}, "<nil>"},
		"not a number":                        {map[string]any{"kind": math.NaN()}, "not finite"},
		"an empty map":                        {map[string]any{}, "without parts"},
		"a member that cannot be compared":    {map[string]any{"kind": []any{"food", []string{}}}, "[]string"},
		"a nil map":                           {map[string]any(nil), "without parts"},
		"a field of Fields is not filterable": {map[string]any{"title": "x"}, `"title" is not indexed`},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			_, err := x.Retrieve(t.Context(), pipeline.Query{Text: "water", Filter: c.filter})
			assert.ErrorIs(t, err, pipeline.ErrFilter)
			assert.ErrorContains(t, err, c.says)
		})
	}
}

func TestALongSearchStopsWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	x := newIndex(t, texts("sea"), bleve.Options{})
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := brokenQuery(func(context.Context) error { cancel(context.Canceled); return nil })
	_, err := x.Retrieve(ctx, pipeline.Query{Text: "sea", Filter: stop})
	assert.ErrorIs(t, err, context.Canceled)
}

package bm25_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/bm25"
	"github.com/sourcegraph/conc"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func ids(t *testing.T, r pipeline.Retriever, text string) []string {
	ranking, err := r.Retrieve(t.Context(), pipeline.Query{Text: text})
	require.NoError(t, err)
	return ranking.IDs()
}

func ExampleNew() {
	ctx := context.Background()
	index, err := bm25.New(ctx, pipeline.Documents(
		pipeline.Document{ID: "bakery", Text: "The bakery sells bread and cake."},
		pipeline.Document{ID: "baking", Text: "How to bake bread: mix, knead, wait, bake."},
	), bm25.Options{})
	if err != nil {
		panic(err)
	}
	ranking, err := index.Retrieve(ctx, pipeline.Query{Text: "when is bread baked?"})
	if err != nil {
		panic(err)
	}
	for _, hit := range ranking.Hits {
		fmt.Printf("%.4f %s\n", hit.Score, hit.Document.ID)
	}
	// Output:
	// 0.5589 baking
	// 0.0997 bakery
}

// TestTheFormula computes two scores by hand.
func TestTheFormula(t *testing.T) {
	t.Parallel()
	documents := []pipeline.Document{{ID: "once", Text: "bread"}, {ID: "often", Text: "bread bread bread river sea"}, {ID: "none", Text: "river"}}
	idf := math.Log(1 + (3-2+0.5)/(2+0.5))
	average := 7.0 / 3
	score := func(o bm25.Options, id string) float64 {
		r, err := index(t, documents, o).Retrieve(t.Context(), pipeline.Query{Text: "bread"})
		require.NoError(t, err)
		for _, h := range r.Hits {
			if h.Document.ID == id {
				return h.Score
			}
		}
		return 0
	}
	assert.InDelta(t, idf*3/(3+0.9*(1-0.4+0.4*5/average)), score(bm25.Options{}, "often"), 1e-12)
	assert.InDelta(t, idf*1/(1+2*(1-0.5+0.5*1/average)), score(bm25.Options{K1: 2, B: 0.5}, "once"), 1e-12)
	assert.InDelta(t, score(bm25.Options{K1: pipeline.Zero}, "once"), score(bm25.Options{K1: pipeline.Zero}, "often"), 1e-12, "only whether a word occurs counts")
	assert.InDelta(t, idf*3/(3+0.9), score(bm25.Options{B: pipeline.Zero}, "often"), 1e-12, "the length does not count")
	assert.Equal(t, score(bm25.Options{B: pipeline.Zero}, "often"), score(bm25.Options{B: -1}, "often"))
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	ended, cancel := context.WithCancelCause(ctx)
	cause := errors.New("no time")
	cancel(cause)
	one := pipeline.Document{ID: "a", Text: "bread"}
	for says, c := range map[string]struct {
		ctx       context.Context
		documents []pipeline.Document
		options   bm25.Options
	}{
		"limit is -1":      {ctx, nil, bm25.Options{Limit: -1}},
		"k1 is -1":         {ctx, nil, bm25.Options{K1: -1}},
		"k1 is NaN":        {ctx, nil, bm25.Options{K1: math.NaN()}},
		"b is 1.5":         {ctx, nil, bm25.Options{B: 1.5}},
		"b is -Inf":        {ctx, nil, bm25.Options{B: math.Inf(-1)}},
		"an empty key":     {ctx, nil, bm25.Options{Fields: []string{""}}},
		"2 has no ID":      {ctx, []pipeline.Document{one, {}}, bm25.Options{}},
		`2: ID "a" was`:    {ctx, []pipeline.Document{one, one}, bm25.Options{}},
		"1: no time":       {ended, []pipeline.Document{one}, bm25.Options{}},
		"no terms for you": {ctx, []pipeline.Document{one}, bm25.Options{Terms: func(string) []string { panic("no terms for you") }}},
	} {
		x, err := bm25.New(c.ctx, pipeline.Documents(c.documents...), c.options)
		require.ErrorContains(t, err, says)
		assert.ErrorContains(t, err, "bm25: index: ")
		assert.Nil(t, x)
	}
	x := index(t, []pipeline.Document{one}, bm25.Options{})
	require.ErrorIs(t, x.Delete(ended, "a"), cause)
	require.ErrorContains(t, x.Add(ctx, func(yield func(pipeline.Document, error) bool) { yield(one, cause) }), "bm25: add documents: document 1: no time")
	assert.Equal(t, 1, x.Len())
	_, err := x.Neighbours(ended, "a", 1, 1)
	require.ErrorIs(t, err, cause)
}

// TestTermsThatPanicInAQuery: the error names the part, and the index goes on.
func TestTermsThatPanicInAQuery(t *testing.T) {
	t.Parallel()
	x := index(t, []pipeline.Document{{ID: "a", Text: "bread"}}, bm25.Options{Name: "words", Terms: func(text string) []string {
		if text == "boom" {
			panic("no words")
		}
		return []string{text}
	}})
	_, err := x.Retrieve(t.Context(), pipeline.Query{Text: "boom"})
	var panicked *pipeline.PanicError
	require.ErrorAs(t, err, &panicked)
	assert.Equal(t, "words", panicked.Part)
	assert.Equal(t, []string{"a"}, ids(t, x, "bread"))
}

func TestALongQueryEndsWithItsContext(t *testing.T) {
	t.Parallel()
	x := index(t, []pipeline.Document{{ID: "a", Text: "bread"}}, bm25.Options{})
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	words := bm25.Options{Terms: func(text string) []string { cancel(cause); return []string{text} }}
	y := index(t, []pipeline.Document{{ID: "a", Text: "bread"}}, words)
	_, err := y.Retrieve(ctx, pipeline.Query{Text: "bread"})
	require.ErrorIs(t, err, cause)
	_, err = x.Retrieve(ctx, pipeline.Query{Text: "bread"})
	require.ErrorIs(t, err, cause)
}

// TestBatchesBecomeVisibleWhole searches while thousands of documents come, are
// replaced and go.
func TestBatchesBecomeVisibleWhole(t *testing.T) {
	t.Parallel()
	x := index(t, nil, bm25.Options{Limit: 5000})
	var all []pipeline.Document
	for i := range 2500 {
		all = append(all, pipeline.Document{ID: fmt.Sprint(i), Text: "bread"})
	}
	var done atomic.Bool
	var wg conc.WaitGroup
	wg.Go(func() {
		defer done.Store(true)
		assert.NoError(t, x.Add(t.Context(), pipeline.Documents(all...)))
		assert.NoError(t, x.Add(t.Context(), pipeline.Documents(all[:1000]...)))
		assert.NoError(t, x.Delete(t.Context(), ids(t, x, "bread")...))
	})
	seen := map[int]bool{}
	for !done.Load() {
		seen[len(ids(t, x, "bread"))] = true
	}
	wg.Wait()
	for n := range seen {
		assert.Contains(t, []int{0, 1000, 2000, 2500}, n)
	}
	assert.Zero(t, x.Len())
	assert.Empty(t, ids(t, x, "bread"))
}

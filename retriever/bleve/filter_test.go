package bleve_test

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/bleve"
	"github.com/rankcascade/cascade/retriever/retrievertest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestP18FiltersMeanWhatTheyMeanEverywhere(t *testing.T) {
	t.Run("in memory", func(t *testing.T) {
		retrievertest.RunFilters(t, retrievertest.FilterSubject{
			New: func(t testing.TB, documents []pipeline.Document, limit int) pipeline.Retriever {
				return newIndex(t, documents, bleve.Options{Limit: limit})
			},
		})
	})
	t.Run("in a folder", func(t *testing.T) {
		retrievertest.RunFilters(t, retrievertest.FilterSubject{
			New: func(t testing.TB, documents []pipeline.Document, limit int) pipeline.Retriever {
				folder := filepath.Join(t.TempDir(), "index")
				x, err := bleve.Create(t.Context(), folder, retrievertest.All(documents), bleve.Options{Limit: limit})
				require.NoError(t, err)
				require.NoError(t, x.Close())
				x, err = bleve.Open(folder, bleve.Options{Limit: limit})
				require.NoError(t, err)
				t.Cleanup(func() { assert.NoError(t, x.Close()) })
				return x
			},
			Holds: func(d pipeline.Document) bool {
				f, ok := d.Metadata["n"].(float64)
				return !ok || !math.IsNaN(f) && !math.IsInf(f, 0)
			},
		})
	})
}

func TestP16TheNeighbourOfALargeNumberDoesNotPass(t *testing.T) {
	t.Parallel()
	const mine = int64(1746803573373870082)
	var documents []pipeline.Document
	for i := int64(-3); i <= 3; i++ {
		documents = append(documents, pipeline.Document{ID: fmt.Sprint(i), Text: "alpha", Metadata: map[string]any{
			"tenant": mine + i, "tenants": []int64{mine + i, 1}, "at": time.Unix(1e9, i), "unsigned": uint64(math.MaxUint64) - uint64(i+3),
		}})
	}
	x := newIndex(t, documents, bleve.Options{})
	ids := func(filter any) []string {
		r, err := x.Retrieve(t.Context(), pipeline.Query{Text: "alpha", Filter: filter})
		require.NoError(t, err)
		return r.IDs()
	}
	for name, filter := range map[string]any{
		"a map":             map[string]any{"tenant": mine},
		"a list in a map":   map[string]any{"tenant": []int64{mine, 5}},
		"a member":          pipeline.Eq("tenants", mine),
		"a range":           pipeline.Range("tenant", pipeline.Bounds{GT: mine - 1, LT: mine + 1}),
		"a range of itself": pipeline.Range("tenants", pipeline.Bounds{GTE: mine, LTE: mine}),
		"a nanosecond":      pipeline.Eq("at", time.Unix(1e9, 0)),
		"nanoseconds":       pipeline.Range("at", pipeline.Bounds{GT: time.Unix(1e9, -1), LTE: time.Unix(1e9, 0)}),
		"unsigned":          pipeline.Eq("unsigned", uint64(math.MaxUint64)-3),
	} {
		assert.Equal(t, []string{"0"}, ids(filter), name)
	}
	assert.ElementsMatch(t, []string{"-3", "-2", "-1", "1", "2", "3"}, ids(pipeline.Not(pipeline.Eq("tenant", mine))))
	assert.ElementsMatch(t, []string{"1", "2", "3"}, ids(pipeline.Range("tenant", pipeline.Bounds{GT: mine})))
}

func TestLargeNumbersComeBackFromAFolder(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "index")
	const large = int64(1)<<53 + 1
	documents := []pipeline.Document{{ID: "a", Text: "x", Metadata: map[string]any{
		"n": large, "list": []int64{large, 2}, "deep": map[string]any{"n": -large}, "small": 3, "half": .5, "huge": uint64(math.MaxUint64),
	}}}
	x, err := bleve.Create(t.Context(), folder, retrievertest.All(documents), bleve.Options{})
	require.NoError(t, err)
	defer x.Close()
	d, ok, err := x.Document("a")
	require.NoError(t, err)
	require.True(t, ok)
	assert.Equal(t, large, d.Metadata["n"])
	assert.Equal(t, []any{large, 2.0}, d.Metadata["list"])
	assert.Equal(t, map[string]any{"n": -large}, d.Metadata["deep"])
	assert.Equal(t, 3.0, d.Metadata["small"])
	assert.Equal(t, .5, d.Metadata["half"])
	assert.True(t, pipeline.Eq("huge", uint64(math.MaxUint64)).Match(d.Metadata))
}

func TestReplacedDocumentsAreFilteredByTheirNewMetadata(t *testing.T) {
	t.Parallel()
	x := newIndex(t, []pipeline.Document{{ID: "a", Text: "alpha", Metadata: map[string]any{"tenant": "x"}}}, bleve.Options{})
	require.NoError(t, x.Add(t.Context(), retrievertest.All([]pipeline.Document{{ID: "a", Text: "alpha", Metadata: map[string]any{"tenant": "y"}}})))
	for tenant, want := range map[string]int{"x": 0, "y": 1} {
		r, err := x.Retrieve(t.Context(), pipeline.Query{Text: "alpha", Filter: pipeline.Eq("tenant", tenant)})
		require.NoError(t, err)
		assert.Len(t, r.Hits, want, tenant)
	}
}

func TestAFilterOverADictionaryStopsWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	x := newIndex(t, []pipeline.Document{{ID: "a", Text: "alpha", Metadata: map[string]any{"tenant": "x"}}}, bleve.Options{})
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(assert.AnError)
	_, err := x.Retrieve(ctx, pipeline.Query{Text: "alpha", Filter: pipeline.Contains("tenant", "x")})
	require.ErrorIs(t, err, assert.AnError)
}

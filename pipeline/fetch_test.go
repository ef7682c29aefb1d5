package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/retrievertest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func placed(id, source string, position any) pipeline.Document {
	return pipeline.Document{ID: id, Text: id, Metadata: map[string]any{pipeline.SourceKey: source, pipeline.PositionKey: position}}
}

func library(t *testing.T) *pipeline.Library {
	t.Helper()
	l, err := pipeline.NewLibrary([]pipeline.Document{
		placed("c", "page", 3.0), placed("a", "page", 1), placed("b", "page", int64(2)), placed("d", "page", 4),
		placed("x", "other", 2), placed("nowhere", "page", "2"), placed("nan", "page", math.NaN()), {ID: "alone"},
	})
	require.NoError(t, err)
	return l
}

func names(documents []pipeline.Document) []string {
	ids := make([]string, len(documents))
	for i, d := range documents {
		ids[i] = d.ID
	}
	return ids
}

func TestLibraryFindsNeighbours(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		id            string
		before, after int
		want          []string
	}{
		"the document stands between its neighbours":        {"b", 1, 1, []string{"a", "b", "c"}},
		"a source ends on both sides":                       {"b", 9, math.MaxInt, []string{"a", "b", "c", "d"}},
		"nothing around it is asked for":                    {"b", 0, 0, []string{"b"}},
		"only what follows is asked for":                    {"c", 0, 1, []string{"c", "d"}},
		"only what comes before is asked for":               {"c", 1, 0, []string{"b", "c"}},
		"another source has no part in it":                  {"x", 5, 5, []string{"x"}},
		"a position that is no number is none":              {"nowhere", 5, 5, []string{"nowhere"}},
		"a position that is not a number in floats is none": {"nan", 5, 5, []string{"nan"}},
		"a document without a place comes alone":            {"alone", 5, 5, []string{"alone"}},
		"an unknown document has none and is not an error":  {"?", 1, 1, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := library(t).Neighbours(t.Context(), c.id, c.before, c.after)
			require.NoError(t, err)
			assert.Equal(t, c.want, names(found))
		})
	}
}

func TestLibraryRefuses(t *testing.T) {
	t.Parallel()
	_, err := pipeline.NewLibrary([]pipeline.Document{{ID: "a"}, {}})
	assert.ErrorContains(t, err, "document 2 has no ID")
	_, err = pipeline.NewLibrary([]pipeline.Document{{ID: "a"}, {ID: "a"}})
	assert.ErrorContains(t, err, `"a" appears twice`)
	for _, c := range [][2]int{{-1, 0}, {0, -1}} {
		_, err = library(t).Neighbours(t.Context(), "a", c[0], c[1])
		assert.ErrorContains(t, err, "must not be negative")
	}
	gone := errors.New("the caller is gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	_, err = library(t).Fetch(ctx, []string{"a"})
	assert.ErrorIs(t, err, gone)
	_, err = library(t).Neighbours(ctx, "a", 0, 0)
	assert.ErrorIs(t, err, gone)
}

func TestLibraryFetchesInTheOrderOfTheIDs(t *testing.T) {
	t.Parallel()
	found, err := library(t).Fetch(t.Context(), []string{"d", "?", "a", "d"})
	require.NoError(t, err)
	assert.Equal(t, []string{"d", "a"}, names(found))
}

func ExampleLibrary() {
	page := func(n int, text string) pipeline.Document {
		return pipeline.Document{ID: fmt.Sprint("manual#", n), Text: text,
			Metadata: map[string]any{pipeline.SourceKey: "manual", pipeline.PositionKey: n}}
	}
	l, err := pipeline.NewLibrary([]pipeline.Document{page(1, "Open the lid."), page(2, "Fill in water."), page(3, "Close it.")})
	if err != nil {
		fmt.Println(err)
		return
	}
	around, err := l.Neighbours(context.Background(), "manual#2", 0, 1)
	for _, d := range around {
		fmt.Println(d.ID, d.Text)
	}
	fmt.Println(err)
	// Output:
	// manual#2 Fill in water.
	// manual#3 Close it.
	// <nil>
}

func TestFetcherContract(t *testing.T) {
	build := func(t testing.TB, documents []pipeline.Document) pipeline.Fetcher {
		l, err := pipeline.NewLibrary(documents)
		require.NoError(t, err)
		return l
	}
	retrievertest.RunFetcher(t, retrievertest.FetcherSubject{New: build,
		Tenant: func(t testing.TB, documents []pipeline.Document, key, value string) pipeline.Fetcher {
			return pipeline.GuardFetcher(build(t, documents), retrievertest.Allowing(key, value))
		},
	})
}

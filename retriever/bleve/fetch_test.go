package bleve_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/bleve"
	"github.com/rankcascade/cascade/retriever/retrievertest"
)

func pages() []pipeline.Document {
	var all []pipeline.Document
	for _, source := range []string{"a", "b"} {
		for i := range 5 {
			all = append(all, pipeline.Document{ID: fmt.Sprint(source, i), Text: "text", Metadata: map[string]any{
				pipeline.SourceKey: source, pipeline.PositionKey: 5 - i,
			}})
		}
	}
	return append(all, pipeline.Document{ID: "alone", Text: "text"})
}

func idsOf(documents []pipeline.Document) []string {
	ids := make([]string, len(documents))
	for i, d := range documents {
		ids[i] = d.ID
	}
	return ids
}

func TestFetchAndNeighbours(t *testing.T) {
	t.Parallel()
	inMemory, err := bleve.New(t.Context(), pipeline.Documents(pages()...), bleve.Options{})
	require.NoError(t, err)
	inFolder, err := bleve.Create(t.Context(), filepath.Join(t.TempDir(), "index"), pipeline.Documents(pages()...), bleve.Options{})
	require.NoError(t, err)
	for _, x := range []*bleve.Index{inMemory, inFolder} {
		found, err := x.Fetch(t.Context(), []string{"b1", "none", "a0", "b1"})
		require.NoError(t, err)
		assert.Equal(t, []string{"b1", "a0"}, idsOf(found))
		for _, c := range []struct {
			id            string
			before, after int
			want          []string
		}{
			{"a2", 1, 1, []string{"a3", "a2", "a1"}},
			{"a4", 3, 1, []string{"a4", "a3"}},
			{"b0", 1, 9, []string{"b1", "b0"}},
			{"alone", 2, 2, []string{"alone"}},
			{"none", 1, 1, []string{}},
		} {
			found, err := x.Neighbours(t.Context(), c.id, c.before, c.after)
			require.NoError(t, err, c.id)
			assert.Equal(t, c.want, idsOf(found), c.id)
		}
		_, err = x.Neighbours(t.Context(), "a1", -1, 0)
		require.ErrorContains(t, err, "must not be negative")
		gone, cancel := context.WithCancelCause(t.Context())
		cause := errors.New("gone")
		cancel(cause)
		_, err = x.Fetch(gone, []string{"a1"})
		require.ErrorIs(t, err, cause)
		_, err = x.Neighbours(gone, "a1", 1, 1)
		require.ErrorIs(t, err, cause)
		require.NoError(t, x.Close())
		_, err = x.Neighbours(t.Context(), "a1", 1, 1)
		require.ErrorIs(t, err, bleve.ErrClosed)
	}
	blind, err := bleve.New(t.Context(), pipeline.Documents(pages()...), bleve.Options{Filters: []string{}})
	require.NoError(t, err)
	defer blind.Close()
	_, err = blind.Neighbours(t.Context(), "a1", 1, 1)
	require.Error(t, err, "an index without the filter says so")
}

func TestFetcherContract(t *testing.T) {
	build := func(t testing.TB, documents []pipeline.Document) *bleve.Index {
		x, err := bleve.New(t.Context(), pipeline.Documents(documents...), bleve.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, x.Close()) })
		return x
	}
	retrievertest.RunFetcher(t, retrievertest.FetcherSubject{
		New: func(t testing.TB, documents []pipeline.Document) pipeline.Fetcher { return build(t, documents) },
		Delete: func(t testing.TB, f pipeline.Fetcher, ids ...string) {
			require.NoError(t, f.(*bleve.Index).Delete(t.Context(), ids...))
		},
		Tenant: func(t testing.TB, documents []pipeline.Document, key, value string) pipeline.Fetcher {
			return pipeline.GuardFetcher(build(t, documents), retrievertest.Allowing(key, value))
		},
	})
}

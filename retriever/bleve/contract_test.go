package bleve_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/query"
	index "github.com/blevesearch/bleve_index_api"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/bleve"
	"github.com/rankcascade/cascade/retriever/retrievertest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestContractInMemory(t *testing.T) {
	retrievertest.Run(t, subject(func(t testing.TB, documents []pipeline.Document, o bleve.Options) (*bleve.Index, error) {
		return bleve.New(t.Context(), retrievertest.All(documents), o)
	}))
}

func TestContractInAFolder(t *testing.T) {
	retrievertest.Run(t, subject(func(t testing.TB, documents []pipeline.Document, o bleve.Options) (*bleve.Index, error) {
		return bleve.Create(t.Context(), filepath.Join(t.TempDir(), "index"), retrievertest.All(documents), o)
	}))
}

func TestContractOfAReopenedIndex(t *testing.T) {
	retrievertest.Run(t, subject(func(t testing.TB, documents []pipeline.Document, o bleve.Options) (*bleve.Index, error) {
		folder := filepath.Join(t.TempDir(), "index")
		x, err := bleve.Create(t.Context(), folder, retrievertest.All(documents), o)
		if err != nil {
			return nil, err
		}
		require.NoError(t, x.Close())
		return bleve.Open(folder, o)
	}))
}

func subject(build func(testing.TB, []pipeline.Document, bleve.Options) (*bleve.Index, error)) retrievertest.Subject {
	return retrievertest.Subject{
		Scale:  pipeline.BM25,
		Filter: func(key, value string) any { return map[string]any{key: value} },
		New: func(t testing.TB, documents []pipeline.Document, limit int) (pipeline.Retriever, error) {
			x, err := build(t, documents, bleve.Options{Language: bleve.NoLanguage, Limit: limit})
			if err != nil {
				return nil, err
			}
			t.Cleanup(func() { assert.NoError(t, x.Close()) })
			return x, nil
		},
		Broken: func(t testing.TB, err error) pipeline.Retriever {
			return filtered(t, func(context.Context) error { return err })
		},
		Hanging: func(t testing.TB) pipeline.Retriever {
			return filtered(t, func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) })
		},
		Panicking: func(t testing.TB) pipeline.Retriever {
			return filtered(t, func(context.Context) error { panic("no searcher today") })
		},
	}
}

// always asks every query with its filter.
type always struct {
	*bleve.Index
	filter query.Query
}

func (a always) Retrieve(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	q.Filter = a.filter
	return a.Index.Retrieve(ctx, q)
}

func filtered(t testing.TB, searcher brokenQuery) pipeline.Retriever {
	x, err := bleve.New(t.Context(), retrievertest.All(retrievertest.Corpus()), bleve.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, x.Close()) })
	return always{x, searcher}
}

// brokenQuery is a filter of the caller that fails, waits or panics.
type brokenQuery func(ctx context.Context) error

func (q brokenQuery) Searcher(ctx context.Context, r index.IndexReader, m mapping.IndexMapping, o search.SearcherOptions) (search.Searcher, error) {
	if err := q(ctx); err != nil {
		return nil, err
	}
	return query.NewMatchAllQuery().Searcher(ctx, r, m, o)
}

var _ query.Query = brokenQuery(nil)

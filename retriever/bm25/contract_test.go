package bm25_test

import (
	"context"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/bm25"
	"github.com/rankcascade/cascade/retriever/retrievertest"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// TestMain ignores what bleve, which the index is compared with, starts when it is
// imported.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }

func index(t testing.TB, documents []pipeline.Document, o bm25.Options) *bm25.Index {
	x, err := bm25.New(t.Context(), pipeline.Documents(documents...), o)
	require.NoError(t, err)
	return x
}

// always asks every query with its filter.
type always struct {
	*bm25.Index
	filter func(pipeline.Document) bool
}

func (a always) Retrieve(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	q.Filter = a.filter
	return a.Index.Retrieve(ctx, q)
}

func TestContract(t *testing.T) {
	retrievertest.Run(t, retrievertest.Subject{
		Scale:  pipeline.BM25,
		Filter: func(key, value string) any { return map[string]any{key: value} },
		New: func(t testing.TB, documents []pipeline.Document, limit int) (pipeline.Retriever, error) {
			x, err := bm25.New(t.Context(), retrievertest.All(documents), bm25.Options{Limit: limit})
			if err != nil {
				return nil, err
			}
			return x, nil
		},
		Panicking: func(t testing.TB) pipeline.Retriever {
			return always{index(t, retrievertest.Corpus(), bm25.Options{}), func(pipeline.Document) bool { panic("no filter today") }}
		},
	})
}

func TestEveryFilterHolds(t *testing.T) {
	retrievertest.RunFilters(t, retrievertest.FilterSubject{
		New: func(t testing.TB, documents []pipeline.Document, limit int) pipeline.Retriever {
			return index(t, documents, bm25.Options{Limit: limit})
		},
	})
}

func TestFetcher(t *testing.T) {
	retrievertest.RunFetcher(t, retrievertest.FetcherSubject{
		New: func(t testing.TB, documents []pipeline.Document) pipeline.Fetcher {
			return index(t, documents, bm25.Options{})
		},
		Delete: func(t testing.TB, f pipeline.Fetcher, ids ...string) {
			require.NoError(t, f.(*bm25.Index).Delete(t.Context(), ids...))
		},
	})
}

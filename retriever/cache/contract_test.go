package cache_test

import (
	"context"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/cache"
	"github.com/rankcascade/cascade/retriever/memory"
	"github.com/rankcascade/cascade/retriever/retrievertest"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func remembering(t testing.TB, r pipeline.Retriever, o cache.Options) *cache.Cache {
	t.Helper()
	c, err := cache.New(r, o)
	require.NoError(t, err)
	return c
}

// described is a cache that describes itself as the store behind it, as the suite
// wants it of a store.
type described struct {
	*cache.Cache
	store pipeline.Retriever
}

func (d described) Describe() pipeline.Node { return pipeline.Describe(d.store) }

// A retriever behind the cache keeps the contract as it does without.
func TestContract(t *testing.T) {
	over := func(t testing.TB, ask func(ctx context.Context) error) pipeline.Retriever {
		x, err := memory.New(t.Context(), hashing(ask), retrievertest.All(retrievertest.Corpus()), memory.Options{Name: "cache"})
		require.NoError(t, err)
		return described{remembering(t, x, cache.Options{}), x}
	}
	retrievertest.Run(t, retrievertest.Subject{
		Scale:  memory.Cosine.Scale(),
		Filter: func(key, value string) any { return map[string]any{key: value} },
		New: func(t testing.TB, documents []pipeline.Document, limit int) (pipeline.Retriever, error) {
			x, err := memory.New(t.Context(), memory.HashEmbedder{}, retrievertest.All(documents), memory.Options{Name: "cache", Limit: limit})
			if err != nil {
				return nil, err
			}
			return described{remembering(t, x, cache.Options{}), x}, nil
		},
		Broken: func(t testing.TB, err error) pipeline.Retriever {
			return over(t, func(context.Context) error { return err })
		},
		Hanging: func(t testing.TB) pipeline.Retriever {
			return over(t, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		},
		Panicking: func(t testing.TB) pipeline.Retriever {
			return over(t, func(context.Context) error { panic("no vector today") })
		},
	})
}

// hashing embeds by hash, queries only after the function returned nil.
type hashing func(ctx context.Context) error

func (hashing) EmbedDocuments(ctx context.Context, texts []string) ([][]float32, error) {
	return memory.HashEmbedder{}.EmbedDocuments(ctx, texts)
}

func (f hashing) EmbedQuery(ctx context.Context, text string) ([]float32, error) {
	if err := f(ctx); err != nil {
		return nil, err
	}
	return memory.HashEmbedder{}.EmbedQuery(ctx, text)
}

package memory_test

import (
	"context"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/memory"
	"github.com/rankcascade/cascade/retriever/retrievertest"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestContract(t *testing.T) {
	for _, metric := range []memory.Metric{memory.Cosine, memory.Dot, memory.Euclid} {
		t.Run(metric.String(), func(t *testing.T) { retrievertest.Run(t, subject(metric)) })
	}
}

func subject(metric memory.Metric) retrievertest.Subject {
	with := func(t testing.TB, embed queryFunc) pipeline.Retriever {
		x, err := memory.New(t.Context(), embed, retrievertest.All(retrievertest.Corpus()), memory.Options{})
		require.NoError(t, err)
		return x
	}
	return retrievertest.Subject{
		Scale:  metric.Scale(),
		Filter: func(key, value string) any { return map[string]any{key: value} },
		New: func(t testing.TB, documents []pipeline.Document, limit int) (pipeline.Retriever, error) {
			x, err := memory.New(t.Context(), memory.HashEmbedder{}, retrievertest.All(documents), memory.Options{Metric: metric, Limit: limit})
			if err != nil {
				return nil, err
			}
			return x, nil
		},
		Broken: func(t testing.TB, err error) pipeline.Retriever {
			return with(t, func(context.Context) error { return err })
		},
		Hanging: func(t testing.TB) pipeline.Retriever {
			return with(t, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		},
		Panicking: func(t testing.TB) pipeline.Retriever {
			return with(t, func(context.Context) error { panic("no vector today") })
		},
	}
}

// queryFunc embeds documents by hash and queries only after its function.
type queryFunc func(ctx context.Context) error

func (queryFunc) EmbedDocuments(ctx context.Context, texts []string) ([][]float32, error) {
	return memory.HashEmbedder{}.EmbedDocuments(ctx, texts)
}

func (f queryFunc) EmbedQuery(ctx context.Context, text string) ([]float32, error) {
	if err := f(ctx); err != nil {
		return nil, err
	}
	return memory.HashEmbedder{}.EmbedQuery(ctx, text)
}

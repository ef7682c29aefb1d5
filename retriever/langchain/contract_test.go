package langchain_test

import (
	"context"
	"errors"
	"maps"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/pipelinetest"
	"github.com/rankcascade/cascade/retriever/langchain"
	"github.com/rankcascade/cascade/retriever/retrievertest"
	"github.com/tmc/langchaingo/schema"
)

// subject is an in-memory store behind FromStore.
func subject(kind langchain.Kind, scale pipeline.Scale, options langchain.Options) retrievertest.Subject {
	options.IDKey = "id"
	over := func(f storeFunc) pipeline.Retriever { return langchain.FromStore(f, kind, 10, options) }
	return retrievertest.Subject{
		Scale: scale,
		New: func(_ testing.TB, documents []pipeline.Document, limit int) (pipeline.Retriever, error) {
			store := newOverlapStore()
			for _, d := range documents {
				metadata := maps.Clone(d.Metadata)
				if metadata == nil {
					metadata = map[string]any{}
				}
				metadata["id"] = d.ID
				store.docs = append(store.docs, schema.Document{PageContent: d.Text, Metadata: metadata})
			}
			return langchain.FromStore(store, kind, limit, options), nil
		},
		Filter: func(key, value string) any { return map[string]any{key: value} },
		Broken: func(_ testing.TB, err error) pipeline.Retriever {
			return over(func(context.Context, string, int) ([]schema.Document, error) { return nil, err })
		},
		Hanging: func(testing.TB) pipeline.Retriever {
			return over(func(ctx context.Context, _ string, _ int) ([]schema.Document, error) {
				<-ctx.Done()
				return nil, errors.New("something else happened")
			})
		},
		Panicking: func(testing.TB) pipeline.Retriever {
			return over(func(context.Context, string, int) ([]schema.Document, error) { panic("no store today") })
		},
		Blank: retrievertest.BlankEmpty, // of this store
	}
}

// TestShape is not parallel because the suite sets GOMAXPROCS.
func TestShape(t *testing.T) {
	pipelinetest.Retriever(t, langchain.FromStore(library(), langchain.PGVector, 10),
		pipelinetest.RetrieverOptions{Query: pipeline.Query{Text: "the harbour permit"}})
}

func TestContract(t *testing.T) {
	t.Parallel()
	t.Run("a store with scores", func(t *testing.T) {
		retrievertest.Run(t, subject(langchain.PGVector, pipeline.Cosine, langchain.Options{}))
	})
	t.Run("a store by rank", func(t *testing.T) {
		s := subject(langchain.Qdrant, pipeline.RankOnly, langchain.Options{})
		retrievertest.Run(t, s)
	})
	t.Run("an unordered store", func(t *testing.T) {
		s := subject(langchain.Chroma, pipeline.Probability, langchain.Options{Scale: pipeline.Probability, Unordered: true, Name: "mine"})
		retrievertest.Run(t, s)
	})
	t.Run("an unknown store", func(t *testing.T) {
		s := subject(langchain.AnyStore, pipeline.RankOnly, langchain.Options{})
		s.AnyFilter = true
		retrievertest.Run(t, s)
	})
}

package langchain

import (
	"context"

	"github.com/tmc/langchaingo/llms"
	"github.com/tmc/langchaingo/vectorstores"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/kind"
)

// GeneratorKind is a language model of the program for configuration files, under a
// name: rewriters and scorers name it as their model.
//
//	config.Load(ctx, "search.yaml", langchain.GeneratorKind("gpt", model))
func GeneratorKind(name string, model llms.Model, options ...llms.CallOption) kind.Kind {
	return kind.New(name, "A language model of this program.", func(context.Context, struct{}, *kind.Scope) (pipeline.Generator, error) {
		return Generator(model, options...), nil
	})
}

// StoreKind is a vector store of the program for configuration files, under a name.
func StoreKind(name string, store vectorstores.VectorStore, of Kind, options ...Options) kind.Kind {
	return kind.New(name, "A vector store of this program, through langchaingo.", func(_ context.Context, s struct {
		Limit int `config:"limit,value" doc:"the most hits; 0 means 100"`
	}, _ *kind.Scope) (pipeline.Retriever, error) {
		limit := s.Limit
		if limit == 0 {
			limit = 100
		}
		return FromStore(store, of, limit, options...), nil
	})
}

// Package stores lists every kind of this module, for the programs that search.
package stores

import (
	"context"
	"fmt"

	"github.com/tmc/langchaingo/llms"
	"github.com/tmc/langchaingo/llms/openai"

	"github.com/rankcascade/cascade/internal/parts"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/kind"
	"github.com/rankcascade/cascade/pipeline/ltr"
	"github.com/rankcascade/cascade/pipeline/rewrite"
	scores "github.com/rankcascade/cascade/reranker/cache/redis"
	"github.com/rankcascade/cascade/reranker/llm"
	"github.com/rankcascade/cascade/reranker/local/minilm"
	quotas "github.com/rankcascade/cascade/reranker/shared/redis"
	"github.com/rankcascade/cascade/retriever/bleve"
	"github.com/rankcascade/cascade/retriever/bm25"
	rankings "github.com/rankcascade/cascade/retriever/cache"
	shared "github.com/rankcascade/cascade/retriever/cache/redis"
	"github.com/rankcascade/cascade/retriever/embed"
	"github.com/rankcascade/cascade/retriever/langchain"
	"github.com/rankcascade/cascade/retriever/memory"
	"github.com/rankcascade/cascade/retriever/postgres"
	"github.com/rankcascade/cascade/retriever/qdrant"
)

// Kinds are all kinds: stores, scorers, rewriters, and language models behind an
// endpoint.
func Kinds() []kind.Kind {
	all := append(parts.Scorers(),
		bleve.Kind, bm25.Kind, memory.Kind, qdrant.Kind, postgres.Kind, rankings.Kind, embed.FilesKind("minilm", minilm.Files()), ltr.Kind, languageModel())
	all = append(all, scores.StoreKind, quotas.StateKind, shared.StoreKind)
	all = append(all, rewrite.Kinds()...)
	return append(all, llm.Kinds()...)
}

// languageModel is a model behind an endpoint of OpenAI's form: "language-model".
func languageModel() kind.Kind {
	return kind.New("language-model", "A language model behind an endpoint of OpenAI's form.", func(_ context.Context, s struct {
		Model       string      `config:"model,required" doc:"the model, as the server calls it"`
		URL         string      `config:"url,required" doc:"what stands in front of /chat/completions, such as http://localhost:8080/v1"`
		Key         kind.Secret `config:"key" doc:"the key: {env: OPENAI_API_KEY}; none only for servers that take none"`
		Temperature float64     `config:"temperature" doc:"0 is the most likely answer"`
		MaxTokens   int         `config:"max-tokens" doc:"the longest answer; 0 means 200"`
	}, _ *kind.Scope) (pipeline.Generator, error) {
		key, most := s.Key.Reveal(), s.MaxTokens
		if key == "" {
			key = "none" // the client refuses an empty one
		}
		if most == 0 {
			most = 200
		}
		client, err := openai.New(openai.WithBaseURL(s.URL), openai.WithToken(key), openai.WithModel(s.Model))
		if err != nil {
			return nil, fmt.Errorf("connect the model: %w", err)
		}
		return langchain.Generator(client, llms.WithTemperature(s.Temperature), llms.WithMaxTokens(most)), nil
	})
}

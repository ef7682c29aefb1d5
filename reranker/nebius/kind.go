package nebius

import (
	"context"

	"github.com/rankcascade/cascade/pipeline/kind"
	"github.com/rankcascade/cascade/reranker"
)

// kindSettings are what a configuration file says of a client.
type kindSettings struct {
	Model       string      `config:"model,required" doc:"the model, as the server calls it"`
	Key         kind.Secret `config:"key" doc:"the key: {env: NEBIUS_API_KEY}; none only for servers that take none"`
	URL         string      `config:"url" doc:"the host or the route; empty means Nebius Token Factory"`
	Dialect     string      `config:"dialect" doc:"the server's words: nebius, cohere, jina, vllm, llama.cpp, ...; empty means nebius"`
	Project     string      `config:"project" doc:"sent as ai_project_id"`
	Tier        string      `config:"tier" doc:"sent as service_tier"`
	Instruction string      `config:"instruction" doc:"what an instruction-following model looks for"`
	Tokens      int         `config:"document-tokens" doc:"the most tokens of a document that are scored; 0 means all"`
}

// Kind is the client for configuration files: "nebius".
var Kind = kind.New("nebius", "A rerank server that speaks POST /v1/rerank, in any dialect.",
	func(_ context.Context, s kindSettings, scope *kind.Scope) (reranker.Scorer, error) {
		client, err := New(s.Key.Reveal(), s.Model, Options{
			BaseURL: s.URL, Dialect: Dialect(s.Dialect), NoKey: s.Key == "", ProjectID: s.Project, ServiceTier: ServiceTier(s.Tier),
			Instruction: s.Instruction, Truncation: reranker.Truncation{Tokens: s.Tokens},
		})
		if err != nil {
			return nil, err
		}
		scope.OnClose(func() error { client.Close(); return nil })
		return client, nil

	})

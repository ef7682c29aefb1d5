package endpoint

import (
	"context"

	"github.com/rankcascade/cascade/pipeline/kind"
	"github.com/rankcascade/cascade/retriever/embed"
)

// kindSettings are what a configuration file says of an endpoint.
type kindSettings struct {
	Model         string      `config:"model,required" doc:"the model, as the server calls it"`
	Key           kind.Secret `config:"key" doc:"the key: {env: NEBIUS_API_KEY}; none only for servers that take none"`
	URL           string      `config:"url" doc:"what stands in front of /embeddings; empty means Nebius Token Factory"`
	Dimensions    int         `config:"dimensions" doc:"asks for shorter vectors; 0 does not ask"`
	QueryPrefix   string      `config:"query-prefix" doc:"stands in front of each query"`
	PassagePrefix string      `config:"passage-prefix" doc:"stands in front of each document"`
	Cache         string      `config:"cache" doc:"the file in which vectors are kept; empty keeps none"`
}

// Kind is an endpoint of OpenAI's form for configuration files:
// "embeddings".
var Kind = kind.New("embeddings", "An embedding model behind an endpoint of OpenAI's form.",
	func(_ context.Context, s kindSettings, scope *kind.Scope) (embed.Embedder, error) {
		cache, err := embed.CacheAt(s.Cache, scope)
		if err != nil {
			return nil, err
		}
		c, err := New(s.Key.Reveal(), s.Model, Options{
			BaseURL: s.URL, NoKey: s.Key == "", Dimensions: s.Dimensions,
			QueryPrefix: s.QueryPrefix, PassagePrefix: s.PassagePrefix, Cache: cache,
		})
		if err != nil {
			return nil, err
		}
		scope.OnClose(c.Close)
		return c, nil
	})

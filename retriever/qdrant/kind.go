package qdrant

import (
	"context"
	"time"

	api "github.com/qdrant/go-client/qdrant"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/kind"
)

// kindSettings are what a configuration file says of a collection.
type kindSettings struct {
	URL        string           `config:"url,required" doc:"http://host:6334 or https://host:6334"`
	Key        kind.Secret      `config:"key" doc:"the key: {env: QDRANT_API_KEY}"`
	Collection string           `config:"collection,required" doc:"the collection, or an alias of one"`
	Embedder   Embedder         `config:"embedder" doc:"what encodes the query for the dense leg"`
	Using      string           `config:"using" doc:"the dense vector; empty means the default one"`
	Words      string           `config:"words" doc:"a sparse vector that the server encodes with qdrant/bm25: makes the search hybrid"`
	Language   string           `config:"language" doc:"the language of words; empty means english"`
	K          int              `config:"k" doc:"the constant of RRF where the search is hybrid; 0 means 2"`
	Limit      int              `config:"limit" doc:"the most hits; 0 means 100"`
	Content    string           `config:"content" doc:"the payload field with the text; empty means content"`
	Filter     *pipeline.Filter `config:"filter" doc:"always holds beside the query's"`
	Name       string           `config:"name" doc:"the name in marks and trees; empty means qdrant"`
	Dial       time.Duration    `config:"dial" doc:"the time to connect; 0 means 5s"`
}

func (s kindSettings) options() Options {
	o := Options{
		Name: s.Name, Limit: s.Limit, Using: s.Using, Mapping: Mapping{Content: s.Content},
	}
	if s.Filter != nil {
		o.Filter = *s.Filter
	}
	if s.Words == "" {
		return o
	}
	model := &Inference{Model: "qdrant/bm25"}
	if s.Language != "" {
		model.Options = map[string]any{"language": s.Language}
	}
	o.Legs = []Leg{{Using: s.Words, Inference: model}}
	if s.Embedder != nil {
		o.Server = &ServerFusion{K: s.K}
	}
	return o
}

func (s kindSettings) dial(ctx context.Context) (*api.Client, error) {
	limit := s.Dial
	if limit == 0 {
		limit = 5 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return Dial(ctx, Config{URL: s.URL, APIKey: s.Key.Reveal()})
}

// Kind is a collection for configuration files: "qdrant".
var Kind = kind.New("qdrant", "A collection of Qdrant: dense, sparse by the server's BM25, or both fused there.",
	func(ctx context.Context, s kindSettings, scope *kind.Scope) (pipeline.Retriever, error) {
		client, err := s.dial(ctx)
		if err != nil {
			return nil, err
		}
		scope.OnClose(client.Close)
		return New(client, s.Collection, s.Embedder, s.options())
	})

package cache

import (
	"context"
	"time"

	"github.com/rankcascade/cascade/pipeline/kind"
	"github.com/rankcascade/cascade/reranker"
)

// Kind is the cache of scores for configuration files: "cached". Its store is one
// in memory, or a part that a kind of the program makes.
var Kind = kind.New("cached", "Scores that are known are not asked for again.",
	func(_ context.Context, s struct {
		Model    reranker.Scorer `config:"model,value,required" doc:"what scores"`
		Size     int             `config:"size" doc:"scores that are kept in memory; 0 means 100000, about 25 MB"`
		TTL      time.Duration   `config:"ttl" doc:"how long they are valid; 0s means for ever"`
		Store    Store           `config:"store" doc:"keeps the scores elsewhere, in place of size and ttl"`
		Tenant   string          `config:"tenant" doc:"whose scores they are; with endpoint and name a store can be shared"`
		Endpoint string          `config:"endpoint" doc:"the server that gives them, never its key"`
		Name     string          `config:"name" doc:"the model, as its answers call it"`
		ServedAs string          `config:"served-as" doc:"another name that its answers may have"`
		Version  string          `config:"version" doc:"changes with whatever else changes a score"`
		Patience time.Duration   `config:"patience" doc:"bounds each visit to the store; 0 means 50ms"`
	}, _ *kind.Scope) (reranker.Scorer, error) {
		store := s.Store
		if store == nil {
			size := s.Size
			if size == 0 {
				size = 100_000
			}
			lru, err := NewLRU(size, s.TTL)
			if err != nil {
				return nil, err
			}
			store = lru
		}
		return New(s.Model, store, Options{
			Tenant: s.Tenant, Endpoint: s.Endpoint, Model: s.Name, ServedAs: s.ServedAs, Version: s.Version, Patience: s.Patience,
		}), nil
	})

package redis

import (
	"context"
	"time"

	"github.com/rankcascade/cascade/pipeline/kind"
	"github.com/rankcascade/cascade/reranker/cache"
)

// StoreKind is the store of scores for configuration files: "redis-scores", the store of a
// part of the kind "cached".
var StoreKind = StoreKindAt("")

// StoreKindAt is StoreKind for programs that know an address: a file may leave the URL out.
func StoreKindAt(url string) kind.Kind {
	return kind.New("redis-scores", "Scores that many processes share in Redis or Valkey.", func(ctx context.Context, s struct {
		URL      kind.Secret   `config:"url,value" doc:"{env: REDIS_URL}, which holds redis://user:password@host:port/db, or rediss:// for TLS; none takes the program's"`
		TTL      time.Duration `config:"ttl" doc:"how long a score is kept; 0s means 24h"`
		Prefix   string        `config:"prefix" doc:"begins every key; empty means cascade"`
		Patience time.Duration `config:"patience" doc:"the most that a look costs a query; 0s means 5ms"`
		Pause    time.Duration `config:"pause" doc:"for how long a Redis that is away is not asked; 0s means 1s"`
	}, scope *kind.Scope) (cache.Store, error) {
		if s.URL == "" {
			s.URL = kind.Secret(url)
		}
		store, err := Open(ctx, s.URL.Reveal(), Options{TTL: s.TTL, Prefix: s.Prefix, Patience: s.Patience, Pause: s.Pause})
		if err != nil {
			return nil, err
		}
		scope.OnClose(store.Close)
		return store, nil
	})
}

package redis

import (
	"context"
	"time"

	"github.com/rankcascade/cascade/pipeline/kind"
	"github.com/rankcascade/cascade/retriever/cache"
)

// StoreKind is the store of rankings for configuration files: "redis-rankings", the store
// of a part of the kind "remembered".
var StoreKind = StoreKindAt("")

// StoreKindAt is StoreKind for programs that know an address: a file may leave the URL out.
func StoreKindAt(url string) kind.Kind {
	return kind.New("redis-rankings", "Rankings that many processes share in Redis or Valkey, and forget together.", func(ctx context.Context, s struct {
		URL      kind.Secret   `config:"url,value" doc:"{env: REDIS_URL}, which holds redis://user:password@host:port/db, or rediss:// for TLS; none takes the program's"`
		Prefix   string        `config:"prefix" doc:"begins every key; empty means cascade"`
		Keep     time.Duration `config:"keep" doc:"how long a ranking stays at most, whatever its own time to live; 0s means 24h"`
		Similar  int           `config:"similar" doc:"rankings of one scope that are looked at for a similar query; 0 means 256"`
		Patience time.Duration `config:"patience" doc:"the most that a look costs a query; 0s means 5ms"`
		Pause    time.Duration `config:"pause" doc:"for how long a Redis that is away is not asked; 0s means 1s"`
	}, scope *kind.Scope) (cache.Store, error) {
		if s.URL == "" {
			s.URL = kind.Secret(url)
		}
		store, err := Open(ctx, s.URL.Reveal(), Options{Prefix: s.Prefix, Keep: s.Keep, Similar: s.Similar, Patience: s.Patience, Pause: s.Pause})
		if err != nil {
			return nil, err
		}
		scope.OnClose(store.Close)
		return store, nil
	})
}

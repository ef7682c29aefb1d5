package redis

import (
	"context"
	"time"

	"github.com/rankcascade/cascade/pipeline/kind"
	"github.com/rankcascade/cascade/reranker"
)

// StateKind is the state that processes share for configuration files: "redis-quotas", what
// an endpoint has as its shared.
var StateKind = StateKindAt("")

// StateKindAt is StateKind for programs that know an address: a file may leave the URL out.
func StateKindAt(url string) kind.Kind {
	return kind.New("redis-quotas", "One quota, hold and breaker for many processes, in Redis or Valkey.", func(ctx context.Context, s struct {
		Name     string        `config:"name,value,required" doc:"stands for the server and its key, never the key itself: all endpoints of one name share"`
		URL      kind.Secret   `config:"url" doc:"{env: REDIS_URL}, which holds redis://user:password@host:port/db, or rediss:// for TLS; none takes the program's"`
		Prefix   string        `config:"prefix" doc:"begins every key; empty means cascade"`
		Patience time.Duration `config:"patience" doc:"how long a question may take; 0s means 50ms"`
		Lease    time.Duration `config:"lease" doc:"how long permits may be used that were taken ahead; 0s means 6s"`
	}, scope *kind.Scope) (reranker.Shared, error) {
		if s.URL == "" {
			s.URL = kind.Secret(url)
		}
		state, err := Open(ctx, s.URL.Reveal(), s.Name, Options{Prefix: s.Prefix, Patience: s.Patience, Lease: s.Lease})
		if err != nil {
			return nil, err
		}
		scope.OnClose(state.Close)
		return state, nil
	})
}

package cache

import (
	"context"
	"errors"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/kind"
)

// Kind is the cache of rankings for configuration files: "remembered".
var Kind = kind.New("remembered", "Rankings of equal queries, and with an embedder of similar ones, are not asked for again.",
	func(_ context.Context, s struct {
		Retriever pipeline.Retriever `config:"retriever,value,required" doc:"what is asked otherwise"`
		Name      string             `config:"name" doc:"the name in trees; empty means cache"`
		TTL       *time.Duration     `config:"ttl" doc:"how long a ranking is remembered; none means 10m, 0s means for ever"`
		Size      int                `config:"size" doc:"rankings that are kept in memory; 0 means 1000"`
		Store     Store              `config:"store" doc:"keeps the rankings elsewhere, in place of size"`
		Version   string             `config:"version" doc:"changes with whatever else changes rankings"`
		Embedder  Embedder           `config:"embedder" doc:"finds similar queries"`
		Threshold *float64           `config:"threshold" doc:"the least cosine of similar queries, above 0 and up to 1; none means the default"`
	}, _ *kind.Scope) (pipeline.Retriever, error) {
		o := Options{Name: s.Name, Size: s.Size, Store: s.Store, Version: s.Version, Embedder: s.Embedder}
		if s.TTL != nil {
			if o.TTL = *s.TTL; o.TTL == 0 {
				o.TTL = -1
			}
		}
		if s.Threshold != nil {
			if o.Threshold = *s.Threshold; o.Threshold <= 0 {
				return nil, errors.New("threshold is not above 0: with it every query would be similar to every other")
			}
		}
		return New(s.Retriever, o)
	})

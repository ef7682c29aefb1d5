package redis_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/internal/redistest"
	"github.com/rankcascade/cascade/reranker/cache"
	"github.com/rankcascade/cascade/reranker/cache/redis"
)

// BenchmarkKnown is a query whose 100 pairs are all known: from the store in process,
// and from Redis on loopback.
func BenchmarkKnown(b *testing.B) {
	lru, err := cache.NewLRU(1000, 0)
	require.NoError(b, err)
	documents := make([]string, 100)
	for i := range documents {
		documents[i] = "document " + strconv.Itoa(i)
	}
	shared := open(b, redistest.URL(b), redis.Options{})
	for name, store := range map[string]cache.Store{"in process": lru, "redis": shared} {
		b.Run(name, func(b *testing.B) {
			scorer := cache.New(fixed{}, store, cache.Options{Tenant: "t", Endpoint: "e", Model: "m", Patience: patient})
			_, err := scorer.Score(b.Context(), "q", documents)
			require.NoError(b, err)
			require.NoError(b, shared.Flush(b.Context()))
			b.ReportAllocs()
			for b.Loop() {
				scores, err := scorer.Score(b.Context(), "q", documents)
				if err != nil || scores.Usage.Documents > 0 {
					b.Fatal("asked again", err)
				}
			}
		})
	}
}

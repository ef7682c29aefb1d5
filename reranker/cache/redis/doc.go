// Package redis keeps the scores of reranker/cache in Redis or Valkey, so that
// many processes share them and they outlive each.
//
//	store, err := redis.Open(ctx, "redis://127.0.0.1:6379/0", redis.Options{TTL: 24 * time.Hour})
//	if err != nil {
//		return err // the URL, the password or the database is wrong
//	}
//	defer store.Close()
//	scorer := cache.New(endpoint, store, cache.Options{Tenant: "shop", Endpoint: "https://api.example.com", Model: model})
//
// A file that imports the client too gives this package another name:
//
//	import rediscache "github.com/rankcascade/cascade/reranker/cache/redis"
//
// Scores are shared by those whose Tenant, Endpoint and Model in cache.Options are
// set and equal. A query reads all of its pairs with one MGET; what is new is
// written by one pipeline for which nobody waits.
//
// A Redis that is slow, full, restarting or gone is an empty store: a read waits
// 5 ms at most, after failures nobody asks for a while, and Stats counts all of it.
// A query's scores then come from the scorer as if there were no cache.
//
// A key is a prefix and a hash, a value is the score, its scale and the name of its
// model with a checksum, about 60 bytes: neither has any text of a query or a
// document. How much Redis holds is bounded by the entries' time to live and by the
// server's own policy; maxmemory-policy allkeys-lru suits a server that keeps
// nothing else.
package redis

// Package redis keeps the rankings of retriever/cache in Redis or Valkey, so that many
// processes share them and they outlive each.
//
//	store, err := redis.Open(ctx, "redis://127.0.0.1:6379/0", redis.Options{})
//	if err != nil {
//		return err // the URL, the password or the database is wrong
//	}
//	defer store.Close()
//	search, err := cache.New(pipeline.Chain(articles, rerank, cut.TopK(8)), cache.Options{Store: store, TTL: time.Hour, Version: "3"})
//
// A file that imports the store of scores too gives this package another name:
//
//	import rankings "github.com/rankcascade/cascade/retriever/cache/redis"
//
// Programs share rankings if their pipelines have the same tree and settings and the
// same Version. Filters, tenants and attributes are part of every key, as in memory;
// attributes are told apart by name and type, so those of one name have to mean the
// same in all programs.
//
// Invalidate and Clear hold for all processes from the moment at which they return, for
// rankings too that are being made somewhere. They wait for Redis and fail without it:
// then call them again. What Redis evicts is never the reason that a forgotten ranking is
// shown: a ranking is shown only while Redis can tell of each of its documents that it was
// not forgotten since. A server that restores an older snapshot brings back what was
// forgotten after it, so give it none (save "" and appendonly no), or a short TTL.
//
// A Redis that is slow or gone costs a query 5 ms for a look, and no answer. Keys are
// hashes; values hold the ranking with its texts and the query, for who may read them.
package redis

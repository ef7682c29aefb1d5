// Package cache remembers scores for each pair of query and document.
//
// New decorates a Scorer: pairs that the store has are not asked for again, and
// a pair that several callers want at once is asked for once:
//
//	store, err := cache.NewLRU(100_000, time.Hour)
//	scorer := cache.New(reranker.Shard(client, reranker.ShardOptions{}), store, cache.Options{})
//	rerank := reranker.Stage(scorer, reranker.Chat())
//
// A file that imports retriever/cache too gives this package another name:
//
//	import scorecache "github.com/rankcascade/cascade/reranker/cache"
//
// The store is in process (NewLRU) or whatever implements Store, so that many
// processes share it. What a score depends on is part of its key, tenant,
// endpoint, model and version first, so that no score crosses from one to another.
//
// The package remembers no rankings (see retriever/cache) and keeps no scores of
// a listwise model, which belong to a whole list.
package cache

// Package cache remembers rankings: for equal queries, and with an embedder for
// similar ones.
//
//	search, err := cache.New(pipeline.Chain(store, rerank, cut.TopK(8)), cache.Options{TTL: time.Hour})
//	if err != nil {
//		return err
//	}
//	ranking, err := search.Retrieve(ctx, pipeline.Query{Text: question, Filter: pipeline.Eq("team", team)})
//	if answer, ok := cache.AnswerKey.Noted(ranking); ok {
//		fmt.Println("remembered for", answer.Age)
//	}
//
// A file that imports reranker/cache too gives this package another name:
//
//	import rankcache "github.com/rankcascade/cascade/retriever/cache"
//
// Queries are equal if their text, turns, filter, tenant and all their attributes
// are, for the same pipeline with the same settings. Nothing is ever handed across
// filters, tenants or attributes, for similar queries neither; what cannot be told
// apart (a filter that is a function) is not remembered at all. Rankings with gaps
// and errors are not remembered.
//
// When a document changes or goes, Invalidate forgets every ranking that shows it,
// also one that is being made. A document that is new may belong into any ranking:
// Clear forgets all of them, and the time to live bounds what nobody told.
//
// Equal queries that come while one is being answered wait for it and share its
// ranking.
package cache

// Package pipeline has the vocabulary of multi-stage retrieval and the algebra
// that combines it.
//
// Everything is one of three shapes: a Retriever turns a query into a ranking, a
// Stage turns one ranking into another, a Fuser makes one ranking of several.
// Every combination of them is again one of the three, so a pipeline needs no
// graph and nests without limit:
//
//	search := pipeline.Chain(store, // 200 candidates
//		pipeline.Blend(fusion.Convex{Weights: []float64{0.2, 0.8}}, // fuse ...
//			pipeline.Keep(), // ... the retrieval ranking
//			rerank),         // ... with the reranked one
//		cut.TopK(8))
//	ranking, err := search.Retrieve(ctx, pipeline.Query{Text: "..."})
//
// An error means that there is no usable ranking. A degraded ranking is a value:
// its Gaps say what is missing and why.
//
// The package does no I/O, reads no clock but to measure and to keep budgets,
// and knows no store, no reranker and no formula.
package pipeline

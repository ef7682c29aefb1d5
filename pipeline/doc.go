// Package pipeline has the vocabulary of multi-stage retrieval and the algebra
// that combines it:
//
//	search := pipeline.Chain(store, // 200 candidates
//		pipeline.Blend(fusion.Convex{Weights: []float64{0.2, 0.8}}, // fuse ...
//			pipeline.Keep(), // ... the retrieval ranking
//			rerank),         // ... with the reranked one
//		cut.TopK(8))
//	ranking, err := search.Retrieve(ctx, pipeline.Query{Text: "..."})
//
// Everything is one of three shapes: a Retriever turns a query into a ranking, a
// Stage turns one ranking into another, a Fuser makes one ranking of several.
// Every combination of them is again one of the three, so a pipeline needs no
// graph and nests without limit.
//
// The combinators:
//
//	Chain, Join             one after the other
//	Rewrite                 another query for everything inside
//	Fan, Blend, Expand      side by side, then fused; Parallel has their options
//	Hops                    queries made of what was found, within bounds
//	Route, Gate             one of several, or not at all
//	Otherwise               another way where a ranking is not good enough
//	Else, Fallback          something else where a part fails
//	Fill                    a second judge for what the first one left
//	Within, RetrieveWithin  a time budget; Budget has its options
//	Strict, Observe, Keep   all or nothing; tell somebody; change nothing
//	Named                   any part, under a name of its own
//
// An error means that there is no usable ranking. A degraded ranking is a value:
// its Gaps say what is missing and why. The end of the caller's context is always
// an error; the end of a budget of the pipeline's own is an error that Else,
// Fallback and Fan turn into a gap.
//
// Every combinator runs its parts through one guard: a panic becomes an error
// that names the part, an invalid ranking is refused, and no part can lose the
// gaps and notes that it was given.
//
// Guard lets nothing through but what a permission allows, however deep the parts
// inside nest.
//
// A Filter is a condition on the metadata of documents that means the same in
// every store, see Eq, And, Not and ParseFilter.
//
// Explain says why a document stands where it stands, or where it was lost. Lint
// finds contradictions before the first query. String draws the parts as a tree.
// Stream shows early rankings while the better ones are being made.
//
// The package does no I/O, reads no clock but to measure and to keep budgets,
// and knows no store, no reranker and no formula. All its retrievers and stages
// are safe for concurrent use as long as their parts are.
package pipeline

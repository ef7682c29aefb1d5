// Package maxsim rescores a ranking by late interaction: each vector of the query
// (one for each of its tokens) takes its best match among the stored vectors of a
// document, and the matches add up (MaxSim; Khattab and Zaharia, ColBERT, SIGIR 2020).
//
// The vectors of documents are stored beforehand, in Qdrant (qdrant.Stored) or in the
// process (memory.Tokens), and come by document id; only the query is encoded:
//
//	rerank := maxsim.Stage(encoder, vectors, maxsim.Options{}, reranker.Chat())
//	search := pipeline.Chain(store, rerank, cut.TopK(8))
//
// The sum is exact. Where Qdrant holds the vectors it can compute it too
// (qdrant.Leg.Multi over Prefetch), in one call; the stage here serves rankings that
// come from elsewhere, or from several stores at once.
//
// The package has no model: the encoder is the caller's.
package maxsim

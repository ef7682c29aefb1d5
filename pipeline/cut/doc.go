// Package cut has the stages that shorten a ranking: to a number, at a score, at
// an elbow, to a share, to a token budget, or by leaving out what repeats or what
// a function of the caller refuses (Where):
//
//	search := pipeline.Chain(store,
//		cut.Dedupe{By: cut.SimilarText},          // before the expensive part
//		cut.TopK(100),
//		rerank,
//		cut.AtLeast(pipeline.Probability, 0.3),   // on the reranker's scale
//		cut.Group(2, "source"),                   // two from each source
//		cut.TokenBudget(countTokens, 4000))
//
// A cut keeps the hits that it keeps in their order and with their scores, marks
// and metadata; only MMR gives new scores. None of them does I/O, and all are
// safe for concurrent use as long as the functions that they are given are.
//
// Functions make the common forms; the structs beside them, or in their place,
// have the options. A setting that makes no sense stands in Describe().Err, where
// pipeline.Lint finds it, and is the error of every call.
//
// The package does not summarise, shorten or merge texts: a document stays or
// goes.
package cut

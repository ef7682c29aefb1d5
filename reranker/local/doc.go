// Package local scores documents with a model in the process, without a server:
// a bi-encoder, which compares the vectors of query and document, or a
// cross-encoder, which reads both together.
//
//	model, err := embed.Open(minilm.Files(), embed.Options{Cache: cache})
//	scorer := local.NewBiEncoder(model, local.Options{})
//	rerank := reranker.Stage(scorer, reranker.Chat())
//
//	scorer, err := local.OpenCrossEncoder(os.DirFS("ms-marco-MiniLM-L6-v2"), local.Options{})
//
// A bi-encoder takes any embedder, also one behind an endpoint. With a cache of
// vectors, a query costs one short text and a dot product for each document. Its
// cosines are worth most beside the retrieval scores: blended, they help on every
// collection that was tried; alone, they are no better than BM25.
//
// Documents are begun in their order, so the best candidates come first. When the
// deadline comes, what is done is returned, and the rest is unscored for that
// reason.
package local

// Package memory retrieves by exact vector search in process: it compares the
// query's vector with every document's, so nothing is approximated and nothing
// is missed.
//
//	index, err := memory.New(ctx, embedder, documents, memory.Options{Limit: 200})
//	if err != nil {
//		return err
//	}
//	ranking, err := index.Retrieve(ctx, pipeline.Query{Text: "how is bread baked?"})
//
// The embedder is anything with the two methods of langchaingo's
// embeddings.Embedder. Vectors that are there already come in through
// FromVectors, and a query that has its own vector carries it under the key
// Vector. HashEmbedder stands in where there is no model: it needs no network
// and compares spellings, not meanings.
//
// Scores are the same bits whatever the number of cores, and equal scores stand
// in the order of their IDs, which makes the index an oracle for approximate
// stores. The time of a query grows with the number of vectors: about 10 ms for
// 100,000 of 384 dimensions on two cores. There is no persistence, and an index
// does not change once it is built.
package memory

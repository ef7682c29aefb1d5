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
// A file that imports langchaingo's memory too gives this package another name:
//
//	import vectors "github.com/rankcascade/cascade/retriever/memory"
//
// The embedder is anything with the two methods of langchaingo's
// embeddings.Embedder; EmbedderFunc makes one of a function that embeds one
// text. Vectors that are there already come in through FromVectors, and a query
// that has its own vector carries it under the key Vector. HashEmbedder stands in
// where there is no model: it needs no network and compares spellings, not
// meanings.
//
// An index changes while it serves: Add, AddVectors and Delete make a new state
// beside the one that running queries see. Save writes it to a file at once and
// whole, and Open reads it again.
//
// Scores are the same bits whatever the number of cores, and equal scores stand
// in the order of their IDs, which makes the index an oracle for approximate
// stores. The time of a query grows with the number of vectors. With
// Options.Quantized it reads a byte for each component first and the vectors only
// of those that may belong into the ranking, which stays the same to the last bit.
// docs/scale.md has the figures of 1,000,000 vectors with 384 dimensions.
package memory

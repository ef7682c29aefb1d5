// Package embed turns texts into vectors: with a model in the process; package
// retriever/embed/endpoint asks one behind an endpoint. Both kinds of embedder have
// the methods of langchaingo's embeddings.Embedder, so they fit its vector stores,
// Qdrant and retriever/memory, and a cache can stand in front of both, and of one of
// yours (NewFront).
//
//	cache, err := embed.OpenCache("vectors.bin", embed.CacheOptions{})
//	model, err := embed.Open(minilm.Files(), embed.Options{Cache: cache})
//	index, err := memory.New(ctx, model, documents, memory.Options{})
//
// A file that imports embed of the standard library for its FS gives this package
// another name:
//
//	import embedding "github.com/rankcascade/cascade/retriever/embed"
//
// Queries and passages may have prefixes of their own, which models such as e5
// and bge were trained with. Results of the local model are equal to the bit
// however texts are put into calls. The package divides no texts: what is longer
// than the model takes is cut by it.
package embed

// Command qdrant indexes a corpus in a Qdrant server and searches it hybrid:
// a dense vector and a sparse one for each document, one ranking from each,
// fused by rank.
//
//	QDRANT_URL=http://localhost:6334 go run ./examples/qdrant "how do whales breathe while they sleep?"
//	QDRANT_URL=... go run ./examples/qdrant -corpus corpus.jsonl.gz -fuse server "a question"
//
// The address is that of the gRPC port; the REST port 6333 is understood as
// 6334. A key comes from QDRANT_API_KEY and is sent without TLS only to this
// machine. Where QDRANT_URL is not set, the program says so and ends with status
// 0; status 1 means that something failed, 2 that the flags are wrong.
//
// Without -corpus it indexes the small sample that it carries. A corpus has one
// JSON object in a line, {"_id": ..., "title": ..., "text": ..., "metadata": {}},
// plain or gzipped. Documents that the collection has already are skipped, so an
// indexing that broke off goes on where it was; -fresh starts anew, by deleting
// the collection.
//
// It needs no model: the dense vectors come from memory.HashEmbedder, which
// compares spellings and not meanings. Put an embedder of a real model in its
// place, and the rest stays as it is.
package main

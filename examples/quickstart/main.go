// Command quickstart answers questions about the Go standard library from its
// documentation, with a whole pipeline and without a key or a network.
//
//	go run ./examples/quickstart "how do I sort a slice by a field"
//
// The corpus is on every machine that can run this: the comments of all exported
// symbols, read from GOROOT. They go into an embedded BM25 index; 200 candidates
// are reranked over HTTP, in shards, by a server on loopback that speaks the
// contract of the hosted service; the scores of both are fused, and 8 remain. The
// local server compares words, not meanings, so what it adds is small; a third
// opinion, how much a symbol is used, stands in for what a model would know.
//
// With NEBIUS_API_KEY set, the hosted model reranks instead and the rest stays as
// it is. With QDRANT_URL set (and QDRANT_API_KEY, if the server wants one), the
// corpus is also stored in the collection cascade-quickstart of that Qdrant, and
// candidates come from both. Its vectors are hashes of letter groups, because an
// embedding model would need a key.
//
// -tree prints the pipeline with its settings, -explain says why a symbol stands
// where it stands, or where it was lost.
package main

import (
	"context"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	status := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

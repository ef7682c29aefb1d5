// Command quickstart answers questions about the Go standard library from its
// documentation, with a whole pipeline and without a key or a network.
//
//	go run ./examples/quickstart "how do I sort a slice by a field"
//
// The corpus is on every machine that can run this: the comments of all exported
// symbols, read from GOROOT. They go into a BM25 index in memory; 200 candidates
// are sifted by what costs nothing, the words that stand beside one another and how
// much a symbol is used; the best 60 are reranked, in shards, by a language model of
// 24 MB in the process, and the scores are fused.
// A question that is the name of a symbol gets that symbol first. On a terminal
// the next question can be typed; the index stays.
//
// The model's vectors are kept in a file below the user's folder for caches, by the
// content of the texts, so what was judged once costs nothing the next time.
// -model takes another one: "none" leaves the sifting, a directory holds a BERT
// model.
//
// Nothing here needs a network, and neither HTTP nor a store is linked, so that the
// first run compiles little. Package examples/search is the same over files of
// yours, with models behind endpoints.
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
	status := run(ctx, os.Args[1:], console{in: os.Stdin, out: os.Stdout, err: os.Stderr, asks: terminal(os.Stdin) && terminal(os.Stdout)})
	stop()
	os.Exit(status)
}

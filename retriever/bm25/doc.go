// Package bm25 retrieves by BM25 over documents in memory. It needs no store and
// links little, so that a program with it is built fast:
//
//	index, err := bm25.New(ctx, pipeline.Documents(documents...), bm25.Options{})
//	if err != nil {
//		return err
//	}
//	ranking, err := index.Retrieve(ctx, pipeline.Query{Text: "how is bread baked?"})
//
// Texts are read as English, or by a function of yours:
//
//	code := lexical.Analysis{Identifiers: true, Stem: lexical.Plural}
//	index, err := bm25.New(ctx, documents, bm25.Options{Terms: code.Terms})
//
// An English index gives the rankings of package retriever/bleve to the bit. That
// one has 35 analyzers, keeps an index in a folder and holds more documents than
// memory does; this one builds a program for a third of the processor time, indexes
// and answers faster, and is gone with the process.
package bm25

// Package bleve retrieves text by BM25 without a server: an index in memory or
// in a folder, with analyzers for 32 languages and for programs, built on bleve.
//
//	index, err := bleve.New(ctx, documents, bleve.Options{Language: "de", Fields: []string{"title"}})
//	if err != nil {
//		return err
//	}
//	defer index.Close()
//	ranking, err := index.Retrieve(ctx, pipeline.Query{
//		Text:   "Wie wird Brot gebacken?",
//		Filter: map[string]any{"year": []int{2025, 2026}},
//	})
//
// A file that imports bleve itself gives that another name:
//
//	import engine "github.com/blevesearch/bleve/v2"
//
// Documents come from an iterator, so a corpus need not fit into memory to be
// indexed in a folder. A document's searchable text is its Text, in front of
// which stand the metadata values that Options.Fields names: a title is indexed
// by storing it under a key and naming the key.
//
// The inverted index, the analyzers and the filters are bleve's; the score is
// not. With its scoring model "bm25", bleve takes the square root of the term
// frequency, counts distinct terms where the average document length belongs,
// squares the inverse document frequency and multiplies by the share of query
// terms that matched, so that its scores also change with the number of index
// segments. This package reads the same postings and computes BM25 as published
// (see Options.K1), in a fixed order of summation: equal corpora and queries give
// equal bits, however the index was built.
//
// It does not search phrases, wildcards or fuzzy terms: a query's text is a bag
// of words and never a query language. It weighs no field more than another. All
// documents are analyzed for the one language of the index; Index.Warning says where
// they look like another one.
package bleve

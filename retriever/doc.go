// Package retriever is the home of the retrievers: each sub-folder brings one
// technology, and none imports another:
//
//	bleve      text by BM25, in process, in memory or in a folder
//	memory     vectors, exactly, in process
//	qdrant     a Qdrant collection: dense, sparse, hybrid
//	postgres   full text and pgvector in one PostgreSQL
//	langchain  langchaingo stores in, pipelines out
//	embed      texts to vectors, in process or at an endpoint
//	cache      rankings of equal and of similar queries, remembered
//
// All of them but embed have pipeline.Retrievers, so one can take the place of another:
//
//	var search pipeline.Retriever
//	search, err = bleve.New(ctx, documents, bleve.Options{Limit: 200})
//	...
//	ranking, err := search.Retrieve(ctx, pipeline.Query{Text: "..."})
//
// What they promise beyond the interface is written down as a test suite in
// retrievertest, which a retriever of your own can run as well.
//
// The package itself has no code.
package retriever

// Package retrievertest is the contract of a pipeline.Retriever as a test suite:
//
//	func TestContract(t *testing.T) {
//		retrievertest.Run(t, retrievertest.Subject{
//			Scale: pipeline.BM25,
//			New: func(t testing.TB, documents []pipeline.Document, limit int) (pipeline.Retriever, error) {
//				index, err := bleve.New(t.Context(), retrievertest.All(documents), bleve.Options{Limit: limit})
//				...
//			},
//		})
//	}
//
// A retriever's own tests hand the suite a Subject, which says how to build the
// retriever over given documents and what it can do; the suite asks queries and
// checks every promise that pipeline.Retriever and pipeline.Ranking make: order,
// unique ids, finite scores on the declared scale, marks, limits, cancellation
// with the cause in the chain, concurrent use, filters, and no goroutine left.
//
// RunFilters does the same for filters: what the retriever shows for some four
// hundred filters over documents that are traps for them is compared with
// pipeline.Filter.Match.
//
// It does not measure effectiveness, and it does not replace a backend's own
// tests of what goes over its wire.
package retrievertest

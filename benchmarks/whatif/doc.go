// Package whatif asks what a pipeline would have answered in production with another
// fusion, other weights, cuts or depths, without a call: from recordings.
//
//	search := whatif.Recorder(production, file, nil) // serves as before, and records
//
//	log, err := whatif.Read(file)
//	rerank := reranker.Stage(log.Scorer("rerank", nil), reranker.StageOptions{Name: "rerank", Depth: 20, Unscored: reranker.KeepPosition})
//	other := pipeline.Chain(pipeline.Fan(fusion.RRF{}, log.Retriever("bm25"), log.Retriever("dense")), rerank)
//	answers, err := whatif.Ask(ctx, log, other)
//
// What comes out is, to the bit, what the changed pipeline would have returned live,
// as long as the parts that were recorded answer the same as they did. What was not
// recorded is not guessed: a query whose documents a reranker did not score in
// production is left out and counted.
//
// Recordings hold queries and texts of documents. Whoever keeps them decides for how
// long and who reads them.
package whatif

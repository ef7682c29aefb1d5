// Package experiment runs systems over topics and says which is better, by how
// much, whether that is more than chance, and what it cost.
//
// A system is a pipeline.Retriever: the very object that serves.
//
//	result, err := experiment.Run(ctx, experiment.Plan{
//		Systems:    experiment.Systems{"bm25": bm25, "bm25 + rerank": search},
//		Topics:     topics,
//		Judgements: qrels,
//		Measures:   measure.MustParse("nDCG@10", "RR@10"),
//		Baseline:   "bm25",
//	})
//	err = result.WriteText(os.Stdout)
//
// Parts that several systems have in common run once. The scores of a reranker
// can be recorded and replayed, see Recorded; what a run would cost can be
// estimated before it starts, see Estimate.
package experiment

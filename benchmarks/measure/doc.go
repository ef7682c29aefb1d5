// Package measure computes the measures of search quality from a run and
// relevance judgements, with the values that trec_eval computes.
//
// A measure is a value that prints and parses as its name:
//
//	measures, err := measure.Parse("nDCG@10, AP(rel=2)@1000, RR@10")
//	result, err := measure.Evaluate(qrels, run, measures, measure.Options{})
//	fmt.Println(measures[0], result.Mean(0)) // nDCG@10 0.6743...
//	for i, topic := range result.Topics {
//		fmt.Println(topic, result.Values[0][i])
//	}
//
// What decides a figure and is usually left unsaid is said here, in Options and
// in Result.Conventions: in which order tied documents are looked at, which
// topics enter the mean, from which grade on a document is relevant. Beside every
// value stands the share of documents that it looked at and nobody judged.
//
// EvaluateStream does the same for a run that is read one topic at a time, and
// the tie rule trec.Expected takes the mean over all orders of tied documents.
//
// The package does not test differences for significance; see benchmarks/stats.
package measure

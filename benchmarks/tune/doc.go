// Package tune chooses the parameters of a fusion from judgements, and says
// honestly what the choice is worth.
//
//	report, err := tune.Tune(tune.Problem{
//		Runs: []*trec.Run{bm25, dense}, Qrels: qrels, Measure: measure.MustParse("nDCG@10")[0],
//	}, tune.Line(fusion.Convex{Norm: fusion.MinMax{}}))
//	fmt.Println(report.Chosen, report.HeldOut, report.Verdict)
//
// A figure that is reported for the topics on which a parameter was chosen is too
// high. Tune therefore reports the held-out figure of a cross-validation, in
// which every topic is measured with parameters chosen on the others, with its
// difference to the default, an interval and a p value; and unless the interval
// excludes zero, the verdict is to keep the default.
//
// For two lists and a linear fusion the best weight is found exactly, by a sweep
// over all weights at which two documents change places. Other spaces are sets of
// candidates: weights that are whole numbers over K, values of a constant.
package tune

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
// difference to the default. Its p is the largest of three, among them that of a
// randomisation test that does the whole tuning again for every pattern of signs,
// because the folds share the topics that chose; the interval belongs to that p.
// There are three verdicts: adopt, keep the default, and use one input alone, where
// that has a higher figure than any fusion here. `quality null` counts how often a
// gain is claimed on data that hold none.
//
// For two lists and a linear fusion the best weight is found exactly, by a sweep
// over all weights at which two documents change places. Other fusions are sets of
// candidates: weights that are whole numbers over K, values of a constant.
//
// Choose does the same for settings of anything. A Space measures them: Grid runs
// pipelines, with every combination of some parameters, and a program can bring its
// own.
package tune

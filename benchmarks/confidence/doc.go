// Package confidence measures whether a system knows how sure it may be: whether
// its probabilities are true ones, and whether it could say "I do not know" in the
// right places.
//
//	p, err := confidence.Predictions(qrels, run, 1)    // scores that are probabilities
//	bins, err := confidence.Reliability(p, 10)         // a reliability diagram
//	fmt.Println(confidence.Brier(p), confidence.ECE(bins))
//
//	sure := confidence.Margin(entries)                 // of one topic's ranking
//	a, err := confidence.Abstain(sureByTopic, valueByTopic)
//	fmt.Println(a.NAUC)                                // 1: as if it knew, 0: no idea
//
// The predictors of a query's performance (Top, Margin, NQC, WIG, Agreement) need
// no judgements. What they are worth is their correlation with a measure, over the
// topics of one collection: `quality confidence` prints it.
package confidence

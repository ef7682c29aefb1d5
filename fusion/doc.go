// Package fusion makes one ranking of several: reciprocal rank fusion, convex
// combination and the other methods of the literature, each in one canonical
// definition, and the forms that search engines really compute, by name.
//
// A method is a value that implements pipeline.Fuser:
//
//	fuser := fusion.Convex{Weights: []float64{0.3, 0.7}, Norm: fusion.MinMax{}}
//	ranking, err := fuser.Fuse([]pipeline.Ranking{lexical, dense})
//	fmt.Println(fuser) // convex(w=[0.3, 0.7], norm=minmax)
//	same, err := fusion.Parse(fuser.String())
//
// Take one of these three first:
//
//   - [RRF] where nothing is known of the scores: it looks at ranks only, and lists
//     of any kind go together.
//   - [Convex] where the lists declare their scales: it keeps how far apart the
//     scores are, and its weights say how much each list counts.
//   - [Formula] where metadata and age count too: an expression over lists, numbers
//     of the documents and time, which also boosts behind a rerank.
//
// What a method adds up can be read from the marks of every hit, and adds up to its
// score to the last bit. Ties, missing documents and lists in which all scores are
// equal are policies with names, never accidents of arithmetic.
//
// # The rest of the names
//
//   - By rank: [RRF], [ISR], [LogISR], [RBC], [Borda], [MedianRank], [SmoothRRF],
//     [SoftmaxRRF]; [Ranks] says what equal scores share.
//   - By score: [Convex], [WSUM], [TM2C2], [LogOdds], [CombSUM], [CombMNZ], [CombANZ],
//     [CombMAX], [CombMIN], [CombMED], [CombGMNZ], [WMNZ], [Mixed], [GeometricMean],
//     [HarmonicMean]; [Missing] says what a document gets from a list that does not
//     hold it, and [Fill] asks the list instead.
//   - By vote or by place: [Condorcet], [Copeland], [Schulze], [RankedPairs],
//     [Interleave], [Concatenate].
//   - Learnt from judgements: [MAPFuse], [PosFuse], [ProbFuse], [SegFuse], [SlideFuse],
//     [BayesFuse], each with its Train function; [Calibration] with [Platt],
//     [Temperature], [Beta] and [IsotonicCalibration].
//   - As engines compute it: [EngineRRF] and [EngineScore], with a constructor for
//     each engine that has arguments of its own.
//   - Normalisers: [Auto], which the scale of a list chooses and nil stands for;
//     [MinMax], [TheoreticalMinMax], [BoundedMinMax], [ZScore], [Sigmoid] and those
//     that [Normalisers] lists. One of your own implements [Normaliser], and what it
//     says of itself by [UnitCapped], [SelfContained], [Centring] or [Raw] counts for
//     pruning and for pipeline.Lint as it does for ours.
//   - For lists and help: [Methods], [Normalisers], [Parse], [ParseNormaliser].
//   - For experiments over many queries: [Workspace] fuses lists of dense integer ids
//     without allocating, [FuseAll] does so on all cores, [FuseNamed] for run files.
//
// Scores of unlike scales are never added as they are: a normaliser makes them
// comparable, or the method looks at ranks only.
//
// A list that is empty because its part failed lifts nothing: methods that leave out
// lists which do not hold a document count it as holding all documents with 0.
//
// The package is pure arithmetic: it asks nobody, reads no clock and draws no
// random numbers, and equal inputs give equal bits on every machine. It does not
// cut lists (package pipeline/cut does), and it does not tune weights.
package fusion

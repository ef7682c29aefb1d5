// Package fusion makes one ranking of several: reciprocal rank fusion, convex
// combination and the other methods of the literature, each in one canonical
// definition, and the forms that search engines really compute, by name.
//
// A method is a value that implements pipeline.Fuser. What a method adds up is
// written into the marks of every hit, and adds up to its score to the last bit.
// Ties, missing documents and lists in which all scores are equal are policies
// with names, never accidents of arithmetic:
//
//	fuser := fusion.Convex{
//		Weights: []float64{0.3, 0.7},
//		Norm:    fusion.MinMax{},
//		Missing: fusion.MissingListMin,
//	}
//	ranking, err := fuser.Fuse([]pipeline.Ranking{lexical, dense})
//	fmt.Println(fuser) // convex(w=[0.3, 0.7], norm=minmax, missing=listmin)
//	same, err := fusion.Parse(fuser.String())
//
// Scores of unlike scales are never added as they are: a normaliser makes them
// comparable, or the method looks at ranks only. Without a normaliser the scale
// that each list declares decides, see Auto.
//
// For experiments over many queries, Workspace fuses lists of dense integer ids
// without allocating, and FuseAll does so on all cores.
//
// The package is pure arithmetic: it asks nobody, reads no clock and draws no
// random numbers, and equal inputs give equal bits on every machine. It does not
// cut lists (package pipeline/cut does), and it does not tune weights.
package fusion

// Package stats says whether the difference between two systems is more than
// chance, and how large it is.
//
// Everything is paired: the input is, for each topic, the difference between
// two systems' values of one measure.
//
//	d := stats.Differences(bm25, reranked) // reranked minus bm25, topic by topic
//	test, err := stats.Randomisation(d, stats.Sampling{})
//	interval, err := stats.Bootstrap(d, stats.BCa, 0.95, stats.Sampling{})
//	fmt.Println(stats.Describe(d), test.P, interval)
//
// Several tests at once need a correction of their p values, see Adjust. The
// results of a seed are the same on any number of threads.
//
// The randomisation test is the recommended one; it, the bootstrap and the t
// test agree in practice, Wilcoxon's and the sign test are here for comparison
// with older work (Smucker, Allan and Carterette, CIKM 2007).
package stats

// Package when decides for which rankings a rerank is worth its time and its cost:
//
//	rerank := pipeline.Gate(when.Close(.2), reranker.Stage(scorer, reranker.Chat()))
//
// A rerank that is left out costs nothing and may lose something. Replay tells how
// much, from queries that were reranked:
//
//	e := when.Replay(when.Close(.2), 10, traces)
//	fmt.Printf("%d of %d not reranked, %.0f %% of the first ten the same\n", e.Skipped, e.Queries, 100*e.Overlap)
//
// A Predicate looks at a query and its ranking and at nothing else. The package does
// no I/O, keeps nothing between queries, and its predicates are safe for concurrent
// use.
package when

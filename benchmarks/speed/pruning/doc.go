// Command pruning measures how many tokens exact pruning saves: the first 100 of
// BM25 are reranked and fused with their BM25 scores for the top 10, once with
// every document sent and once through reranker.Prune. The results are compared
// to the bit.
//
//	go run ./benchmarks/speed/pruning [-collections DIR] [-k 10] [-depth 100]
//
// Two scorers stand in for a model, since none is here: the lexical one, whose
// scores are spread over the middle of its range; and a simulated cross-encoder,
// which gives judged documents about 0.95 and others about 0.02, with a tenth of
// each confused, so that a query with few relevant documents fills its result
// with low scores, below which little can be ruled out. The saving falls as the
// weight of the rerank rises: with all the weight on it every document could
// still win. Waves are the calls that follow one another, the price in time.
package main

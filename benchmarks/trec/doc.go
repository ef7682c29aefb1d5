// Package trec reads and writes what search experiments are made of, which
// is runs, relevance judgements and collections:
//
//	qrels, err := trec.ReadQrelsFile("qrels.tsv", trec.Options{})
//	run, err := trec.ReadRunFile("bm25.txt.gz", trec.Options{})
//	for _, topic := range run.Topics {
//		fmt.Println(topic.ID, len(topic.Entries))
//	}
//
// A run holds, for each topic, the documents that a system returned with their
// scores; judgements hold the grades that people gave. Both come in the TREC
// column formats, as tab-separated values with a header (BEIR), as JSON and as
// JSON lines, plain or compressed with gzip or zstd: the format is found from
// the content.
//
// Reading is strict: the first malformed line, repeated document or score that
// is not a number is an error with file and line. Options.Lenient skips such
// lines and lists every one of them instead.
//
// The package computes no measures; see benchmarks/measure.
package trec

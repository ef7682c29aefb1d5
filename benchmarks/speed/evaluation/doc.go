// Command evaluation times what experiments with runs do: reading, evaluating,
// testing, tuning.
//
//	go run ./benchmarks/speed/evaluation -dir /tmp/evaluation -topics 10000 -documents 1000 -systems 10
//	go run ./benchmarks/speed/evaluation -qrels qrels.tsv.gz -runs a.txt.gz,b.txt.gz
//
// Without -runs it makes a set from a seed in the folder and leaves it there, so
// that peers.py can time trec_eval, pytrec_eval and ranx on the same files:
//
//	go build -o /tmp/quality ./benchmarks/quality
//	python3 benchmarks/speed/evaluation/peers.py --cascade /tmp/quality --trec-eval /usr/local/bin/trec_eval \
//		/tmp/evaluation/qrels.txt /tmp/evaluation/run00.txt
//
// A line has the wall-clock and the processor time of the work in this process,
// and rates for each second of one processor. It measures neither the start of a
// process nor, after the first reading, a cold disk.
package main

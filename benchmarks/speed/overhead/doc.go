// Package overhead measures what the library costs beyond the network, beside a
// hand-written minimum in the same process:
//
//	go test -run '^$' -bench . -benchmem -count 6 ./benchmarks/speed/overhead | benchstat -
//
// Both sides send the same 200 documents in 8 calls through the same Transport,
// which answers from memory like a server that echoes every text.
//
// reranker.Passages cuts 25 documents of 7 kB into 200 passages. In turns with the
// same passages cut in advance it takes 0.34 of the time of the minimum and, by
// the reading of the text, 1.1 to 1.3 of the time of the same sharded client
// (medians of 200 turns on two shared cores):
//
//	go test -run '^$' -bench PassagesRatio -benchtime 200x ./benchmarks/speed/overhead
package overhead

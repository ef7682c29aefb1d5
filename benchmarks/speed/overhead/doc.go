// Package overhead measures what the library costs beyond the network, beside a
// hand-written minimum in the same process:
//
//	go test -run '^$' -bench . -benchmem -count 6 ./benchmarks/speed/overhead | benchstat -
//
// Both sides send the same 200 documents in 8 calls through the same Transport,
// which answers from memory like a server that echoes every text.
package overhead

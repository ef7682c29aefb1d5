// Command fusion measures how fast lists are fused, beside what other Go code
// does and beside ranx, and prints nanoseconds for each list entry:
//
//	go run ./benchmarks/speed/fusion
//	go run ./benchmarks/speed/fusion -methods 'rrf;combsum(norm=minmax)' -sizes 2x1000,5x1000
//	go run ./benchmarks/speed/fusion -ranx venv/bin/python
//
// Half of each list's documents are shared with the others and the best ten are
// asked for, as in docs/fusion.md. The columns are: on ids of one request (ids),
// from strings (strings), a map and a full sort on the same strings (map), bleve's
// fusion on its own hits (bleve), and the bound that memory traffic sets (bound):
// every entry read once and one accumulator read and written, at the speed that a
// copy of memory reaches on this machine.
//
// With -ranx the same lists go to ranx, in a process of its own, after a warm-up
// that leaves compilation out. It measures; it asserts nothing.
package main

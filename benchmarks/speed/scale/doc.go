// Package scale measures what one process holds: the figures of docs/scale.md.
//
//	go test ./benchmarks/speed/scale -run - -bench . -benchtime 20x -timeout 60m
//
// Each benchmark stands beside what somebody would write by hand, in the same
// process, and reports the fastest of its runs as best-ms and the least time of
// processors of a run as cpu-ms, which a busy machine disturbs the least. -vectors and -documents set the sizes. That of PostgreSQL wants
// CASCADE_PGVECTOR, the address of a server with pgvector.
package scale

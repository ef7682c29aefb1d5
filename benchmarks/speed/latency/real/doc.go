// Command real measures the shard scheduler and the gateway on two real llama-servers:
// how many documents have a score by deadlines from half of the time that the servers
// need to four times as much, and how soon a query is whole again after both have
// been stopped for ten seconds.
//
//	.ci/realservers.sh go run ./benchmarks/speed/latency/real
//
// The script provides the server and models of random weights: scores mean nothing,
// queues, limits and times are real. What is possible is measured beside each cell,
// with a hand-written client that has no deadline, and said with its spread, since
// servers and client share one machine. README.md has a table.
package main

// Command latency measures the shard scheduler on simulated rerank servers.
//
// The scheduler that runs is the one of package reranker, unchanged; only its
// clock is a fake one (testing/synctest), so a table that stands for hours of
// traffic takes seconds, and equal seeds give equal figures on an idle machine:
//
//	go run ./benchmarks/speed/latency -seed 1 -queries 300
//	go run ./benchmarks/speed/latency -only brownout
//
// Five servers are simulated: four of replicas that work first come, first
// served behind a balancer which takes the less busy of two, with background
// load and stalls, one that pads, and the single process that real-world small
// deployments are. All go on working when a client gives up. What the figures
// say about a real server depends on how much it is like one of these: trust the
// ratios, not the milliseconds.
package main

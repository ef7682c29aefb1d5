package main

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

func main() {
	s := settings{out: os.Stdout, bars: &bars{missed: map[string]int{}}}
	sizes := flag.String("sizes", "50,100,200,400,1000", "candidates of a query, comma separated")
	flag.Uint64Var(&s.seed, "seed", 1, "seed of servers, workloads and scheduler")
	flag.IntVar(&s.queries, "queries", 300, "measured queries for each cell")
	flag.IntVar(&s.warm, "warm", 150, "queries before them, for what the scheduler learns")
	flag.StringVar(&s.only, "only", "", "only this part: latency, deadline, quota, brownout, goodput or recovery; bars for the last two")
	flag.IntVar(&s.flying, "concurrency", 0, "most calls of one query in flight; 0 is the scheduler's default")
	flag.StringVar(&s.cell, "cell", "", "of the goodput table only cells whose drops|replicas|apart|N|ratio|load contain this")
	flag.BoolVar(&s.short, "short", false, "of the goodput table only 400 candidates on one and four replicas")
	testing.Init()
	flag.Parse()
	if err := s.parseSizes(*sizes); err != nil {
		fmt.Fprintln(os.Stderr, "latency:", err)
		os.Exit(2)
	}
	// The fake clock belongs to package testing, so the command is a test run; its
	// own flags of that package are set to their quiet values.
	_ = flag.Set("test.timeout", "0")
	testing.Main(func(string, string) (bool, error) { return true, nil }, s.parts(), nil, nil)
}

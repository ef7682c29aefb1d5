package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
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

func (s *settings) parseSizes(list string) error {
	if s.queries < 1 || s.warm < 0 {
		return fmt.Errorf("-queries must be at least 1 and -warm at least 0")
	}
	for _, field := range strings.Split(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil || n < 1 {
			return fmt.Errorf("-sizes %q: want positive numbers, comma separated", list)
		}
		s.sizes = append(s.sizes, n)
	}
	return nil
}

// parts are the tables that were asked for.
func (s settings) parts() []testing.InternalTest {
	all := []testing.InternalTest{
		{Name: "latency", F: s.latencyTable},
		{Name: "deadline", F: s.deadlineTable},
		{Name: "quota", F: s.quotaTable},
		{Name: "brownout", F: s.brownoutTable},
		{Name: "goodput", F: s.goodputTable},
		{Name: "recovery", F: s.recoveryTable},
		{Name: "bars", F: s.summary},
	}
	if s.only == "" {
		return all
	}
	if s.only == "bars" {
		return all[4:]
	}
	for _, part := range all {
		if part.Name == s.only {
			return []testing.InternalTest{part}
		}
	}
	fmt.Fprintf(os.Stderr, "latency: there is no part %q\n", s.only)
	os.Exit(2)
	return nil
}

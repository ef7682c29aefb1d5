package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// settings are what the flags say.
type settings struct {
	seed    uint64
	queries int
	warm    int
	sizes   []int
	only    string
	flying  int
	short   bool
	cell    string
	bars    *bars
	out     io.Writer
}

// bars counts rows and what they missed.
type bars struct {
	rows   int
	missed map[string]int
}

// count notes what a row missed.
func (s settings) count(missed []string) {
	if s.bars == nil {
		return
	}
	s.bars.rows++
	for _, name := range missed {
		s.bars.missed[name]++
	}
}

// summary prints how many rows missed which bar.
func (s settings) summary(*testing.T) {
	if s.bars == nil || s.bars.rows == 0 {
		return
	}
	fmt.Fprintf(s.out, "%d rows have bars.", s.bars.rows)
	for _, name := range slices.Sorted(maps.Keys(s.bars.missed)) {
		fmt.Fprintf(s.out, " %d miss %q.", s.bars.missed[name], name)
	}
	fmt.Fprint(s.out, "\n\n")
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
		{Name: "latency", F: s.with(latencyTable)},
		{Name: "deadline", F: s.with(deadlineTable)},
		{Name: "quota", F: s.with(quotaTable)},
		{Name: "brownout", F: s.with(brownoutTable)},
		{Name: "goodput", F: s.with(goodputTable)},
		{Name: "recovery", F: s.with(recoveryTable)},
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

// with makes a part out of a table.
func (s settings) with(table func(*testing.T, settings)) func(*testing.T) {
	return func(t *testing.T) { table(t, s) }
}

// wants reports whether a cell is in the short form of the table.
func (s settings) wants(g goodput) bool {
	if s.cell != "" {
		return strings.Contains(fmt.Sprintf("%v|%d|%v|%d|%g|%g", g.drops, g.replicas, g.apart, g.n, g.ratio, g.load), s.cell)
	}
	return !s.short || g.n == 400 && !g.drops && (g.replicas == 1 || g.replicas == 4 && !g.apart)
}

func (s settings) row(cells ...string) {
	for _, c := range cells {
		fmt.Fprintf(s.out, "| %s ", c)
	}
	fmt.Fprintln(s.out, "|")
}

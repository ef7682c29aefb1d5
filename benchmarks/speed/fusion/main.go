package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rankcascade/cascade/fusion"
)

func main() {
	methods := flag.String("methods", "rrf;convex(norm=minmax);combsum(norm=none);combmnz(norm=minmax);combsum(norm=zscore);combmed(norm=minmax);isr;rbc;borda", "specifications, separated by semicolons")
	sizes := flag.String("sizes", "2x100,2x1000,2x10000,5x100,5x1000,5x10000", "lists x length, separated by commas")
	budget := flag.Duration("time", 200*time.Millisecond, "time for each cell; the fastest call counts")
	python := flag.String("ranx", "", "a Python that has ranx, to measure it too")
	flag.Parse()
	if err := run(os.Stdout, *methods, *sizes, *budget, *python); err != nil {
		fmt.Fprintln(os.Stderr, "fusion:", err)
		os.Exit(1)
	}
}

func run(out io.Writer, methods, sizes string, budget time.Duration, python string) error {
	shapes, err := parseShapes(sizes)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "nanoseconds an entry\tids\tstrings\tmap\tbleve\tbound\t")
	for _, s := range shapes {
		q := draw(s, 1)
		for i, spec := range strings.Split(methods, ";") {
			m, err := fusion.Parse(spec)
			if err != nil {
				return err
			}
			row := measure(s, q, m, budget)
			if i == 0 {
				row.peers(s, q, budget)
			}
			fmt.Fprintf(table, "%s %s\t%s\t\n", s, m, row)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if python != "" {
		return runRanx(out, python, shapes)
	}
	return nil
}

func parseShapes(text string) ([]shape, error) {
	var out []shape
	for _, part := range strings.Split(text, ",") {
		lists, length, _ := strings.Cut(part, "x")
		l, err1 := strconv.Atoi(lists)
		n, err2 := strconv.Atoi(length)
		if err1 != nil || err2 != nil || l < 1 || n < 2 {
			return nil, fmt.Errorf("size %q is not of the form 5x1000", part)
		}
		out = append(out, shape{l, n})
	}
	return out, nil
}

// row holds nanoseconds for each entry, 0 where nothing was measured.
type row struct{ ids, strings, peer, bleve, bound float64 }

func (r row) String() string {
	var b strings.Builder
	for i, v := range []float64{r.ids, r.strings, r.peer, r.bleve, r.bound} {
		if i > 0 {
			b.WriteByte('\t')
		}
		if v > 0 {
			fmt.Fprintf(&b, "%.1f", v)
		}
	}
	return b.String()
}

func measure(s shape, q query, m fusion.Method, budget time.Duration) row {
	var w fusion.Workspace
	var dst []fusion.Scored
	task := fusion.Task{Lists: q.ids, Limit: 10}
	var r row
	r.ids = fastest(s, budget, func() time.Duration {
		start := time.Now()
		dst, _ = w.Fuse(dst[:0], m, task)
		return time.Since(start)
	})
	f := newStringFuser(m)
	r.strings = fastest(s, budget, func() time.Duration {
		start := time.Now()
		if err := f.fuse(q.named, 10); err != nil {
			panic(err)
		}
		return time.Since(start)
	})
	r.bound = bound(s, q, budget)
	return r
}

// peers measures what other Go code does, which is RRF only.
func (r *row) peers(s shape, q query, budget time.Duration) {
	r.peer = fastest(s, budget, func() time.Duration {
		start := time.Now()
		mapAndSort(q.named, 10)
		return time.Since(start)
	})
	r.bleve = fastest(s, budget, func() time.Duration { return bleveRRF(q) })
}

// fastest repeats a call for the given time and returns that of the fastest, for
// each entry: on a machine with other work the fastest one was not interrupted.
func fastest(s shape, budget time.Duration, call func() time.Duration) float64 {
	best := time.Duration(1<<63 - 1)
	for start := time.Now(); time.Since(start) < budget; {
		best = min(best, call())
	}
	return float64(best.Nanoseconds()) / float64(s.entries())
}

// bound is the time to move what has to be moved: for each entry its id and its
// share read, its accumulator read and written, for each document its
// accumulator cleared and read again; at the speed at which this machine copies
// memory of that size.
func bound(s shape, q query, budget time.Duration) float64 {
	const cell = 32
	moved := s.entries()*(4+8+2*cell) + q.universe*2*cell
	from := make([]byte, s.entries()*12+q.universe*cell)
	to := make([]byte, len(from))
	perEntry := fastest(s, budget/4, func() time.Duration {
		start := time.Now()
		copy(to, from)
		return time.Since(start)
	})
	copied := float64(2 * len(from)) // read and written
	return perEntry * float64(moved) / copied
}

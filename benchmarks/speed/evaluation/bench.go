package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/benchmarks/tune"
	"github.com/rankcascade/cascade/fusion"
)

// bench times the steps of an experiment on given files.
type bench struct {
	files    []string
	qrels    *trec.Qrels
	measures []measure.Measure
	repeat   int
	out      io.Writer
	// runs keeps the first two, for tuning; results those of all.
	runs    []*trec.Run
	results []*measure.Result
}

func newBench(qrels string, files []string, measures string, repeat int, out io.Writer) (*bench, error) {
	m, err := measure.Parse(measures)
	if err != nil {
		return nil, err
	}
	q, err := trec.ReadQrelsFile(qrels, trec.Options{})
	if err != nil {
		return nil, err
	}
	return &bench{files: files, qrels: q, measures: m, repeat: repeat, out: out}, nil
}

func (b *bench) run() error {
	fmt.Fprintf(b.out, "%s, %s/%s, %d processors, least of %d\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), b.repeat)
	for _, step := range []func() error{b.stream, b.read, b.evaluate, b.test, b.tune} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// cost is what a step took.
type cost struct{ wall, cpu time.Duration }

// least runs work a few times and returns the shortest times.
func (b *bench) least(work func() error) (cost, error) {
	best := cost{1<<63 - 1, 1<<63 - 1}
	for range b.repeat {
		runtime.GC()
		begin, used := time.Now(), cpuTime()
		if err := work(); err != nil {
			return cost{}, err
		}
		best.wall = min(best.wall, time.Since(begin))
		best.cpu = min(best.cpu, cpuTime()-used)
	}
	return best, nil
}

// show prints a step's times and, where they are known, bytes and entries for
// each second of one processor.
func (b *bench) show(step string, c cost, bytes int64, entries int) {
	fmt.Fprintf(b.out, "%-46s wall %10v  cpu %10v", step, c.wall.Round(10*time.Microsecond), c.cpu.Round(10*time.Microsecond))
	if c.cpu == 0 {
		c.cpu = c.wall
	}
	if bytes > 0 {
		fmt.Fprintf(b.out, " %7.0f MB/s", float64(bytes)/1e6/c.cpu.Seconds())
	}
	if entries > 0 {
		fmt.Fprintf(b.out, " %7.1f ns/entry", float64(c.cpu.Nanoseconds())/float64(entries))
	}
	fmt.Fprintln(b.out)
}

func (b *bench) read() error {
	plain, err := b.plainSize(b.files[0])
	if err != nil {
		return err
	}
	for _, workers := range []int{1, 0} {
		var run *trec.Run
		t, err := b.least(func() (err error) {
			run, err = trec.ReadRunFile(b.files[0], trec.Options{Workers: workers})
			return err
		})
		if err != nil {
			return err
		}
		b.show("read a run, "+threads(workers), t, plain, entries(run))
	}
	return nil
}

func threads(workers int) string {
	if workers == 1 {
		return "one thread"
	}
	return "all threads"
}

func entries(r *trec.Run) int {
	n := 0
	for _, t := range r.Topics {
		n += len(t.Entries)
	}
	return n
}

func (b *bench) plainSize(name string) (int64, error) {
	f, err := trec.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return io.Copy(io.Discard, f)
}

func (b *bench) evaluate() error {
	for i, name := range b.files {
		run, err := trec.ReadRunFile(name, trec.Options{})
		if err != nil {
			return err
		}
		if i < 2 {
			b.runs = append(b.runs, run)
		}
		result, err := measure.Evaluate(b.qrels, run, b.measures, measure.Options{})
		if err != nil {
			return err
		}
		b.results = append(b.results, result)
	}
	for _, c := range []struct {
		what     string
		measures []measure.Measure
		workers  int
	}{
		{fmt.Sprintf("evaluate %d measures", len(b.measures)), b.measures, 1},
		{fmt.Sprintf("evaluate %d measures", len(b.measures)), b.measures, 0},
		{"evaluate nDCG@10 alone", measure.MustParse("nDCG@10"), 1},
		{"evaluate -m all_trec", measure.AllTrec(), 1},
	} {
		t, err := b.least(func() error {
			_, err := measure.Evaluate(b.qrels, b.runs[0], c.measures, measure.Options{Workers: c.workers})
			return err
		})
		if err != nil {
			return err
		}
		b.show(c.what+", "+threads(c.workers), t, 0, entries(b.runs[0]))
	}
	return nil
}

// stream reads and evaluates without holding the run, and says what it held.
func (b *bench) stream() error {
	plain, err := b.plainSize(b.files[0])
	if err != nil {
		return err
	}
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	before, peak := heap(), uint64(0)
	t, err := b.least(func() error {
		f, err := os.Open(b.files[0])
		if err != nil {
			return err
		}
		defer f.Close()
		seen := 0
		topics := func(yield func(trec.Topic, error) bool) {
			for topic, err := range trec.StreamRun(f, b.files[0], trec.Options{Reuse: true}, nil) {
				if seen++; seen%64 == 0 {
					peak = max(peak, heap())
				}
				if !yield(topic, err) {
					return
				}
			}
		}
		_, err = measure.EvaluateStream(b.qrels, "run", topics, b.measures, measure.Options{})
		return err
	})
	if err != nil {
		return err
	}
	b.show(fmt.Sprintf("stream and evaluate %d measures, one thread", len(b.measures)), t, plain, 0)
	if peak > before {
		fmt.Fprintf(b.out, "%-46s %.1f MB above the judgements, of a run of %.1f MB\n", "  heap while streaming, at most", float64(peak-before)/1e6, float64(plain)/1e6)
	}
	return nil
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// test compares every run with the first, in every measure.
func (b *bench) test() error {
	if len(b.results) < 2 {
		return nil
	}
	tests := 0
	t, err := b.least(func() error {
		tests = 0
		for _, r := range b.results[1:] {
			for m := range b.measures {
				if _, err := stats.Randomisation(stats.Differences(b.results[0].Values[m], r.Values[m]), stats.Sampling{Seed: 1}); err != nil {
					return err
				}
				tests++
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	b.show(fmt.Sprintf("%d tests of 100,000 permutations, %d topics", tests, len(b.results[0].Topics)), t, 0, 0)
	return nil
}

func (b *bench) tune() error {
	if len(b.runs) < 2 {
		return nil
	}
	p := tune.Problem{Runs: b.runs, Qrels: b.firstTopics(200), Measure: measure.MustParse("nDCG@10")[0], Depth: 100}
	t, err := b.least(func() error {
		_, err := tune.Tune(p, tune.Line(fusion.Convex{Norm: fusion.MinMax{}}))
		return err
	})
	if err != nil {
		return err
	}
	b.show(fmt.Sprintf("tune two lists by exact sweep, %d topics", len(p.Qrels.Topics)), t, 0, 0)
	return nil
}

func (b *bench) firstTopics(n int) *trec.Qrels {
	return trec.NewQrels(b.qrels.Topics[:min(n, len(b.qrels.Topics))])
}

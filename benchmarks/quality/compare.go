package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/table"
	"github.com/rankcascade/cascade/benchmarks/trec"
)

const compareHelp = `
quality compare tests whether runs differ from a baseline.

  quality compare -qrels qrels.txt -baseline bm25.txt -runs reranked.txt,fused.txt -measures nDCG@10

For each run and measure it prints the difference to the baseline, its 95 %
interval (bootstrap, BCa), wins / ties / losses, the effect size, and p: as it
is, and corrected for the number of tests that stand in the table. Only the
corrected one may be compared with 0.05.

Repeats of one system that is not deterministic are no independent evidence: join
them with ":" in -runs (r1.txt:r2.txt:r3.txt), and they are averaged topic by
topic before anything is tested.`

// comparison holds the flags of compare.
type comparison struct {
	judging
	baseline, runs, test, correct string
	samples                       int
	seed                          uint64
}

func (c *comparison) register(f *flag.FlagSet) {
	c.judging.register(f, "nDCG@10")
	f.StringVar(&c.baseline, "baseline", "", "the run to compare with; repeats joined with :")
	f.StringVar(&c.runs, "runs", "", "runs, separated by commas; repeats joined with :")
	f.StringVar(&c.test, "test", "randomisation", "randomisation, t, wilcoxon or tukey")
	f.StringVar(&c.correct, "correct", "holm", strings.Join(stats.Corrections(), ", "))
	f.IntVar(&c.samples, "samples", 100_000, "samples of the randomisation test and the bootstrap")
	f.Uint64Var(&c.seed, "seed", 1, "seed of the samples")
}

func compare(_ context.Context, args []string, out, errs io.Writer) error {
	f := newFlags("compare", compareHelp, errs)
	var c comparison
	c.register(f)
	format := formatFlag(f, "")
	if err := parseFlags(f, args); err != nil {
		return err
	}
	chosen, err := table.ParseFormat(*format)
	if err != nil {
		return usage("-format: %v", err)
	}
	t, err := c.run(errs)
	if err != nil {
		return err
	}
	return t.Write(out, chosen)
}

// system is a run, or the mean of its repeats.
type system struct {
	name   string
	topics []string
	values [][]float64 // for each measure, of each topic
	means  []float64
}

func (c *comparison) run(errs io.Writer) (*table.Table, error) {
	measures, err := c.parseMeasures()
	if err != nil {
		return nil, err
	}
	o, err := c.options()
	if err != nil {
		return nil, err
	}
	if c.baseline == "" || c.runs == "" {
		return nil, usage("-baseline and -runs are both needed")
	}
	qrels, err := c.load(errs)
	if err != nil {
		return nil, err
	}
	var systems []system
	for _, list := range append([]string{c.baseline}, strings.Split(c.runs, ",")...) {
		s, err := c.measured(qrels, list, measures, o, errs)
		if err != nil {
			return nil, err
		}
		systems = append(systems, s)
	}
	return c.table(systems, measures, o)
}

// measured evaluates the repeats of a system and averages them.
func (c *comparison) measured(qrels *trec.Qrels, list string, measures []measure.Measure, o measure.Options, errs io.Writer) (system, error) {
	runs, err := loadRuns(strings.ReplaceAll(list, ":", ","), c.lenient, errs)
	if err != nil {
		return system{}, err
	}
	results, err := evaluateRuns(qrels, runs, measures, o, errs)
	if err != nil {
		return system{}, err
	}
	s := system{name: results[0].Run, topics: results[0].Topics}
	if len(results) > 1 {
		s.name += fmt.Sprintf(" (%d repeats)", len(results))
	}
	for m := range measures {
		var repeats [][]float64
		mean := 0.0
		for _, r := range results {
			if !slices.Equal(r.Topics, s.topics) {
				return system{}, fmt.Errorf("%s and %s have different topics: use -queries judged", r.Run, results[0].Run)
			}
			repeats = append(repeats, r.Values[m])
			mean += r.Mean(m) / float64(len(results))
		}
		values, err := stats.Repeats(repeats...)
		if err != nil {
			return system{}, err
		}
		s.values, s.means = append(s.values, values), append(s.means, mean)
	}
	return s, nil
}

func (c *comparison) table(systems []system, measures []measure.Measure, o measure.Options) (*table.Table, error) {
	base := systems[0]
	t := &table.Table{Columns: []string{"run", "measure", "value", "difference", "interval", "w/t/l", "effect", "p", "corrected p", ""}}
	var ps []float64
	spread := 0.0
	for m, name := range measures {
		t.Add(base.name+" (baseline)", name.String(), base.means[m], math.NaN(), "", "", math.NaN(), math.NaN(), math.NaN(), "")
		raw, err := c.pValues(systems, m)
		if err != nil {
			return nil, err
		}
		for i, s := range systems[1:] {
			d := stats.Differences(base.values[m], s.values[m])
			interval, err := stats.Bootstrap(d, stats.BCa, .95, c.sampling())
			if err != nil {
				return nil, err
			}
			sum := stats.Describe(d)
			spread = max(spread, sum.Deviation)
			t.Add(s.name, name.String(), s.means[m], sum.Mean, interval.String(), fmt.Sprintf("%d/%d/%d", sum.Wins, sum.Ties, sum.Losses), sum.Effect, raw[i], raw[i], "")
			ps = append(ps, raw[i])
		}
	}
	return t, c.finish(t, ps, len(base.topics), spread, o)
}

func (c *comparison) sampling() stats.Sampling {
	return stats.Sampling{Samples: c.samples, Seed: c.seed}
}

// pValues tests every system against the first.
func (c *comparison) pValues(systems []system, m int) ([]float64, error) {
	var all [][]float64
	for _, s := range systems {
		if !slices.Equal(s.topics, systems[0].topics) {
			return nil, fmt.Errorf("%s and %s have different topics: use -queries judged", s.name, systems[0].name)
		}
		all = append(all, s.values[m])
	}
	if c.test == "tukey" {
		p, err := stats.TukeyHSD(all, true)
		if err != nil {
			return nil, err
		}
		return p[0][1:], nil
	}
	var ps []float64
	for _, values := range all[1:] {
		test, err := c.testOf(stats.Differences(all[0], values))
		if err != nil {
			return nil, err
		}
		ps = append(ps, test.P)
	}
	return ps, nil
}

func (c *comparison) testOf(d []float64) (stats.Test, error) {
	switch c.test {
	case "randomisation":
		return stats.Randomisation(d, c.sampling())
	case "t":
		return stats.TTest(d)
	case "wilcoxon":
		return stats.Wilcoxon(d)
	}
	return stats.Test{}, usage("-test %q: write randomisation, t, wilcoxon or tukey", c.test)
}

// finish corrects the p values, marks what is significant, and adds the notes.
func (c *comparison) finish(t *table.Table, ps []float64, topics int, spread float64, o measure.Options) error {
	method := c.correct
	if c.test == "tukey" {
		method = "none" // it is its own correction
	}
	adjusted, err := stats.Adjust(method, ps)
	if err != nil {
		return usage("-correct: %v", err)
	}
	at := 0
	for _, row := range t.Rows {
		if strings.HasSuffix(row[0].(string), " (baseline)") {
			continue
		}
		row[8] = adjusted[at]
		if adjusted[at] < .05 {
			row[9] = "*"
		}
		at++
	}
	t.Notes = append(t.Notes, fmt.Sprintf("* corrected p below 0.05 (%s test, %s correction over %d tests, seed %d)", c.test, c.correct, len(ps), c.seed))
	if least, err := stats.DetectableDifference(spread, topics, .05, .8); err == nil {
		t.Notes = append(t.Notes, fmt.Sprintf("%d topics: true differences below %.3f would be missed more than one time in five", topics, least))
	}
	t.Notes = append(t.Notes, o.Conventions())
	return nil
}

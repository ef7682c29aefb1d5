package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/table"
)

const compareHelp = `
quality compare tests whether runs differ from a baseline.

  quality compare -qrels qrels.txt -runs bm25.txt,reranked.txt,fused.txt
  quality compare -qrels qrels.txt -baseline bm25.txt -runs reranked.txt,fused.txt -measures nDCG@10,AP

Without -baseline the first of -runs is the baseline. For each run and measure it prints the difference to the baseline, its 95 %
interval (bootstrap, BCa), wins / ties / losses, the effect size, p as it is, and
p corrected for the number of tests that stand in the table: only the corrected
one may be compared with 0.05. "unj" is the share of documents that the measure
looked at and nobody judged.

What would make the table untrue is said below it in every format, and a
difference that it spoils is not marked: a baseline that lacks topics, documents
that nobody judged, a run that was learned on the very topics.

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
	f.StringVar(&c.baseline, "baseline", "", "the run to compare with; repeats joined with :; default the first of -runs")
	f.StringVar(&c.runs, "runs", "", "runs, separated by commas; repeats joined with :")
	c.registerTest(f)
}

// registerTest registers what decides how differences are tested.
func (c *comparison) registerTest(f *flag.FlagSet) {
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
	lists := fileNames(c.runs)
	if c.baseline != "" && len(lists) > 0 {
		lists = append([]string{c.baseline}, lists...)
	}
	if len(lists) < 2 {
		return usage("at least two runs are needed: -runs BASELINE,OTHER, or -baseline and -runs")
	}
	plan, err := c.plan(lists, errs)
	if err != nil {
		return err
	}
	plan.Keep = -1
	r, err := experiment.CompareRuns(plan)
	if err != nil {
		return err
	}
	t := r.Table()
	t.Title, t.Columns[0] = "", "run"
	for i := range r.Measures {
		t.Rows[i][0] = r.Baseline + " (baseline)"
	}
	t.Warnings = append(c.warnings, t.Warnings...)
	return t.Write(out, chosen)
}

// plan reads the judgements and the runs of the lists, the baseline first.
func (c *comparison) plan(lists []string, errs io.Writer) (experiment.Runs, error) {
	measures, err := c.parseMeasures()
	if err != nil {
		return experiment.Runs{}, err
	}
	o, err := c.options()
	if err != nil {
		return experiment.Runs{}, err
	}
	if err := c.checkTest(); err != nil {
		return experiment.Runs{}, err
	}
	qrels, err := c.load(errs)
	if err != nil {
		return experiment.Runs{}, err
	}
	systems, err := c.systems(lists, errs)
	return experiment.Runs{
		Systems: systems, Judgements: qrels, Measures: measures, Options: o, Test: c.test, Correction: c.correct,
		Sampling: stats.Sampling{Samples: c.samples, Seed: c.seed},
	}, err
}

// checkTest refuses a test or a correction that there is not.
func (c *comparison) checkTest() error {
	if _, err := experiment.PairedTest(c.test, []float64{0, 0}, stats.Sampling{Samples: 1}); err != nil && c.test != "tukey" {
		return usage("-test %q: write randomisation, t, wilcoxon or tukey", c.test)
	}
	if _, err := stats.Adjust(c.correct, nil); err != nil {
		return usage("-correct: %v", err)
	}
	return nil
}

// systems reads the runs of each list, whose repeats are joined with a colon, and
// gives every system a name of its own.
func (c *comparison) systems(lists []string, errs io.Writer) ([]experiment.RunSystem, error) {
	var systems []experiment.RunSystem
	for _, list := range lists {
		if list = strings.TrimSpace(list); list == "" {
			continue
		}
		runs, err := readRuns(strings.ReplaceAll(list, ":", ","), c.lenient, errs)
		if err != nil {
			return nil, err
		}
		files := fileNames(strings.ReplaceAll(list, ":", ","))
		for i, name := range files {
			if slices.Contains(files[:i], name) {
				c.warn("%s stands twice among the repeats of one system: the second is no evidence", name)
			}
		}
		systems = append(systems, experiment.RunSystem{Name: runs[0].Name, Source: list, Repeats: runs})
	}
	c.warnings = append(c.warnings, nameApart(systems)...)
	for i := range systems {
		if n := len(systems[i].Repeats); n > 1 {
			systems[i].Name += fmt.Sprintf(" (%d repeats)", n)
		}
	}
	return systems, nil
}

// nameApart names systems after their files where tags collide, and says so.
func nameApart(systems []experiment.RunSystem) []string {
	var warnings []string
	tags, sources := map[string]int{}, map[string]int{}
	for _, s := range systems {
		tags[s.Name]++
	}
	said := map[string]bool{}
	for i := range systems {
		s := &systems[i]
		tag := s.Name
		if tags[tag] > 1 {
			s.Name = s.Source
			if !said[tag] {
				said[tag] = true
				warnings = append(warnings, fmt.Sprintf("%d runs carry the tag %q and are named after their files: if they are repeats of one system, join them with a colon, and they count once", tags[tag], tag))
			}
		}
		if sources[s.Source]++; sources[s.Source] > 1 {
			s.Name = fmt.Sprintf("%s, given again #%d", s.Source, sources[s.Source])
			warnings = append(warnings, fmt.Sprintf("%s is given more than once", s.Source))
		}
	}
	return warnings
}

package experiment

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/gate"
	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/internal/nearest"
)

// Runs is an experiment whose rankings exist already: runs of any system, made by
// anything. Systems, Judgements and Measures are required.
type Runs struct {
	// Name and Collection stand in the report.
	Name       string
	Collection Collection
	// Systems are measured; the first is the baseline.
	Systems    []RunSystem
	Judgements *trec.Qrels
	Measures   []measure.Measure
	// Options decide what the figures mean. With measure.Both all systems must have
	// the same topics.
	Options measure.Options
	// Test, Correction and Sampling are those of a Plan.
	Test, Correction string
	Sampling         stats.Sampling
	// Texts has the topics' texts by id, as far as they are known.
	Texts map[string]string
	// Documents returns a document for the report, and whether it is known; nil
	// knows none. It is called once for each document that a kept ranking names.
	Documents func(id string) (Document, bool)
	// Keep is how many hits of each ranking the result holds for a report; 0 means
	// 20, -1 none.
	Keep int
}

// RunSystem is a system of which there are runs.
type RunSystem struct {
	Name string
	// Source says where its runs are from, such as a file's name.
	Source string
	// Repeats are its runs: one, or several of a system that is not deterministic,
	// which are averaged topic by topic before anything is tested.
	Repeats []*trec.Run
}

// CompareRuns measures the systems, compares them with the first and warns of what
// would make that untrue. The result is what Run returns for systems that it ran
// itself, without costs and stages.
//
// Errors: a missing part of r, an unknown test or correction, a system without a
// run or two with one name, and topics that differ where the options do not fix
// them.
func CompareRuns(r Runs) (*Result, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	if r.Keep == 0 {
		r.Keep = 20
	}
	c := &comparer{Runs: r, result: &Result{
		Name: r.Name, Collection: r.Collection, Conventions: r.Options.Conventions(), Baseline: r.Systems[0].Name,
		Test: r.Test, Correction: r.Correction, Documents: map[string]Document{},
	}}
	for _, m := range r.Measures {
		c.result.Measures = append(c.result.Measures, m.String())
	}
	for i := range r.Systems {
		if err := c.add(&r.Systems[i]); err != nil {
			return nil, err
		}
	}
	return c.result, c.conclude()
}

func (r *Runs) check() error {
	if r.Test == "" {
		r.Test = "randomisation"
	}
	if r.Correction == "" {
		r.Correction = "holm"
	}
	switch {
	case len(r.Systems) == 0:
		return errors.New("experiment: compare runs: no systems")
	case r.Judgements == nil || len(r.Measures) == 0:
		return errors.New("experiment: compare runs: judgements and measures are both needed")
	case !slices.Contains(tests(), r.Test):
		return fmt.Errorf("experiment: no test %q: write %s%s", r.Test, strings.Join(tests(), ", "), nearest.Hint(r.Test, tests()))
	case !slices.Contains(stats.Corrections(), r.Correction):
		return fmt.Errorf("experiment: no correction %q: write %s%s", r.Correction, strings.Join(stats.Corrections(), ", "), nearest.Hint(r.Correction, stats.Corrections()))
	}
	seen := map[string]bool{}
	for _, s := range r.Systems {
		if s.Name == "" || seen[s.Name] || len(s.Repeats) == 0 {
			return fmt.Errorf("experiment: compare runs: system %q: each needs a name of its own and at least one run", s.Name)
		}
		seen[s.Name] = true
	}
	return nil
}

// comparer makes the result of Runs.
type comparer struct {
	Runs
	result *Result
	topics []string
	files  []gate.System
}

// add measures one system.
func (c *comparer) add(s *RunSystem) error {
	out := System{Name: s.Name, Tree: "run file " + s.Source, Repeats: len(s.Repeats), Ceiling: -1, BelowInput: make([]string, len(c.Measures))}
	var results []*measure.Result
	for _, run := range s.Repeats {
		r, err := measure.Evaluate(c.Judgements, run, c.Measures, c.Options)
		if err != nil {
			return err
		}
		if c.topics == nil {
			c.setTopics(r.Topics)
		}
		if !slices.Equal(r.Topics, c.topics) {
			return fmt.Errorf("experiment: compare runs: %s and %s have different topics: measure all judged ones (-queries judged)", s.Name, c.Systems[0].Name)
		}
		results = append(results, r)
	}
	if err := out.average(results); err != nil {
		return err
	}
	out.Stages = []Stage{{Name: s.Name, Tree: out.Tree, Means: out.Means, Rankings: c.keep(s.Repeats[0])}}
	c.result.Systems = append(c.result.Systems, out)
	file := Inspected(s.Repeats, results, c.Judgements)
	if file.Tied > 0 {
		var err error
		if file.TieLower, file.TieHigher, err = tieBounds(c.Judgements, s.Repeats, results, c.Options); err != nil {
			return err
		}
	}
	c.files = append(c.files, file)
	return nil
}

func (c *comparer) setTopics(ids []string) {
	c.topics = ids
	for _, id := range ids {
		t := Topic{ID: id, Text: c.Texts[id], Judged: map[string]int{}}
		judged, _ := c.Judgements.Topic(id)
		for _, j := range judged {
			t.Judged[j.Document] = j.Grade
		}
		c.result.Topics = append(c.result.Topics, t)
	}
}

// keep takes the first hits of every topic for a report.
func (c *comparer) keep(run *trec.Run) [][]Hit {
	if c.Keep < 0 {
		return nil
	}
	rankings := make([][]Hit, len(c.topics))
	var order []int32
	for t, id := range c.topics {
		entries, _ := run.Topic(id)
		order = c.Options.Order.Ranking(entries, order)
		for _, at := range order {
			e := entries[at]
			if len(rankings[t]) == c.Keep {
				break
			}
			if c.Options.DropSelf && e.Document == id {
				continue
			}
			rankings[t] = append(rankings[t], Hit{ID: e.Document, Score: e.Score})
			c.know(e.Document)
		}
	}
	return rankings
}

// know looks a document's text up, once.
func (c *comparer) know(id string) {
	if _, known := c.result.Documents[id]; known || c.Documents == nil {
		return
	}
	if d, ok := c.Documents(id); ok {
		c.result.Documents[id] = d
	}
}

// conclude asks the gate and tests.
func (c *comparer) conclude() error {
	found := inspect(c.result, c.Measures, c.Judgements, c.Options, c.files)
	c.result.Warnings = append(c.result.Warnings, found.Warnings()...)
	warnRepeatedTexts(c.result)
	final := contest{result: c.result, test: c.Test, correction: c.Correction, sampling: c.Sampling, found: found, quiet: true}
	return final.run()
}

// Inspected says to the gate what the runs of one system are like: which topics
// they lack, how deep they go, whether they were learned on what they are measured
// with. results are the runs' measurements.
func Inspected(runs []*trec.Run, results []*measure.Result, qrels *trec.Qrels) gate.System {
	g := gate.System{Name: runs[0].Name}
	for i, run := range runs {
		r := results[i]
		g.Missing = union(g.Missing, r.Missing)
		g.Extra, g.Barren = union(g.Extra, r.Extra), union(g.Barren, r.Barren)
		for _, p := range run.Problems {
			switch {
			case p.RankContradicts:
				g.Contradicted++
			case !p.Warning:
				g.Skipped++
			}
		}
		if run.InSample() {
			g.Learned = "its tag says that it was trained on topics that it ranks (quality fuse -train)"
		}
		for _, t := range run.Topics {
			judged, _ := qrels.Topic(t.ID)
			g.See(t.Entries, judged)
		}
	}
	return g
}

func union(a, b []string) []string {
	both := slices.Concat(a, b)
	slices.Sort(both)
	return slices.Compact(both)
}

package experiment

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/internal/nearest"
	"github.com/rankcascade/cascade/pipeline"
)

// Systems are the systems of an experiment, by name.
type Systems map[string]pipeline.Retriever

// Plan says what to run and how to judge it. Systems, Topics, Judgements and
// Measures are required; everything else has a default.
type Plan struct {
	// Name and Collection stand in the report.
	Name       string
	Collection Collection
	Systems    Systems
	// Topics are the queries. Each needs an ID, which the judgements know.
	Topics     []pipeline.Query
	Judgements *trec.Qrels
	Measures   []measure.Measure
	// Options decide what the figures mean, as they do for run files: by default
	// tied documents are measured in trec_eval's order, so that a system's figure is
	// that of its run file. With trec.InputOrder ties fall as the pipelines ordered
	// them, and run files are written so that trec_eval does the same. The topics
	// are always all that are asked and judged: one that a system returned nothing
	// for counts 0.
	Options measure.Options
	// Baseline is the system that the others are compared with; "" means the
	// first by name.
	Baseline string
	// Test is "randomisation" (default), "t", "wilcoxon" or "tukey"; Correction is
	// one of stats.Corrections, "holm" by default, over all comparisons shown.
	Test, Correction string
	// Sampling seeds and sizes the tests and intervals.
	Sampling stats.Sampling
	// Tuned says, for systems whose settings were chosen from judgements, on which
	// topics. A system that is measured on a topic that chose its setting is
	// reported with a warning, and its gains are never marked as significant.
	Tuned map[string]Tuning
	// Repeats is how often a system that is not deterministic runs every topic; 1
	// for a system that is not named. Repeats are averaged before any test.
	Repeats map[string]int
	// Depth is how many hits of a ranking are measured; 0 means 1,000.
	Depth int
	// Concurrency is how many topics run at once; 0 means 1, so that the times in
	// the report are those of an unloaded system.
	Concurrency int
	// Budget stops the experiment before it costs more.
	Budget Budget
	// Prices are for a million tokens, by model; "" prices every other model.
	Prices map[string]float64
	// Dir is a folder for run files of every stage and for a journal with which a
	// stopped experiment goes on where it was; "" writes nothing.
	Dir string
	// Version is part of the journal's keys: change it when something changes
	// that neither the systems' descriptions nor the topics show.
	Version string
	// Keep is how many hits of each stage's ranking the result holds for a report;
	// 0 means 20, -1 none. The result also holds those documents' texts.
	Keep int
	// Progress, if not nil, is told after every topic.
	Progress func(Progress)
}

// Budget bounds what an experiment may cost. A zero field is no bound.
type Budget struct {
	Calls, Tokens int
	Price         float64
}

// Progress says how far an experiment is.
type Progress struct {
	Done, Topics int
	// Resumed counts the topics that the journal already had.
	Resumed int
	Cost    Cost
}

// BudgetError is returned when a budget is used up. What was finished is in the
// journal, if the plan has a folder.
type BudgetError struct {
	Budget      Budget
	Cost        Cost
	Done, Total int
}

// Error says what was spent and how far it reached.
func (e *BudgetError) Error() string {
	return fmt.Sprintf("experiment: budget used up after %d of %d topics: %d calls, %d tokens, price %.4f", e.Done, e.Total, e.Cost.Calls, e.Cost.Tokens, e.Cost.Price)
}

func (b Budget) exceededBy(c Cost) bool {
	return (b.Calls > 0 && c.Calls > b.Calls) || (b.Tokens > 0 && c.Tokens > b.Tokens) || (b.Price > 0 && c.Price > b.Price)
}

func (p Plan) withDefaults() Plan {
	if p.Baseline == "" && len(p.Systems) > 0 {
		p.Baseline = slices.Sorted(maps.Keys(p.Systems))[0]
	}
	if p.Test == "" {
		p.Test = "randomisation"
	}
	if p.Correction == "" {
		p.Correction = "holm"
	}
	if p.Depth == 0 {
		p.Depth = 1000
	}
	if p.Concurrency <= 0 {
		p.Concurrency = 1
	}
	if p.Keep == 0 {
		p.Keep = 20
	}
	p.Options.Queries = measure.Judged
	return p
}

// names returns the systems' names, the baseline first.
func (p Plan) names() []string {
	names := slices.Sorted(maps.Keys(p.Systems))
	if i := slices.Index(names, p.Baseline); i > 0 {
		names = append([]string{p.Baseline}, slices.Delete(names, i, i+1)...)
	}
	return names
}

func (p Plan) repeats(system string) int { return max(1, p.Repeats[system]) }

// check finds what would make the experiment fail or mislead, before it costs
// anything.
func (p Plan) check() error {
	switch {
	case len(p.Systems) == 0:
		return errors.New("experiment: the plan has no systems")
	case len(p.Topics) == 0:
		return errors.New("experiment: the plan has no topics")
	case p.Judgements == nil:
		return errors.New("experiment: the plan has no judgements")
	case len(p.Measures) == 0:
		return errors.New("experiment: the plan has no measures")
	case !slices.Contains(tests(), p.Test):
		return fmt.Errorf("experiment: no test %q: %s%s", p.Test, strings.Join(tests(), ", "), nearest.Hint(p.Test, tests()))
	case !slices.Contains(stats.Corrections(), p.Correction):
		return fmt.Errorf("experiment: no correction %q%s", p.Correction, nearest.Hint(p.Correction, stats.Corrections()))
	case p.Systems[p.Baseline] == nil:
		names := slices.Sorted(maps.Keys(p.Systems))
		return fmt.Errorf("experiment: the baseline %q is none of the systems %q%s", p.Baseline, names, nearest.Hint(p.Baseline, names))
	}
	for name, n := range p.Repeats {
		if p.Systems[name] == nil || n < 1 {
			return fmt.Errorf("experiment: %d repeats of %q: name a system, and at least 1", n, name)
		}
	}
	for name := range p.Tuned {
		if p.Systems[name] == nil {
			return fmt.Errorf("experiment: the tuned system %q is none of the systems%s", name, nearest.Hint(name, slices.Collect(maps.Keys(p.Systems))))
		}
	}
	seen := map[string]bool{}
	for i, t := range p.Topics {
		if t.ID == "" || seen[t.ID] {
			return fmt.Errorf("experiment: topic %d has the id %q: ids must not be empty or repeated", i+1, t.ID)
		}
		seen[t.ID] = true
	}
	return p.checkSystems()
}

// checkSystems refuses pipelines that contradict themselves.
func (p Plan) checkSystems() error {
	for _, name := range p.names() {
		if err := firstMistake(pipeline.Describe(p.Systems[name])); err != nil {
			return fmt.Errorf("experiment: system %q: %w", name, err)
		}
	}
	return nil
}

// tests are the names that Plan.Test knows.
func tests() []string { return []string{"randomisation", "t", "wilcoxon", "tukey"} }

func firstMistake(n pipeline.Node) error {
	if n.Err != nil {
		return n.Err
	}
	for _, child := range n.Children {
		if err := firstMistake(child); err != nil {
			return err
		}
	}
	return nil
}

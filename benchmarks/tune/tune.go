package tune

import (
	"math"

	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/trec"
)

// fewTopics is below how many judged topics only the default is recommended.
const fewTopics = 20

// Tune chooses a fusion of the space and measures what the choice is worth. The
// result depends on the seed of Problem.Sampling, which deals the folds, and not
// on the number of processors.
func Tune(p Problem, s Fusion) (*Report, error) {
	d, err := prepare(p)
	if err != nil {
		return nil, err
	}
	c, err := s.open(d)
	if err != nil {
		return nil, err
	}
	t := Trial{Measure: p.Measure.String(), Topics: d.topics, Folds: p.Folds, Groups: p.Groups, Sampling: p.Sampling}
	r, err := examine(t, c, d.inputs())
	if err != nil {
		return nil, err
	}
	r.warn(d.problem, d.topics)
	return r, nil
}

// examine chooses, cross-validates and tests.
func examine(t Trial, c chooser, inputs []Input) (*Report, error) {
	if t.Folds == 0 {
		t.Folds = 5
	}
	folds, err := deal(t, t.Sampling.Seed)
	if err != nil {
		return nil, err
	}
	all := make([]int, len(t.Topics))
	for i := range all {
		all[i] = i
	}
	standard := c.standard()
	chosen := choose(c, all)
	r := &Report{
		Measure: t.Measure, Topics: len(all), Inputs: inputs,
		Default: standard.name, DefaultScore: standard.mean(all), Chosen: chosen.name, InSample: chosen.mean(all),
	}
	heldOut := r.crossValidate(t, c, folds)
	base := make([]float64, len(all))
	for i := range base {
		base[i] = standard.values(i)
	}
	again, err := newRetest(t, c)
	if err != nil {
		return nil, err
	}
	if err := r.judge(t, base, heldOut, again); err != nil {
		return nil, err
	}
	return r, r.compareInputs(t, folds, base)
}

// choose takes the best setting, unless the default is within one standard error
// of the paired difference to it.
func choose(c chooser, topics []int) setting {
	best, standard := c.best(topics), c.standard()
	d := make([]float64, len(topics))
	for i, t := range topics {
		d[i] = best.values(t) - standard.values(t)
	}
	s := stats.Describe(d)
	if s.Mean <= s.Deviation/math.Sqrt(float64(len(d))) {
		return standard
	}
	return best
}

func named(topics []string, at []int) []string {
	var ids []string
	for _, t := range at {
		ids = append(ids, topics[t])
	}
	return ids
}

// byGroup averages differences over groups of topics: what belongs together is one
// piece of evidence.
func byGroup(t Trial, d []float64) []float64 {
	groups, names := groupsOf(t)
	out := make([]float64, len(names))
	for i, name := range names {
		for _, topic := range groups[name] {
			out[i] += d[topic] / float64(len(groups[name]))
		}
	}
	return out
}

// pairedP is the larger p of the randomisation test and the t test.
func pairedP(d []float64, s stats.Sampling) (float64, error) {
	flips, err := stats.Randomisation(d, s)
	if err != nil {
		return 0, err
	}
	student, err := stats.TTest(d)
	if err != nil {
		return 0, err
	}
	return max(flips.P, student.P), nil
}

func meanOf(values []float64, topics []int) float64 {
	return setting{values: func(t int) float64 { return values[t] }}.mean(topics)
}

func unreadLines(run *trec.Run) int {
	n := 0
	for _, p := range run.Problems {
		if !p.Warning {
			n++
		}
	}
	return n
}

func equalValues(a, b []float64) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

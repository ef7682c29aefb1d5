package tune

import (
	"fmt"
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

// crossValidate returns every topic's value under what the other folds chose.
func (r *Report) crossValidate(t Trial, c chooser, folds []int) []float64 {
	values := make([]float64, len(t.Topics))
	for fold := range t.Folds {
		train, test := split(folds, fold)
		s := choose(c, train)
		for _, i := range test {
			values[i] = s.values(i)
		}
		r.Folds = append(r.Folds, Fold{len(test), named(t.Topics, test), s.name, s.mean(train), s.mean(test), s.numbers})
	}
	for _, f := range r.Folds {
		for i, v := range f.numbers {
			if i == len(r.Low) {
				r.Low, r.High = append(r.Low, v), append(r.High, v)
			}
			r.Low[i], r.High[i] = min(r.Low[i], v), max(r.High[i], v)
		}
	}
	return values
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

// judge tests the held-out gain. P is the largest of three: that of the retest, of
// the randomisation test and of the t test on the held-out differences; the
// interval is the one that agrees with it, so that all of them and the verdict say
// the same.
func (r *Report) judge(t Trial, base, heldOut []float64, again *retest) error {
	difference := stats.Differences(base, heldOut)
	r.Difference = stats.Describe(difference)
	r.HeldOut = r.DefaultScore + r.Difference.Mean
	grouped := byGroup(t, difference)
	var err error
	if r.P, err = pairedP(grouped, t.Sampling); err != nil {
		return err
	}
	r.P = max(r.P, again.p())
	if r.Interval, err = stats.IntervalFor(r.Difference.Mean, r.P, stats.Describe(grouped).Deviation, len(grouped), .95); err != nil {
		return err
	}
	if r.Detectable, err = stats.DetectableDifference(stats.Describe(grouped).Deviation, len(grouped), .05, .8); err != nil {
		return err
	}
	switch {
	case len(grouped) < fewTopics:
		r.Verdict = TooFewTopics
	case r.P < .05 && r.Interval.Low > 0:
		r.Verdict = Adopt
	default:
		r.Verdict = KeepDefault
	}
	return nil
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

// compareInputs looks whether one input alone does better than any fusion here:
// over all topics, and on the topics of every choice.
func (r *Report) compareInputs(t Trial, folds []int, base []float64) error {
	best := -1
	for i, in := range r.Inputs {
		if best < 0 || in.Score > r.Inputs[best].Score {
			best = i
		}
	}
	if best < 0 || r.Inputs[best].Score <= max(r.DefaultScore, r.HeldOut) {
		return nil
	}
	in := r.Inputs[best]
	d := stats.Differences(base, in.values)
	p, err := pairedP(byGroup(t, d), t.Sampling)
	if err != nil {
		return err
	}
	r.Alone = &Alone{Name: in.Name, Score: in.Score, Difference: stats.Describe(d), P: p}
	if len(t.Topics) >= fewTopics && r.alwaysBest(t, folds, base, best) {
		r.Verdict = UseInput
	}
	return nil
}

// alwaysBest reports whether an input is above the default and every other input
// on the topics of every choice.
func (r *Report) alwaysBest(t Trial, folds []int, base []float64, best int) bool {
	for fold := range t.Folds {
		train, _ := split(folds, fold)
		own := meanOf(r.Inputs[best].values, train)
		if own <= meanOf(base, train) {
			return false
		}
		for i, in := range r.Inputs {
			if i != best && own < meanOf(in.values, train) {
				return false
			}
		}
	}
	return true
}

func meanOf(values []float64, topics []int) float64 {
	return setting{values: func(t int) float64 { return values[t] }}.mean(topics)
}

// warn says what is wrong with the runs, and takes back what that spoils.
func (r *Report) warn(p Problem, topics []string) {
	note := func(format string, args ...any) { r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...)) }
	if p.Qrels.Synthetic {
		note("the judgements are synthetic: no human gave them")
	}
	for i, run := range p.Runs {
		missing := 0
		for _, id := range topics {
			if _, ok := run.Topic(id); !ok {
				missing++
			}
		}
		if missing > 0 {
			note("%s lacks %d of %d topics: what is chosen leans to the runs that have them", run.Name, missing, len(topics))
		}
		if run.InSample() {
			note("%s was learned on topics that it ranks: what leans to it looks better than it is, and nothing is adopted", run.Name)
			if r.Verdict != TooFewTopics {
				r.Verdict = KeepDefault
			}
		}
		if unread := unreadLines(run); unread > 0 {
			note("%s: %d lines could not be read and are missing", run.Name, unread)
		}
		for j, other := range r.Inputs[:i] {
			if equalValues(other.values, r.Inputs[i].values) {
				note("%s and %s have the same value on every topic: are they one run?", p.Runs[j].Name, run.Name)
			}
		}
	}
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

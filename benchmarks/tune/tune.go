package tune

import (
	"fmt"
	"math"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/stats"
)

// Input is one of the fused runs on its own.
type Input struct {
	Name  string  `json:"name"`
	Score float64 `json:"score"`
}

// Fold is one part of the cross-validation.
type Fold struct {
	// Topics is the number of held-out topics, Held their ids in ascending order.
	Topics int      `json:"topics"`
	Held   []string `json:"held"`
	// Chosen is the setting that the other topics chose.
	Chosen string `json:"chosen"`
	// Train and Test are its figures on the others and on the held-out topics.
	Train float64 `json:"train"`
	Test  float64 `json:"test"`

	numbers []float64
}

// Verdict is what to do.
type Verdict string

// The verdicts.
const (
	// KeepDefault: the held-out gain may be chance.
	KeepDefault Verdict = "keep the default"
	// Adopt: the held-out gain's interval excludes zero.
	Adopt Verdict = "adopt the chosen setting"
	// TooFewTopics: with fewer than 20 judged topics nothing but the default is
	// recommended.
	TooFewTopics Verdict = "keep the default: too few topics"
)

// Report says what tuning found and what it is worth.
type Report struct {
	Measure string  `json:"measure"`
	Topics  int     `json:"topics"`
	Inputs  []Input `json:"inputs"`
	// Default and its figure over all topics.
	Default      string  `json:"default"`
	DefaultScore float64 `json:"defaultScore"`
	// Chosen is what all topics together choose, InSample its figure on them,
	// which is too high to be believed.
	Chosen   string  `json:"chosen"`
	InSample float64 `json:"inSample"`
	// HeldOut is the figure over all topics when each is measured with what the
	// other folds chose: the one to report.
	HeldOut float64 `json:"heldOut"`
	// Difference, Interval and P compare held-out with default, topic by topic.
	Difference stats.Summary  `json:"difference"`
	Interval   stats.Interval `json:"interval"`
	P          float64        `json:"p"`
	Folds      []Fold         `json:"folds"`
	// Low and High are the lowest and highest value of each parameter over the
	// folds: where they lie far apart, the choice is noise.
	Low  []float64 `json:"low"`
	High []float64 `json:"high"`
	// Detectable is the smallest true gain that this many topics show four times
	// in five.
	Detectable float64 `json:"detectable"`
	Verdict    Verdict `json:"verdict"`
}

// Tune chooses a setting of the space and measures what the choice is worth. The
// result depends on the seed of Problem.Sampling, which deals the folds, and not
// on the number of processors.
func Tune(p Problem, s Space) (*Report, error) {
	d, err := prepare(p)
	if err != nil {
		return nil, err
	}
	c, err := s.open(d)
	if err != nil {
		return nil, err
	}
	all := make([]int, len(d.topics))
	for i := range all {
		all[i] = i
	}
	standard := c.standard()
	chosen := choose(c, all)
	r := &Report{
		Measure: p.Measure.String(), Topics: len(all), Inputs: d.inputs(),
		Default: fmt.Sprint(standard.method), DefaultScore: standard.mean(all),
		Chosen: fmt.Sprint(chosen.method), InSample: chosen.mean(all),
	}
	heldOut := r.crossValidate(d, c)
	base := make([]float64, len(all))
	for i := range base {
		base[i] = standard.values(i)
	}
	return r, r.judge(base, heldOut, p.Sampling)
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
func (r *Report) crossValidate(d *data, c chooser) []float64 {
	values := make([]float64, len(d.topics))
	for fold := range d.problem.Folds {
		var train, test []int
		for i, f := range d.folds {
			if f == fold {
				test = append(test, i)
			} else {
				train = append(train, i)
			}
		}
		s := choose(c, train)
		for _, t := range test {
			values[t] = s.values(t)
		}
		r.Folds = append(r.Folds, Fold{len(test), d.named(test), fmt.Sprint(s.method), s.mean(train), s.mean(test), s.numbers})
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

func (d *data) named(topics []int) []string {
	var ids []string
	for _, t := range topics {
		ids = append(ids, d.topics[t])
	}
	return ids
}

func (r *Report) judge(base, heldOut []float64, s stats.Sampling) error {
	difference := stats.Differences(base, heldOut)
	r.Difference = stats.Describe(difference)
	r.HeldOut = r.DefaultScore + r.Difference.Mean
	var err error
	if r.Interval, err = stats.Bootstrap(difference, stats.BCa, .95, s); err != nil {
		return err
	}
	test, err := stats.Randomisation(difference, s)
	if err != nil {
		return err
	}
	r.P = test.P
	if r.Detectable, err = stats.DetectableDifference(r.Difference.Deviation, r.Topics, .05, .8); err != nil {
		return err
	}
	switch {
	case r.Topics < fewTopics:
		r.Verdict = TooFewTopics
	case r.Interval.Low > 0:
		r.Verdict = Adopt
	default:
		r.Verdict = KeepDefault
	}
	return nil
}

// String prints the report for a person.
func (r *Report) String() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%s over %d topics", r.Measure, r.Topics)
	for _, in := range r.Inputs {
		line("  %.4f  %s (alone)", in.Score, in.Name)
	}
	line("  %.4f  default   %s", r.DefaultScore, r.Default)
	line("  %.4f  in sample %s (too high: chosen on these very topics)", r.InSample, r.Chosen)
	line("  %.4f  held out  over %d folds: the figure to report", r.HeldOut, len(r.Folds))
	line("held out - default: %v, interval %v, p = %.4f", r.Difference, r.Interval, r.P)
	line("parameters over the folds: from %.4g to %.4g", r.Low, r.High)
	for i, f := range r.Folds {
		line("  fold %d, %d topics: %s, train %.4f, test %.4f", i+1, f.Topics, f.Chosen, f.Train, f.Test)
	}
	for _, in := range r.Inputs {
		if in.Score > r.HeldOut {
			line("! %s alone (%.4f) is better than the fusion", in.Name, in.Score)
		}
	}
	if r.Topics < 50 {
		line("! %d topics: true gains below %.3f would be missed more than one time in five", r.Topics, r.Detectable)
	}
	line("verdict: %s", r.Verdict)
	return b.String()
}

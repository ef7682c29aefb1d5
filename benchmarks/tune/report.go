package tune

import (
	"fmt"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/gate"
	"github.com/rankcascade/cascade/benchmarks/internal/wording"
	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/table"
)

// Input is one of the fused runs on its own.
type Input struct {
	Name  string  `json:"name"`
	Score float64 `json:"score"`

	values []float64
}

// Alone is an input that is above every fusion that was looked at.
type Alone struct {
	Name  string  `json:"name"`
	Score float64 `json:"score"`
	// Difference and P compare it with the default, topic by topic.
	Difference stats.Summary `json:"difference"`
	P          float64       `json:"p"`
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
	// Adopt: the held-out gain is more than chance, by P and Interval.
	Adopt Verdict = "adopt the chosen setting"
	// UseInput: one of the inputs alone, Report.Alone, has a higher figure than the
	// default and than what was chosen, over all topics and for every choice. It
	// claims no gain: it says that nothing here shows a gain of fusing.
	UseInput Verdict = "use that input alone"
	// TooFewTopics: with fewer than 20 judged topics nothing but the default is
	// recommended.
	TooFewTopics Verdict = "keep the default: too few topics"
)

// Report says what tuning found and what it is worth.
type Report struct {
	Measure string `json:"measure"`
	Topics  int    `json:"topics"`
	// Inputs are the fused runs; none where no fusion is tuned.
	Inputs []Input `json:"inputs,omitempty"`
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
	// Difference compares held-out with default, topic by topic. P is the largest of
	// three: that of the randomisation test and of the t test on these differences,
	// and that of the randomisation test of the whole tuning, in which every pattern
	// of signs chooses anew, so that what the folds share is accounted for. Interval
	// is the 95 % interval that belongs to P: it excludes 0 where P is below 0.05.
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
	// Alone is the best input where it is above the default and the held-out figure.
	Alone *Alone `json:"alone,omitempty"`
	// Warnings are what a reader must know before believing the report.
	Warnings []string `json:"warnings,omitempty"`
	Verdict  Verdict  `json:"verdict"`
}

// String prints the report for a person.
func (r *Report) String() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%s over %s", r.Measure, wording.Count(r.Topics, "topic"))
	for _, in := range r.Inputs {
		line("  %.4f  %s (alone)", in.Score, in.Name)
	}
	line("  %.4f  default   %s", r.DefaultScore, r.Default)
	line("  %.4f  in sample %s (too high: chosen on these very topics)", r.InSample, r.Chosen)
	line("  %.4f  held out  over %d folds: the figure to report", r.HeldOut, len(r.Folds))
	line("held out - default: %v, interval %v, p = %v", r.Difference, r.Interval, table.P(r.P))
	line("parameters over the folds: from %.4g to %.4g", r.Low, r.High)
	for i, f := range r.Folds {
		line("  fold %d, %s: %s, train %.4f, test %.4f", i+1, wording.Count(f.Topics, "topic"), f.Chosen, f.Train, f.Test)
	}
	if a := r.Alone; a != nil {
		line("! %s alone (%.4f) is better than the fusion: %s - default: %v, p = %v", a.Name, a.Score, a.Name, a.Difference, table.P(a.P))
	}
	if r.Topics < 50 && r.Detectable > 0 {
		line("! %s: true gains below %s would be missed more than one time in five", wording.Count(r.Topics, "topic"), wording.Small(r.Detectable))
	}
	for _, warning := range r.Warnings {
		line("! %s", warning)
	}
	if r.Verdict == UseInput {
		line("verdict: %s: %s; nothing here shows a gain of fusing it with the others", r.Verdict, r.Alone.Name)
		return b.String()
	}
	line("verdict: %s", r.Verdict)
	return b.String()
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
			note("%s lacks %s: what is chosen leans to the runs that have them", run.Name, wording.Of(missing, len(topics), "topic"))
		}
		if run.InSample() {
			note("%s was learned on topics that it ranks: what leans to it looks better than it is, and nothing is adopted", run.Name)
			if r.Verdict != TooFewTopics {
				r.Verdict = KeepDefault
			}
		}
		var seen gate.System
		for _, t := range run.Topics {
			seen.See(t.Entries, nil)
		}
		if 2*seen.Tied > seen.Top {
			note("%s: most of its first documents have a score that others have too: ids decide their order", run.Name)
		}
		if unread := unreadLines(run); unread > 0 {
			note("%s: %s could not be read and %s missing", run.Name, wording.Count(unread, "line"), wording.Are(unread))
		}
		for j, other := range r.Inputs[:i] {
			if equalValues(other.values, r.Inputs[i].values) {
				note("%s and %s have the same value on every topic: are they one run?", p.Runs[j].Name, run.Name)
			}
		}
	}
}

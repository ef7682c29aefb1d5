package experiment

import (
	"fmt"
	"slices"

	"github.com/rankcascade/cascade/benchmarks/stats"
)

// compare tests every system against the baseline on every measure and corrects
// for all of it at once.
func (r *Result) compare(p Plan) error {
	if len(r.Systems) < 2 {
		return nil
	}
	if len(r.Topics) < 2 {
		r.Warnings = append(r.Warnings, "one topic cannot be tested")
		return nil
	}
	var ps []float64
	spread := 0.0
	for m, name := range r.Measures {
		raw, err := r.pValues(p, m)
		if err != nil {
			return err
		}
		for i, s := range r.Systems[1:] {
			d := stats.Differences(r.Systems[0].Values[m], s.Values[m])
			interval, err := stats.Bootstrap(d, stats.BCa, .95, p.Sampling)
			if err != nil {
				return err
			}
			c := Comparison{System: s.Name, Measure: name, Summary: stats.Describe(d), Interval: interval, P: raw[i]}
			spread = max(spread, c.Summary.Deviation)
			r.Comparisons = append(r.Comparisons, c)
			ps = append(ps, raw[i])
		}
	}
	adjusted, err := r.correct(p, ps)
	if err != nil {
		return err
	}
	for i := range r.Comparisons {
		c := &r.Comparisons[i]
		c.Corrected = adjusted[i]
		c.Significant = adjusted[i] < .05 && r.readable(*c)
	}
	return r.warnPower(spread, p)
}

// correct corrects the p values of all comparisons. Tukey's test is corrected
// for the systems already, not for the measures: Bonferroni over those.
func (r *Result) correct(p Plan, ps []float64) ([]float64, error) {
	if p.Test != "tukey" {
		return stats.Adjust(p.Correction, ps)
	}
	adjusted := make([]float64, len(ps))
	for i, v := range ps {
		adjusted[i] = min(1, v*float64(len(r.Measures)))
	}
	return adjusted, nil
}

// readable reports whether a difference with a low p may be read as one; see
// Comparison.Significant.
func (r *Result) readable(c Comparison) bool {
	if r.Test != "tukey" && r.Correction == "none" && len(r.Comparisons) > 1 {
		return false
	}
	base := r.Systems[0]
	i := slices.IndexFunc(r.Systems, func(s System) bool { return s.Name == c.System })
	if r.Systems[i].Tree == base.Tree {
		return false // a repeat of the baseline, and its difference is noise
	}
	if c.Summary.Mean <= 0 {
		return true // a loss needs no protection from flattery
	}
	return len(base.Failures)+len(base.Degraded) == 0 && r.Systems[i].Tuning.leak(r.Topics) == ""
}

func (r *Result) pValues(p Plan, m int) ([]float64, error) {
	var all [][]float64
	for _, s := range r.Systems {
		all = append(all, s.Values[m])
	}
	if p.Test == "tukey" {
		ps, err := stats.TukeyHSD(all, true)
		if err != nil {
			return nil, err
		}
		return ps[0][1:], nil
	}
	var ps []float64
	for _, values := range all[1:] {
		test, err := PairedTest(p.Test, stats.Differences(all[0], values), p.Sampling)
		if err != nil {
			return nil, err
		}
		ps = append(ps, test.P)
	}
	return ps, nil
}

// PairedTest runs the test of that name: "randomisation", "t" or "wilcoxon".
func PairedTest(name string, d []float64, s stats.Sampling) (stats.Test, error) {
	switch name {
	case "randomisation":
		return stats.Randomisation(d, s)
	case "t":
		return stats.TTest(d)
	case "wilcoxon":
		return stats.Wilcoxon(d)
	}
	return stats.Test{}, fmt.Errorf("experiment: no test %q: randomisation, t, wilcoxon or tukey", name)
}

// warnPower says what the topics cannot show.
func (r *Result) warnPower(spread float64, p Plan) error {
	least, err := stats.DetectableDifference(spread, len(r.Topics), .05, .8)
	if err != nil {
		return err
	}
	if len(r.Topics) < 50 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d topics: true differences below %.3f would be missed more than one time in five", len(r.Topics), least))
	}
	if p.Correction == "none" && len(r.Comparisons) > 1 && p.Test != "tukey" {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d comparisons without correction: some would look significant by chance, and none is marked", len(r.Comparisons)))
	}
	return nil
}

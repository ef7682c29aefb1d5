package experiment

import (
	"fmt"
	"slices"

	"github.com/rankcascade/cascade/benchmarks/gate"
	"github.com/rankcascade/cascade/benchmarks/stats"
)

// contest tests every system of a result against the first on every measure and
// corrects for all of it at once.
type contest struct {
	result           *Result
	test, correction string
	sampling         stats.Sampling
	found            *gate.Findings
	// quiet leaves what the topics cannot show to the notes below the table.
	quiet  bool
	spread float64
}

// run fills in the comparisons and warns of what the topics cannot show.
func (c *contest) run() error {
	r := c.result
	if len(r.Systems) < 2 {
		return nil
	}
	if len(r.Topics) < 2 {
		r.addWarning("one topic cannot be tested")
		return nil
	}
	var ps []float64
	for m := range r.Measures {
		some, err := c.measure(m)
		if err != nil {
			return err
		}
		ps = append(ps, some...)
	}
	adjusted, err := c.correct(ps)
	if err != nil {
		return err
	}
	r.Tests = len(ps)
	for i, at := 0, 0; i < len(r.Comparisons); i++ {
		x := &r.Comparisons[i]
		if !x.differs() {
			x.Corrected = 1
			continue
		}
		x.Corrected = adjusted[at]
		at++
		if x.Corrected < .05 {
			x.Remark = c.against(i)
			x.Significant = x.Remark == ""
		}
	}
	return c.warnPower()
}

// measure compares on one measure and returns the p values of the comparisons
// that can differ: systems with one value on every topic are no test.
func (c *contest) measure(m int) ([]float64, error) {
	r := c.result
	raw, err := c.pValues(m)
	if err != nil {
		return nil, err
	}
	var ps []float64
	for i, s := range r.Systems[1:] {
		d := stats.Differences(r.Systems[0].Values[m], s.Values[m])
		interval, err := stats.Bootstrap(d, stats.BCa, .95, c.sampling)
		if err != nil {
			return nil, err
		}
		x := Comparison{System: s.Name, Measure: r.Measures[m], Summary: stats.Describe(d), Interval: interval, P: raw[i]}
		c.spread = max(c.spread, x.Summary.Deviation)
		r.Comparisons = append(r.Comparisons, x)
		if x.differs() {
			ps = append(ps, raw[i])
		}
	}
	return ps, nil
}

// pValues tests every system against the first. One that equals it on every topic
// has p = 1 and takes part in no test of several systems.
func (c *contest) pValues(m int) ([]float64, error) {
	base := c.result.Systems[0].Values[m]
	ps := make([]float64, len(c.result.Systems)-1)
	differing, at := [][]float64{base}, []int{}
	for i, s := range c.result.Systems[1:] {
		ps[i] = 1
		if !slices.Equal(base, s.Values[m]) {
			differing, at = append(differing, s.Values[m]), append(at, i)
		}
	}
	if len(at) == 0 {
		return ps, nil
	}
	if c.test == "tukey" {
		all, err := stats.TukeyHSD(differing, true)
		if err != nil {
			return nil, err
		}
		for j, i := range at {
			ps[i] = all[0][j+1]
		}
		return ps, nil
	}
	for j, i := range at {
		test, err := PairedTest(c.test, stats.Differences(base, differing[j+1]), c.sampling)
		if err != nil {
			return nil, err
		}
		ps[i] = test.P
	}
	return ps, nil
}

// correct corrects the p values of all comparisons. Tukey's test is corrected
// for the systems already, not for the measures: Bonferroni over those.
func (c *contest) correct(ps []float64) ([]float64, error) {
	if c.test != "tukey" {
		return stats.Adjust(c.correction, ps)
	}
	adjusted := make([]float64, len(ps))
	for i, v := range ps {
		adjusted[i] = min(1, v*float64(len(c.result.Measures)))
	}
	return adjusted, nil
}

// against says why a comparison with a low p must not be marked; "" if nothing is
// against it.
func (c *contest) against(i int) string {
	r := c.result
	if c.test != "tukey" && c.correction == "none" && r.Tests > 1 {
		return "p is not corrected"
	}
	x := r.Comparisons[i]
	return c.found.Spoiled(gate.Claim{
		System:     slices.IndexFunc(r.Systems, func(s System) bool { return s.Name == x.System }),
		Measure:    slices.Index(r.Measures, x.Measure),
		Difference: x.Summary.Mean,
	})
}

// warnPower says what the topics cannot show.
func (c *contest) warnPower() error {
	r := c.result
	least, err := stats.DetectableDifference(c.spread, len(r.Topics), .05, .8)
	if err != nil {
		return err
	}
	r.Detectable = least
	if len(r.Topics) < 50 && !c.quiet && least > 0 {
		r.addWarning("%s", r.power())
	}
	if c.correction == "none" && r.Tests > 1 && c.test != "tukey" {
		r.addWarning("%d comparisons without correction: some would look significant by chance, and none is marked", r.Tests)
	}
	return nil
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

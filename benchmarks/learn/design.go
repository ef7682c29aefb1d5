package learn

import (
	"math"

	"github.com/rankcascade/cascade/pipeline/ltr"
)

// design puts values on one scale: a column for each feature, standardised, 0 where
// it is absent, and behind them a column for each feature that is absent somewhere, 1
// where it is.
type design struct {
	terms  []ltr.Term // Mean and Deviation; weights are 0
	absent []int      // the column that says that feature i is absent; -1 for none
	width  int
}

func newDesign(d *Data) *design {
	n := len(d.Features)
	g := &design{terms: make([]ltr.Term, n), absent: make([]int, n), width: n}
	for j, f := range d.Features {
		mean, deviation, missing := moments(d, j)
		g.terms[j] = ltr.Term{Feature: f.Name, Mean: mean, Deviation: deviation}
		g.absent[j] = -1
		if missing {
			g.absent[j] = g.width
			g.width++
		}
	}
	return g
}

// moments returns the mean and the standard deviation of a feature over all hits that
// have it, and whether some do not. A feature that never changes has the deviation 1:
// its column is 0.
func moments(d *Data, j int) (mean, deviation float64, missing bool) {
	n := 0.0
	for _, t := range d.Topics {
		for _, r := range t.Rows {
			v := r.Values[j]
			if math.IsNaN(v) {
				missing = true
				continue
			}
			n++
			change := v - mean
			mean += change / n
			deviation += change * (v - mean)
		}
	}
	deviation = math.Sqrt(deviation / max(n, 1))
	// Equal values may differ in the last bits of their mean.
	if deviation <= 1e-12*math.Abs(mean) || math.IsNaN(deviation) || math.IsInf(deviation, 0) {
		deviation = 0
	}
	if deviation == 0 {
		return mean, 1, missing
	}
	return mean, deviation, missing
}

func (g *design) row(values []float64) []float64 {
	x := make([]float64, g.width)
	for j, t := range g.terms {
		switch {
		case !math.IsNaN(values[j]):
			x[j] = (values[j] - t.Mean) / t.Deviation
		case g.absent[j] >= 0:
			x[g.absent[j]] = 1
		}
	}
	return x
}

// terms with the weights of the columns.
func (g *design) weighted(w []float64) []ltr.Term {
	terms := make([]ltr.Term, len(g.terms))
	for j, t := range g.terms {
		t.Weight = w[j]
		if g.absent[j] >= 0 {
			t.Absent = w[g.absent[j]]
		}
		terms[j] = t
	}
	return terms
}

package confidence

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Abstention says what a system is worth that stays silent where it is unsure.
type Abstention struct {
	// Rates are the shares of topics on which it is silent, 0 to 0.9, and Values the
	// mean over the others, the least sure topics leaving first.
	Rates, Values []float64
	// AUC is the area under that curve, NAUC the same between that of no idea (0)
	// and that of an oracle which leaves out the worst topics first (1); below 0 the
	// confidence misleads. NaN where every topic has one value. Both are those of
	// MTEB.
	AUC, NAUC float64
	// Risk is the area under the risk-coverage curve: the mean, over all numbers of
	// answered topics, of 1 less the mean value of the surest ones (AURC). 0 is best
	// for a measure whose best value is 1.
	Risk float64
}

// Abstain sorts topics by confidence and looks at what their values are worth when
// the least sure ones are left out. Of topics of equal confidence the mean over all
// orders counts: where they stand decides nothing.
func Abstain(confidence, values []float64) (Abstention, error) {
	if len(confidence) != len(values) || len(values) < 2 {
		return Abstention{}, fmt.Errorf("confidence: abstain: %d confidences for %d values: as many of both, and at least 2", len(confidence), len(values))
	}
	for i := range values {
		if math.IsNaN(confidence[i]) || math.IsNaN(values[i]) || math.IsInf(values[i], 0) {
			return Abstention{}, fmt.Errorf("confidence: abstain: topic %d has confidence %v and value %v", i+1, confidence[i], values[i])
		}
	}
	a := Abstention{}
	for i := range 10 {
		a.Rates = append(a.Rates, float64(i)/10)
	}
	order := ascending(confidence)
	best := curve(ascending(values), values, a.Rates)
	values = level(order, confidence, values)
	a.Values = curve(order, values, a.Rates)
	a.AUC = area(a.Rates, a.Values)
	flat := best[0] * (a.Rates[len(a.Rates)-1] - a.Rates[0])
	a.NAUC = math.NaN()
	if most := area(a.Rates, best); most-flat > 1e-15 {
		a.NAUC = (a.AUC - flat) / (most - flat)
	}
	sum := 0.0
	for k := range order { // from the surest topic on
		sum += values[order[len(order)-1-k]]
		a.Risk += 1 - sum/float64(k+1)
	}
	a.Risk /= float64(len(order))
	return a, nil
}

// level replaces the values of topics with equal confidence by their mean: every
// curve is linear in the values, so that it is the mean over all orders.
func level(order []int, confidence, values []float64) []float64 {
	out := make([]float64, len(values))
	for start := 0; start < len(order); {
		end, sum := start, 0.0
		for ; end < len(order) && confidence[order[end]] == confidence[order[start]]; end++ {
			sum += values[order[end]]
		}
		for _, t := range order[start:end] {
			out[t] = sum / float64(end-start)
		}
		start = end
	}
	return out
}

func ascending(v []float64) []int {
	order := make([]int, len(v))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(v[a], v[b]) })
	return order
}

// curve is the mean of what is left at each rate of abstention.
func curve(order []int, values, rates []float64) []float64 {
	var out []float64
	for _, rate := range rates {
		left := order[min(int(math.RoundToEven(rate*float64(len(order)))), len(order)-1):]
		sum := 0.0
		for _, t := range left {
			sum += values[t]
		}
		out = append(out, sum/float64(len(left)))
	}
	return out
}

// area is the trapezoidal one.
func area(x, y []float64) float64 {
	sum := 0.0
	for i := 1; i < len(x); i++ {
		sum += (x[i] - x[i-1]) * (y[i] + y[i-1]) / 2
	}
	return sum
}

package stats

import (
	"fmt"
	"math"
)

// KendallTau is Kendall's tau-b of two lists of the same things' values, such as
// the scores that two rerankers gave: (concordant - discordant pairs) over the
// geometric mean of the pairs that each list does not tie. It is in [-1, 1], and
// an error where the lists differ in length, have fewer than two values, hold
// NaN, or one has a single value throughout. It costs a comparison for each pair.
func KendallTau(x, y []float64) (float64, error) {
	if len(x) != len(y) {
		return 0, fmt.Errorf("stats: Kendall's tau: %d values cannot be paired with %d", len(x), len(y))
	}
	if len(x) < 2 {
		return 0, fmt.Errorf("stats: Kendall's tau: %w: %d values", ErrTooFew, len(x))
	}
	sum, inX, inY := 0, 0, 0
	for i := range x {
		if math.IsNaN(x[i]) || math.IsNaN(y[i]) {
			return 0, fmt.Errorf("stats: Kendall's tau: value %d is not a number", i)
		}
		for j := range i {
			a, b := compare(x[i], x[j]), compare(y[i], y[j])
			sum += a * b
			inX += a * a
			inY += b * b
		}
	}
	if inX == 0 || inY == 0 {
		return 0, fmt.Errorf("stats: Kendall's tau: all values of a list are equal")
	}
	tau := float64(sum) / math.Sqrt(float64(inX)) / math.Sqrt(float64(inY))
	return max(-1, min(1, tau)), nil // rounding may carry it beyond, which scipy cuts off too
}

func compare(a, b float64) int {
	switch {
	case a > b:
		return 1
	case a < b:
		return -1
	}
	return 0
}

// RBO is the rank-biased overlap of two rankings (Webber, Moffat and Zobel 2010)
// down to the end of the longer one, divided by what equal rankings would have:
// the weighted mean over depths d of the share of common documents in the first
// d, with weight p^(d-1). It is in [0, 1], 1 for equal rankings, and 0 where both
// are empty. This is the RBO of repro_eval and of Compat. p is above 0 and below
// 1; a document that a ranking names twice counts once.
func RBO(a, b []string, p float64) (float64, error) {
	if !(p > 0 && p < 1) {
		return 0, fmt.Errorf("stats: RBO: persistence %v is not above 0 and below 1", p)
	}
	const inA, inB = 1, 2
	seen := make(map[string]uint8, len(a)+len(b))
	score, norm, weight, common := 0.0, 0.0, 1.0, 0
	enter := func(list []string, i int, mark uint8) {
		if i >= len(list) || seen[list[i]]&mark != 0 {
			return
		}
		if seen[list[i]] |= mark; seen[list[i]] == inA|inB {
			common++
		}
	}
	for i := range max(len(a), len(b)) {
		enter(a, i, inA)
		enter(b, i, inB)
		score += float64(weight*float64(common)) / float64(i+1)
		norm += weight
		weight *= p
	}
	if norm == 0 {
		return 0, nil
	}
	return score / norm, nil
}

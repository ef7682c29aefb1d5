package stats

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/rankcascade/cascade/internal/nearest"
)

// Corrections lists the names that Adjust knows.
func Corrections() []string {
	return []string{"none", "bonferroni", "holm", "holm-sidak", "hommel", "bh", "by"}
}

// Adjust corrects p values for being several, so that each can be compared with
// the level itself. The order is kept. Bonferroni, Holm, Holm-Sidak and Hommel
// bound the chance of any false discovery, BH (Benjamini and Hochberg) and BY
// (Benjamini and Yekutieli) the share of false ones.
func Adjust(method string, p []float64) ([]float64, error) {
	for i, v := range p {
		if !(v >= 0 && v <= 1) {
			return nil, fmt.Errorf("stats: adjust: p value %d is %v", i, v)
		}
	}
	n := float64(len(p))
	switch method {
	case "none", "":
		return slices.Clone(p), nil
	case "bonferroni":
		return stepDown(p, func(v float64, _ int) float64 { return v * n }), nil
	case "holm":
		return stepDown(p, func(v float64, i int) float64 { return v * (n - float64(i)) }), nil
	case "holm-sidak":
		return stepDown(p, func(v float64, i int) float64 { return -math.Expm1((n - float64(i)) * math.Log1p(-v)) }), nil
	case "hommel":
		return hommel(p), nil
	case "bh":
		return stepUp(p, 1), nil
	case "by":
		harmonic := 0.0
		for i := 1.0; i <= n; i++ {
			harmonic += 1 / i
		}
		return stepUp(p, harmonic), nil
	}
	return nil, fmt.Errorf("stats: adjust: no correction %q, only %v%s", method, Corrections(), nearest.Hint(method, Corrections()))
}

// order returns the positions of p from the smallest to the largest.
func order(p []float64) []int {
	at := make([]int, len(p))
	for i := range at {
		at[i] = i
	}
	slices.SortStableFunc(at, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	return at
}

// stepDown scales from the smallest on and never lets a later one fall below.
func stepDown(p []float64, scale func(v float64, i int) float64) []float64 {
	out := make([]float64, len(p))
	highest := 0.0
	for i, at := range order(p) {
		highest = max(highest, min(1, scale(p[at], i)))
		out[at] = highest
	}
	return out
}

// stepUp scales from the largest on and never lets an earlier one exceed it.
func stepUp(p []float64, factor float64) []float64 {
	out := make([]float64, len(p))
	at := order(p)
	lowest := 1.0
	for i := len(at) - 1; i >= 0; i-- {
		lowest = min(lowest, p[at[i]]*factor*float64(len(p))/float64(i+1))
		out[at[i]] = lowest
	}
	return out
}

// hommel follows Wright 1992.
func hommel(p []float64) []float64 {
	at := order(p)
	n := len(p)
	sorted := make([]float64, n)
	for i, a := range at {
		sorted[i] = p[a]
	}
	adjusted := slices.Clone(sorted)
	for m := n; m > 1; m-- {
		least := math.Inf(1)
		for i := 1; i <= m; i++ {
			least = min(least, float64(m)*sorted[n-m+i-1]/float64(i))
		}
		for i := range n {
			bound := least
			if i < n-m {
				bound = min(least, float64(m)*sorted[i])
			}
			adjusted[i] = max(adjusted[i], bound)
		}
	}
	out := make([]float64, n)
	for i, a := range at {
		out[a] = min(1, adjusted[i])
	}
	return out
}

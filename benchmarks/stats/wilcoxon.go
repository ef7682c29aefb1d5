package stats

import (
	"cmp"
	"math"
	"slices"
)

// Wilcoxon is the signed-rank test. Zero differences are left out; equal
// absolute differences share their mean rank. Without ties and up to 50
// differences p is exact, beyond it is that of the normal approximation with
// the correction for ties and none for continuity, as in scipy.
func Wilcoxon(d []float64) (Test, error) {
	if err := check(d, 1); err != nil {
		return Test{}, err
	}
	nonzero := slices.DeleteFunc(slices.Clone(d), func(v float64) bool { return v == 0 })
	if len(nonzero) == 0 {
		return Test{Name: "Wilcoxon signed rank", P: 1}, nil
	}
	plus, minus, ties := signedRanks(nonzero)
	w := math.Min(plus, minus)
	n := float64(len(nonzero))
	if len(nonzero) <= 50 && ties == 0 && len(nonzero) == len(d) {
		return Test{Name: "Wilcoxon signed rank, exact", Statistic: w, P: exactSignedRank(int(w), len(nonzero))}, nil
	}
	deviation := math.Sqrt((n*(n+1)*(2*n+1) - ties/2) / 24)
	z := (w - n*(n+1)/4) / deviation
	return Test{Name: "Wilcoxon signed rank, normal approximation", Statistic: w, P: math.Min(1, 2*normalCDF(z))}, nil
}

// signedRanks returns the rank sums of positive and of negative differences,
// and the sum of t^3 - t over groups of t equal absolute values.
func signedRanks(d []float64) (plus, minus, ties float64) {
	sorted := slices.Clone(d)
	slices.SortFunc(sorted, func(a, b float64) int { return cmp.Compare(math.Abs(a), math.Abs(b)) })
	for i := 0; i < len(sorted); {
		j := i
		for j < len(sorted) && math.Abs(sorted[j]) == math.Abs(sorted[i]) {
			j++
		}
		t := float64(j - i)
		if j-i > 1 {
			ties += t*t*t - t
		}
		rank := float64(i+j+1) / 2
		for _, v := range sorted[i:j] {
			if v > 0 {
				plus += rank
			} else {
				minus += rank
			}
		}
		i = j
	}
	return plus, minus, ties
}

// exactSignedRank returns the two-sided p of the smaller rank sum w among n
// ranks, by counting the subsets with each sum.
func exactSignedRank(w, n int) float64 {
	counts := make([]float64, n*(n+1)/2+1)
	counts[0] = 1
	for rank := 1; rank <= n; rank++ {
		for sum := len(counts) - 1; sum >= rank; sum-- {
			counts[sum] += counts[sum-rank]
		}
	}
	below := 0.0
	for sum := 0; sum <= w; sum++ {
		below += counts[sum]
	}
	return math.Min(1, 2*below/math.Ldexp(1, n))
}

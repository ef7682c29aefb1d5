package fusion

import (
	"math"
	"slices"
)

// ZScore maps scores by (s-μ)/σ with the list's mean and standard deviation
// (zmuv in ranx). The deviation is the population's; Sample takes the sample's.
// Clamp is a lower bound for it: ranx has 1e-9.
//
// Equal scores give 0, the value of an average document. Because half of the
// values are negative, a document that a list does not hold gets the list's
// minimum and not 0, unless the method is told otherwise.
type ZScore struct {
	Sample bool    `spec:"sample"`
	Clamp  float64 `spec:"clamp"`
}

// Fit returns the affine map of mean and deviation.
func (n ZScore) Fit(l List) (Map, error) {
	mean, deviation := meanDeviation(l.Scores, freedom(n.Sample))
	if n.Clamp > 0 {
		deviation = max(deviation, n.Clamp)
	}
	if low, high := lowHigh(l.Scores); n.Clamp == 0 && (low == high || deviation == 0) {
		return Constant(0), nil
	}
	return Affine(mean, deviation, 0), overflow(deviation)
}

func freedom(sample bool) int {
	if sample {
		return 1
	}
	return 0
}

// String returns the specification.
func (n ZScore) String() string { return specOf(n) }

// CentredOnZero implements Centring.
func (ZScore) CentredOnZero() bool { return true }

// ThreeSigma maps scores by (s-(μ-3d))/(6d), not clipped: the distribution-based
// map of Qdrant's DBSF. d is the sample deviation, or the population's with
// Population, as Haystack and LlamaIndex have it. Equal scores give 0.5.
type ThreeSigma struct {
	Population bool `spec:"population"`
}

// Fit returns the affine map of mean and deviation.
func (n ThreeSigma) Fit(l List) (Map, error) {
	mean, d := meanDeviation(l.Scores, freedom(!n.Population))
	if low, high := lowHigh(l.Scores); low == high || d == 0 {
		return Constant(0.5), nil
	}
	low := mean - float64(3*d)
	high := mean + float64(3*d)
	return Affine(low, high-low, 0), overflow(high - low)
}

// String returns the specification.
func (n ThreeSigma) String() string { return specOf(n) }

// Robust maps scores by (s-median)/IQR with the list's quartiles, which one
// outlying score does not move. Equal quartiles give 0 to the median and ±1 to
// the rest by the largest distance from it.
type Robust struct{}

// Fit returns the affine map of median and quartiles.
func (Robust) Fit(l List) (Map, error) {
	if l.Len() == 0 {
		return Map{}, nil
	}
	sorted := slices.Clone(l.Scores)
	slices.Sort(sorted)
	median, spread := quantile(sorted, 0.5), quantile(sorted, 0.75)-quantile(sorted, 0.25)
	if spread == 0 {
		spread = max(sorted[len(sorted)-1]-median, median-sorted[0])
	}
	if spread == 0 {
		return Constant(0), nil
	}
	return Affine(median, spread, 0), overflow(spread)
}

// quantile interpolates linearly between the order statistics, as numpy does by
// default.
func quantile(sorted []float64, q float64) float64 {
	at := float64(q * float64(len(sorted)-1))
	i := int(math.Floor(at))
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	t := at - float64(i)
	return sorted[i] + float64(t*(sorted[i+1]-sorted[i]))
}

// String returns the specification.
func (n Robust) String() string { return specOf(n) }

// CentredOnZero implements Centring.
func (Robust) CentredOnZero() bool { return true }

// Quantile maps a score to the share of the list's scores that are at most as
// high: the empirical distribution function, in (0, 1]. Equal scores get equal
// values.
type Quantile struct{}

// Fit returns the distribution function. It keeps a sorted copy of the scores.
func (Quantile) Fit(l List) (Map, error) {
	sorted := slices.Clone(l.Scores)
	slices.Sort(sorted)
	n := float64(len(sorted))
	return Pointwise(func(_ int, s float64) float64 {
		at, _ := slices.BinarySearchFunc(sorted, s, func(x, s float64) int {
			if x <= s {
				return -1
			}
			return 1
		})
		return float64(at) / n
	}), nil
}

// String returns the specification.
func (n Quantile) String() string { return specOf(n) }

// EndsAtOne implements UnitCapped.
func (Quantile) EndsAtOne() bool { return true }

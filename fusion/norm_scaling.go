package fusion

import (
	"fmt"
	"math"
)

// MaxScore maps scores by s/M with the largest score M of the list, which must
// be positive unless Clamp, a lower bound for the denominator, is set: ranx has
// 1e-9, with which a list of negative scores explodes.
type MaxScore struct {
	Clamp float64 `spec:"clamp"`
}

// Fit returns the map that divides by the largest score.
func (n MaxScore) Fit(l List) (Map, error) {
	_, high := lowHigh(l.Scores)
	if n.Clamp > 0 {
		high = max(high, n.Clamp)
	}
	switch {
	case high > 0:
		return Affine(0, high, 0), nil
	case high == 0 && !anyBelow(l.Scores, 0):
		return Map{}, nil
	}
	return Map{}, fmt.Errorf("%w: the largest score is %v, dividing by it would turn the order round", ErrInput, high)
}

func anyBelow(scores []float64, bound float64) bool {
	for _, s := range scores {
		if s < bound {
			return true
		}
	}
	return false
}

// String returns the specification.
func (n MaxScore) String() string { return specOf(n) }

// EndsAtOne implements UnitCapped.
func (MaxScore) EndsAtOne() bool { return true }

// SumScore maps scores by (s-m)/(Σs - n·m): shifted to 0 and divided by the sum
// of what is then left (Montague and Aslam 2001).
//
// Absolute gives |s|/Σ|s|, and Plain s/Σs, as polyfuse and rank-fusion have
// them. Clamp is a lower bound for the denominator: ranx has 1e-9.
type SumScore struct {
	Degenerate Degenerate `spec:"degenerate"`
	Clamp      float64    `spec:"clamp"`
	Absolute   bool       `spec:"absolute"`
	Plain      bool       `spec:"plain"`
}

// Fit returns the map of the list's sum.
func (n SumScore) Fit(l List) (Map, error) {
	var shift, total float64
	switch {
	case n.Absolute:
		total = sumAbsolute(l.Scores)
	case n.Plain:
		total = sum(l.Scores)
	default:
		shift, _ = lowHigh(l.Scores)
		total = sum(l.Scores) - float64(shift*float64(l.Len()))
	}
	if n.Clamp > 0 {
		total = max(total, n.Clamp)
	}
	switch {
	case total == 0:
		return n.Degenerate.fit(), nil
	case math.IsInf(total, 0) || total < 0:
		return Map{}, fmt.Errorf("%w: the scores add up to %v", ErrInput, total)
	case n.Absolute:
		return point(func(p [3]float64, _ int, s float64) float64 { return math.Abs(s) / p[1] }, 0, total, 0), nil
	}
	return Affine(shift, total, 0), nil
}

func sumAbsolute(scores []float64) float64 {
	var total float64
	for _, s := range scores {
		total += math.Abs(s)
	}
	return total
}

// String returns the specification.
func (n SumScore) String() string { return specOf(n) }

// EndsAtOne implements UnitCapped.
func (n SumScore) EndsAtOne() bool { return !n.Plain && n.Degenerate != DegenerateKeep }

// L1 maps scores by s/Σ|s|. A list of zeros stays as it is.
type L1 struct{}

// Fit returns the map that divides by the sum of magnitudes.
func (L1) Fit(l List) (Map, error) { return divideBy(sumAbsolute(l.Scores)) }

// String returns the specification.
func (n L1) String() string { return specOf(n) }

// EndsAtOne implements UnitCapped.
func (L1) EndsAtOne() bool { return true }

// L2 maps scores by s/√Σs². A list of zeros stays as it is. Tiny is a norm below
// which the scores stay as they are too: Elasticsearch has 1e-6.
type L2 struct {
	Tiny float64 `spec:"tiny"`
}

// Fit returns the map that divides by the Euclidean norm.
func (n L2) Fit(l List) (Map, error) {
	var squares float64
	for _, s := range l.Scores {
		squares += float64(s * s)
	}
	norm := math.Sqrt(squares)
	if norm < n.Tiny {
		return Map{}, nil
	}
	return divideBy(norm)
}

func divideBy(d float64) (Map, error) {
	if d == 0 {
		return Map{}, nil
	}
	if math.IsInf(d, 0) {
		return Map{}, fmt.Errorf("%w: the sum of the scores overflows", ErrInput)
	}
	return Affine(0, d, 0), nil
}

// String returns the specification.
func (n L2) String() string { return specOf(n) }

// EndsAtOne implements UnitCapped.
func (n L2) EndsAtOne() bool { return n.Tiny == 0 }

package fusion

import "fmt"

// BoundMode says what OpenSearch does with a bound.
type BoundMode uint8

// The modes.
const (
	// BoundApply puts the bound in the place of the list's extreme, for scores on
	// the inner side of the bound.
	BoundApply BoundMode = iota
	// BoundClip puts the bound in the place of the list's extreme and gives scores
	// beyond it 0.001 below and 1 above.
	BoundClip
	// BoundIgnore uses the list's extreme.
	BoundIgnore
)

var boundNames = []string{"apply", "clip", "ignore"}

// String returns the mode's name in specifications.
func (m BoundMode) String() string { return enumName(boundNames, int(m)) }

// UnmarshalText sets the mode by name.
func (m *BoundMode) UnmarshalText(text []byte) error { return enumParse(m, boundNames, text) }

// OpenSearchMinMax is OpenSearch's min-max with lower and upper bounds, in
// float32: an exact 0 becomes 0.001, and equal scores become 1. The zero value
// applies the lower bound 0 and the upper bound 1, OpenSearch's defaults for
// bounds that are given without a value; leave a side out with BoundIgnore.
type OpenSearchMinMax struct {
	// Lower and Upper are the bounds, in [-10000, 10000]. An Upper of 0 stands for
	// 1, and Zero for a true 0.
	Lower float64 `spec:"lower"`
	Upper float64 `spec:"upper,zero=1"`
	// LowerMode and UpperMode say what the bounds do.
	LowerMode BoundMode `spec:"lowermode"`
	UpperMode BoundMode `spec:"uppermode"`
}

// Fit returns the map of the list's range and the bounds.
func (n OpenSearchMinMax) Fit(l List) (Map, error) {
	lower, upper := n.Lower, or(n.Upper, 1)
	if !(lower >= -10000 && upper <= 10000 && lower < upper) {
		return Map{}, fmt.Errorf("%w: bounds [%v, %v] are no range within [-10000, 10000]", ErrConfig, lower, upper)
	}
	low, high := lowHigh(l.Scores)
	m, most := float32(low), float32(high)
	if m == most {
		return Constant(1), nil
	}
	return Pointwise(func(_ int, score float64) float64 {
		return float64(n.bounded(float32(score), m, most, float32(lower), float32(upper)))
	}), nil
}

// bounded normalises one score of a list that reaches from m to most.
func (n OpenSearchMinMax) bounded(s, m, most, lower, upper float32) float32 {
	from, to := m, most
	switch {
	case n.LowerMode == BoundClip && s < lower:
		return 0.001
	case n.LowerMode == BoundClip && most > lower, n.LowerMode == BoundApply && most > lower && s > lower:
		from = lower
	}
	switch {
	case n.UpperMode == BoundClip && s > upper:
		return 1
	case n.UpperMode == BoundClip && m < upper, n.UpperMode == BoundApply && m < upper && s < upper:
		to = upper
	}
	v := (s - from) / (to - from)
	if v == 0 {
		return 0.001
	}
	return v
}

// String returns the specification.
func (n OpenSearchMinMax) String() string { return specOf(n) }

// EndsAtOne implements UnitCapped.
func (OpenSearchMinMax) EndsAtOne() bool { return true }

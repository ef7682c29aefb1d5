package fusion

import (
	"fmt"
	"math"

	"github.com/rankcascade/cascade/pipeline"
)

// MinMax maps scores to [0, 1] by (s-m)/(M-m), with the smallest score m and
// the largest M of the list (Lee 1997).
//
// Invert gives (M-s)/(M-m), for scores where less is better. Clamp is a lower
// bound for the denominator, and with it equal scores are not degenerate:
// ranx has 1e-9.
type MinMax struct {
	Degenerate Degenerate `spec:"degenerate"`
	Invert     bool       `spec:"invert"`
	Clamp      float64    `spec:"clamp"`
}

// Fit returns the affine map of the list's range.
func (n MinMax) Fit(l List) (Map, error) {
	low, high := lowHigh(l.Scores)
	spread := high - low
	if n.Clamp > 0 {
		spread = max(spread, n.Clamp)
	}
	if spread == 0 {
		return n.Degenerate.fit(), nil
	}
	if n.Invert {
		return point(func(p [3]float64, _ int, s float64) float64 { return (p[0] - s) / p[1] }, high, spread, 0), overflow(spread)
	}
	return Affine(low, spread, 0), overflow(spread)
}

func overflow(spread float64) error {
	if math.IsInf(spread, 0) {
		return fmt.Errorf("%w: the difference of the largest and the smallest score overflows", ErrInput)
	}
	return nil
}

// String returns the specification.
func (n MinMax) String() string { return specOf(n) }

// EndsAtOne implements UnitCapped.
func (n MinMax) EndsAtOne() bool { return n.Degenerate != DegenerateKeep }

// TheoreticalMinMax maps scores by (s-m0)/(M-m0) with the lowest score m0 that
// the scale allows and the largest score M of the list (TM2 in Bruch, Gai and
// Ingber 2023). The map then does not depend on how deep the list goes.
//
// m0 comes from the list's scale, 0 for BM25 and -1 for a cosine. Where the
// scale has no lower bound, Infimum must be set, with HasInfimum.
type TheoreticalMinMax struct {
	Degenerate Degenerate `spec:"degenerate"`
	Infimum    float64    `spec:"infimum"`
	HasInfimum bool       `spec:"given"`
}

// Fit returns the affine map between the infimum and the list's best score.
func (n TheoreticalMinMax) Fit(l List) (Map, error) {
	low, err := n.infimum(l.Scale)
	if err != nil {
		return Map{}, err
	}
	least, high := lowHigh(l.Scores)
	switch {
	case least < low && l.Len() > 0:
		return Map{}, fmt.Errorf("%w: score %v is below the infimum %v", ErrInput, least, low)
	case high == low:
		return n.Degenerate.fit(), nil
	}
	return Affine(low, high-low, 0), overflow(high - low)
}

func (n TheoreticalMinMax) infimum(s pipeline.Scale) (float64, error) {
	if n.HasInfimum || n.Infimum != 0 {
		return n.Infimum, nil
	}
	low, _ := s.Bounds()
	if math.IsInf(low, -1) {
		return 0, fmt.Errorf("%w: scale %s has no lowest score: set Infimum and HasInfimum, or use MinMax", ErrConfig, s)
	}
	return low, nil
}

// String returns the specification.
func (n TheoreticalMinMax) String() string { return specOf(n) }

// EndsAtOne implements UnitCapped.
func (n TheoreticalMinMax) EndsAtOne() bool { return n.Degenerate != DegenerateKeep }

// BoundedMinMax maps scores by (s-Low)/(High-Low), clipped to [0, 1]: fixed
// bounds, so that a document's normalised score does not depend on the others.
// The zero value takes the bounds of the scale, which must be finite.
type BoundedMinMax struct {
	Low  float64 `spec:"low"`
	High float64 `spec:"high"`
}

// Fit returns the map of the bounds.
func (n BoundedMinMax) Fit(l List) (Map, error) {
	low, high := n.Low, n.High
	if low == 0 && high == 0 {
		low, high = l.Scale.Bounds()
	}
	if math.IsInf(low, 0) || math.IsInf(high, 0) || !(low < high) {
		return Map{}, fmt.Errorf("%w: bounds [%v, %v] of scale %s are no range: set Low and High", ErrConfig, low, high, l.Scale)
	}
	return point(func(p [3]float64, _ int, s float64) float64 {
		return (min(max(s, p[0]), p[2]) - p[0]) / p[1]
	}, low, high-low, high), nil
}

// String returns the specification.
func (n BoundedMinMax) String() string { return specOf(n) }

// EndsAtOne implements UnitCapped.
func (BoundedMinMax) EndsAtOne() bool { return true }

// OwnScoreAlone implements SelfContained.
func (BoundedMinMax) OwnScoreAlone() bool { return true }

// Centred maps scores by 0.5 + (s-(m+M)/2)/(M-m): the middle of the range goes
// to 0.5 (Vespa's normalize_linear). Offset replaces 0.5; pyserini's hybrid
// searcher has 0, for which NoOffset stands.
type Centred struct {
	Degenerate Degenerate `spec:"degenerate"`
	NoOffset   bool       `spec:"nooffset"`
}

// Fit returns the affine map.
func (n Centred) Fit(l List) (Map, error) {
	low, high := lowHigh(l.Scores)
	if low == high {
		return n.Degenerate.fit(), nil
	}
	offset := 0.5
	if n.NoOffset {
		offset = 0
	}
	return Affine((low+high)/2, high-low, offset), overflow(high - low)
}

// String returns the specification.
func (n Centred) String() string { return specOf(n) }

// EndsAtOne implements UnitCapped.
func (n Centred) EndsAtOne() bool { return n.Degenerate != DegenerateKeep }

// CentredOnZero implements Centring.
func (n Centred) CentredOnZero() bool { return n.NoOffset }

package fusion

import (
	"fmt"
	"math"

	"github.com/rankcascade/cascade/fusion/internal/elementary"
)

// Gumbel maps a score to the probability that the largest of many random scores
// is lower: exp(-exp(-(s-μ)/β)). With Scale 0 both are fitted by moments,
// β = σ√6/π and μ = mean - 0.5772β.
type Gumbel struct {
	Location float64 `spec:"location"`
	Scale    float64 `spec:"scale"`
}

const eulerGamma = 0.57721566490153286060651209008240243

// Fit returns the distribution function.
func (n Gumbel) Fit(l List) (Map, error) {
	location, scale := n.Location, n.Scale
	if scale == 0 {
		mean, deviation := meanDeviation(l.Scores, 0)
		scale = deviation * math.Sqrt(6) / math.Pi
		location = mean - float64(eulerGamma*scale)
	}
	return distribution(func(p [3]float64, _ int, s float64) float64 {
		return elementary.Exp(-elementary.Exp(-(s - p[0]) / p[1]))
	}, location, scale)
}

// String returns the specification.
func (n Gumbel) String() string { return specOf(n) }

// EndsAtOne implements UnitCapped.
func (Gumbel) EndsAtOne() bool { return true }

// OwnScoreAlone implements SelfContained.
func (n Gumbel) OwnScoreAlone() bool { return n.Scale != 0 }

// Logistic maps a score to 1/(1+exp(-(s-μ)/β)), the logistic distribution
// function. With Scale 0 both are fitted by moments: μ is the mean, β = σ√3/π.
type Logistic struct {
	Location float64 `spec:"location"`
	Scale    float64 `spec:"scale"`
}

// Fit returns the distribution function.
func (n Logistic) Fit(l List) (Map, error) {
	location, scale := n.Location, n.Scale
	if scale == 0 {
		mean, deviation := meanDeviation(l.Scores, 0)
		location, scale = mean, deviation*math.Sqrt(3)/math.Pi
	}
	return distribution(func(p [3]float64, _ int, s float64) float64 {
		return elementary.Logistic((s - p[0]) / p[1])
	}, location, scale)
}

// String returns the specification.
func (n Logistic) String() string { return specOf(n) }

// EndsAtOne implements UnitCapped.
func (Logistic) EndsAtOne() bool { return true }

// OwnScoreAlone implements SelfContained.
func (n Logistic) OwnScoreAlone() bool { return n.Scale != 0 }

// Normal maps a score to the normal distribution function of (s-μ)/σ. With
// Scale 0 both are fitted by moments. It is the one map here whose last bit may
// differ between processor architectures, as math.Erfc does.
type Normal struct {
	Location float64 `spec:"location"`
	Scale    float64 `spec:"scale"`
}

// Fit returns the distribution function.
func (n Normal) Fit(l List) (Map, error) {
	location, scale := n.Location, n.Scale
	if scale == 0 {
		location, scale = meanDeviation(l.Scores, 0)
	}
	return distribution(func(p [3]float64, _ int, s float64) float64 {
		return math.Erfc(-(s-p[0])/p[1]*(math.Sqrt2/2)) / 2
	}, location, scale)
}

// String returns the specification.
func (n Normal) String() string { return specOf(n) }

// EndsAtOne implements UnitCapped.
func (Normal) EndsAtOne() bool { return true }

// OwnScoreAlone implements SelfContained.
func (n Normal) OwnScoreAlone() bool { return n.Scale != 0 }

func distribution(at func([3]float64, int, float64) float64, location, scale float64) (Map, error) {
	switch {
	case scale < 0 || !finite(scale) || !finite(location):
		return Map{}, fmt.Errorf("%w: location %v and scale %v are no distribution", ErrConfig, location, scale)
	case scale == 0:
		return Constant(0.5), nil // all scores are equal: the middle
	}
	return point(at, location, scale, 0), nil
}

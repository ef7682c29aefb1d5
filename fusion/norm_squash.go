package fusion

import (
	"fmt"
	"math"

	"github.com/rankcascade/cascade/fusion/internal/elementary"
	"github.com/rankcascade/cascade/pipeline"
)

// Sigmoid maps a logit s to the probability 1/(1+exp(-(s-Bias)/Temperature)).
// Temperature 0 stands for 1. Only lists on the logit scale are accepted: on
// scores in [0, 1] it would squeeze everything into .5 to .73.
type Sigmoid struct {
	Temperature float64 `spec:"temperature,zero=1"`
	Bias        float64 `spec:"bias"`
}

// Fit returns the logistic map, which does not depend on the scores.
func (n Sigmoid) Fit(l List) (Map, error) {
	t := or(n.Temperature, 1)
	switch {
	case l.Scale != pipeline.Logit && l.Len() > 0:
		return Map{}, fmt.Errorf("%w: a sigmoid takes logits and the list has scale %s", ErrInput, l.Scale)
	case !(t > 0) || !finite(t):
		return Map{}, fmt.Errorf("%w: temperature %v is not positive", ErrConfig, t)
	}
	return point(func(p [3]float64, _ int, s float64) float64 { return elementary.Logistic((s - p[0]) / p[1]) }, n.Bias, t, 0), nil
}

// String returns the specification.
func (n Sigmoid) String() string { return specOf(n) }

// EndsAtOne implements UnitCapped.
func (Sigmoid) EndsAtOne() bool { return true }

// OwnScoreAlone implements SelfContained.
func (Sigmoid) OwnScoreAlone() bool { return true }

// Softmax maps scores by exp(s/T)/Σexp(s/T), after taking away the largest.
// Temperature 0 stands for 1.
type Softmax struct {
	Temperature float64 `spec:"temperature,zero=1"`
}

// Fit returns the map of the list's partition sum.
func (n Softmax) Fit(l List) (Map, error) {
	t := or(n.Temperature, 1)
	if !(t > 0) || !finite(t) {
		return Map{}, fmt.Errorf("%w: temperature %v is not positive", ErrConfig, t)
	}
	_, high := lowHigh(l.Scores)
	var total float64
	for _, s := range l.Scores {
		total += elementary.Exp((s - high) / t)
	}
	return point(func(p [3]float64, _ int, s float64) float64 { return elementary.Exp((s-p[0])/p[1]) / p[2] }, high, t, total), nil
}

// String returns the specification.
func (n Softmax) String() string { return specOf(n) }

// EndsAtOne implements UnitCapped.
func (Softmax) EndsAtOne() bool { return true }

// ArcTan maps scores by ½ + atan(s)/π into (0, 1), as Infinity does and Milvus
// does for inner products. Lexical gives 2·atan(s)/π, Milvus' map for BM25, and
// Distance 1-2·atan(-s)/π for negated distances.
type ArcTan struct {
	Lexical  bool `spec:"lexical"`
	Distance bool `spec:"distance"`
}

// Fit returns the map, which does not depend on the scores.
func (n ArcTan) Fit(List) (Map, error) {
	switch {
	case n.Lexical && n.Distance:
		return Map{}, fmt.Errorf("%w: a list is lexical or a distance, not both", ErrConfig)
	case n.Lexical:
		return point(func(_ [3]float64, _ int, s float64) float64 { return float64(2*elementary.Atan(s)) / math.Pi }, 0, 0, 0), nil
	case n.Distance:
		return point(func(_ [3]float64, _ int, s float64) float64 { return 1 - float64(2*elementary.Atan(-s))/math.Pi }, 0, 0, 0), nil
	}
	return point(func(_ [3]float64, _ int, s float64) float64 { return 0.5 + elementary.Atan(s)/math.Pi }, 0, 0, 0), nil
}

// String returns the specification.
func (n ArcTan) String() string { return specOf(n) }

// EndsAtOne implements UnitCapped.
func (ArcTan) EndsAtOne() bool { return true }

// OwnScoreAlone implements SelfContained.
func (ArcTan) OwnScoreAlone() bool { return true }

// ExpTail maps any score to a positive one by max(s,0) + min(exp(s),1), keeping
// the order: Elasticsearch's answer to negative reranker logits.
type ExpTail struct{}

// Fit returns the map, which does not depend on the scores.
func (ExpTail) Fit(List) (Map, error) {
	return point(func(_ [3]float64, _ int, s float64) float64 { return max(s, 0) + min(elementary.Exp(s), 1) }, 0, 0, 0), nil
}

// String returns the specification.
func (n ExpTail) String() string { return specOf(n) }

// OwnScoreAlone implements SelfContained.
func (ExpTail) OwnScoreAlone() bool { return true }

// Log1p maps scores by sign(s)·ln(1+|s|), which draws in long tails.
type Log1p struct{}

// Fit returns the map, which does not depend on the scores.
func (Log1p) Fit(List) (Map, error) {
	return point(func(_ [3]float64, _ int, s float64) float64 {
		return math.Copysign(elementary.Log(1+math.Abs(s)), s)
	}, 0, 0, 0), nil
}

// String returns the specification.
func (n Log1p) String() string { return specOf(n) }

// OwnScoreAlone implements SelfContained.
func (Log1p) OwnScoreAlone() bool { return true }

// BoxCox maps positive scores by (s^λ-1)/λ, and by ln s at λ = 0.
type BoxCox struct {
	Lambda float64 `spec:"lambda"`
}

// Fit returns the map, which does not depend on the scores. They must be positive.
func (n BoxCox) Fit(l List) (Map, error) {
	for i, s := range l.Scores {
		if s <= 0 {
			return Map{}, fmt.Errorf("%w: score %v at rank %d is not positive", ErrInput, s, i+1)
		}
	}
	return point(func(p [3]float64, _ int, s float64) float64 {
		if p[0] == 0 {
			return elementary.Log(s)
		}
		return (elementary.Pow(s, p[0]) - 1) / p[0]
	}, n.Lambda, 0, 0), nil
}

// String returns the specification.
func (n BoxCox) String() string { return specOf(n) }

// OwnScoreAlone implements SelfContained.
func (BoxCox) OwnScoreAlone() bool { return true }

package fusion

import (
	"fmt"
	"math"

	"github.com/rankcascade/cascade/pipeline"
)

// Normaliser makes the scores of one list comparable with those of others. Fit
// looks at a list once and returns the map that is then applied to each score.
//
// All normalisers of this package are values whose zero value is documented,
// safe for concurrent use, and print as their own specification. A normaliser
// from elsewhere may implement the interface; it prints but does not parse.
type Normaliser interface {
	// Fit returns the map for the list, whose scores are finite and not nil. An
	// error says why the list cannot be normalised.
	Fit(l List) (Map, error)
	fmt.Stringer
}

// What a normaliser may say of itself beside Normaliser, and what follows. One from
// elsewhere that implements these qualifies like those of this package.
type (
	// UnitCapped normalisers say whether they give out at most 1. Methods then know
	// their reachable maximum, and pipeline.Lint finds thresholds above it.
	UnitCapped interface{ EndsAtOne() bool }
	// SelfContained normalisers say whether what a document gets follows from its own
	// score alone and does not fall when that rises, so that the best possible fused
	// score of a document is known before it is scored, as pruning needs it.
	SelfContained interface{ OwnScoreAlone() bool }
	// Centring normalisers say whether 0 is what an average document gets. A document
	// that the list does not hold then gets the list's minimum by default and not 0.
	Centring interface{ CentredOnZero() bool }
	// Raw normalisers say whether they leave scores as they are, so that lists of
	// unlike scales must not be added.
	Raw interface{ LeavesScores() bool }
	// ByScale normalisers stand for another one that follows from the list's scale.
	ByScale interface {
		For(scale pipeline.Scale) Normaliser
	}
)

func endsAtOne(n Normaliser) bool {
	c, ok := n.(UnitCapped)
	return n == nil || ok && c.EndsAtOne()
}

func ownScoreAlone(n Normaliser) bool {
	c, ok := n.(SelfContained)
	return ok && c.OwnScoreAlone()
}

func centredOnZero(n Normaliser) bool {
	c, ok := n.(Centring)
	return ok && c.CentredOnZero()
}

func leavesScores(n Normaliser) bool {
	c, ok := n.(Raw)
	return ok && c.LeavesScores()
}

// resolve returns the normaliser that n stands for on a scale; nil is Auto.
func resolve(n Normaliser, scale pipeline.Scale) Normaliser {
	if n == nil {
		n = Auto{}
	}
	if by, ok := n.(ByScale); ok {
		return by.For(scale)
	}
	return n
}

// Map is a fitted normaliser: monotone in the score, or in the rank. The zero
// value leaves scores as they are. A Map is a value and safe for concurrent use.
type Map struct {
	kind    mapKind
	a, b, c float64
	at      func(p [3]float64, rank int, score float64) float64
	user    func(rank int, score float64) float64
	// absent is what the map itself says about a document that is not in the
	// list, where filled is true.
	absent float64
	filled bool
}

type mapKind uint8

const (
	mapIdentity mapKind = iota
	mapAffine           // (s-a)/b + c
	mapAffine32         // the same in float32
	mapConstant         // c
	mapPoint            // at({a, b, c}, rank, s)
	mapUser             // user(rank, s)
)

// Affine returns the map (s-shift)/scale + offset, in this order of operations.
// scale must not be 0.
func Affine(shift, scale, offset float64) Map {
	return Map{kind: mapAffine, a: shift, b: scale, c: offset}
}

// affine32 is Affine in float32.
func affine32(shift, scale, offset float32) Map {
	return Map{kind: mapAffine32, a: float64(shift), b: float64(scale), c: float64(offset)}
}

// Constant returns the map that gives every document v.
func Constant(v float64) Map { return Map{kind: mapConstant, c: v} }

// Pointwise returns the map that f computes. The rank counts from 1.
func Pointwise(f func(rank int, score float64) float64) Map {
	return Map{kind: mapUser, user: f}
}

// point is Pointwise with parameters in the map instead of in a closure, so
// that fitting does not allocate.
func point(at func(p [3]float64, rank int, score float64) float64, a, b, c float64) Map {
	return Map{kind: mapPoint, at: at, a: a, b: b, c: c}
}

// At returns the normalised score of one document.
func (m *Map) At(rank int, score float64) float64 {
	switch m.kind {
	case mapAffine:
		return (score-m.a)/m.b + m.c
	case mapAffine32:
		return float64((float32(score)-float32(m.a))/float32(m.b) + float32(m.c))
	case mapConstant:
		return m.c
	case mapPoint:
		return m.at([3]float64{m.a, m.b, m.c}, rank, score)
	case mapUser:
		return m.user(rank, score)
	}
	return score
}

// Apply writes the normalised scores to dst, which is as long as scores.
func (m *Map) Apply(dst, scores []float64) {
	dst = dst[:len(scores)]
	switch m.kind {
	case mapIdentity:
		copy(dst, scores)
	case mapAffine:
		a, b, c := m.a, m.b, m.c
		for i, s := range scores {
			dst[i] = (s-a)/b + c
		}
	default:
		for i, s := range scores {
			dst[i] = m.At(i+1, s)
		}
	}
}

// Degenerate is what a normaliser gives to the documents of a list in which all
// scores are equal, one document included. The zero value gives them 1: a lone
// result is not a bad result.
type Degenerate uint8

// The policies.
const (
	// DegenerateOne gives every document 1.
	DegenerateOne Degenerate = iota
	// DegenerateHalf gives every document 0.5.
	DegenerateHalf
	// DegenerateZero gives every document 0.
	DegenerateZero
	// DegenerateKeep leaves the scores as they are.
	DegenerateKeep
)

var degenerateNames = []string{"one", "half", "zero", "keep"}

// String returns the policy's name in specifications.
func (d Degenerate) String() string { return enumName(degenerateNames, int(d)) }

// UnmarshalText sets the policy by name.
func (d *Degenerate) UnmarshalText(text []byte) error { return enumParse(d, degenerateNames, text) }

func (d Degenerate) fit() Map {
	switch d {
	case DegenerateHalf:
		return Constant(0.5)
	case DegenerateZero:
		return Constant(0)
	case DegenerateKeep:
		return Map{}
	}
	return Constant(1)
}

// lowHigh returns the smallest and the largest score; 0 and 0 for no scores.
func lowHigh(scores []float64) (low, high float64) {
	if len(scores) == 0 {
		return 0, 0
	}
	low, high = scores[0], scores[0]
	for _, s := range scores[1:] {
		if s < low {
			low = s
		}
		if s > high {
			high = s
		}
	}
	return low, high
}

// sum adds in list order.
func sum(scores []float64) float64 {
	var total float64
	for _, s := range scores {
		total += s
	}
	return total
}

// meanDeviation returns mean and standard deviation, both with sequential sums
// as compiled numpy code has them; free is 0 for the population and 1 for the
// sample deviation.
func meanDeviation(scores []float64, free int) (mean, deviation float64) {
	n := float64(len(scores))
	if len(scores) == 0 {
		return 0, 0
	}
	mean = sum(scores) / n
	if len(scores) <= free {
		return mean, 0
	}
	var squares float64
	for _, s := range scores {
		d := s - mean
		squares += float64(d * d)
	}
	return mean, math.Sqrt(squares / (n - float64(free)))
}

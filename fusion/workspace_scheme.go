package fusion

import (
	"math"

	"github.com/rankcascade/cascade/fusion/internal/elementary"
	"github.com/rankcascade/cascade/pipeline"
)

// finish is what a combination is multiplied or divided by, depending on how
// many lists hold the document.
type finish uint8

const (
	asIs         finish = iota
	timesCount          // number of lists that hold it
	timesPower          // that number to the power of param
	timesRoot           // its square root
	timesLog            // its natural logarithm, of the number plus param
	overCount           // divided by that number
	timesWeights        // times the weights of those lists
	overWeights         // times param, divided by the weights of those lists
)

// scheme is how contributions become a score.
type scheme struct {
	rule   pipeline.Rule
	drop   bool    // only documents that all lists hold
	finish finish  // what the combination is multiplied or divided by
	param  float64 // of finish
	scale  float64 // constant divisor, 0 for none
	assign func(w *Workspace) error
	impute bool
	filled bool // a normaliser has filled the lists
	// failed lists count as holding every document with 0 where others are left out.
	failed       int
	failedWeight float64
	// factors holds finish by count, so that logarithms and powers are taken
	// once for each count and not once for each document.
	factors []float64
}

// tabulate computes the factor for every count from 0 to the number of lists.
func (s *scheme) tabulate(lists int) {
	f := s.factors[:0]
	for n := 0; n <= lists; n++ {
		x := float64(n)
		switch s.finish {
		case timesPower:
			x = elementary.Pow(x, s.param)
		case timesRoot:
			x = math.Sqrt(x)
		case timesLog:
			x = elementary.Log(x + s.param)
		}
		f = append(f, x)
	}
	s.factors = f
}

// closing returns the factor and the divisor of the score of a document that
// count lists hold, whose weights add up to weights. Where a normaliser fills
// lists, all of them count as holding it.
func (s *scheme) closing(count int, weights float64) (factor, divisor float64) {
	factor, divisor = 1, 1
	if s.scale != 0 {
		divisor = s.scale
	}
	if s.filled {
		count = len(s.factors) - 1
	}
	switch s.finish {
	case timesCount, timesPower, timesRoot, timesLog:
		factor = s.factors[count]
	case overCount:
		divisor = s.factors[min(count+s.failed, len(s.factors)-1)]
	case timesWeights:
		factor = weights
	case overWeights:
		factor = s.param
		divisor = weights + s.failedWeight
		if divisor == 0 {
			divisor = 1 // the contributions are all 0 then
		}
	}
	return factor, divisor
}

// end multiplies and divides what the rule has made of the contributions.
func (s *scheme) end(v float64, count int, weights float64) float64 {
	factor, divisor := s.closing(count, weights)
	if s.rule == pipeline.Sum32 {
		return float64(float32(float32(v)*float32(factor)) / float32(divisor))
	}
	v = float64(v * factor)
	if divisor == 1 {
		return v // a division by 1 costs as much as any other
	}
	return v / divisor
}

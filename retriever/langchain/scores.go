package langchain

import (
	"fmt"
	"math"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/tmc/langchaingo/schema"
)

// scoring turns what a store wrote into Document.Score into scores that fall
// along the order in which the store returned the documents.
//
// The order is what the store means and is never changed. A score that says
// otherwise, by more than rounding, proves the declaration wrong (a collection
// with another metric, say), and then no score of that answer is believed.
type scoring struct {
	policy       ScorePolicy // never ScoreByKind
	scale        pipeline.Scale
	low, high    float64 // of Document.Score
	zeroIsAbsent bool
}

// slack is how far a float32 score may stray, by rounding, over a bound of its
// range or over its predecessor.
const slack = 1e-5

// scored is the outcome for one list of documents.
type scored struct {
	values []float64 // finite, never rising, on the scale
	// imputed says which values are estimates, because the store gave no usable
	// score; nil if none is.
	imputed []bool
	// err says why there are estimates.
	err error
}

func (s scoring) score(docs []schema.Document) scored {
	if s.policy == IgnoreScore {
		return scored{values: s.byRank(len(docs))}
	}
	out := scored{values: make([]float64, len(docs))}
	absent := make([]bool, len(docs))
	missing, last := 0, math.Inf(1)
	for i, d := range docs {
		v := float64(d.Score)
		if math.IsNaN(v) || math.IsInf(v, 0) || (s.zeroIsAbsent && v == 0) {
			absent[i] = true
			missing++
			continue
		}
		if v < s.low-slack || v > s.high+slack {
			return s.unusable(len(docs), fmt.Errorf("%w: score %v at rank %d is outside [%v, %v]", ErrScores, d.Score, i+1, s.low, s.high))
		}
		v = s.oriented(min(max(v, s.low), s.high))
		if v > last+slack*max(1, math.Abs(last)) {
			return s.unusable(len(docs), fmt.Errorf("%w: the score at rank %d is better than one before it: declare Options.Score as the store has it, or Options.Unordered", ErrScores, i+1))
		}
		last = min(last, v)
		out.values[i] = last
	}
	switch {
	case missing == 0:
		return out
	case missing == len(docs):
		return s.unusable(len(docs), fmt.Errorf("%w: no document has a score", ErrScores))
	}
	out.imputed, out.err = absent, fmt.Errorf("%w: %d of %d documents have none", ErrScores, missing, len(docs))
	fill(out.values, absent)
	return out
}

// oriented is the score in the direction of the scale. The addition turns the
// negative zero of a negated 0 into 0.
func (s scoring) oriented(v float64) float64 {
	if s.policy == ScoreIsDistance {
		return -v + 0
	}
	return v
}

// fill gives each absent value that of the nearest known neighbour, the one
// before it if there is one.
func fill(values []float64, absent []bool) {
	known := -1
	for i := range values {
		if absent[i] {
			if known >= 0 {
				values[i] = values[known]
			}
			continue
		}
		for j := known + 1; known < 0 && j < i; j++ {
			values[j] = values[i]
		}
		known = i
	}
}

// unusable estimates every score from the rank alone.
func (s scoring) unusable(n int, err error) scored {
	out := scored{values: s.byRank(n), imputed: make([]bool, n), err: err}
	for i := range out.imputed {
		out.imputed[i] = true
	}
	return out
}

// byRank is 1/rank, which lies on every scale but that of negated distances,
// where it is 1/rank - 1.
func (s scoring) byRank(n int) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = 1 / float64(i+1)
		if s.scale == pipeline.Distance {
			values[i]--
		}
	}
	return values
}

// key is what unordered documents are sorted by; one without a usable score
// comes last.
func (s scoring) key(score float32) float64 {
	v := s.oriented(float64(score))
	if math.IsNaN(v) || math.IsInf(v, 0) || (s.zeroIsAbsent && v == 0) {
		return math.Inf(-1)
	}
	return v
}

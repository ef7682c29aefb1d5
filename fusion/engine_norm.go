package fusion

import (
	"fmt"
	"math"

	"github.com/rankcascade/cascade/fusion/internal/elementary"
	"github.com/rankcascade/cascade/pipeline"
)

// engineNorm is an engine's normaliser with its own edge cases, in float32 where
// the engine computes in float32.
type engineNorm struct{ name string }

// String returns a name that does not parse: engine normalisers are chosen
// through their engine.
func (n engineNorm) String() string { return n.name }

// EndsAtOne implements UnitCapped.
func (n engineNorm) EndsAtOne() bool {
	switch n.name {
	case "weaviate", "elastic minmax", "opensearch min_max", "opensearch l2", "milvus", "llamaindex-relative":
		return true
	}
	return false
}

// Fit fits the engine's map.
func (n engineNorm) Fit(l List) (Map, error) {
	low, high := lowHigh(l.Scores)
	low32, high32 := float32(low), float32(high)
	switch n.name {
	case "weaviate":
		if low32 == high32 {
			return Constant(1), nil
		}
		return affine32(low32, high32-low32, 0), nil
	case "elastic none":
		return affine32(0, 1, 0), nil
	case "elastic minmax":
		if high32-low32 < 1e-6 {
			return Constant(1), nil
		}
		return affine32(low32, high32-low32, 0), nil
	case "elastic l2_norm", "opensearch l2":
		return euclid32(l.Scores, n.name[0] == 'e'), nil
	case "opensearch min_max":
		return openSearchMinMax(low32, high32), nil
	case "opensearch z_score":
		return openSearchZ(l.Scores, low32, high32), nil
	case "milvus":
		return milvusMap(l.Scale)
	case "qdrant":
		return qdrantSigma(l.Scores), nil
	case "haystack":
		return sigmaSpread(l.Scores, 0), nil
	case "llamaindex-relative":
		if low == high {
			return Constant(positive(high)), nil
		}
		return Affine(low, high-low, 0), nil
	case "llamaindex-dist":
		return sigmaSpread(l.Scores, positive(high)), nil
	}
	return Map{}, fmt.Errorf("%w: no engine normaliser %q", ErrConfig, n.name)
}

func positive(v float64) float64 {
	if v > 0 {
		return 1
	}
	return 0
}

// sigmaSpread is the 3-sigma map as Python code has it: population deviation, and
// a constant where the spread is 0.
func sigmaSpread(scores []float64, degenerate float64) Map {
	mean, d := meanDeviation(scores, 0)
	low, high := mean-float64(3*d), mean+float64(3*d)
	if high-low == 0 {
		return Constant(degenerate)
	}
	return Affine(low, high-low, 0)
}

// openSearchMinMax lifts an exact 0 to 0.001; equal scores give 1.
func openSearchMinMax(low, high float32) Map {
	if low == high {
		return Constant(1)
	}
	return point(func(p [3]float64, _ int, s float64) float64 {
		v := (float32(s) - float32(p[0])) / float32(p[1])
		if v == 0 {
			v = 0.001
		}
		return float64(v)
	}, float64(low), float64(high-low), 0)
}

// openSearchZ has the sample deviation; a score that equals the mean becomes the
// highest score, equal scores become the lowest, and nothing is below 0.001.
func openSearchZ(scores []float64, low, high float32) Map {
	var total float32
	for _, s := range scores {
		total += float32(s)
	}
	mean := total / float32(len(scores))
	var squares float32
	for _, s := range scores {
		d := float32(s) - mean
		squares += float32(d * d)
	}
	deviation := float32(0)
	if len(scores) > 1 {
		deviation = float32(math.Sqrt(float64(squares / float32(len(scores)-1))))
	}
	if deviation == 0 {
		return Constant(float64(low))
	}
	return point(func(p [3]float64, _ int, s float64) float64 {
		if float32(s) == float32(p[0]) {
			return p[2]
		}
		return float64(max((float32(s)-float32(p[0]))/float32(p[1]), 0.001))
	}, float64(mean), float64(deviation), float64(high))
}

func euclid32(scores []float64, elastic bool) Map {
	var squares float32
	for _, s := range scores {
		squares += float32(float32(s) * float32(s))
	}
	norm := float32(math.Sqrt(float64(squares)))
	switch {
	case elastic && norm < 1e-6:
		return affine32(0, 1, 0)
	case norm == 0:
		return Constant(0)
	}
	return affine32(0, norm, 0)
}

// qdrantSigma has Welford's mean and variance in float32 and the sample
// deviation; one score or equal scores give 0.5.
func qdrantSigma(scores []float64) Map {
	var mean, m2, n float32
	for _, s := range scores {
		n++
		delta := float32(s) - mean
		mean += delta / n
		m2 += float32(delta * (float32(s) - mean))
	}
	deviation := float32(0)
	if n > 1 {
		deviation = float32(math.Sqrt(float64(m2 / (n - 1))))
	}
	if deviation == 0 {
		return Constant(0.5)
	}
	low := mean - float32(3*deviation)
	high := mean + float32(3*deviation)
	return affine32(low, high-low, 0)
}

// milvusMap follows the metric that the list's scale stands for.
func milvusMap(scale pipeline.Scale) (Map, error) {
	at := func(f func(s float64) float64) (Map, error) {
		return Pointwise(func(_ int, s float64) float64 { return float64(float32(f(s))) }), nil
	}
	switch scale {
	case pipeline.Cosine:
		return at(func(s float64) float64 { return (1 + s) * 0.5 })
	case pipeline.Dot:
		return at(func(s float64) float64 { return 0.5 + elementary.Atan(s)/math.Pi })
	case pipeline.BM25:
		return at(func(s float64) float64 { return float64(2*elementary.Atan(s)) / math.Pi })
	case pipeline.Distance:
		return at(func(s float64) float64 { return 1 - float64(2*elementary.Atan(-s))/math.Pi })
	}
	return Map{}, fmt.Errorf("%w: milvus has no map for scale %s: declare cosine, dot product, BM25 or distance", ErrInput, scale)
}

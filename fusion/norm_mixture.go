package fusion

import (
	"math"
	"slices"

	"github.com/rankcascade/cascade/fusion/internal/elementary"
)

// Mixture maps a score to the probability of relevance under a model of the list
// itself: the scores of documents that are not relevant fall off exponentially
// from the list's minimum, those of relevant ones are normal (Manmatha, Rath and
// Feng 2001). The two are fitted by 100 steps of expectation and maximisation,
// and the result is made non-decreasing. It needs no judgements and a list of
// some fifty scores; lists of fewer than four scores, and lists of equal scores,
// give 0.5.
type Mixture struct{}

type mixture struct {
	low, rate, mean, deviation, share float64
}

// Fit fits the two distributions.
func (Mixture) Fit(l List) (Map, error) {
	low, high := lowHigh(l.Scores)
	if l.Len() < 4 || low == high {
		return Constant(0.5), nil
	}
	m := startMixture(l.Scores, low)
	posterior := make([]float64, l.Len())
	for range 100 {
		for i, s := range l.Scores {
			posterior[i] = m.posterior(s)
		}
		m = m.maximise(l.Scores, posterior)
	}
	// The tail of the normal falls faster than the exponential one, so the
	// posterior turns down above its peak: the best value so far stands for it.
	sorted := slices.Clone(l.Scores)
	slices.Sort(sorted)
	f := Isotonic{X: sorted, Y: make([]float64, len(sorted))}
	best := 0.0
	for i, s := range sorted {
		best = max(best, m.posterior(s))
		f.Y[i] = best
	}
	return Pointwise(func(_ int, s float64) float64 { return f.At(s) }), nil
}

// startMixture takes the top tenth for relevant.
func startMixture(scores []float64, low float64) mixture {
	sorted := slices.Clone(scores)
	slices.Sort(sorted)
	top := sorted[len(sorted)-max(2, len(sorted)/10):]
	mean, deviation := meanDeviation(top, 0)
	all, spread := meanDeviation(scores, 0)
	return mixture{low: low, rate: 1 / max(all-low, 1e-12), mean: mean, deviation: max(deviation, spread/4), share: 0.1}
}

func (m mixture) posterior(s float64) float64 {
	z := (s - m.mean) / m.deviation
	normal := float64(m.share*elementary.Exp(-z*z/2)) / (m.deviation * math.Sqrt(2*math.Pi))
	exponential := float64((1 - m.share) * m.rate * elementary.Exp(-m.rate*(s-m.low)))
	if normal+exponential == 0 {
		return 0
	}
	return normal / (normal + exponential)
}

func (m mixture) maximise(scores, posterior []float64) mixture {
	var weight, total, rest, restTotal float64
	for i, s := range scores {
		weight += posterior[i]
		total += float64(posterior[i] * s)
		rest += 1 - posterior[i]
		restTotal += float64((1 - posterior[i]) * (s - m.low))
	}
	if weight < 1e-9 || rest < 1e-9 || restTotal < 1e-300 {
		return m
	}
	next := mixture{low: m.low, rate: rest / restTotal, mean: total / weight, share: weight / float64(len(scores))}
	var squares float64
	for i, s := range scores {
		d := s - next.mean
		squares += float64(posterior[i] * float64(d*d))
	}
	next.deviation = max(math.Sqrt(squares/weight), 1e-3*(next.mean-m.low), 1e-12)
	return next
}

// String returns the specification.
func (n Mixture) String() string { return specOf(n) }

// EndsAtOne implements UnitCapped.
func (Mixture) EndsAtOne() bool { return true }

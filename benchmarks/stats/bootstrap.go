package stats

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// IntervalMethod says how a bootstrap distribution becomes an interval.
type IntervalMethod uint8

// The interval methods.
const (
	// BCa corrects for bias and skewness (Efron 1987).
	BCa IntervalMethod = iota
	// Percentile takes the quantiles as they are.
	Percentile
)

// Interval is a confidence interval for the mean difference.
type Interval struct {
	Low, High float64
	// Level is the confidence, such as 0.95.
	Level float64
}

// String prints the interval in brackets.
func (i Interval) String() string { return fmt.Sprintf("[%+.4f, %+.4f]", i.Low, i.High) }

// Excludes reports whether the value lies outside the interval.
func (i Interval) Excludes(v float64) bool { return v < i.Low || v > i.High }

// Bootstrap returns a confidence interval for the mean of d by resampling
// topics with replacement. Differences that are all equal give an interval of
// no width.
func Bootstrap(d []float64, method IntervalMethod, level float64, s Sampling) (Interval, error) {
	if err := check(d, 2); err != nil {
		return Interval{}, err
	}
	if !(level > 0 && level < 1) {
		return Interval{}, errors.New("stats: bootstrap: the level lies between 0 and 1, such as 0.95")
	}
	means := make([]float64, s.samples())
	s.each(len(means), func(from, to int) {
		for i := from; i < to; i++ {
			sum := 0.0
			for j := range d {
				sum += d[s.index(i, j, len(d))]
			}
			means[i] = sum / float64(len(d))
		}
	})
	return intervalOf(d, means, method, level), nil
}

// intervalOf turns the resampled means of d into an interval.
func intervalOf(d, means []float64, method IntervalMethod, level float64) Interval {
	slices.Sort(means)
	low, high := (1-level)/2, (1+level)/2
	if method == BCa && !allEqual(d) {
		low, high = correct(d, means, low), correct(d, means, high)
	}
	return Interval{Low: quantile(means, low), High: quantile(means, high), Level: level}
}

// correct moves a quantile by the bias and the acceleration.
func correct(d, means []float64, p float64) float64 {
	mean, _ := meanAndDeviation(d)
	below, equal := 0, 0
	for _, m := range means {
		switch {
		case m < mean:
			below++
		case m == mean:
			equal++
		}
	}
	// The share below counts ties half, as scipy does.
	bias := normalQuantile((float64(below) + float64(equal)/2) / float64(len(means)))
	z := bias + normalQuantile(p)
	return normalCDF(bias + z/(1-acceleration(d)*z))
}

// acceleration is the skewness of the jackknifed mean over 6.
func acceleration(d []float64) float64 {
	n := float64(len(d))
	mean, _ := meanAndDeviation(d)
	cubes, squares := 0.0, 0.0
	for _, v := range d {
		u := (v - mean) / (n - 1) // mean of the jackknife less this one, for the mean
		cubes += u * u * u
		squares += u * u
	}
	if squares == 0 {
		return 0
	}
	return cubes / (6 * math.Pow(squares, 1.5))
}

// quantile interpolates linearly between the sorted values, as numpy does.
func quantile(sorted []float64, p float64) float64 {
	if math.IsNaN(p) {
		return math.NaN()
	}
	at := p * float64(len(sorted)-1)
	i := min(max(int(at), 0), len(sorted)-1)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// IntervalFor returns the confidence interval of a mean difference that belongs to
// a two-sided p value of it: the t interval over n topics whose standard error is
// the one under which a t test gives that p (test-based, Miettinen 1976). It
// excludes 0 exactly where p is below 1-level. Where p is 1 or the mean is 0 no
// standard error follows from them, and that of the deviation is taken.
func IntervalFor(mean, p, deviation float64, n int, level float64) (Interval, error) {
	if n < 2 {
		return Interval{}, fmt.Errorf("%w: %d, at least 2 are needed", ErrTooFew, n)
	}
	if !(p > 0 && p <= 1 && level > 0 && level < 1 && deviation >= 0) {
		return Interval{}, fmt.Errorf("stats: interval: p %v must lie above 0 and at most at 1, the level %v between 0 and 1, the deviation %v not below 0", p, level, deviation)
	}
	df := float64(n - 1)
	wide := studentQuantile((1+level)/2, df)
	width := wide * deviation / math.Sqrt(float64(n))
	if t := studentQuantile(1-p/2, df); p < 1 && mean != 0 && t > 0 {
		width = math.Abs(mean) * wide / t
	}
	return Interval{Low: mean - width, High: mean + width, Level: level}, nil
}

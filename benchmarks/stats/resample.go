package stats

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Resample returns a confidence interval of any statistic of n topics: the
// quantiles of its values over topics that were drawn with replacement. statistic
// is given the positions of the drawn topics, must not keep the slice, and is
// called by several goroutines at once. A sample of which it has no value is NaN and
// left out; where that is more than half of them, there is no interval. For the
// mean Bootstrap is better, because it corrects for bias and skewness.
func Resample(n int, statistic func(topics []int) float64, level float64, s Sampling) (Interval, error) {
	if n < 2 {
		return Interval{}, fmt.Errorf("stats: resample: %w: %d, at least 2 are needed", ErrTooFew, n)
	}
	if !(level > 0 && level < 1) {
		return Interval{}, errors.New("stats: resample: the level lies between 0 and 1, such as 0.95")
	}
	values := make([]float64, s.samples())
	s.each(len(values), func(from, to int) {
		drawn := make([]int, n)
		for i := from; i < to; i++ {
			for j := range drawn {
				drawn[j] = s.index(i, j, n)
			}
			values[i] = statistic(drawn)
		}
	})
	values = slices.DeleteFunc(values, math.IsNaN)
	if 2*len(values) < s.samples() {
		return Interval{}, fmt.Errorf("stats: resample: %w: the statistic has a value in %d of %d samples", ErrTooFew, len(values), s.samples())
	}
	slices.Sort(values)
	return Interval{Low: quantile(values, (1-level)/2), High: quantile(values, (1+level)/2), Level: level}, nil
}

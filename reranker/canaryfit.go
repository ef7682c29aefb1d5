package reranker

import (
	"math"
	"slices"
)

// affine is the map s -> slope*s + offset.
type affine struct{ slope, offset float64 }

// at computes the map. The conversion keeps compilers from fusing the product
// with the sum, so that equal inputs give equal bits on every machine.
func (f affine) at(s float64) float64 { return float64(f.slope*s) + f.offset }

// fitAnchors finds the rising line that maps from onto to, position by position,
// without the pairs that have a NaN. Two pairs give the line through both; more
// give the line of Theil and Sen, the median of the slopes of all pairs and then
// the median of what is left, which one bad anchor cannot turn. It reports false
// where there is no rising line.
func fitAnchors(from, to []float64) (affine, bool) {
	var x, y []float64
	for i := range from {
		if !math.IsNaN(from[i]) && !math.IsNaN(to[i]) {
			x, y = append(x, from[i]), append(y, to[i])
		}
	}
	var slopes []float64
	for i := range x {
		for j := i + 1; j < len(x); j++ {
			if x[i] != x[j] {
				slopes = append(slopes, (y[j]-y[i])/(x[j]-x[i]))
			}
		}
	}
	if len(slopes) == 0 {
		return affine{}, false
	}
	f := affine{slope: median(slopes)}
	rest := make([]float64, len(x))
	for i := range x {
		rest[i] = y[i] - float64(f.slope*x[i])
	}
	f.offset = median(rest)
	return f, f.slope > 0 && !math.IsInf(f.slope, 0) && !math.IsInf(f.offset, 0)
}

// median sorts its argument.
func median(v []float64) float64 {
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return v[n/2-1] + (v[n/2]-v[n/2-1])/2
	}
	return v[len(v)/2]
}

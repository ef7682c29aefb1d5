package fusion

import (
	"cmp"
	"math"
	"slices"
)

// Isotonic is a non-decreasing piecewise linear function: the isotonic
// regression of scikit-learn, clipped outside the range it was fitted on.
type Isotonic struct {
	// X are the scores at which the function bends, strictly rising, and Y its
	// values there, not falling.
	X []float64 `json:"x" spec:"x"`
	Y []float64 `json:"y" spec:"y"`
}

// At returns the function's value, NaN for a function without points.
func (f Isotonic) At(x float64) float64 {
	n := len(f.X)
	if n == 0 {
		return math.NaN()
	}
	i, exact := slices.BinarySearch(f.X, x)
	switch {
	case exact:
		return f.Y[i]
	case i == 0:
		return f.Y[0]
	case i == n:
		return f.Y[n-1]
	}
	slope := (f.Y[i] - f.Y[i-1]) / (f.X[i] - f.X[i-1])
	return float64(slope*(x-f.X[i-1])) + f.Y[i-1]
}

// fitIsotonic pools adjacent violators. Equal x are averaged first.
func fitIsotonic(xs, ys []float64) Isotonic {
	type point struct{ x, y, n float64 }
	points := make([]point, len(xs))
	for i := range xs {
		points[i] = point{xs[i], ys[i], 1}
	}
	slices.SortStableFunc(points, func(a, b point) int { return cmp.Compare(a.x, b.x) })
	unique := points[:0]
	for _, p := range points {
		if n := len(unique); n > 0 && unique[n-1].x == p.x {
			unique[n-1].y += p.y
			unique[n-1].n++
			continue
		}
		unique = append(unique, p)
	}
	for i := range unique {
		unique[i].y /= unique[i].n
	}
	type block struct {
		sum, n float64
		points int
	}
	var blocks []block
	for _, p := range unique {
		blocks = append(blocks, block{float64(p.y * p.n), p.n, 1})
		for k := len(blocks) - 1; k > 0 && blocks[k-1].sum/blocks[k-1].n >= blocks[k].sum/blocks[k].n; k-- {
			last := blocks[k]
			blocks = blocks[:k]
			blocks[k-1].sum += last.sum
			blocks[k-1].n += last.n
			blocks[k-1].points += last.points
		}
	}
	var f Isotonic
	i := 0
	for _, b := range blocks {
		for j := range b.points {
			if j == 0 || j == b.points-1 {
				f.X, f.Y = append(f.X, unique[i+j].x), append(f.Y, b.sum/b.n)
			}
		}
		i += b.points
	}
	return f
}

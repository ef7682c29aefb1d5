package fusion

import (
	"cmp"
	"math"
	"slices"
)

// rankMatrix returns, by slot and list, the rank of each document in each list,
// 0 where it is missing. The slice belongs to the workspace.
func (w *Workspace) rankMatrix() []uint32 {
	size := len(w.order) * len(w.lists)
	if cap(w.matrix) < size {
		w.matrix = make([]uint32, size)
	}
	w.matrix = w.matrix[:size]
	clear(w.matrix)
	for l, list := range w.lists {
		for i, id := range list.IDs {
			w.matrix[int(w.cells[id].slot)*len(w.lists)+l] = uint32(i + 1)
		}
	}
	return w.matrix
}

// sumImputed replaces the sums by sums in which missing scores are estimated.
func (w *Workspace) sumImputed() {
	lists := len(w.lists)
	ranks := w.rankMatrix()
	estimates := buffer(&w.estimates, len(ranks))
	w.estimate(ranks, estimates)
	for slot, id := range w.order {
		var acc float64
		for l := range lists {
			if rank := ranks[slot*lists+l]; rank > 0 {
				acc += w.cols[l].contribution[rank-1]
			} else {
				acc += float64(w.cols[l].weight * estimates[slot*lists+l])
			}
		}
		w.cells[id].acc = acc
	}
}

// estimate fills in the normalised scores of missing documents: the mean, in list
// order, of what the other lists that hold the document predict; the list's
// minimum if none can.
func (w *Workspace) estimate(ranks []uint32, estimates []float64) {
	lists := len(w.lists)
	clear(estimates)
	counts := make([]int, len(ranks))
	for from := range lists {
		for to := range lists {
			if from == to {
				continue
			}
			predict, ok := w.regress(ranks, from, to)
			if !ok {
				continue
			}
			for slot := range w.order {
				if ranks[slot*lists+to] == 0 && ranks[slot*lists+from] > 0 {
					estimates[slot*lists+to] += predict.At(w.cols[from].normalised[ranks[slot*lists+from]-1])
					counts[slot*lists+to]++
				}
			}
		}
	}
	for i := range estimates {
		if counts[i] > 0 {
			estimates[i] /= float64(counts[i])
		} else {
			estimates[i] = w.cols[i%lists].absent.normalised
		}
	}
}

// regress fits a monotone map from the normalised scores of one list to those
// of another, on the documents that both hold.
func (w *Workspace) regress(ranks []uint32, from, to int) (Isotonic, bool) {
	var xs, ys []float64
	lists := len(w.lists)
	for slot := range w.order {
		a, b := ranks[slot*lists+from], ranks[slot*lists+to]
		if a > 0 && b > 0 {
			xs = append(xs, w.cols[from].normalised[a-1])
			ys = append(ys, w.cols[to].normalised[b-1])
		}
	}
	if len(xs) == 0 {
		return Isotonic{}, false
	}
	return fitIsotonic(xs, ys), true
}

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

package qdranttest

import (
	"cmp"
	"math"
	"slices"

	api "github.com/qdrant/go-client/qdrant"
)

// fuse combines the prefetched lists as Qdrant 1.19 does, in float32.
func fuse(q *api.Query, lists [][]scored) ([]scored, error) {
	if len(lists) == 0 {
		return nil, invalid("Validation failed: cannot apply Fusion without prefetches")
	}
	if rrf := q.GetRrf(); rrf != nil {
		k := uint32(2)
		if rrf.K != nil {
			k = rrf.GetK()
		}
		if n := len(rrf.GetWeights()); n != 0 && n != len(lists) {
			return nil, invalid("Validation failed: RRF weights length (%d) does not match number of prefetches (%d)", n, len(lists))
		}
		if slices.ContainsFunc(rrf.GetWeights(), func(w float32) bool { return w != w }) {
			return nil, missing("weights that are no numbers")
		}
		return sum(lists, rrfScores(k, rrf.GetWeights())), nil
	}
	if q.GetFusion() == api.Fusion_DBSF {
		return sum(lists, dbsfScores), nil
	}
	return sum(lists, rrfScores(2, nil)), nil
}

// rrfScores is 1/((position+1)/weight + k - 1), positions from 0.
func rrfScores(k uint32, weights []float32) func(int, []scored) []float32 {
	return func(list int, hits []scored) []float32 {
		w := float32(1)
		if len(weights) > 0 {
			w = weights[list]
		}
		out := make([]float32, len(hits))
		for i := range hits {
			if w > 0 {
				out[i] = 1 / (float32(i+1)/w + float32(k) - 1)
			}
		}
		return out
	}
}

// dbsfScores maps mean - 3d to 0 and mean + 3d to 1, d the sample standard deviation;
// a list of one, or without spread, gives 0.5.
func dbsfScores(_ int, hits []scored) []float32 {
	out := make([]float32, len(hits))
	var mean, squares float64
	for _, h := range hits {
		mean += float64(h.score) / float64(len(hits))
	}
	for _, h := range hits {
		squares += (float64(h.score) - mean) * (float64(h.score) - mean)
	}
	d := math.Sqrt(squares / float64(max(1, len(hits)-1)))
	for i, h := range hits {
		out[i] = 0.5
		if d > 0 {
			out[i] = float32((float64(h.score) - (mean - 3*d)) / (6 * d))
		}
	}
	return out
}

func sum(lists [][]scored, scores func(int, []scored) []float32) []scored {
	totals := map[string]scored{}
	for i, list := range lists {
		for j, s := range scores(i, list) {
			p := list[j].point
			totals[p.key] = scored{point: p, score: totals[p.key].score + s, order: cmp.Or(totals[p.key].order, list[j].order)}
		}
	}
	out := make([]scored, 0, len(totals))
	for _, s := range totals {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b scored) int { return cmp.Compare(a.point.key, b.point.key) })
	return out
}

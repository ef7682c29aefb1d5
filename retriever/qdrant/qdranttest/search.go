package qdranttest

import (
	"cmp"
	"math"
	"slices"

	api "github.com/qdrant/go-client/qdrant"
)

// query is what a request and a prefetch have in common.
type query struct {
	prefetch  []*api.PrefetchQuery
	query     *api.Query
	using     string
	filter    *api.Filter
	threshold *float32
	limit     uint64 // with the offset
	offset    uint64
}

// scored is a point with its score.
type scored struct {
	point *point
	score float32
	order *api.OrderValue // of an order by a field
}

// fuses reports whether the query fuses what its prefetches found.
func fuses(q *api.Query) bool { return q.GetRrf() != nil || isFusion(q) }

func isFusion(q *api.Query) bool { _, is := q.GetVariant().(*api.Query_Fusion); return is }

func both(a, b *api.Filter) *api.Filter {
	if a == nil || b == nil {
		if a == nil {
			return b
		}
		return a
	}
	return &api.Filter{Must: []*api.Condition{api.NewFilterAsCondition(a), api.NewFilterAsCondition(b)}}
}

// better compares with a threshold: strictly for vectors, not so for a fusion.
func better(score, threshold float32, distance, fused bool) bool {
	switch {
	case math.IsNaN(float64(threshold)):
		return false
	case distance:
		return score < threshold
	case fused:
		return score >= threshold
	}
	return score > threshold
}

// order puts the best first: the highest score, or the lowest distance. Ties are
// ordered against their ids here, so that nobody relies on any other order.
func order(found []scored, distance bool) {
	slices.SortFunc(found, func(a, b scored) int {
		by := cmp.Compare(b.score, a.score)
		if distance {
			by = -by
		}
		if by != 0 {
			return by
		}
		return cmp.Compare(b.point.key, a.point.key)
	})
}

// vectorOf is the input as a vector of an upsert; nil for the id of a point and
// for what a model would have to encode.
func vectorOf(input *api.VectorInput) *api.Vector {
	switch v := input.GetVariant().(type) {
	case *api.VectorInput_Dense:
		return &api.Vector{Vector: &api.Vector_Dense{Dense: v.Dense}}
	case *api.VectorInput_Sparse:
		return &api.Vector{Vector: &api.Vector_Sparse{Sparse: v.Sparse}}
	case *api.VectorInput_MultiDense:
		return &api.Vector{Vector: &api.Vector_MultiDense{MultiDense: v.MultiDense}}
	}
	return nil
}

// similarity compares two vectors of one form; false means that the point has
// none, or shares no term.
func similarity(metric api.Distance, asked, stored vector) (float32, bool) {
	switch {
	case asked.kind != stored.kind:
	case asked.kind == sparseKind:
		return sparseDot(asked, stored)
	case asked.kind == multiKind:
		return maxSim(metric, asked.multi, stored.multi), true
	default:
		return denseSimilarity(metric, asked.dense, stored.dense), true
	}
	return 0, false
}

func sparseDot(a, b vector) (float32, bool) {
	weights := map[uint32]float32{}
	for i, index := range b.indices {
		weights[index] = b.values[i]
	}
	var sum float32
	shared := false
	for i, index := range a.indices {
		if w, ok := weights[index]; ok && a.values[i] != 0 {
			sum += a.values[i] * w
			shared = true
		}
	}
	return sum, shared && !math.IsNaN(float64(sum))
}

// maxSim adds for each vector of the query its best similarity; for Euclid the
// root is taken of the sum of squares.
func maxSim(metric api.Distance, a, b [][]float32) float32 {
	distance := metric == api.Distance_Euclid || metric == api.Distance_Manhattan
	var sum float32
	for _, x := range a {
		best := denseSimilarity(metric, x, b[0])
		for _, y := range b[1:] {
			if s := denseSimilarity(metric, x, y); distance && s < best || !distance && s > best {
				best = s
			}
		}
		if metric == api.Distance_Euclid {
			best *= best
		}
		sum += best
	}
	if metric == api.Distance_Euclid {
		sum = float32(math.Sqrt(float64(sum)))
	}
	return sum
}

func denseSimilarity(metric api.Distance, a, b []float32) float32 {
	switch metric {
	case api.Distance_Euclid, api.Distance_Manhattan:
		return distanceOf(metric, a, b)
	case api.Distance_Cosine:
		a, b = normalised(a), normalised(b)
	}
	var dot float32
	for i := range a {
		dot += a[i] * b[i]
	}
	return dot
}

// normalised is the vector of length 1, as the server stores it for the cosine;
// the zero vector stays.
func normalised(v []float32) []float32 {
	var squares float32
	for _, x := range v {
		squares += x * x
	}
	if squares == 0 {
		return v
	}
	length := float32(math.Sqrt(float64(squares)))
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = x / length
	}
	return out
}

func distanceOf(metric api.Distance, a, b []float32) float32 {
	var euclid, manhattan float64
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		euclid += d * d
		manhattan += math.Abs(d)
	}
	if metric == api.Distance_Euclid {
		return float32(math.Sqrt(euclid))
	}
	return float32(manhattan)
}

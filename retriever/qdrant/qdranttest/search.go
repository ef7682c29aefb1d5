package qdranttest

import (
	"cmp"
	"fmt"
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
	limit     uint64
}

// scored is a point with its score.
type scored struct {
	point *point
	score float32
}

// search answers one query, after its prefetches. A filter of a fusion holds in
// each list that it fuses.
func (c *collection) search(q *query) ([]scored, error) {
	if err := c.checkIndexed(q.filter); err != nil {
		return nil, err
	}
	var pushed *api.Filter
	if fuses(q.query) {
		pushed = q.filter
	}
	var lists [][]scored
	for _, p := range q.prefetch {
		list, err := c.search(&query{
			prefetch: p.GetPrefetch(), query: p.GetQuery(), using: p.GetUsing(), filter: both(p.GetFilter(), pushed),
			threshold: p.ScoreThreshold, limit: limit(p.Limit, defaultLimit),
		})
		if err != nil {
			return nil, err
		}
		lists = append(lists, list)
	}
	found, distance, err := c.score(q, lists)
	if err != nil {
		return nil, err
	}
	order(found, distance)
	if q.threshold != nil {
		found = slices.DeleteFunc(found, func(s scored) bool { return !better(s.score, *q.threshold, distance, fuses(q.query)) })
	}
	return found[:min(uint64(len(found)), q.limit)], nil
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

func (c *collection) score(q *query, lists [][]scored) (found []scored, distance bool, err error) {
	switch v := q.query.GetVariant().(type) {
	case *api.Query_Fusion, *api.Query_Rrf:
		if q.using != "" {
			return nil, false, refusal("Bad request: Fusion queries cannot be combined with the 'using' field.")
		}
		found, err = fuse(q.query, lists)
		return found, false, err
	case *api.Query_Nearest:
		return c.nearest(q, v.Nearest, lists)
	case nil:
		if len(q.prefetch) > 0 {
			return nil, false, refusal("Bad request: A query is needed to merge the prefetches. Can't have prefetches without defining a query.")
		}
		return nil, false, missing("a query without a query")
	}
	return nil, false, missing(fmt.Sprintf("query %T", q.query.GetVariant()))
}

// nearest scores the points of the prefetches, or all if there are none.
func (c *collection) nearest(q *query, input *api.VectorInput, lists [][]scored) ([]scored, bool, error) {
	given := vectorOf(input)
	if given == nil {
		return nil, false, missing(fmt.Sprintf("nearest to %T", input.GetVariant()))
	}
	asked, err := readVector("", given)
	if err == nil {
		err = c.fits(q.using, asked, true)
	}
	if err != nil {
		return nil, false, err
	}
	if asked.kind == denseKind && c.dense[q.using].GetMultivectorConfig() != nil {
		asked = vector{kind: multiKind, multi: [][]float32{asked.dense}}
	}
	if asked.kind == sparseKind && c.sparse[q.using].GetModifier() == api.Modifier_Idf {
		if c.deleted {
			return nil, false, missing("idf after a deletion: the server counts deleted points until it optimises")
		}
		asked.values = c.weighted(q.using, asked)
	}
	metric := c.dense[q.using].GetDistance()
	distance := metric == api.Distance_Euclid || metric == api.Distance_Manhattan
	var found []scored
	for _, p := range c.candidates(lists, len(q.prefetch) > 0) {
		ok, err := p.passes(q.filter)
		if err != nil {
			return nil, false, err
		}
		if score, has := similarity(metric, asked, p.vectors[q.using]); ok && has {
			found = append(found, scored{p, score})
		}
	}
	return found, distance, nil
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

// weighted multiplies the weights of a query by the inverse document frequency
// of their terms, ln(1 + (N-n+0.5)/(n+0.5)), as the modifier idf does.
func (c *collection) weighted(name string, asked vector) []float32 {
	var all float64 // points that have the vector
	for _, p := range c.points {
		if len(p.vectors[name].indices) > 0 {
			all++
		}
	}
	out := make([]float32, len(asked.values))
	for i, index := range asked.indices {
		var n float64
		for _, p := range c.points {
			if slices.Contains(p.vectors[name].indices, index) {
				n++
			}
		}
		out[i] = asked.values[i] * float32(math.Log(1+(all-n+0.5)/(n+0.5)))
	}
	return out
}

func (c *collection) candidates(lists [][]scored, prefetched bool) []*point {
	chosen := map[string]*point{}
	if !prefetched {
		chosen = c.points
	}
	for _, list := range lists {
		for _, s := range list {
			chosen[s.point.key] = s.point
		}
	}
	out := make([]*point, 0, len(chosen))
	for _, p := range chosen {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b *point) int { return cmp.Compare(a.key, b.key) })
	return out
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

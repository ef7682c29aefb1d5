package qdranttest

import (
	"cmp"
	"math"
	"slices"

	api "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
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

// search answers one query, after its prefetches.
func (c *collection) search(q *query) ([]scored, error) {
	var lists [][]scored
	for _, p := range q.prefetch {
		list, err := c.search(&query{
			prefetch: p.GetPrefetch(), query: p.GetQuery(), using: p.GetUsing(), filter: p.GetFilter(),
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
		found = slices.DeleteFunc(found, func(s scored) bool {
			return distance && s.score > *q.threshold || !distance && s.score < *q.threshold
		})
	}
	return found[:min(uint64(len(found)), q.limit)], nil
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
		found, err = fuse(q.query, lists)
		return found, false, err
	case *api.Query_Nearest:
		return c.nearest(q, v.Nearest, lists)
	case nil:
		return nil, false, status.Error(codes.Unimplemented, "qdranttest: a query without a query")
	}
	return nil, false, status.Errorf(codes.Unimplemented, "qdranttest: query %T", q.query.GetVariant())
}

// nearest scores the points of the prefetches, or all if there are none.
func (c *collection) nearest(q *query, input *api.VectorInput, lists [][]scored) ([]scored, bool, error) {
	var asked vector
	switch {
	case input.GetDense() != nil:
		asked.dense = input.GetDense().GetData()
	case input.GetSparse() != nil:
		asked.indices, asked.values = input.GetSparse().GetIndices(), input.GetSparse().GetValues()
		if asked.indices == nil {
			return nil, false, invalid("sparse vector is empty")
		}
		if c.sparse[q.using].GetModifier() == api.Modifier_Idf {
			asked.values = c.weighted(q.using, asked)
		}
	case input.GetMultiDense() != nil:
		asked.multi = rows(input.GetMultiDense())
	default:
		return nil, false, status.Errorf(codes.Unimplemented, "qdranttest: nearest to %T", input.GetVariant())
	}
	if err := c.fits(q.using, asked); err != nil {
		return nil, false, err
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

// weighted multiplies the weights of a query by the inverse document frequency
// of their terms, ln(1 + (N-n+0.5)/(n+0.5)), as the modifier idf does.
func (c *collection) weighted(name string, asked vector) []float32 {
	out := make([]float32, len(asked.values))
	for i, index := range asked.indices {
		var n float64
		for _, p := range c.points {
			if slices.Contains(p.vectors[name].indices, index) {
				n++
			}
		}
		out[i] = asked.values[i] * float32(math.Log(1+(float64(len(c.points))-n+0.5)/(n+0.5)))
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
	case asked.indices != nil:
		return sparseDot(asked, stored)
	case asked.multi != nil && stored.multi != nil:
		return maxSim(metric, asked.multi, stored.multi), true
	case asked.dense != nil && stored.dense != nil:
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
		if w, ok := weights[index]; ok {
			sum += a.values[i] * w
			shared = true
		}
	}
	return sum, shared
}

// maxSim adds for each vector of the query its best similarity.
func maxSim(metric api.Distance, a, b [][]float32) float32 {
	distance := metric == api.Distance_Euclid || metric == api.Distance_Manhattan
	var sum float32
	for _, x := range a {
		best := denseSimilarity(metric, x, b[0])
		for _, y := range b[1:] {
			s := denseSimilarity(metric, x, y)
			if distance && s < best || !distance && s > best {
				best = s
			}
		}
		sum += best
	}
	return sum
}

func denseSimilarity(metric api.Distance, a, b []float32) float32 {
	var dot, normA, normB, euclid, manhattan float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		dot += x * y
		normA += x * x
		normB += y * y
		euclid += (x - y) * (x - y)
		manhattan += math.Abs(x - y)
	}
	switch metric {
	case api.Distance_Euclid:
		return float32(math.Sqrt(euclid))
	case api.Distance_Manhattan:
		return float32(manhattan)
	case api.Distance_Cosine:
		if normA == 0 || normB == 0 {
			return 0
		}
		return float32(dot / math.Sqrt(normA*normB))
	}
	return float32(dot)
}

package qdranttest

import (
	"cmp"
	"math"
	"slices"

	api "github.com/qdrant/go-client/qdrant"
)

// ownOrder reports whether a query orders its hits in another way than by score.
func ownOrder(q *api.Query) bool {
	return q == nil || q.GetOrderBy() != nil || q.GetNearestWithMmr() != nil
}

// byID lists points without a query: by id, each with score 1.
func byID(c *collection, q *query) ([]scored, error) {
	switch {
	case len(q.prefetch) > 0:
		return nil, refusal("Bad request: A query is needed to merge the prefetches. Can't have prefetches without defining a query.")
	case q.threshold != nil:
		return nil, missing("a threshold without a query")
	}
	points, err := c.passing(q.filter)
	slices.SortFunc(points, func(a, b *point) int { return compareIDs(a.id, b.id) })
	return ones(points), err
}

func ones(points []*point) []scored {
	out := make([]scored, len(points))
	for i, p := range points {
		out[i] = scored{point: p, score: 1}
	}
	return out
}

// ordered lists the points by a field with an index of ranges; those without a
// value are left out.
func ordered(c *collection, q *query, by *api.OrderBy, lists [][]scored) ([]scored, error) {
	kind := c.indexes[by.GetKey()].GetDataType()
	if kind != api.PayloadSchemaType_Integer && kind != api.PayloadSchemaType_Float && kind != api.PayloadSchemaType_Datetime {
		return nil, c.refuseOrder(by)
	}
	if q.threshold != nil {
		return nil, refusal("Bad request: Can't use score_threshold with an order_by query.")
	}
	path, err := parsePath(by.GetKey())
	if err != nil {
		return nil, err
	}
	down := by.GetDirection() == api.Direction_Desc
	start, has, err := startOf(by.GetStartFrom())
	if err != nil {
		return nil, err
	}
	var found []scored
	values := map[*point]float64{}
	for _, p := range c.candidates(lists, len(q.prefetch) > 0) {
		if ok, err := c.passes(p, q.filter); err != nil || !ok {
			if err != nil {
				return nil, err
			}
			continue
		}
		all := path.values(p.payload)
		if len(all) > 1 {
			return nil, missing("an order by a field with several values")
		}
		if len(all) == 0 {
			continue
		}
		shown, v, ok := orderValue(kind, all[0])
		if !ok || has && (down && v > start || !down && v < start) {
			continue
		}
		values[p] = v
		found = append(found, scored{point: p, score: 1, order: shown})
	}
	slices.SortStableFunc(found, func(a, b scored) int {
		if down {
			a, b = b, a
		}
		return cmp.Or(cmp.Compare(values[a.point], values[b.point]), compareIDs(a.point.id, b.point.id))
	})
	return found, nil
}

func orderValue(kind api.PayloadSchemaType, v *api.Value) (*api.OrderValue, float64, bool) {
	whole := func(n int64) (*api.OrderValue, float64, bool) {
		return &api.OrderValue{Variant: &api.OrderValue_Int{Int: n}}, float64(n), true
	}
	if kind == api.PayloadSchemaType_Datetime {
		at, ok := readTime(v.GetStringValue())
		if !ok {
			return nil, 0, false
		}
		return whole(at.UnixMicro())
	}
	if n, is := v.GetKind().(*api.Value_IntegerValue); is && kind == api.PayloadSchemaType_Integer {
		return whole(n.IntegerValue)
	}
	n, ok := number(v)
	return &api.OrderValue{Variant: &api.OrderValue_Float{Float: n}}, n, ok && kind == api.PayloadSchemaType_Float
}

// startOf is the value that an order begins at, and whether there is one.
func startOf(from *api.StartFrom) (float64, bool, error) {
	switch v := from.GetValue().(type) {
	case nil:
		return 0, false, nil
	case *api.StartFrom_Float:
		return v.Float, true, nil
	case *api.StartFrom_Integer:
		return float64(v.Integer), true, nil
	case *api.StartFrom_Datetime:
		if at, ok := readTime(v.Datetime); ok {
			return float64(at.UnixMicro()), true, nil
		}
	}
	return 0, false, missing("an order that starts from this value")
}

// asLeg is the query that a prefetch answers: MMR by relevance alone.
func asLeg(q *api.Query) *api.Query {
	if m := q.GetNearestWithMmr(); m != nil {
		return api.NewQueryNearest(m.GetNearest())
	}
	return q
}

// diverse picks points one after the other, each by the best of relevance and
// distance to those that were picked before.
func diverse(c *collection, q *query, n *api.NearestInputWithMmr, lists [][]scored) ([]scored, error) {
	most := q.limit - q.offset
	candidates := most
	if n.GetMmr().CandidatesLimit != nil {
		candidates = uint64(n.GetMmr().GetCandidatesLimit())
	}
	if c.sparse[q.using].GetModifier() == api.Modifier_Idf {
		return nil, missing("MMR over a vector with idf")
	}
	found, distance, err := c.nearest(q, n.GetNearest(), lists)
	if err != nil {
		return nil, err
	}
	order(found, distance)
	if q.threshold != nil {
		found = slices.DeleteFunc(found, func(s scored) bool { return !better(s.score, *q.threshold, distance, false) })
	}
	found = found[:min(uint64(len(found)), candidates)]
	lambda := float32(0.5)
	if n.GetMmr().Diversity != nil {
		lambda = 1 - n.GetMmr().GetDiversity()
	}
	sign := float32(1)
	if distance {
		sign = -1
	}
	var picked []scored
	for len(found) > 0 && uint64(len(picked)) < most {
		best, at := float32(math.Inf(-1)), 0
		for i, s := range found {
			closest := float32(math.Inf(-1))
			for _, p := range picked {
				near, _ := similarity(c.dense[q.using].GetDistance(), p.point.vectors[q.using], s.point.vectors[q.using])
				closest = max(closest, sign*near)
			}
			score := lambda * sign * s.score
			if len(picked) > 0 {
				score -= (1 - lambda) * closest
			} else {
				score = sign * s.score
			}
			if score > best {
				best, at = score, i
			}
		}
		picked = append(picked, found[at])
		found = slices.Delete(found, at, at+1)
	}
	return picked, nil
}

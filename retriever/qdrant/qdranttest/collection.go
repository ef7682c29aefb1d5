package qdranttest

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	api "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// collection is what one collection holds.
type collection struct {
	config *api.CollectionParams
	dense  map[string]*api.VectorParams
	sparse map[string]*api.SparseVectorParams
	points map[string]*point
	// indexes are the payload indexes by field.
	indexes map[string]*api.PayloadSchemaInfo
	// deleted are the points that were deleted.
	deleted map[string]*point
}

// fill puts the points of the collection whose ids are the groups' into them: by
// exact id, and the text of a number is none.
func (c *collection) fill(groups []*api.PointGroup, with *api.WithLookup) error {
	selector := with.GetWithPayload()
	if selector == nil {
		selector = api.NewWithPayloadEnable(true)
	}
	if err := checkSelector(selector); err != nil {
		return err
	}
	shown, err := show(c, selector, with.GetWithVectors())
	if err != nil {
		return err
	}
	for _, g := range groups {
		var id *api.PointId
		switch k := g.GetId().GetKind().(type) {
		case *api.GroupId_UnsignedValue:
			id = api.NewIDNum(k.UnsignedValue)
		case *api.GroupId_StringValue:
			id = api.NewIDUUID(k.StringValue)
		}
		if k, err := key(id); err == nil && c.points[k] != nil {
			g.Lookup = shown.retrieved(c.points[k])
		}
	}
	return nil
}

// schema tells about the indexes, as the info of a collection does.
func (c *collection) schema() (map[string]*api.PayloadSchemaInfo, error) {
	out := map[string]*api.PayloadSchemaInfo{}
	for field, info := range c.indexes {
		p, err := parsePath(field)
		if err != nil {
			return nil, err
		}
		var n uint64
		for _, point := range c.points {
			if holds(info.GetDataType(), p.values(point.payload)) {
				n++
			}
		}
		out[field] = &api.PayloadSchemaInfo{DataType: info.GetDataType(), Params: info.GetParams(), Points: &n}
	}
	return out, nil
}

// sparseVectors counts the vectors that are indexed as soon as they are stored.
func (c *collection) sparseVectors() uint64 {
	var n uint64
	for _, p := range c.points {
		for _, v := range p.vectors {
			if v.kind == sparseKind {
				n++
			}
		}
	}
	return n
}

// passes reports whether a point of the collection passes the filter.
func (c *collection) passes(p *point, f *api.Filter) (bool, error) {
	return subject{point: p, payload: p.payload, indexes: c.indexes}.passes(f)
}

// passing returns the points that pass the filter.
func (c *collection) passing(f *api.Filter) ([]*point, error) {
	f, err := settled(c, f)
	if err != nil {
		return nil, err
	}
	var found []*point
	for _, p := range c.points {
		ok, err := c.passes(p, f)
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, p)
		}
	}
	return found, nil
}

// refuseOrder is the refusal of an order by a field, which the server has where
// the field has an index of ranges.
func (c *collection) refuseOrder(by *api.OrderBy) error {
	if c.indexes[by.GetKey()] != nil {
		return missing("an order by a field")
	}
	return invalid("No range index for `order_by` key: `%s`. Please create one to use `order_by`. Check "+
		"https://qdrant.tech/documentation/concepts/indexing/#payload-index to see which payload schemas support Range conditions", by.GetKey())
}

// point checks a point against the collection and stores a copy of it.
func (c *collection) point(i int, p *api.PointStruct) (*point, error) {
	if p.GetId() == nil {
		return nil, refusal("Empty ID is not allowed")
	}
	k, err := key(p.GetId())
	if err != nil {
		return nil, err
	}
	stored := &point{id: idOf(p.GetId(), k), key: k, payload: map[string]*api.Value{}, vectors: map[string]vector{}}
	for field, v := range p.GetPayload() {
		if v.GetKind() == nil {
			v = api.NewValueNull()
		}
		if d, is := v.GetKind().(*api.Value_DoubleValue); is && (math.IsNaN(d.DoubleValue) || math.IsInf(d.DoubleValue, 0)) {
			return nil, refusal("cannot convert to json number")
		}
		stored.payload[field] = v
	}
	if p.GetVectors() == nil {
		return nil, refusal("Expected some vectors")
	}
	named := p.GetVectors().GetVectors().GetVectors()
	if v := p.GetVectors().GetVector(); v != nil {
		named = map[string]*api.Vector{"": v}
	}
	for name, v := range named {
		read, err := readVector(fmt.Sprintf("points[%d].vectors.vectors_options.vectors.[]", i), v)
		if err == nil && read.kind == denseKind && len(read.dense) == 0 {
			err = invalid("points[%d].vector.?.vector: dense vector must not be empty", i)
		}
		if err == nil {
			err = c.fits(name, read, false)
		}
		if err != nil {
			return nil, err
		}
		stored.vectors[name] = read
	}
	return stored, nil
}

// fits checks a vector against the configuration of its name. A query by one
// dense vector fits a multi-vector as well.
func (c *collection) fits(name string, v vector, query bool) error {
	params := c.dense[name]
	switch {
	case params == nil && c.sparse[name] == nil:
		return invalid("Not existing vector name error: %s", name)
	case (v.kind == sparseKind) != (params == nil):
		return invalid("Conversion between sparse and regular vectors failed")
	case params == nil:
		return nil
	case v.kind == multiKind && params.GetMultivectorConfig() == nil:
		return invalid("Conversion between multi and regular vectors failed")
	}
	all := v.multi
	if v.kind == denseKind {
		all = [][]float32{v.dense}
	}
	of := ""
	if !query {
		of = fmt.Sprintf(" for vector '%s'", name)
	}
	for _, row := range all {
		if uint64(len(row)) != params.GetSize() {
			return invalid("Vector dimension error: expected dim: %d, got %d%s", params.GetSize(), len(row), of)
		}
	}
	return nil
}

// knows refuses an unknown vector with the text that groups have.
func (c *collection) knows(name string) error {
	if c.dense[name] != nil || c.sparse[name] != nil {
		return nil
	}
	var names []string
	for n := range c.dense {
		names = append(names, n)
	}
	for n := range c.sparse {
		names = append(names, n)
	}
	slices.Sort(names)
	return invalid("Vector with name `%s` is not configured in this collection, available names: %s", name, strings.Join(names, ", "))
}

// answer answers one checked query.
func (c *collection) answer(r *api.QueryPoints) ([]*api.ScoredPoint, error) {
	most := limit(r.Limit, defaultLimit)
	shown, err := show(c, r.GetWithPayload(), r.GetWithVectors())
	if err != nil {
		return nil, err
	}
	found, err := c.search(&query{
		prefetch: r.GetPrefetch(), query: r.GetQuery(), using: r.GetUsing(), filter: r.GetFilter(),
		threshold: r.ScoreThreshold, limit: most + min(r.GetOffset(), math.MaxUint64-most), offset: min(r.GetOffset(), math.MaxUint64-most),
	})
	if err != nil {
		return nil, err
	}
	found = found[min(r.GetOffset(), uint64(len(found))):]
	reply := make([]*api.ScoredPoint, len(found))
	for i, f := range found {
		reply[i] = shown.scored(f)
	}
	return reply, nil
}

// search answers one query, after its prefetches. A filter of a fusion holds in
// each list that it fuses.
func (c *collection) search(q *query) ([]scored, error) {
	pushed := q.filter
	if !fuses(q.query) {
		pushed = nil
		known, err := settled(c, q.filter)
		if err != nil {
			return nil, err
		}
		q.filter = known
	}
	var lists [][]scored
	for _, p := range q.prefetch {
		if err := joins(c, p.GetFilter(), pushed); err != nil {
			return nil, err
		}
		list, err := c.search(&query{
			prefetch: p.GetPrefetch(), query: asLeg(p.GetQuery()), using: p.GetUsing(), filter: both(p.GetFilter(), pushed),
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
	if ownOrder(q.query) {
		return found[:min(uint64(len(found)), q.limit)], nil
	}
	order(found, distance)
	if q.threshold != nil {
		computed := fuses(q.query) || q.query.GetFormula() != nil
		found = slices.DeleteFunc(found, func(s scored) bool { return !better(s.score, *q.threshold, distance, computed) })
	}
	return found[:min(uint64(len(found)), q.limit)], nil
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
	case *api.Query_Formula:
		found, err = rescored(c, q, v.Formula, lists)
		return found, false, err
	case *api.Query_OrderBy:
		found, err = ordered(c, q, v.OrderBy, lists)
		return found, false, err
	case *api.Query_NearestWithMmr:
		found, err = diverse(c, q, v.NearestWithMmr, lists)
		return found, false, err
	case nil:
		found, err = byID(c, q)
		return found, false, err
	}
	return nil, false, missing(fmt.Sprintf("query %T", q.query.GetVariant()))
}

// nearest scores the points of the prefetches, or all if there are none.
func (c *collection) nearest(q *query, input *api.VectorInput, lists [][]scored) ([]scored, bool, error) {
	asked, except, err := c.asked(q.using, input)
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
		if asked.values, err = c.weighted(q.using, asked); err != nil {
			return nil, false, err
		}
	}
	metric := c.dense[q.using].GetDistance()
	distance := metric == api.Distance_Euclid || metric == api.Distance_Manhattan
	var found []scored
	for _, p := range c.candidates(lists, len(q.prefetch) > 0) {
		ok, err := c.passes(p, q.filter)
		if err != nil {
			return nil, false, err
		}
		if score, has := similarity(metric, asked, p.vectors[q.using]); ok && has && p != except {
			found = append(found, scored{point: p, score: score})
		}
	}
	return found, distance, nil
}

// asked is the vector of a query; that of a point is taken from it, and the point
// itself left out of the answer.
func (c *collection) asked(using string, input *api.VectorInput) (v vector, except *point, err error) {
	if id := input.GetId(); id != nil {
		k, err := key(id)
		if err != nil {
			return v, nil, err
		}
		p := c.points[k]
		if p == nil {
			return v, nil, status.Errorf(codes.NotFound, "Not found: No point with id %s found", k)
		}
		if !p.has(using) {
			return v, nil, status.Errorf(codes.NotFound, "Not found: Vector with name %q for point not found", using)
		}
		return p.vectors[using], p, nil
	}
	if d := input.GetDocument(); d != nil {
		v, err = inferred(d, true)
		return v, nil, err
	}
	given := vectorOf(input)
	if given == nil {
		return v, nil, missing(fmt.Sprintf("nearest to %T", input.GetVariant()))
	}
	v, err = readVector("", given)
	return v, nil, err
}

// weighted multiplies the weights of a query by the inverse document frequency
// of their terms, ln(1 + (N-n+0.5)/(n+0.5)), as the modifier idf does. The server
// counts deleted points in N until it optimises; whether it does in n was not seen.
func (c *collection) weighted(name string, asked vector) ([]float32, error) {
	for k := range c.deleted {
		if c.points[k] != nil {
			return nil, missing("idf after a point was deleted and stored again")
		}
	}
	var all float64 // points that have the vector
	for _, points := range []map[string]*point{c.points, c.deleted} {
		for _, p := range points {
			if len(p.vectors[name].indices) > 0 {
				all++
			}
		}
	}
	out := make([]float32, len(asked.values))
	for i, index := range asked.indices {
		n, gone := holders(c.points, name, index), holders(c.deleted, name, index)
		if n > 0 && gone > 0 {
			return nil, missing("idf of a term that a deleted point had")
		}
		out[i] = asked.values[i] * float32(math.Log(1+(all-n+0.5)/(n+0.5)))
	}
	return out, nil
}

// holders counts the points with the term.
func holders(points map[string]*point, name string, term uint32) (n float64) {
	for _, p := range points {
		if slices.Contains(p.vectors[name].indices, term) {
			n++
		}
	}
	return n
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

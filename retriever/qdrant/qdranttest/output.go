package qdranttest

import (
	"maps"
	"slices"

	api "github.com/qdrant/go-client/qdrant"
)

// output is what an answer shows of a point.
type output struct {
	collection *collection
	payload    *api.WithPayloadSelector
	vectors    *api.WithVectorsSelector
}

// show checks that the collection has the vectors that are asked for.
func show(c *collection, payload *api.WithPayloadSelector, vectors *api.WithVectorsSelector) (output, error) {
	for _, name := range vectors.GetInclude().GetNames() {
		if c.dense[name] == nil && c.sparse[name] == nil {
			return output{}, invalid("Not existing vector name error: %s", name)
		}
	}
	for _, field := range payload.GetInclude().GetFields() {
		for _, p := range c.points {
			if path, err := parsePath(field); err != nil || !includable(path, p.payload) {
				return output{}, missing("a path to include that leaves the objects of a payload: " + field)
			}
		}
	}
	return output{c, payload, vectors}, nil
}

func (o output) scored(f scored) *api.ScoredPoint {
	return &api.ScoredPoint{Id: f.point.id, Score: f.score, OrderValue: f.order, Payload: selected(f.point.payload, o.payload), Vectors: o.of(f.point)}
}

func (o output) retrieved(p *point) *api.RetrievedPoint {
	return &api.RetrievedPoint{Id: p.id, Payload: selected(p.payload, o.payload), Vectors: o.of(p)}
}

// of returns the vectors that are asked for, nil for none.
func (o output) of(p *point) *api.VectorsOutput {
	names := o.vectors.GetInclude().GetNames()
	if o.vectors.GetEnable() {
		names = slices.Sorted(maps.Keys(p.vectors))
	} else if o.vectors.GetInclude() == nil {
		return nil
	}
	named := &api.NamedVectorsOutput{Vectors: map[string]*api.VectorOutput{}}
	for _, name := range names {
		v, has := p.vectors[name]
		if !has {
			continue
		}
		out := o.stored(name, v)
		if name == "" {
			return &api.VectorsOutput{VectorsOptions: &api.VectorsOutput_Vector{Vector: out}}
		}
		named.Vectors[name] = out
	}
	return &api.VectorsOutput{VectorsOptions: &api.VectorsOutput_Vectors{Vectors: named}}
}

// stored is a vector as the server keeps it: of length 1 for the cosine, and the
// terms of a sparse one in their order.
func (o output) stored(name string, v vector) *api.VectorOutput {
	kept := func(row []float32) []float32 {
		if o.collection.dense[name].GetDistance() == api.Distance_Cosine {
			return normalised(row)
		}
		return row
	}
	switch v.kind {
	case sparseKind:
		s := v.sorted()
		return &api.VectorOutput{Vector: &api.VectorOutput_Sparse{Sparse: &api.SparseVector{Indices: s.indices, Values: s.values}}}
	case multiKind:
		m := &api.MultiDenseVector{}
		for _, row := range v.multi {
			m.Vectors = append(m.Vectors, &api.DenseVector{Data: kept(row)})
		}
		return &api.VectorOutput{Vector: &api.VectorOutput_MultiDense{MultiDense: m}}
	}
	return &api.VectorOutput{Vector: &api.VectorOutput_Dense{Dense: &api.DenseVector{Data: kept(v.dense)}}}
}

// selected returns the payload fields that the selector asks for; without one,
// none.
func selected(payload map[string]*api.Value, with *api.WithPayloadSelector) map[string]*api.Value {
	if with.GetEnable() {
		return payload
	}
	include := with.GetInclude().GetFields()
	if include == nil {
		return nil
	}
	out := map[string]*api.Value{}
	for _, field := range include {
		if p, err := parsePath(field); err == nil {
			copyPath(p, out, payload)
		}
	}
	return out
}

// copyPath copies what stands at the path: a field of nested objects, or a list as a
// whole. Of one element of a list the server shows an empty list.
func copyPath(p jsonPath, out, from map[string]*api.Value) {
	v := from[p[0].key]
	switch {
	case v == nil || out[p[0].key] == v: // the whole of it is there
	case len(p) == 1 || p[1].every:
		out[p[0].key] = v
	case p[1].index >= 0:
		out[p[0].key] = &api.Value{Kind: &api.Value_ListValue{ListValue: &api.ListValue{}}}
	default:
		if out[p[0].key].GetStructValue() == nil {
			out[p[0].key] = &api.Value{Kind: &api.Value_StructValue{StructValue: &api.Struct{Fields: map[string]*api.Value{}}}}
		}
		copyPath(p[1:], out[p[0].key].GetStructValue().GetFields(), v.GetStructValue().GetFields())
	}
}

// includable reports whether it was recorded what the server shows of the path: where
// the payload has the fields along it, or not the first.
func includable(p jsonPath, payload map[string]*api.Value) bool {
	v, has := payload[p[0].key]
	switch {
	case !has || len(p) == 1:
		return true
	case p[1].every || p[1].index >= 0:
		return len(p) == 2 && v.GetListValue() != nil
	}
	inner := v.GetStructValue().GetFields()
	return inner[p[1].key] != nil && includable(p[1:], inner)
}

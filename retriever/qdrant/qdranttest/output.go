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

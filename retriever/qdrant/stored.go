package qdrant

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	api "github.com/qdrant/go-client/qdrant"

	"github.com/rankcascade/cascade/pipeline"
)

// StoredOptions are the settings of Stored.
type StoredOptions struct {
	// Using names the vector, a multi-vector or a dense one; empty means the
	// collection's default vector.
	Using string
	// Batch is how many points are read in one call, 0 means 32: a point with 180
	// vectors of 128 components is 92 KB.
	Batch int
	// ReadConsistency says how many replicas must agree; nil means one.
	ReadConsistency *api.ReadConsistency
	// ShardKeys are the shards to read from; empty means all.
	ShardKeys []*api.ShardKey
}

const defaultStoredBatch = 32

// Stored reads the vectors that a collection keeps for documents: those that
// reranker/maxsim adds up. It is safe for concurrent use if its client is.
//
// A collection that compares by the cosine keeps vectors of length 1. It reads by
// document id, without a filter: give it ids of a ranking that a filter has passed.
type Stored struct {
	getter     Getter
	collection string
	o          StoredOptions
}

// NewStored returns the stored vectors of a collection. Nothing is sent yet.
func NewStored(client Getter, collection string, o StoredOptions) (*Stored, error) {
	switch {
	case client == nil:
		return nil, errors.New("qdrant: new stored vectors: client is nil: pass one that Dial made")
	case collection == "":
		return nil, errors.New("qdrant: new stored vectors: collection has no name")
	case o.Batch < 0:
		return nil, fmt.Errorf("qdrant: new stored vectors: Batch is %d: it must be at least 1, or 0 for %d", o.Batch, defaultStoredBatch)
	}
	if o.Batch == 0 {
		o.Batch = defaultStoredBatch
	}
	return &Stored{client, collection, o}, nil
}

// TokenVectors returns the vectors of each document, in the order of the ids; nil for
// one that the collection does not have or that has no such vector. A dense vector is
// one row, and a sparse one an error of KindInvalid. Errors are *Error.
func (s *Stored) TokenVectors(ctx context.Context, ids []string) ([][][]float32, error) {
	out := make([][][]float32, 0, len(ids))
	for batch := range slices.Chunk(ids, s.o.Batch) {
		found, err := s.read(ctx, batch)
		if err != nil {
			return nil, err
		}
		for _, id := range batch {
			text, _ := pointText(PointID(id))
			out = append(out, found[text])
		}
	}
	return out, nil
}

// read returns the vectors of one call by the ids of their points.
func (s *Stored) read(ctx context.Context, ids []string) (map[string][][]float32, error) {
	const op = "read stored vectors"
	if err := ended(ctx, op); err != nil {
		return nil, err
	}
	request := &api.GetPoints{
		CollectionName: s.collection, WithPayload: api.NewWithPayloadEnable(false), WithVectors: api.NewWithVectorsInclude(s.o.Using),
		ReadConsistency: s.o.ReadConsistency, Timeout: serverTimeout(ctx),
	}
	if len(s.o.ShardKeys) > 0 {
		request.ShardKeySelector = &api.ShardKeySelector{ShardKeys: s.o.ShardKeys}
	}
	for _, id := range ids {
		request.Ids = append(request.Ids, PointID(id))
	}
	points, err := s.getter.Get(ctx, request)
	if err != nil {
		return nil, mapError(ctx, op, err)
	}
	found := make(map[string][][]float32, len(points))
	for _, p := range points {
		text, _ := pointText(p.GetId())
		if found[text], err = rowsOf(p.GetVectors(), s.o.Using); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// rowsOf are the rows of the vector with the name, nil for none.
func rowsOf(v *api.VectorsOutput, name string) ([][]float32, error) {
	out := v.GetVectors().GetVectors()[name]
	if name == "" && v.GetVector() != nil {
		out = v.GetVector()
	}
	switch {
	case out == nil:
		return nil, nil
	case out.GetSparse() != nil:
		return nil, &Error{Kind: KindInvalid, Op: "read stored vectors", Message: fmt.Sprintf("vector %q is sparse: name a dense one or a multi-vector", name)}
	case out.GetMultiDense() != nil:
		rows := make([][]float32, len(out.GetMultiDense().GetVectors()))
		for i, row := range out.GetMultiDense().GetVectors() {
			rows[i] = row.GetData()
		}
		return rows, nil
	case out.GetDense() != nil:
		return [][]float32{out.GetDense().GetData()}, nil
	case out.GetVectorsCount() > 1: // the form of servers before 1.17
		n, all := int(out.GetVectorsCount()), out.GetData()
		return slices.Collect(slices.Chunk(all, max(1, len(all)/n))), nil
	}
	return [][]float32{out.GetData()}, nil
}

// HitVectors are the stored vectors of a ranking's hits by document id, see
// VectorsKey.
type HitVectors map[string][][]float32

// VectorsKey is the note under which a ranking carries the vectors that
// Options.Vectors asks for, by their names:
//
//	all, ok := qdrant.VectorsKey.Noted(ranking)
//	diverse := cut.MMR{Limit: 8, Similarity: all["dense"].Cosine}
var VectorsKey = pipeline.NewKey[map[string]HitVectors]("qdrant vectors")

// TokenVectors returns the vectors of each document, in the order of the ids, nil for
// one that has none.
func (v HitVectors) TokenVectors(_ context.Context, ids []string) ([][][]float32, error) {
	out := make([][][]float32, len(ids))
	for i, id := range ids {
		out[i] = v[id]
	}
	return out, nil
}

// Cosine is that of the dense vectors of two documents, 0 where one has none or its
// length is 0: the Similarity of cut.MMR. Of several vectors the first counts.
func (v HitVectors) Cosine(a, b pipeline.Document) float64 {
	x, y := v[a.ID], v[b.ID]
	if len(x) == 0 || len(y) == 0 || len(x[0]) != len(y[0]) {
		return 0
	}
	var product, left, right float64
	for i, c := range x[0] {
		product += float64(float64(c) * float64(y[0][i]))
		left += float64(float64(c) * float64(c))
		right += float64(float64(y[0][i]) * float64(y[0][i]))
	}
	if left == 0 || right == 0 {
		return 0
	}
	return max(-1, min(1, product/math.Sqrt(left*right)))
}

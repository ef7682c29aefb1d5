package qdranttest

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	api "github.com/qdrant/go-client/qdrant"

	"github.com/google/uuid"
)

// point is a stored point. Its vectors stand under their names.
type point struct {
	id      *api.PointId
	key     string
	payload map[string]*api.Value
	vectors map[string]vector
}

// has reports whether the point has a vector of that name.
func (p *point) has(name string) bool { _, ok := p.vectors[name]; return ok }

// vector holds exactly one of its forms, which kind names.
type vector struct {
	kind    kind
	dense   []float32
	indices []uint32
	values  []float32
	multi   [][]float32
}

type kind uint8

const (
	denseKind kind = iota + 1
	sparseKind
	multiKind
)

// key is a text for the id, or the server's refusal of it. UUIDs are written as
// the server writes them.
func key(id *api.PointId) (string, error) {
	switch v := id.GetPointIdOptions().(type) {
	case *api.PointId_Num:
		return strconv.FormatUint(v.Num, 10), nil
	case *api.PointId_Uuid:
		u, err := uuid.Parse(v.Uuid)
		if err != nil {
			return "", refusal("Unable to parse UUID: %s", v.Uuid)
		}
		return u.String(), nil
	}
	return "", refusal("No ID options provided")
}

// idOf is the id in the server's writing.
func idOf(id *api.PointId, key string) *api.PointId {
	if _, is := id.GetPointIdOptions().(*api.PointId_Uuid); is {
		return api.NewIDUUID(key)
	}
	return id
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

// readVector reads the forms that a vector may have.
func readVector(field string, v *api.Vector) (vector, error) {
	switch {
	case v.GetDocument() != nil || v.GetImage() != nil || v.GetObject() != nil:
		return vector{}, missing("inference")
	case v.GetSparse() != nil:
		s := v.GetSparse()
		return vector{kind: sparseKind, indices: s.GetIndices(), values: s.GetValues()}, checkSparse(field, s.GetIndices(), s.GetValues())
	case v.GetMultiDense() != nil:
		return vector{kind: multiKind, multi: rows(v.GetMultiDense())}, checkMulti(field, v.GetMultiDense())
	case v.GetDense() != nil:
		return vector{kind: denseKind, dense: v.GetDense().GetData()}, nil
	case v.GetIndices() != nil || v.GetVectorsCount() != 0:
		return vector{}, missing("the deprecated form of a sparse or multi vector")
	}
	return vector{kind: denseKind, dense: v.GetData()}, nil //nolint:staticcheck // the deprecated form, which old clients send and the server reads
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

func rows(m *api.MultiDenseVector) [][]float32 {
	out := make([][]float32, len(m.GetVectors()))
	for i, v := range m.GetVectors() {
		out[i] = slices.Clone(v.GetData())
	}
	return out
}

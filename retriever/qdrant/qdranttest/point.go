package qdranttest

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/google/uuid"
	api "github.com/qdrant/go-client/qdrant"
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

// sorted is a sparse vector with its terms in their order.
func (v vector) sorted() vector {
	at := make([]int, len(v.indices))
	for i := range at {
		at[i] = i
	}
	slices.SortFunc(at, func(a, b int) int { return cmp.Compare(v.indices[a], v.indices[b]) })
	out := vector{kind: v.kind, indices: make([]uint32, len(at)), values: make([]float32, len(at))}
	for to, from := range at {
		out.indices[to], out.values[to] = v.indices[from], v.values[from]
	}
	return out
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

// compareIDs orders ids as the server does: numbers, then UUIDs.
func compareIDs(a, b *api.PointId) int {
	_, x := a.GetPointIdOptions().(*api.PointId_Uuid)
	_, y := b.GetPointIdOptions().(*api.PointId_Uuid)
	switch {
	case x && !y:
		return 1
	case y && !x:
		return -1
	}
	return cmp.Or(cmp.Compare(a.GetNum(), b.GetNum()), cmp.Compare(a.GetUuid(), b.GetUuid()))
}

// readVector reads the forms that a vector may have.
func readVector(field string, v *api.Vector) (vector, error) {
	switch {
	case v.GetDocument() != nil:
		return inferred(v.GetDocument(), false)
	case v.GetImage() != nil || v.GetObject() != nil:
		return vector{}, missing("inference from an image or an object")
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
	return vector{kind: denseKind, dense: v.GetData()}, nil
}

func rows(m *api.MultiDenseVector) [][]float32 {
	out := make([][]float32, len(m.GetVectors()))
	for i, v := range m.GetVectors() {
		out[i] = slices.Clone(v.GetData())
	}
	return out
}

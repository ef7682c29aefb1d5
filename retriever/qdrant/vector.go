package qdrant

import (
	"context"
	"errors"
	"fmt"

	api "github.com/qdrant/go-client/qdrant"
	"google.golang.org/protobuf/proto"
)

// Vector is one named vector of a collection, and how documents get it. Exactly
// one of Dense, Sparse, Multi and Inference is set.
type Vector struct {
	// Name is the vector's name; empty means the collection's default vector,
	// which a sparse vector cannot be.
	Name   string
	Dense  DocumentEmbedder
	Sparse SparseFunc
	Multi  MultiFunc
	// Inference lets the server make the vector: a dense one if Size is set, else a
	// sparse one.
	Inference *Inference
	// Size is the number of components of a dense vector, or of each of several;
	// 0 means that of the first document's.
	Size int
	// Distance is the metric; the zero value means cosine. Sparse vectors are
	// always compared by dot product.
	Distance api.Distance
	// IDF, for sparse vectors, lets the server multiply each term of a query by
	// its inverse document frequency.
	IDF bool
	// Params are further settings of a dense or multi vector in a collection that is
	// created: on disk, HNSW (m = 0 for vectors that only rescore), data type,
	// quantization. Its Size, Distance and MultivectorConfig are overwritten. An
	// existing collection must have the settings that are set here.
	Params *api.VectorParams
	// SparseParams are the same for a sparse vector; its modifier is overwritten.
	SparseParams *api.SparseVectorParams
}

func (v *Vector) check() error {
	kinds := 0
	for _, set := range []bool{v.Dense != nil, v.Sparse != nil, v.Multi != nil, v.Inference != nil} {
		if set {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return fmt.Errorf("vector %q: %d of Dense, Sparse, Multi and Inference are set: set exactly one", v.Name, kinds)
	case v.Size < 0:
		return fmt.Errorf("vector %q: Size is %d", v.Name, v.Size)
	case v.sparse() && v.Name == "":
		return errors.New("a sparse vector needs a name: set it as the collection calls it")
	case v.sparse() && (v.Size != 0 || v.Distance != api.Distance_UnknownDistance || v.Params != nil):
		return fmt.Errorf("vector %q: a sparse vector has neither Size nor Distance nor Params", v.Name)
	case !v.sparse() && (v.IDF || v.SparseParams != nil):
		return fmt.Errorf("vector %q: IDF and SparseParams belong to sparse vectors", v.Name)
	case v.Inference != nil:
		return v.Inference.check()
	}
	return nil
}

// sparse reports whether the vector is sparse.
func (v *Vector) sparse() bool { return v.Sparse != nil || v.Inference != nil && v.Size == 0 }

func (v *Vector) distance() api.Distance {
	if v.Distance == api.Distance_UnknownDistance {
		return api.Distance_Cosine
	}
	return v.Distance
}

func (v *Vector) params(size int) *api.VectorParams {
	p := &api.VectorParams{}
	if v.Params != nil {
		p = proto.Clone(v.Params).(*api.VectorParams)
	}
	p.Size, p.Distance, p.MultivectorConfig = uint64(size), v.distance(), nil
	if v.Multi != nil {
		p.MultivectorConfig = &api.MultiVectorConfig{Comparator: api.MultiVectorComparator_MaxSim}
	}
	return p
}

// denseDiffers says how a dense vector of the collection differs from the one
// that is to be stored, empty if it does not.
func (v *Vector) denseDiffers(have *api.VectorParams, size int) string {
	want := v.params(size)
	switch {
	case have == nil:
		return "it has no such dense vector"
	case have.GetSize() != want.GetSize():
		return fmt.Sprintf("it has %d components there, the embedder makes %d", have.GetSize(), want.GetSize())
	case have.GetDistance() != want.GetDistance():
		return fmt.Sprintf("its metric is %v, not %v", have.GetDistance(), want.GetDistance())
	case (have.GetMultivectorConfig() == nil) != (want.GetMultivectorConfig() == nil):
		return "one of the two has several vectors for a point"
	}
	return v.settingsDiffer(have)
}

// settingsDiffer compares the settings that Params asks for.
func (v *Vector) settingsDiffer(have *api.VectorParams) string {
	p := v.Params
	switch {
	case p == nil:
	case p.OnDisk != nil && p.GetOnDisk() != have.GetOnDisk():
		return fmt.Sprintf("on disk is %t there", have.GetOnDisk())
	case p.Datatype != nil && p.GetDatatype() != have.GetDatatype():
		return fmt.Sprintf("its data type is %v, not %v", have.GetDatatype(), p.GetDatatype())
	case p.HnswConfig != nil && !proto.Equal(p.GetHnswConfig(), have.GetHnswConfig()):
		return "its HNSW settings differ"
	case p.QuantizationConfig != nil && !proto.Equal(p.GetQuantizationConfig(), have.GetQuantizationConfig()):
		return "its quantization differs"
	}
	return ""
}

func (v *Vector) sparseParams() *api.SparseVectorParams {
	p := &api.SparseVectorParams{}
	if v.SparseParams != nil {
		p = proto.Clone(v.SparseParams).(*api.SparseVectorParams)
	}
	if p.Modifier = nil; v.IDF {
		p.Modifier = api.Modifier_Idf.Enum()
	}
	return p
}

func (v *Vector) sparseDiffers(have *api.SparseVectorParams) string {
	idf := have.GetModifier() == api.Modifier_Idf
	switch {
	case have == nil:
		return "it has no such sparse vector"
	case v.IDF && !idf:
		return "its modifier is not idf, so that terms would be counted without their inverse document frequency: create the collection anew, or set IDF to false"
	case !v.IDF && idf:
		return "its modifier is idf, which would multiply the weights of the encoder: set IDF to true, or create the collection anew"
	case v.SparseParams.GetIndex() != nil && !proto.Equal(v.SparseParams.GetIndex(), have.GetIndex()):
		return "its index settings differ"
	}
	return ""
}

// encode makes one vector for each text; nil for a sparse one without terms.
func (v *Vector) encode(ctx context.Context, texts []string) ([]*api.Vector, int, error) {
	if v.Dense != nil {
		return v.encodeDense(ctx, texts)
	}
	made := make([]*api.Vector, len(texts))
	size := v.Size
	for i, text := range texts {
		var err error
		switch {
		case v.Inference != nil:
			made[i], err = v.Inference.vector(text)
		case v.Sparse != nil:
			made[i], err = v.encodeSparse(ctx, text)
		default:
			made[i], err = v.encodeMulti(ctx, text, &size)
		}
		if err != nil {
			return nil, 0, &documentError{i, err}
		}
	}
	return made, size, nil
}

func (v *Vector) encodeDense(ctx context.Context, texts []string) ([]*api.Vector, int, error) {
	found, err := v.Dense.EmbedDocuments(ctx, texts)
	if err != nil {
		return nil, 0, err
	}
	if len(found) != len(texts) {
		return nil, 0, fmt.Errorf("the embedder returned %d vectors for %d documents", len(found), len(texts))
	}
	made := make([]*api.Vector, len(texts))
	size := v.Size
	for i, vector := range found {
		if err := fits(vector, &size); err != nil {
			return nil, 0, &documentError{i, err}
		}
		made[i] = api.NewVectorDense(vector)
	}
	return made, size, nil
}

func (v *Vector) encodeSparse(ctx context.Context, text string) (*api.Vector, error) {
	indices, values, err := v.Sparse(ctx, text)
	if err == nil {
		err = checkSparse(indices, values)
	}
	if err != nil || len(indices) == 0 {
		return nil, err
	}
	return api.NewVectorSparse(indices, values), nil
}

func (v *Vector) encodeMulti(ctx context.Context, text string, size *int) (*api.Vector, error) {
	vectors, err := v.Multi(ctx, text)
	if err == nil {
		err = checkMulti(vectors)
	}
	if err == nil {
		err = fits(vectors[0], size)
	}
	if err != nil {
		return nil, err
	}
	return api.NewVectorMulti(vectors), nil
}

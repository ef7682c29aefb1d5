package qdrant

import (
	"context"
	"errors"
	"fmt"

	api "github.com/qdrant/go-client/qdrant"
)

// Vector is one named vector of a collection, and how documents get it. Exactly
// one of Dense, Sparse and Multi is set.
type Vector struct {
	// Name is the vector's name; empty means the collection's default vector,
	// which a sparse vector cannot be.
	Name   string
	Dense  DocumentEmbedder
	Sparse SparseFunc
	Multi  MultiFunc
	// Size is the number of components of a dense vector, or of each of several;
	// 0 means that of the first document's.
	Size int
	// Distance is the metric; the zero value means cosine. Sparse vectors are
	// always compared by dot product.
	Distance api.Distance
	// IDF, for sparse vectors, lets the server multiply each term of a query by
	// its inverse document frequency.
	IDF bool
}

func (v *Vector) check() error {
	kinds := 0
	for _, set := range []bool{v.Dense != nil, v.Sparse != nil, v.Multi != nil} {
		if set {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return fmt.Errorf("vector %q: %d of Dense, Sparse and Multi are set: set exactly one", v.Name, kinds)
	case v.Sparse != nil && v.Name == "":
		return errors.New("a sparse vector needs a name")
	case v.Sparse != nil && (v.Size != 0 || v.Distance != api.Distance_UnknownDistance):
		return fmt.Errorf("vector %q: a sparse vector has neither Size nor Distance", v.Name)
	case v.Sparse == nil && v.IDF:
		return fmt.Errorf("vector %q: IDF belongs to sparse vectors", v.Name)
	case v.Size < 0:
		return fmt.Errorf("vector %q: Size is %d", v.Name, v.Size)
	}
	return nil
}

func (v *Vector) distance() api.Distance {
	if v.Distance == api.Distance_UnknownDistance {
		return api.Distance_Cosine
	}
	return v.Distance
}

func (v *Vector) params(size int) *api.VectorParams {
	p := &api.VectorParams{Size: uint64(size), Distance: v.distance()}
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
	return ""
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
		if v.Sparse != nil {
			made[i], err = v.encodeSparse(ctx, text)
		} else {
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

package qdrant

import (
	"context"
	"errors"
	"fmt"

	api "github.com/qdrant/go-client/qdrant"
	"google.golang.org/protobuf/proto"
)

// DocumentEmbedder turns documents into dense vectors, one for each, in their
// order. Every embeddings.Embedder of langchaingo is one.
type DocumentEmbedder interface {
	EmbedDocuments(ctx context.Context, texts []string) ([][]float32, error)
}

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

// prepare makes sure that the collection exists and fits. sizes are those of
// the vectors of the first document.
func (r *load) prepare(ctx context.Context, sizes []int) error {
	exists, err := r.exists(ctx)
	if err != nil {
		return err
	}
	if exists {
		return r.compare(ctx, sizes)
	}
	request := &api.CreateCollection{}
	if r.opts.Create != nil {
		request = proto.Clone(r.opts.Create).(*api.CreateCollection)
	}
	request.CollectionName = r.collection
	r.configure(request, sizes)
	err = r.retry(ctx, func() error { return mapError(ctx, "create collection", r.client.CreateCollection(ctx, request)) })
	if err == nil {
		return nil
	}
	// Another program, or the try before this one, may have created it; then it
	// only has to fit.
	if exists, again := r.exists(ctx); again == nil && exists {
		return r.compare(ctx, sizes)
	}
	return err
}

func (r *load) exists(ctx context.Context) (exists bool, err error) {
	err = r.retry(ctx, func() error {
		exists, err = r.client.CollectionExists(ctx, r.collection)
		return mapError(ctx, "find collection", err)
	})
	return exists, err
}

func (l *Loader) configure(request *api.CreateCollection, sizes []int) {
	named := map[string]*api.VectorParams{}
	sparse := map[string]*api.SparseVectorParams{}
	for i := range l.opts.Vectors {
		v := &l.opts.Vectors[i]
		if v.Sparse == nil {
			named[v.Name] = v.params(sizes[i])
			continue
		}
		sparse[v.Name] = &api.SparseVectorParams{}
		if v.IDF {
			sparse[v.Name].Modifier = api.Modifier_Idf.Enum()
		}
	}
	switch {
	case len(named) == 1 && named[""] != nil:
		request.VectorsConfig = api.NewVectorsConfig(named[""])
	case len(named) > 0:
		request.VectorsConfig = api.NewVectorsConfigMap(named)
	}
	if len(sparse) > 0 {
		request.SparseVectorsConfig = api.NewSparseVectorsConfig(sparse)
	}
}

// compare refuses an existing collection whose vectors differ, where the client
// can tell: the server would refuse the points one batch later, and less clearly,
// or it would rank by another formula and say nothing.
func (r *load) compare(ctx context.Context, sizes []int) error {
	inspector, ok := r.client.(Inspector)
	if !ok {
		return nil
	}
	var info *api.CollectionInfo
	err := r.retry(ctx, func() (err error) {
		info, err = inspector.GetCollectionInfo(ctx, r.collection)
		return mapError(ctx, "read collection", err)
	})
	if err != nil {
		return err
	}
	dense := denseVectors(info)
	sparse := info.GetConfig().GetParams().GetSparseVectorsConfig().GetMap()
	for i := range r.opts.Vectors {
		v := &r.opts.Vectors[i]
		how := ""
		if v.Sparse != nil {
			how = v.sparseDiffers(sparse[v.Name])
		} else {
			how = v.denseDiffers(dense[v.Name], sizes[i])
		}
		if how != "" {
			return r.differs(v, how)
		}
	}
	return nil
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

func (l *Loader) differs(v *Vector, how string) error {
	return &Error{Kind: KindInvalid, Op: "load", Message: fmt.Sprintf("collection %q exists and does not fit vector %q: %s", l.collection, v.Name, how)}
}

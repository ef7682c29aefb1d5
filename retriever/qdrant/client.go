package qdrant

import (
	"context"

	api "github.com/qdrant/go-client/qdrant"
)

// Client is what a Retriever needs of a Qdrant client; *qdrant.Client of
// github.com/qdrant/go-client satisfies it, and so does a test double. It must
// be safe for concurrent use. The retriever never closes it.
//
// A client that is also an Inspector lets the retriever find out the metric of
// the collection by itself.
type Client interface {
	Query(ctx context.Context, request *api.QueryPoints) ([]*api.ScoredPoint, error)
	QueryBatch(ctx context.Context, request *api.QueryBatchPoints) ([]*api.BatchResult, error)
	QueryGroups(ctx context.Context, request *api.QueryPointGroups) ([]*api.PointGroup, error)
}

// Inspector tells how a collection is configured. *qdrant.Client is one.
type Inspector interface {
	GetCollectionInfo(ctx context.Context, collection string) (*api.CollectionInfo, error)
}

// Writer is what a Loader needs of a Qdrant client. *qdrant.Client is one.
type Writer interface {
	Upsert(ctx context.Context, request *api.UpsertPoints) (*api.UpdateResult, error)
	CreateCollection(ctx context.Context, request *api.CreateCollection) error
	CollectionExists(ctx context.Context, collection string) (bool, error)
}

// Getter reads points by id; a Loader that resumes needs it. *qdrant.Client is
// one.
type Getter interface {
	Get(ctx context.Context, request *api.GetPoints) ([]*api.RetrievedPoint, error)
}

// Scroller reads the points that pass a filter, page by page; Fetch and Neighbours
// of a Retriever need it. *qdrant.Client is one.
type Scroller interface {
	ScrollAndOffset(ctx context.Context, request *api.ScrollPoints) ([]*api.RetrievedPoint, *api.PointId, error)
}

var (
	_ Client    = (*api.Client)(nil)
	_ Inspector = (*api.Client)(nil)
	_ Writer    = (*api.Client)(nil)
	_ Getter    = (*api.Client)(nil)
	_ Scroller  = (*api.Client)(nil)
)

// Embedder turns a query into one dense vector. Every embeddings.Embedder of
// langchaingo is one. It must be safe for concurrent use.
type Embedder interface {
	EmbedQuery(ctx context.Context, text string) ([]float32, error)
}

// EmbedderFunc makes a function an Embedder.
type EmbedderFunc func(ctx context.Context, text string) ([]float32, error)

// EmbedQuery calls f.
func (f EmbedderFunc) EmbedQuery(ctx context.Context, text string) ([]float32, error) {
	return f(ctx, text)
}

// SparseFunc encodes a text as a sparse vector: values[i] belongs to dimension
// indices[i]. Both have the same length, no index repeats, values are finite.
// No indices at all mean that the text has no known term, and match nothing.
//
// It is the place of a learned sparse encoder (SPLADE and its kin) that the caller
// runs. Queries and documents may have different ones, Leg.Sparse and Vector.Sparse:
// an encoder without inference for queries looks the weight of each token up in a
// table. Where the server serves such a model, Inference names it.
type SparseFunc func(ctx context.Context, text string) (indices []uint32, values []float32, err error)

// MultiFunc encodes a text as several dense vectors of one length, one for each
// token as a late interaction model does. At least one.
type MultiFunc func(ctx context.Context, text string) ([][]float32, error)

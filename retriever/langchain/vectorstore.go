package langchain

import (
	"context"
	"errors"
	"fmt"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/tmc/langchaingo/schema"
	"github.com/tmc/langchaingo/vectorstores"
)

// VectorStore is a pipeline that stands where langchaingo expects a vector
// store: documents are added to a store, searches go through the pipeline. Make
// one with AsVectorStore. It is safe for concurrent use if its stores are.
type VectorStore struct {
	retriever Retriever
	stores    []vectorstores.VectorStore
}

var _ vectorstores.VectorStore = VectorStore{}

// AsVectorStore makes a vector store of a pipeline, and of the store from which,
// in the end, the pipeline gets its documents. At most one Output may be given;
// a mistake is the error of every call.
func AsVectorStore(p pipeline.Retriever, store vectorstores.VectorStore, output ...Output) VectorStore {
	v := VectorStore{retriever: newRetriever(p, output, forVectorStore), stores: []vectorstores.VectorStore{store}}
	v.stores = append(v.stores, v.retriever.output.Mirrors...)
	for _, s := range v.stores {
		if s == nil && v.retriever.err == nil {
			v.retriever.err = errors.New("a store is nil")
		}
	}
	return v
}

// AddDocuments adds the documents to the store, and then to the mirrors one
// after the other, each with all options and with copies of the metadata that it
// may change. It returns the ids that the first store gave. The record of an
// earlier query is not stored.
//
// A store that fails ends the call; the error says how many stores have the
// documents, and the ids are those of the first, nil if it failed. Unlike a
// search, a write is not abandoned when ctx ends: its outcome is awaited.
func (v VectorStore) AddDocuments(ctx context.Context, docs []schema.Document, options ...vectorstores.Option) (ids []string, err error) {
	defer rescue(&err)
	if err := v.retriever.mistake(); err != nil {
		return nil, err
	}
	for i, store := range v.stores {
		added, err := store.AddDocuments(ctx, v.fresh(docs), options...)
		if err != nil {
			return ids, fmt.Errorf("langchain: add documents, done in %d of %d stores: %w", i, len(v.stores), err)
		}
		if i == 0 {
			ids = added
		}
	}
	return ids, nil
}

// fresh copies documents for a store to keep.
func (v VectorStore) fresh(docs []schema.Document) []schema.Document {
	key := v.retriever.output.metadataKey()
	copies := make([]schema.Document, len(docs))
	for i, d := range docs {
		d.Metadata = cloneMap(d.Metadata)
		if isRecord(d.Metadata[key]) {
			delete(d.Metadata, key)
		}
		copies[i] = d
	}
	return copies
}

// SimilaritySearch asks the pipeline and returns at most numDocuments of its
// hits, as Documents does. numDocuments is the final k: how many candidates a
// store is asked for is the limit of FromStore, and a pipeline that cuts to
// fewer returns fewer.
//
// WithFilters reaches every retriever of the pipeline as Query.Filter.
// WithNameSpace, WithScoreThreshold (on the store's own scale) and WithEmbedder
// reach every FromStore in it, and are refused with ErrOption if the pipeline
// has another retriever, which would answer without them. An option that a store
// ignores or that Options.Store fixes is refused with ErrOption as well, and so
// is WithDeduplicater, which belongs to adding.
func (v VectorStore) SimilaritySearch(ctx context.Context, query string, numDocuments int, options ...vectorstores.Option) (docs []schema.Document, err error) {
	defer rescue(&err)
	if numDocuments < 1 {
		return nil, fmt.Errorf("langchain: numDocuments is %d, want at least 1", numDocuments)
	}
	if err := v.retriever.mistake(); err != nil {
		return nil, err
	}
	q, err := v.query(query, options)
	if err != nil {
		return nil, fmt.Errorf("langchain: %w", err)
	}
	r := v.retriever
	r.pipeline = honouring{r.pipeline}
	docs, err = r.documents(ctx, q)
	if err != nil {
		return nil, err
	}
	return docs[:min(numDocuments, len(docs))], nil
}

func (v VectorStore) query(text string, options []vectorstores.Option) (pipeline.Query, error) {
	q := pipeline.Query{Text: text}
	o, err := apply(options)
	if err != nil {
		return q, err
	}
	if o.Deduplicater != nil {
		return q, fmt.Errorf("WithDeduplicater: %w: it belongs to adding documents", ErrOption)
	}
	q.Filter = o.Filters
	r := request{nameSpace: o.NameSpace, threshold: o.ScoreThreshold, embedder: o.Embedder}
	if r.empty() {
		return q, nil
	}
	if name := deaf(pipeline.Describe(v.retriever.pipeline)); name != "" {
		return q, fmt.Errorf("%w: only filters reach retriever %q, no other search option", ErrOption, name)
	}
	return requests.With(q, r), nil
}

// deaf returns the name of a retriever below the node that does not read
// requests, "" if there is none.
func deaf(n pipeline.Node) string {
	if s, ok := n.Value.(*Source); ok {
		if s.store == nil {
			return n.Name
		}
		return ""
	}
	if _, retrieves := n.Value.(pipeline.Retriever); retrieves && len(n.Children) == 0 {
		return n.Name
	}
	for _, child := range n.Children {
		if name := deaf(child); name != "" {
			return name
		}
	}
	return ""
}

// honouring makes an error of a gap that an option tore: a leg that refuses a
// filter must not be left out in silence.
type honouring struct{ pipeline.Retriever }

// Describe implements pipeline.Describer.
func (h honouring) Describe() pipeline.Node { return pipeline.Describe(h.Retriever) }

// Retrieve implements pipeline.Retriever.
func (h honouring) Retrieve(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	r, err := h.Retriever.Retrieve(ctx, q)
	if err != nil {
		return r, err
	}
	for _, g := range r.Gaps {
		if errors.Is(g.Err, ErrOption) {
			return pipeline.Ranking{}, g.Err
		}
	}
	return r, nil
}

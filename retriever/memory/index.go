package memory

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"

	"github.com/rankcascade/cascade/pipeline"
)

// Entry is a document with its vector.
type Entry struct {
	Document pipeline.Document
	Vector   []float32
}

// Index holds documents and their vectors, and is a pipeline.Retriever over
// them. Make one with New or FromVectors. It never changes and is safe for
// concurrent use; there is nothing to close.
type Index struct {
	name       string
	limit      int
	metric     Metric
	embedder   Embedder
	documents  []pipeline.Document
	dimensions int
	rows       []float32 // the vectors, one after the other
	norms      []float64 // their lengths, for the cosine
}

// New embeds the texts of the documents, in batches, and keeps both.
//
// An error of the iterator or of the embedder, an empty ID, an ID that came
// before, and vectors of unequal length or with components that are not finite
// end the call with an error that counts documents from 1. The iterator is read
// from the calling goroutine.
func New(ctx context.Context, embedder Embedder, documents iter.Seq2[pipeline.Document, error], o Options) (*Index, error) {
	if embedder == nil {
		return nil, errors.New("memory: index: the embedder is nil; use FromVectors for vectors that exist already")
	}
	x, err := build(ctx, embedder, embedded(ctx, embedder, documents, o), o)
	if err != nil {
		return nil, fmt.Errorf("memory: index: %w", err)
	}
	return x, nil
}

// FromVectors keeps documents with vectors that exist already, which are copied.
// The embedder is for queries; without one, every query must carry its Vector.
// Errors are those of New.
func FromVectors(ctx context.Context, embedder Embedder, entries iter.Seq2[Entry, error], o Options) (*Index, error) {
	x, err := build(ctx, embedder, entries, o)
	if err != nil {
		return nil, fmt.Errorf("memory: index: %w", err)
	}
	return x, nil
}

// embedded turns documents into entries, batch by batch.
func embedded(ctx context.Context, embedder Embedder, documents iter.Seq2[pipeline.Document, error], o Options) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		o, err := o.withDefaults()
		if err != nil {
			return // build reports it
		}
		var batch []pipeline.Document
		done := 0
		flush := func() bool {
			vectors, err := embedBatch(ctx, embedder, batch)
			for i, d := range batch {
				if err != nil {
					return yield(Entry{}, err)
				}
				if !yield(Entry{d, vectors[i]}, nil) {
					return false
				}
			}
			done += len(batch)
			batch = batch[:0]
			if o.Progress != nil {
				o.Progress(done)
			}
			return true
		}
		for d, err := range documents {
			if err != nil {
				// What was read before must be counted first.
				if len(batch) == 0 || flush() {
					yield(Entry{}, err)
				}
				return
			}
			batch = append(batch, d)
			if len(batch) == o.Batch && !flush() {
				return
			}
		}
		if len(batch) > 0 {
			flush()
		}
	}
}

func embedBatch(ctx context.Context, embedder Embedder, batch []pipeline.Document) ([][]float32, error) {
	texts := make([]string, len(batch))
	for i, d := range batch {
		texts[i] = d.Text
	}
	vectors, err := call(ctx, "embedder", func() ([][]float32, error) { return embedder.EmbedDocuments(ctx, texts) })
	if err != nil {
		return nil, fmt.Errorf("embed documents: %w", err)
	}
	if len(vectors) != len(texts) {
		return nil, fmt.Errorf("embed documents: %d vectors for %d texts", len(vectors), len(texts))
	}
	return vectors, nil
}

func build(ctx context.Context, embedder Embedder, entries iter.Seq2[Entry, error], o Options) (*Index, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	x := &Index{name: o.Name, limit: o.Limit, metric: o.Metric, embedder: embedder}
	seen := map[string]int{}
	position := 0
	for e, err := range entries {
		position++
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", position, err)
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("document %d: %w", position, context.Cause(ctx))
		}
		if e.Document.ID == "" {
			return nil, fmt.Errorf("document %d has no ID", position)
		}
		if first, dup := seen[e.Document.ID]; dup {
			return nil, fmt.Errorf("document %d: ID %q was already given to document %d", position, e.Document.ID, first)
		}
		seen[e.Document.ID] = position
		if err := x.add(e); err != nil {
			return nil, fmt.Errorf("document %d: %w", position, err)
		}
	}
	return x, nil
}

func (x *Index) add(e Entry) error {
	if err := checkVector(e.Vector, x.dimensions); err != nil {
		return err
	}
	x.dimensions = len(e.Vector)
	x.documents = append(x.documents, e.Document)
	x.rows = append(x.rows, e.Vector...)
	if x.metric == Cosine {
		x.norms = append(x.norms, norm(e.Vector))
	}
	return nil
}

// norm returns the length of the vector, summed in float64 from the first
// component to the last.
func norm(v []float32) float64 {
	sum := 0.0
	for _, c := range v {
		sum += float64(float64(c) * float64(c))
	}
	return math.Sqrt(sum)
}

// Len returns the number of documents.
func (x *Index) Len() int { return len(x.documents) }

// Dimensions returns the length of the vectors, 0 for an empty index.
func (x *Index) Dimensions() int { return x.dimensions }

func (x *Index) row(i int) []float32 { return x.rows[i*x.dimensions : (i+1)*x.dimensions] }

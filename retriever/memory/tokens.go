package memory

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Tokens keeps several vectors for a document, one for each of its tokens as a late
// interaction model makes them, for a rescoring stage (reranker/maxsim) to fetch. It
// searches nothing. The zero value is empty and ready; it is safe for concurrent use.
//
// A document of 180 tokens with 128 components takes 92 KB.
type Tokens struct {
	mu         sync.RWMutex
	dimensions int
	of         map[string][]float32 // the vectors one after the other
}

// Put keeps a copy of the vectors of a document, in the place of those that it had;
// no vectors forget it. Vectors of another length than those that are there, or with
// components that are not finite, are an error, and what was there stays.
func (t *Tokens) Put(id string, vectors [][]float32) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if id == "" {
		return errors.New("memory: put token vectors: the document has no ID")
	}
	if len(vectors) == 0 {
		delete(t.of, id)
		return nil
	}
	dimensions := t.dimensions
	var flat []float32
	for i, v := range vectors {
		if err := checkVector(v, dimensions); err != nil {
			return fmt.Errorf("memory: put token vectors: document %q: vector %d: %w", id, i+1, err)
		}
		if dimensions = len(v); flat == nil {
			flat = make([]float32, 0, len(vectors)*dimensions)
		}
		flat = append(flat, v...)
	}
	if t.of == nil {
		t.of = map[string][]float32{}
	}
	t.dimensions, t.of[id] = dimensions, flat
	return nil
}

// Delete forgets the documents. IDs that are not there are ignored.
func (t *Tokens) Delete(ids ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range ids {
		delete(t.of, id)
	}
}

// Len returns the number of documents.
func (t *Tokens) Len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.of)
}

// TokenVectors returns the vectors of each document, in the order of the ids, nil for
// one that has none; reranker/maxsim takes it as Vectors. The vectors are shared and
// not to be written to. The only error is the cause of ctx.
func (t *Tokens) TokenVectors(ctx context.Context, ids []string) ([][][]float32, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("memory: read token vectors: %w", context.Cause(ctx))
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	out := make([][][]float32, len(ids))
	for i, id := range ids {
		flat := t.of[id]
		for at := 0; at < len(flat); at += t.dimensions {
			out[i] = append(out[i], flat[at:at+t.dimensions:at+t.dimensions])
		}
	}
	return out, nil
}

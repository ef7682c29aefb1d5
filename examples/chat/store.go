package main

import (
	"context"
	"iter"
	"sync"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/bleve"
)

// store is an index and, beside it, the documents by ID and place. It is a
// pipeline.Fetcher and safe for concurrent use.
type store struct {
	index *bleve.Index

	mu        sync.RWMutex
	documents map[string]pipeline.Document
	library   *pipeline.Library
}

const candidates = 50

// newStore indexes the documents; words is the metadata key that is searched with
// the text.
func newStore(ctx context.Context, documents []pipeline.Document, words string) (*store, error) {
	index, err := bleve.New(ctx, each(documents), bleve.Options{
		Fields: []string{words}, Filters: []string{}, Limit: candidates, K1: 1.2, B: 0.75,
	})
	if err != nil {
		return nil, err
	}
	s := &store{index: index, documents: map[string]pipeline.Document{}}
	for _, d := range documents {
		s.documents[d.ID] = d
	}
	if s.library, err = pipeline.NewLibrary(documents); err != nil {
		return nil, err
	}
	return s, nil
}

func each(documents []pipeline.Document) iter.Seq2[pipeline.Document, error] {
	return func(yield func(pipeline.Document, error) bool) {
		for _, d := range documents {
			if !yield(d, nil) {
				return
			}
		}
	}
}

// replace puts the documents of one source in the place of those that it had.
func (s *store) replace(ctx context.Context, source string, documents []pipeline.Document) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var gone []string
	for id, d := range s.documents {
		if d.Metadata[pipeline.SourceKey] == source {
			gone = append(gone, id)
			delete(s.documents, id)
		}
	}
	if len(gone) > 0 {
		if err := s.index.Delete(ctx, gone...); err != nil {
			return err
		}
	}
	if len(documents) > 0 {
		if err := s.index.Add(ctx, each(documents)); err != nil {
			return err
		}
	}
	for _, d := range documents {
		s.documents[d.ID] = d
	}
	all := make([]pipeline.Document, 0, len(s.documents))
	for _, d := range s.documents {
		all = append(all, d)
	}
	library, err := pipeline.NewLibrary(all)
	if err == nil {
		s.library = library
	}
	return err
}

func (s *store) size() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.documents)
}

func (s *store) now() *pipeline.Library {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.library
}

// Fetch implements pipeline.Fetcher.
func (s *store) Fetch(ctx context.Context, ids []string) ([]pipeline.Document, error) {
	return s.now().Fetch(ctx, ids)
}

// Neighbours implements pipeline.Fetcher.
func (s *store) Neighbours(ctx context.Context, id string, before, after int) ([]pipeline.Document, error) {
	return s.now().Neighbours(ctx, id, before, after)
}

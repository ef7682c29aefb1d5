package main

import (
	"context"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/rankcascade/cascade/internal/godoc"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/bleve"
)

// store is an index and, beside it, the documents by ID and place. It is a
// pipeline.Fetcher and safe for concurrent use.
type store struct {
	index *bleve.Index

	mu        sync.RWMutex
	documents map[string]pipeline.Document
	names     map[string][]string // IDs by what namesOf says of their titles
	library   *pipeline.Library
}

const candidates = 50

// languageOf guesses the language of most documents; "en" where nobody can tell.
func languageOf(documents []pipeline.Document) string {
	var b strings.Builder
	step := max(1, len(documents)/50)
	for i := 0; i < len(documents); i += step {
		b.WriteString(documents[i].Text)
		b.WriteByte('\n')
	}
	language, sure := bleve.GuessLanguage(b.String())
	if !sure || language == bleve.Code || language == bleve.NoLanguage {
		return "en"
	}
	return language
}

// newStore indexes the documents; words is the metadata key that is searched with
// the text.
func newStore(ctx context.Context, documents []pipeline.Document, words, language string) (*store, error) {
	index, err := bleve.New(ctx, each(documents), bleve.Options{
		Language: language, Fields: []string{words}, Filters: []string{}, Limit: candidates, K1: 1.2, B: 0.75,
	})
	if err != nil {
		return nil, err
	}
	s := &store{index: index, documents: map[string]pipeline.Document{}}
	for _, d := range documents {
		s.documents[d.ID] = d
	}
	s.name(documents)
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
	s.name(all)
	return err
}

// name notes under which names the documents are found.
func (s *store) name(documents []pipeline.Document) {
	s.names = map[string][]string{}
	for _, d := range documents {
		title, _ := d.Metadata[godoc.TitleKey].(string)
		for _, name := range namesOf(title) {
			s.names[name] = append(s.names[name], d.ID)
		}
	}
	for _, ids := range s.names {
		slices.Sort(ids)
	}
}

// titled returns the first documents whose title is, or ends with, a name.
func (s *store) titled(name string) []pipeline.Document {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var list []pipeline.Document
	for _, id := range s.names[name] {
		if len(list) < mostNamed {
			list = append(list, s.documents[id])
		}
	}
	return list
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

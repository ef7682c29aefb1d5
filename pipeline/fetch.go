package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

// The metadata keys that say where in its source a document stands, unless a
// store's options name others.
const (
	// SourceKey names the source: a page, a file, a chapter. Its value is a
	// string.
	SourceKey = "source"
	// PositionKey is the place in the source, a number; what counts is the order.
	PositionKey = "position"
)

// Fetcher hands out documents by their IDs and by their place, without a query:
// for a prompt that shows what stands around a passage, and for a conversation
// that asks whether a passage still exists.
//
// What a store does not have is missing from the answer and is no error. Both
// methods are safe for concurrent use and return within milliseconds of the
// context's end with its cause in the chain.
type Fetcher interface {
	// Fetch returns the documents with the IDs, in the order of the IDs, each
	// once.
	Fetch(ctx context.Context, ids []string) ([]Document, error)
	// Neighbours returns the document with the ID, up to before documents that
	// stand in front of it in its source and up to after documents that follow it,
	// in the order of the source. A document whose place is not known comes alone,
	// and an ID that is not known gives none. Counts below 0 are errors.
	Neighbours(ctx context.Context, id string, before, after int) ([]Document, error)
}

// Library is a Fetcher over documents in memory: the reference for stores, and
// enough for a corpus that fits. Make one with NewLibrary. It never changes, so
// it is safe for concurrent use.
type Library struct {
	documents map[string]Document
	sources   map[string][]Document // in their order
	places    map[string]int        // position in its source's slice, by ID
}

// NewLibrary makes a Fetcher of the documents. Documents with a string under
// SourceKey and a number under PositionKey have neighbours; equal positions keep
// the order of the argument. An empty and a repeated ID are errors.
func NewLibrary(documents []Document) (*Library, error) {
	l := &Library{documents: map[string]Document{}, sources: map[string][]Document{}, places: map[string]int{}}
	for i, d := range documents {
		if d.ID == "" {
			return nil, fmt.Errorf("pipeline: make library: document %d has no ID", i+1)
		}
		if _, dup := l.documents[d.ID]; dup {
			return nil, fmt.Errorf("pipeline: make library: document %q appears twice", d.ID)
		}
		l.documents[d.ID] = d
		if source, _, ok := Place(d); ok {
			l.sources[source] = append(l.sources[source], d)
		}
	}
	for _, list := range l.sources {
		slices.SortStableFunc(list, func(a, b Document) int {
			_, x, _ := Place(a)
			_, y, _ := Place(b)
			return cmp.Compare(x, y)
		})
		for i, d := range list {
			l.places[d.ID] = i
		}
	}
	return l, nil
}

// Place returns the source and the position of a document, from SourceKey and
// PositionKey, and whether it has both.
func Place(d Document) (source string, position float64, ok bool) {
	source, named := d.Metadata[SourceKey].(string)
	if !named || source == "" {
		return "", 0, false
	}
	switch n := d.Metadata[PositionKey].(type) {
	case int:
		return source, float64(n), true
	case int64:
		return source, float64(n), true
	case float64:
		return source, n, finite(n)
	}
	return "", 0, false
}

// Fetch implements Fetcher.
func (l *Library) Fetch(ctx context.Context, ids []string) ([]Document, error) {
	if err := ended(ctx); err != nil {
		return nil, fmt.Errorf("pipeline: fetch: %w", err)
	}
	found := make([]Document, 0, len(ids))
	seen := make(map[string]bool, len(ids))
	for _, id := range ids {
		if d, ok := l.documents[id]; ok && !seen[id] {
			seen[id] = true
			found = append(found, d)
		}
	}
	return found, nil
}

var errNegativeNeighbours = errors.New("pipeline: neighbours: the counts before and after must not be negative")

// Neighbours implements Fetcher.
func (l *Library) Neighbours(ctx context.Context, id string, before, after int) ([]Document, error) {
	if err := ended(ctx); err != nil {
		return nil, fmt.Errorf("pipeline: neighbours: %w", err)
	}
	if before < 0 || after < 0 {
		return nil, errNegativeNeighbours
	}
	d, ok := l.documents[id]
	if !ok {
		return []Document{}, nil
	}
	source, _, ok := Place(d)
	if !ok {
		return []Document{d}, nil
	}
	list, at := l.sources[source], l.places[id]
	from := max(0, at-before)
	to := at + 1 + min(after, len(list)-at-1)
	return slices.Clone(list[from:to]), nil
}

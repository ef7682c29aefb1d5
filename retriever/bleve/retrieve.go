package bleve

import (
	"context"
	"fmt"

	index "github.com/blevesearch/bleve_index_api"
	"github.com/rankcascade/cascade/internal/okapi"
	"github.com/rankcascade/cascade/pipeline"
)

// lookup finds the best hits of an index.
type lookup struct{ *Index }

func (x lookup) search(ctx context.Context, q pipeline.Query) ([]pipeline.Hit, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	done, err := x.use()
	if err != nil {
		return nil, err
	}
	defer done()
	reader, err := x.inner.Reader()
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	keep, err := filtering(x).allowed(ctx, reader, q.Filter)
	if err != nil {
		return nil, err
	}
	a := x.scratch.Get().(*okapi.Sums)
	defer x.scratch.Put(a)
	defer a.Reset()
	if err := scoring(x).accumulate(ctx, reader, q.Text, a); err != nil {
		return nil, err
	}
	return x.best(reader, a.Top(x.limit, allowed(a.Touched(), keep)))
}

// best loads the documents of the candidates, which are the limit highest ones
// and all that equal the lowest of them, and decides among equals by ID.
func (x lookup) best(reader index.IndexReader, candidates []okapi.Candidate) ([]pipeline.Hit, error) {
	hits := make([]pipeline.Hit, 0, len(candidates))
	var internal index.IndexInternalID
	for _, c := range candidates {
		internal = index.NewIndexInternalID(internal, uint64(c.Number))
		id, err := reader.ExternalID(internal)
		if err != nil {
			return nil, err
		}
		hits = append(hits, pipeline.Hit{Document: pipeline.Document{ID: id}, Score: c.Score})
	}
	pipeline.Sort(hits, func(pipeline.Hit) int { return 0 })
	found := hits[:0]
	for _, h := range hits {
		if len(found) == x.limit {
			break
		}
		r, ok, err := x.shelf.take(reader, h.Document.ID)
		if err != nil {
			return nil, fmt.Errorf("document %q: %w", h.Document.ID, err)
		}
		if !ok {
			continue // deleted since the search began
		}
		h.Document = r.document
		found = append(found, h)
	}
	return found, nil
}

// allowed are the documents that keep has; nil has all.
func allowed(numbers []uint32, keep map[uint64]struct{}) []uint32 {
	if keep == nil {
		return numbers
	}
	var kept []uint32
	for _, n := range numbers {
		if _, ok := keep[uint64(n)]; ok {
			kept = append(kept, n)
		}
	}
	return kept
}

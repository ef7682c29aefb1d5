package bleve

import (
	"context"
	"fmt"

	index "github.com/blevesearch/bleve_index_api"
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
	a := x.scratch.Get().(*accumulator)
	defer x.scratch.Put(a)
	defer a.reset()
	if err := scoring(x).accumulate(ctx, reader, q.Text, a); err != nil {
		return nil, err
	}
	return x.best(reader, a.top(x.limit, keep))
}

// best loads the documents of the candidates, which are the limit highest ones
// and all that equal the lowest of them, and decides among equals by ID.
func (x lookup) best(reader index.IndexReader, candidates []candidate) ([]pipeline.Hit, error) {
	hits := make([]pipeline.Hit, 0, len(candidates))
	var internal index.IndexInternalID
	for _, c := range candidates {
		internal = index.NewIndexInternalID(internal, uint64(c.number))
		id, err := reader.ExternalID(internal)
		if err != nil {
			return nil, err
		}
		hits = append(hits, pipeline.Hit{Document: pipeline.Document{ID: id}, Score: c.score})
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

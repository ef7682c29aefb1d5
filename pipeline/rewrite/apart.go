package rewrite

import (
	"context"
	"errors"
	"fmt"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/sourcegraph/conc/pool"
)

// Part is one of the queries that a rewriter made, with what it found.
type Part struct {
	Query   pipeline.Query
	Ranking pipeline.Ranking
	// Err says that this part found no ranking; the others did what they could.
	Err error
}

// Apart asks the retriever each query that the rewriter makes of q, at most
// pipeline.DefaultConcurrency at a time, and keeps the rankings apart, in the
// order of the queries: for an answer that takes the parts of a question one by
// one. It returns an error if the rewriter does, or if every part failed.
func Apart(ctx context.Context, rewriter pipeline.Rewriter, retriever pipeline.Retriever, q pipeline.Query) ([]Part, error) {
	if rewriter == nil || retriever == nil {
		return nil, errors.New("rewrite: apart: the rewriter or the retriever is nil")
	}
	queries, err := pipeline.Queries(ctx, rewriter, q)
	if err != nil {
		return nil, fmt.Errorf("rewrite: apart: %w", err)
	}
	parts := make([]Part, len(queries))
	guarded := pipeline.Chain(retriever) // panics and invalid rankings become errors
	workers := pool.New().WithMaxGoroutines(pipeline.DefaultConcurrency)
	for i, query := range queries {
		workers.Go(func() {
			r, err := guarded.Retrieve(ctx, query)
			parts[i] = Part{Query: query, Ranking: r, Err: err}
		})
	}
	workers.Wait()
	var failures []error
	for _, p := range parts {
		if p.Err != nil {
			failures = append(failures, p.Err)
		}
	}
	if len(failures) == len(parts) {
		return nil, fmt.Errorf("rewrite: apart: %w", errors.Join(failures...))
	}
	return parts, nil
}

package memory

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/sourcegraph/conc"
)

const (
	// block is the number of vectors between two looks at the context, a power of 2.
	block = 1024
	// parallelFrom is the number of vectors from which all cores search.
	parallelFrom = 20_000
)

// Retrieve returns the documents whose vectors are nearest to the query's, at
// most Options.Limit. The vector is the one under the key Vector, else the
// embedder's for the text; a query with neither finds nothing and the embedder
// is not asked. Turns are not read.
//
// Query.Filter may be nil, a pipeline.Filter, a map[string]any, which is short for
// pipeline.Equal, or a func(pipeline.Document) bool, which is called from several
// goroutines at once.
//
// Errors: pipeline.ErrFilter for a filter that is empty or of another type, an error of the embedder, a vector of another
// length than the documents', and the cause of ctx.
func (x *Index) Retrieve(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	hits, err := x.search(ctx, q)
	if err != nil {
		return pipeline.Ranking{}, fmt.Errorf("memory: retrieve for %s: %w", x.name, err)
	}
	return pipeline.NewRanking(x.name, x.metric.Scale(), hits)
}

// Describe says what the index is and how it compares.
func (x *Index) Describe() pipeline.Node {
	return pipeline.Node{
		Name: x.name,
		Settings: []pipeline.Setting{
			{Name: "limit", Value: strconv.Itoa(x.limit)},
			{Name: "metric", Value: x.metric.String()},
			{Name: "documents", Value: strconv.Itoa(x.Len())},
			{Name: "dimensions", Value: strconv.Itoa(x.Dimensions())},
			{Name: "quantized", Value: strconv.FormatBool(x.quantized)},
		},
		Facts: pipeline.Facts{Role: pipeline.RoleRetrieve, Limit: x.limit, Scale: x.metric.Scale()},
		Value: x,
	}
}

func (x *Index) search(ctx context.Context, q pipeline.Query) ([]pipeline.Hit, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	keep, err := keeper(q.Filter)
	if err != nil {
		return nil, err
	}
	seen := x.seen.Load()
	vector, err := x.queryVector(ctx, q, seen.dimensions)
	if err != nil || vector == nil || seen.live == 0 {
		return nil, err
	}
	s := &scan{snapshot: seen, metric: x.metric, limit: min(x.limit, seen.live), keep: keep, vector: vector, length: norm(vector)}
	best, err := x.nearest(ctx, s)
	if err != nil {
		return nil, err
	}
	hits := make([]pipeline.Hit, len(best))
	for i, c := range best {
		hits[i] = pipeline.Hit{Document: *s.document(c.row), Score: c.score}
	}
	return hits, nil
}

// queryVector returns nil for a query that asks nothing.
func (x *Index) queryVector(ctx context.Context, q pipeline.Query, dimensions int) ([]float32, error) {
	vector, ok := Vector.Of(q)
	switch {
	case ok:
	case strings.TrimSpace(q.Text) == "":
		return nil, nil
	case x.embedder == nil:
		return nil, errors.New("there is no embedder, and the query does not carry its vector (see memory.Vector)")
	default:
		var err error
		vector, err = call(ctx, x.name, func() ([]float32, error) { return x.embedder.EmbedQuery(ctx, q.Text) })
		if err != nil {
			return nil, fmt.Errorf("embed query: %w", err)
		}
	}
	if err := checkVector(vector, dimensions); err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	return vector, nil
}

// nearest lets each core take one segment after the other. Which core looks at a
// row changes neither its score nor who wins, so the number of cores does not show
// in the result.
func (x *Index) nearest(ctx context.Context, s *scan) ([]candidate, error) {
	workers := 1
	if s.live >= parallelFrom {
		workers = min(runtime.GOMAXPROCS(0), len(s.segments))
	}
	rows := s.exact
	if x.quantized {
		s.probe = newProbe(s.vector)
		rows = s.coarse
	}
	found := make([]sieve, workers)
	if err := x.side(ctx, found, len(s.segments), func(found *sieve, i int) { rows(ctx, found, i) }); err != nil {
		return nil, err
	}
	if x.quantized {
		maybe := survivors(found, s.limit)
		found = make([]sieve, workers)
		pieces := (len(maybe) + block - 1) / block
		if err := x.side(ctx, found, pieces, func(found *sieve, i int) {
			for _, m := range maybe[i*block : min(len(maybe), (i+1)*block)] {
				s.rescore(found, m.row)
			}
		}); err != nil {
			return nil, err
		}
	}
	parts := make([]nearest, workers)
	for i := range found {
		parts[i] = found[i].best
	}
	return merge(parts, s.limit), nil
}

// side does the pieces of work side by side, one sieve for each worker.
func (x *Index) side(ctx context.Context, found []sieve, pieces int, work func(*sieve, int)) error {
	var next atomic.Int64
	var wg conc.WaitGroup
	for w := range found {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < pieces && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				work(&found[w], i)
			}
		})
	}
	if p := wg.WaitAndRecover(); p != nil { // the caller's filter may panic
		return &pipeline.PanicError{Part: x.name, Value: p.Value, Stack: p.Stack}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

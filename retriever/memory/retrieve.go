package memory

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strconv"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/sourcegraph/conc"
)

const (
	// block is the number of vectors between two looks at the context.
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
			{Name: "documents", Value: strconv.Itoa(len(x.documents))},
			{Name: "dimensions", Value: strconv.Itoa(x.dimensions)},
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
	vector, err := x.queryVector(ctx, q)
	if err != nil || vector == nil || len(x.documents) == 0 {
		return nil, err
	}
	best, err := x.nearest(ctx, vector, keep)
	if err != nil {
		return nil, err
	}
	hits := make([]pipeline.Hit, len(best))
	for i, c := range best {
		hits[i] = pipeline.Hit{Document: x.documents[c.row], Score: c.score}
	}
	return hits, nil
}

// queryVector returns nil for a query that asks nothing.
func (x *Index) queryVector(ctx context.Context, q pipeline.Query) ([]float32, error) {
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
	if err := checkVector(vector, x.dimensions); err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	return vector, nil
}

// nearest divides the rows into one range for each core. Which core looks at a
// row changes neither its score nor who wins, so the number of cores does not
// show in the result.
func (x *Index) nearest(ctx context.Context, vector []float32, keep func(pipeline.Document) bool) ([]candidate, error) {
	workers := 1
	if len(x.documents) >= parallelFrom {
		workers = runtime.GOMAXPROCS(0)
	}
	parts := make([]nearest, workers)
	share := (len(x.documents) + workers - 1) / workers
	length := norm(vector)
	var wg conc.WaitGroup
	for w := range parts {
		parts[w].limit = x.limit
		wg.Go(func() {
			x.scan(ctx, vector, length, keep, &parts[w], w*share, min((w+1)*share, len(x.documents)))
		})
	}
	if p := wg.WaitAndRecover(); p != nil { // the caller's filter may panic
		return nil, &pipeline.PanicError{Part: x.name, Value: p.Value, Stack: p.Stack}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return merge(parts, x.limit), nil
}

// scan offers the rows from first to before last that keep allows.
func (x *Index) scan(ctx context.Context, vector []float32, length float64, keep func(pipeline.Document) bool, best *nearest, first, last int) {
	for i := first; i < last; i++ {
		if (i-first)%block == 0 && ctx.Err() != nil {
			return
		}
		if keep != nil && !keep(x.documents[i]) {
			continue
		}
		score := x.score(vector, length, i)
		if len(best.kept) < best.limit || score >= best.kept[0].score {
			best.offer(candidate{i, score, x.documents[i].ID})
		}
	}
}

func (x *Index) score(vector []float32, length float64, i int) float64 {
	switch x.metric {
	case Dot:
		return float64(dot(vector, x.row(i)))
	case Euclid:
		return -math.Sqrt(float64(squares(vector, x.row(i))))
	}
	return cosine(dot(vector, x.row(i)), float64(length*x.norms[i]))
}

package bleve

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	index "github.com/blevesearch/bleve_index_api"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/sourcegraph/conc/panics"
)

// Retrieve returns the documents with the highest BM25 scores for the words of
// the query's text, at most Options.Limit. Equal scores stand in the order of
// their IDs. A text without words, or with stop words only, finds nothing and is
// not an error. Turns are not read.
//
// Query.Filter may be nil, a pipeline.Filter, a map[string]any, which is short for
// pipeline.Equal, or a query.Query of bleve. In a query.Query the field of a
// metadata key is MetadataPrefix + key and the searched text is TextField; there a
// number is a float64, so that whole numbers beyond 2^53 are told apart by a
// pipeline.Filter only.
//
// Errors: pipeline.ErrFilter for a filter that is empty, of another type, or on a
// key that is not indexed for filters; ErrClosed, and the cause of ctx.
func (x *Index) Retrieve(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	var hits []pipeline.Hit
	var err error
	if p := panics.Try(func() { hits, err = x.search(ctx, q) }); p != nil {
		// A caller's query.Query may panic.
		err = &pipeline.PanicError{Part: x.name, Value: p.Value, Stack: p.Stack}
	}
	if err != nil {
		return pipeline.Ranking{}, fmt.Errorf("bleve: retrieve for %s: %w", x.name, err)
	}
	return pipeline.NewRanking(x.name, pipeline.BM25, hits)
}

// Describe says what the index is and how it scores.
func (x *Index) Describe() pipeline.Node {
	place := "memory"
	if x.folder != "" {
		place = x.folder
	}
	n := pipeline.Node{
		Name: x.name,
		Settings: []pipeline.Setting{
			{Name: "limit", Value: strconv.Itoa(x.limit)},
			{Name: "language", Value: x.schema.Language},
			{Name: "fields", Value: strings.Join(append(append([]string{}, x.schema.Fields...), "text"), " ")},
			{Name: "k1", Value: strconv.FormatFloat(x.k1, 'g', -1, 64)},
			{Name: "b", Value: strconv.FormatFloat(x.b, 'g', -1, 64)},
			{Name: "documents", Value: strconv.Itoa(x.Len())},
			{Name: "place", Value: place},
		},
		Facts: pipeline.Facts{Role: pipeline.RoleRetrieve, Limit: x.limit, Scale: pipeline.BM25},
		Value: x,
	}
	if x.warning != "" {
		n.Settings = append(n.Settings, pipeline.Setting{Name: "warning", Value: x.warning})
	}
	return n
}

func (x *Index) search(ctx context.Context, q pipeline.Query) ([]pipeline.Hit, error) {
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
	keep, err := x.allowed(ctx, reader, q.Filter)
	if err != nil {
		return nil, err
	}
	a := x.scratch.Get().(*accumulator)
	defer x.scratch.Put(a)
	defer a.reset()
	if err := x.accumulate(ctx, reader, q.Text, a); err != nil {
		return nil, err
	}
	return x.best(reader, a.top(x.limit, keep))
}

// best loads the documents of the candidates, which are the limit highest ones
// and all that equal the lowest of them, and decides among equals by ID.
func (x *Index) best(reader index.IndexReader, candidates []candidate) ([]pipeline.Hit, error) {
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

package bleve

import (
	"context"
	"fmt"

	index "github.com/blevesearch/bleve_index_api"

	"github.com/rankcascade/cascade/pipeline"
)

var _ pipeline.Fetcher = (*Index)(nil)

// Fetch returns the documents with the IDs, in their order, each once; see
// pipeline.Fetcher.
func (x *Index) Fetch(ctx context.Context, ids []string) ([]pipeline.Document, error) {
	found := make([]pipeline.Document, 0, len(ids))
	seen := make(map[string]bool, len(ids))
	for i := 0; ; i++ {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("bleve: fetch documents: %w", context.Cause(ctx))
		}
		if i == len(ids) {
			return found, nil
		}
		id := ids[i]
		if seen[id] {
			continue
		}
		seen[id] = true
		d, ok, err := x.Document(id)
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, d)
		}
	}
}

// Neighbours returns the document with the ID and those around it in its source;
// see pipeline.Fetcher. The index must filter on pipeline.SourceKey, as it does
// unless Options.Filters leaves it out. It reads every document of the source.
func (x *Index) Neighbours(ctx context.Context, id string, before, after int) ([]pipeline.Document, error) {
	own, err := x.Fetch(ctx, []string{id})
	if err != nil {
		return nil, err
	}
	if len(own) == 1 {
		if source, _, ok := pipeline.Place(own[0]); ok {
			if own, err = x.ofSource(ctx, source); err != nil {
				return nil, fmt.Errorf("bleve: fetch neighbours: %w", err)
			}
		}
	}
	library, err := pipeline.NewLibrary(own)
	if err != nil {
		return nil, fmt.Errorf("bleve: fetch neighbours: %w", err)
	}
	return library.Neighbours(ctx, id, before, after)
}

// ofSource returns every document of a source.
func (x *Index) ofSource(ctx context.Context, source string) ([]pipeline.Document, error) {
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
	keep, err := x.allowed(ctx, reader, pipeline.Eq(pipeline.SourceKey, source))
	if err != nil {
		return nil, err
	}
	documents := make([]pipeline.Document, 0, len(keep))
	var internal index.IndexInternalID
	for number := range keep {
		internal = index.NewIndexInternalID(internal, number)
		id, err := reader.ExternalID(internal)
		if err != nil {
			return nil, err
		}
		r, ok, err := x.shelf.take(reader, id)
		if err != nil {
			return nil, fmt.Errorf("document %q: %w", id, err)
		}
		if ok {
			documents = append(documents, r.document)
		}
	}
	return documents, nil
}

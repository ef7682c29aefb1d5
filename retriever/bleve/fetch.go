package bleve

import (
	"context"
	"fmt"

	index "github.com/blevesearch/bleve_index_api"

	"github.com/rankcascade/cascade/pipeline"
)

var _ pipeline.Fetcher = (*Index)(nil)

// sources finds the documents of a source.
type sources struct{ *Index }

// ofSource returns every document of a source.
func (x sources) ofSource(ctx context.Context, source string) ([]pipeline.Document, error) {
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
	keep, err := filtering(x).allowed(ctx, reader, pipeline.Eq(pipeline.SourceKey, source))
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

package langchain

import (
	"errors"
	"fmt"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/tmc/langchaingo/schema"
)

const maxOverFetch = 100

// ErrFiltered says that a filter was decided after retrieval, over fewer documents
// than the store may have. It stands in a gap.
var ErrFiltered = errors.New("filtered after retrieval")

// sieve is what becomes of a query's filter: a part for the store, in its own
// form, and a part that is decided here.
type sieve struct {
	native  any
	ask     int // how many documents the store is asked for
	check   *pipeline.Condition
	nothing bool // no document can match
}

// keep leaves out the documents that do not match. There may be further ones if
// the store had more to give and the limit is not reached.
func (v sieve) keep(s *Source, docs []schema.Document) ([]schema.Document, *pipeline.Gap) {
	if v.check == nil {
		return docs, nil
	}
	kept := make([]schema.Document, 0, len(docs))
	for _, d := range docs {
		if v.check.Match(d.Metadata) {
			kept = append(kept, d)
		}
	}
	full := s.store == nil || len(docs) >= v.ask
	if len(kept) == len(docs) || !full || s.limit > 0 && len(kept) >= s.limit {
		return kept, nil
	}
	err := fmt.Errorf("%w: %d of %d documents match", ErrFiltered, len(kept), len(docs))
	return kept, &pipeline.Gap{Stage: s.name, Reason: pipeline.ReasonNotSent, Err: err}
}

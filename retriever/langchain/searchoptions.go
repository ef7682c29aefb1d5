package langchain

import (
	"fmt"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/tmc/langchaingo/embeddings"
	"github.com/tmc/langchaingo/vectorstores"
)

// request is what a caller of VectorStore.SimilaritySearch wants of the stores
// below, beyond the filter, which has a field of its own in a query.
type request struct {
	nameSpace string
	threshold float32
	embedder  embeddings.Embedder
}

// empty does not compare embedders, whose types may not be comparable.
func (r request) empty() bool { return r.nameSpace == "" && r.threshold == 0 && r.embedder == nil }

// requests carries the request through the pipeline. It is a name, not a state.
var requests = pipeline.NewKey[request]("langchain search options")

// apply collects options in a struct, as every store does.
func apply(options []vectorstores.Option) (vectorstores.Options, error) {
	var o vectorstores.Options
	for i, option := range options {
		if option == nil {
			return o, fmt.Errorf("search option %d is nil", i+1)
		}
		option(&o)
	}
	return o, nil
}

package pipeline

import "iter"

// Documents hands out the documents in their order, without an error: what a
// slice needs to go into an index.
//
//	index, err := bleve.New(ctx, pipeline.Documents(documents...), bleve.Options{})
func Documents(documents ...Document) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		for _, d := range documents {
			if !yield(d, nil) {
				return
			}
		}
	}
}

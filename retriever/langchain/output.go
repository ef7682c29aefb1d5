package langchain

import (
	"context"
	"errors"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/tmc/langchaingo/schema"
	"github.com/tmc/langchaingo/vectorstores"
)

// DefaultMetadataKey is the metadata key under which documents that leave a
// pipeline carry their record, unless Output.MetadataKey names another.
const DefaultMetadataKey = "cascade"

// Output are the optional settings of everything that makes langchaingo
// documents of a ranking: AsRetriever, AsVectorStore, AsTool and Documents. The
// zero value is the default of every field. Functions in it must be safe for
// concurrent use.
type Output struct {
	// MetadataKey is the one metadata key that is written: a record of ranks and
	// scores, see Documents. Empty stands for DefaultMetadataKey.
	MetadataKey string
	// NoMetadata leaves the metadata as the store returned it.
	NoMetadata bool
	// FailEmpty makes an empty result the error ErrNoDocuments. By default it is
	// an empty slice, with which a chain asks its model without any context.
	FailEmpty bool
	// Query completes the query that was made of the text: an id, earlier turns,
	// the filter of a tenant that stands in the context. Nil changes nothing.
	Query func(ctx context.Context, q pipeline.Query) pipeline.Query
	// OnRanking is told every ranking before it becomes documents; what is missing
	// from it stands in its Gaps. Nil tells nobody.
	OnRanking func(ctx context.Context, q pipeline.Query, r pipeline.Ranking)
	// Observer is told about every part of the pipeline that ran. Nil tells nobody.
	Observer pipeline.Observer
	// Mirrors are further stores to which VectorStore.AddDocuments writes, after
	// the store that it was made with. Only AsVectorStore takes them.
	Mirrors []vectorstores.VectorStore
	// Text makes the answer of a Tool. Nil stands for the documents' texts, each
	// after its rank in brackets, with blank lines between. Only AsTool takes it.
	Text func(docs []schema.Document) string
}

func (o Output) metadataKey() string {
	if o.MetadataKey == "" {
		return DefaultMetadataKey
	}
	return o.MetadataKey
}

// use says for whom an Output is meant.
type use uint8

const (
	forRetriever use = iota
	forVectorStore
	forTool
)

// chosen returns the only Output, and an error if it has a field that would be
// ignored.
func chosen(list []Output, u use) (Output, error) {
	o, err := one(list)
	switch {
	case err != nil:
		return o, err
	case o.Mirrors != nil && u != forVectorStore:
		return o, errors.New("Output.Mirrors is set, but nothing is added here: only AsVectorStore takes it")
	case o.Text != nil && u != forTool:
		return o, errors.New("Output.Text is set, but no text is made here: only AsTool takes it")
	}
	return o, nil
}

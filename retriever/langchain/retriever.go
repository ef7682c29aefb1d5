package langchain

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/tmc/langchaingo/callbacks"
	"github.com/tmc/langchaingo/schema"
)

// Retriever is a pipeline as a schema.Retriever of langchaingo. Make one with
// AsRetriever. It is a small value, safe for concurrent use once its fields are
// set.
type Retriever struct {
	// CallbacksHandler is told the start and the end of every query, once each,
	// however many stores and stages take part. As in langchaingo, an error has a
	// start and no end. Nil tells nobody.
	CallbacksHandler callbacks.Handler

	pipeline pipeline.Retriever
	output   Output
	err      error
}

var (
	_ schema.Retriever       = Retriever{}
	_ callbacks.HandlerHaver = Retriever{}
)

// AsRetriever makes a schema.Retriever of a pipeline. How many documents it
// returns is the pipeline's business: a cut to k, or to a token budget. At most
// one Output may be given; a mistake is the error of every call.
func AsRetriever(p pipeline.Retriever, output ...Output) Retriever {
	return newRetriever(p, output, forRetriever)
}

func newRetriever(p pipeline.Retriever, output []Output, u use) Retriever {
	r := Retriever{pipeline: p}
	r.output, r.err = chosen(output, u)
	return r
}

// mistake is what was wrong in the arguments, or the zero value.
func (r Retriever) mistake() error {
	switch {
	case r.err != nil:
		return fmt.Errorf("langchain: %w", r.err)
	case r.pipeline == nil:
		return errors.New("langchain: the pipeline is nil: pass a pipeline.Retriever")
	}
	return nil
}

// GetCallbackHandler returns CallbacksHandler.
func (r Retriever) GetCallbackHandler() callbacks.Handler { return r.CallbacksHandler }

// GetRelevantDocuments asks the pipeline and returns what Documents makes of its
// ranking. Nothing found is an empty slice and no error, unless
// Output.FailEmpty. Errors of the pipeline stay in the chain; a panic in it, in
// a handler or in a hook is a *pipeline.PanicError.
func (r Retriever) GetRelevantDocuments(ctx context.Context, query string) (docs []schema.Document, err error) {
	defer rescue(&err)
	if r.CallbacksHandler != nil {
		r.CallbacksHandler.HandleRetrieverStart(ctx, query)
	}
	docs, err = r.documents(ctx, pipeline.Query{Text: query})
	if err != nil {
		return nil, err
	}
	if r.CallbacksHandler != nil {
		r.CallbacksHandler.HandleRetrieverEnd(ctx, query, docs)
	}
	return docs, nil
}

// Rank asks the pipeline the same query and returns the whole ranking: scores as
// float64, marks, gaps with their errors, notes, and the trace if Output.Query
// asks for one. It tells the hooks of Output, but not CallbacksHandler.
func (r Retriever) Rank(ctx context.Context, query string) (ranking pipeline.Ranking, err error) {
	defer rescue(&err)
	return r.rank(ctx, pipeline.Query{Text: query})
}

func (r Retriever) documents(ctx context.Context, q pipeline.Query) ([]schema.Document, error) {
	ranking, err := r.rank(ctx, q)
	if err != nil {
		return nil, err
	}
	if len(ranking.Hits) == 0 && r.output.FailEmpty {
		return nil, fmt.Errorf("langchain: %w", ErrNoDocuments)
	}
	return Documents(ranking, r.output), nil
}

func (r Retriever) rank(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	if err := r.mistake(); err != nil {
		return pipeline.Ranking{}, err
	}
	if r.output.Query != nil {
		q = r.output.Query(ctx, q)
	}
	p := r.pipeline
	if r.output.Observer != nil {
		p = pipeline.Observe(p, r.output.Observer)
	}
	ranking, err := p.Retrieve(ctx, q)
	if err != nil {
		return pipeline.Ranking{}, fmt.Errorf("langchain: %w", err)
	}
	if r.output.OnRanking != nil {
		r.output.OnRanking(ctx, q, ranking)
	}
	return ranking, nil
}

// rescue makes an error of a panic, deferred.
func rescue(err *error) {
	if v := recover(); v != nil {
		*err = &pipeline.PanicError{Part: "langchain", Value: v, Stack: debug.Stack()}
	}
}

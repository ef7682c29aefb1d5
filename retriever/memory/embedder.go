package memory

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/sourcegraph/conc/panics"
	"github.com/sourcegraph/conc/pool"
)

// Embedder turns texts into vectors of one length. langchaingo's
// embeddings.Embedder is one. It must be safe for concurrent use and return soon
// after its context ends.
type Embedder interface {
	// EmbedDocuments returns one vector for each text, in their order.
	EmbedDocuments(ctx context.Context, texts []string) ([][]float32, error)
	// EmbedQuery returns the vector of a query.
	EmbedQuery(ctx context.Context, text string) ([]float32, error)
}

// EmbedderFunc makes an Embedder of a function that embeds one text, which is
// chromem-go's EmbeddingFunc for example. Documents are embedded by up to 8 calls
// at once, so the function must be safe for concurrent use. The first error ends
// the batch, and the context of the calls that are under way.
type EmbedderFunc func(ctx context.Context, text string) ([]float32, error)

// EmbedDocuments returns one vector for each text, in their order.
func (f EmbedderFunc) EmbedDocuments(ctx context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	calls := pool.New().WithMaxGoroutines(embedderCalls).WithContext(ctx).WithCancelOnError().WithFirstError()
	for i, text := range texts {
		calls.Go(func(ctx context.Context) error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			var err error
			vectors[i], err = f(ctx, text)
			return err
		})
	}
	if err := calls.Wait(); err != nil {
		return nil, err
	}
	return vectors, nil
}

// EmbedQuery calls f.
func (f EmbedderFunc) EmbedQuery(ctx context.Context, text string) ([]float32, error) {
	return f(ctx, text)
}

// embedderCalls is the greatest number of calls of an EmbedderFunc for one batch
// that run at once.
const embedderCalls = 8

// Vector is the key under which a query carries its own vector, which is then
// used in place of the embedder's: q = memory.Vector.With(q, v).
var Vector = pipeline.NewKey[[]float32]("query vector")

// call runs code of the caller and makes of whatever it does an error that has
// the context's cause in its chain if the context has ended.
func call[T any](ctx context.Context, part string, f func() (T, error)) (T, error) {
	var value, none T
	var err error
	if p := panics.Try(func() { value, err = f() }); p != nil {
		return none, &pipeline.PanicError{Part: part, Value: p.Value, Stack: p.Stack}
	}
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	if err != nil {
		return none, err
	}
	return value, nil
}

// checkVector reports what makes a vector unusable. dimensions is the number of
// components that it must have, 0 if that is not known yet.
func checkVector(v []float32, dimensions int) error {
	if len(v) == 0 {
		return errors.New("the vector is empty")
	}
	if len(v) > maxDimensions {
		return fmt.Errorf("the vector has %d dimensions, at most %d are possible", len(v), maxDimensions)
	}
	if dimensions != 0 && len(v) != dimensions {
		return fmt.Errorf("the vector has %d dimensions, the others have %d", len(v), dimensions)
	}
	for i, c := range v {
		if math.IsNaN(float64(c)) || math.IsInf(float64(c), 0) {
			return fmt.Errorf("component %d of the vector is %v", i, c)
		}
	}
	return nil
}

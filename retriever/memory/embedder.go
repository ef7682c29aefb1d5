package memory

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/sourcegraph/conc/panics"
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

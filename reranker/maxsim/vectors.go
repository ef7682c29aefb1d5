package maxsim

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/rankcascade/cascade/pipeline"
)

// Encoder makes the vectors of a query, one for each of its tokens, all of one
// length. None means that the query asks nothing, and every document scores 0. It
// must be safe for concurrent use.
type Encoder interface {
	EncodeQuery(ctx context.Context, text string) ([][]float32, error)
}

// EncoderFunc makes a function an Encoder.
type EncoderFunc func(ctx context.Context, text string) ([][]float32, error)

// EncodeQuery calls f.
func (f EncoderFunc) EncodeQuery(ctx context.Context, text string) ([][]float32, error) {
	return f(ctx, text)
}

// Vectors are the stored vectors of documents.
type Vectors interface {
	// TokenVectors returns the vectors of each document, in the order of the ids; nil
	// for a document that has none. They are not written to. It must be safe for
	// concurrent use and return soon after its context ends.
	TokenVectors(ctx context.Context, ids []string) ([][][]float32, error)
}

// VectorsFunc makes a function Vectors.
type VectorsFunc func(ctx context.Context, ids []string) ([][][]float32, error)

// TokenVectors calls f.
func (f VectorsFunc) TokenVectors(ctx context.Context, ids []string) ([][][]float32, error) {
	return f(ctx, ids)
}

// ErrNoVectors is among the causes of scores of which a document has no stored
// vectors.
var ErrNoVectors = errors.New("no vectors are stored for the document")

// unfit is the error for vectors that cannot be compared.
type unfit struct {
	reason pipeline.Reason
	text   string
}

// Error implements error.
func (e *unfit) Error() string { return e.text }

// Reason is that of the gap.
func (e *unfit) Reason() pipeline.Reason { return e.reason }

func badVectors(format string, args ...any) error {
	return &unfit{pipeline.ReasonBadResponse, fmt.Sprintf(format, args...)}
}

// check refuses vectors that are not of the length, 0 for that of the first, or have
// components that are not finite.
func check(vectors [][]float32, dimensions int) error {
	for i, v := range vectors {
		if dimensions == 0 {
			dimensions = len(v)
		}
		if len(v) != dimensions || len(v) == 0 {
			return badVectors("vector %d has %d components, want %d", i+1, len(v), max(dimensions, 1))
		}
		for j, c := range v {
			if f := float64(c); math.IsNaN(f) || math.IsInf(f, 0) {
				return badVectors("component %d of vector %d is %v", j+1, i+1, c)
			}
		}
	}
	return nil
}

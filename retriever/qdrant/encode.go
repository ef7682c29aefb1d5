package qdrant

import (
	"context"
	"errors"
	"fmt"
	"math"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/sourcegraph/conc/panics"

	"github.com/rankcascade/cascade/pipeline"
)

// encoding is the query of one leg, or why there is none. A nil query without
// an error means that the leg can match nothing.
type encoding struct {
	query *api.Query
	err   error
}

// encodings holds what the legs below some roots were encoded to.
type encodings struct {
	order []*Leg // as the caller wrote them
	of    map[*Leg]*encoding
}

func (s *encodings) add(l *Leg) {
	if l.Fusion == nil {
		s.order = append(s.order, l)
		s.of[l] = &encoding{}
	}
	for i := range l.Prefetch {
		s.add(&l.Prefetch[i])
	}
}

// err joins the errors of all legs in their order.
func (s encodings) err() error {
	errs := make([]error, len(s.order))
	for i, l := range s.order {
		errs[i] = s.of[l].err
	}
	return errors.Join(errs...)
}

// below returns the first error at or below a leg.
func (s encodings) below(l *Leg) error {
	if e := s.of[l]; e != nil && e.err != nil {
		return e.err
	}
	for i := range l.Prefetch {
		if err := s.below(&l.Prefetch[i]); err != nil {
			return err
		}
	}
	return nil
}

// run encodes one leg. A panic of the caller's encoder becomes its error.
func (e *encoding) run(ctx context.Context, c *call, l *Leg) {
	err := ctx.Err()
	if err == nil {
		var caught panics.Catcher
		caught.Try(func() { e.query, err = c.encodeLeg(ctx, l) })
		if r := caught.Recovered(); r != nil {
			err = &pipeline.PanicError{Part: l.Name, Value: r.Value, Stack: r.Stack}
		}
	}
	if err != nil {
		e.err = &Error{Kind: KindEncoder, Op: "encode query for " + l.Name, Message: shorten(err.Error()), Err: err, also: contextErrors(ctx, &Error{})}
	}
}

func checkDense(v []float32) error {
	if len(v) == 0 {
		return errors.New("the embedder returned an empty vector")
	}
	return checkFinite(v)
}

func checkFinite(v []float32) error {
	for i, x := range v {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return fmt.Errorf("component %d of the vector is %v", i, x)
		}
	}
	return nil
}

func checkSparse(indices []uint32, values []float32) error {
	if len(indices) != len(values) {
		return fmt.Errorf("the encoder returned %d indices and %d values", len(indices), len(values))
	}
	seen := make(map[uint32]struct{}, len(indices))
	for _, index := range indices {
		if _, dup := seen[index]; dup {
			return fmt.Errorf("the encoder returned index %d twice", index)
		}
		seen[index] = struct{}{}
	}
	return checkFinite(values)
}

func checkMulti(vectors [][]float32) error {
	if len(vectors) == 0 {
		return errors.New("the encoder returned no vectors")
	}
	for i, v := range vectors {
		if len(v) != len(vectors[0]) {
			return fmt.Errorf("vector %d has %d components, the first has %d", i, len(v), len(vectors[0]))
		}
		if err := checkDense(v); err != nil {
			return fmt.Errorf("vector %d: %w", i, err)
		}
	}
	return nil
}

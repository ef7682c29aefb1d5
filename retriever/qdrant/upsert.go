package qdrant

import (
	"fmt"

	"github.com/rankcascade/cascade/pipeline"
)

func unique(batch []pipeline.Document) error {
	seen := make(map[string]bool, len(batch))
	for _, d := range batch {
		if seen[d.ID] {
			return fmt.Errorf("qdrant: load: document %q comes twice in one batch", d.ID)
		}
		seen[d.ID] = true
	}
	return nil
}

// documentError says which document of a batch an encoder failed on.
type documentError struct {
	index int
	err   error
}

// Error implements error.
func (e *documentError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *documentError) Unwrap() error { return e.err }

// fits checks a vector against the size that the first one set.
func fits(vector []float32, size *int) error {
	if err := checkDense(vector); err != nil {
		return err
	}
	if *size == 0 {
		*size = len(vector)
	}
	if len(vector) != *size {
		return fmt.Errorf("the vector has %d components, expected %d", len(vector), *size)
	}
	return nil
}

package memory

import (
	"fmt"

	"github.com/rankcascade/cascade/pipeline"
)

// Metric says how two vectors are compared.
type Metric uint8

// The metrics. On each of them a higher score is better.
const (
	// Cosine is the cosine of the angle, in [-1, 1], and 0 where one of the
	// vectors has length 0. Its scale is pipeline.Cosine.
	Cosine Metric = iota
	// Dot is the dot product; its scale is pipeline.Dot.
	Dot
	// Euclid is the negated Euclidean distance, 0 for equal vectors and below
	// for others; its scale is pipeline.Distance.
	Euclid
)

// String returns "cosine", "dot product" or "euclid".
func (m Metric) String() string {
	switch m {
	case Cosine:
		return "cosine"
	case Dot:
		return "dot product"
	case Euclid:
		return "euclid"
	}
	return "invalid metric"
}

// Scale returns the scale of the scores.
func (m Metric) Scale() pipeline.Scale {
	switch m {
	case Cosine:
		return pipeline.Cosine
	case Dot:
		return pipeline.Dot
	case Euclid:
		return pipeline.Distance
	}
	return pipeline.Unknown
}

// Options configures an index. The zero value compares by cosine and returns at
// most 100 hits.
type Options struct {
	// Name names the retriever in marks, gaps and trees; empty means "dense".
	Name string
	// Metric compares vectors; the zero value is Cosine.
	Metric Metric
	// Limit is the most hits that a query returns; 0 means 100. Less than 0 is an
	// error.
	Limit int
	// Batch is the number of texts that New and Add give the embedder in one call,
	// and of documents that become visible at once; 0 means 128. Less than 0 is an
	// error.
	Batch int
	// Quantized keeps each vector in 8 bits for a component too, a quarter more
	// memory, and reads those first. Rankings are the same to the last bit, because
	// what may belong into the ranking is scored again by its vector; large indexes
	// answer several times as fast.
	Quantized bool
	// Progress, if set, is told after each batch how many documents are embedded,
	// from the goroutine that called New.
	Progress func(documents int)
}

const (
	defaultName  = "dense"
	defaultLimit = 100
	defaultBatch = 128
)

func (o Options) withDefaults() (Options, error) {
	if o.Name == "" {
		o.Name = defaultName
	}
	if o.Metric > Euclid {
		return o, fmt.Errorf("metric %d does not exist", o.Metric)
	}
	if o.Limit < 0 {
		return o, fmt.Errorf("limit is %d, want at least 1 (or 0 for %d)", o.Limit, defaultLimit)
	}
	if o.Limit == 0 {
		o.Limit = defaultLimit
	}
	if o.Batch < 0 {
		return o, fmt.Errorf("batch is %d, want at least 1 (or 0 for %d)", o.Batch, defaultBatch)
	}
	if o.Batch == 0 {
		o.Batch = defaultBatch
	}
	return o, nil
}

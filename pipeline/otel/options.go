package otel

import (
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/rankcascade/cascade/pipeline"
)

// scope names this package among the instrumentations of a program.
const scope = "github.com/rankcascade/cascade/pipeline/otel"

// Conventions are the names under which spans say what they are. Both may be set.
type Conventions uint8

// The conventions.
const (
	// OpenInference is the convention of Phoenix and Arize.
	OpenInference Conventions = 1 << iota
	// GenAI is OpenTelemetry's own convention for generative AI, of which only the
	// span for a retrieval is used.
	GenAI
)

// Options says what is exported. The zero value exports nothing.
type Options struct {
	// Tracer makes the spans; nil, or one that does nothing, stands for no spans.
	Tracer trace.TracerProvider
	// Meter makes the metrics; nil, or one that does nothing, stands for none.
	Meter metric.MeterProvider
	// Conventions are the names on the spans; zero stands for both.
	Conventions Conventions
	// Texts exports the texts of queries, documents and metadata, which may be
	// personal data.
	Texts bool
	// Documents is how many documents of a ranking a span lists, from the top; zero
	// stands for 10, negative for none.
	Documents int
}

// DefaultDocuments is how many documents a span lists where nothing is said.
const DefaultDocuments = 10

func (o Options) check() error {
	if o.Conventions > OpenInference|GenAI {
		return fmt.Errorf("pipeline/otel: %d is no convention: choose OpenInference, GenAI or both", o.Conventions)
	}
	return nil
}

func (o Options) traces() bool {
	_, nothing := o.Tracer.(tracenoop.TracerProvider)
	return o.Tracer != nil && !nothing
}

func (o Options) measures() bool {
	_, nothing := o.Meter.(metricnoop.MeterProvider)
	return o.Meter != nil && !nothing
}

func (o Options) documents() int {
	if o.Documents == 0 {
		return DefaultDocuments
	}
	return max(0, o.Documents)
}

func (o Options) openInference() bool { return o.Conventions == 0 || o.Conventions&OpenInference != 0 }

func (o Options) genAI() bool { return o.Conventions == 0 || o.Conventions&GenAI != 0 }

// Observe returns the retriever with spans and metrics: pipeline.Observe with the
// observer of New. Where the options export nothing it returns the retriever
// itself, so that nothing is spent.
func Observe(retriever pipeline.Retriever, o Options) (pipeline.Retriever, error) {
	observer, err := New(o)
	if err != nil {
		return nil, err
	}
	if retriever == nil {
		return nil, errors.New("pipeline/otel: observe: the retriever is nil: pass the pipeline that is observed")
	}
	if !observer.Active() {
		return retriever, nil
	}
	return pipeline.Observe(retriever, observer), nil
}

package otel_test

import (
	"context"
	"fmt"
	"slices"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/pipeline/otel"
)

// A program that exports elsewhere puts another exporter in the place of this one,
// which keeps the spans in memory.
func ExampleObserve() {
	exporter := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))

	search, err := otel.Observe(pipeline.Chain(store("articles", 20), cut.TopK(3)), otel.Options{Tracer: provider})
	if err != nil {
		panic(err)
	}
	if _, err := search.Retrieve(context.Background(), pipeline.Query{Text: "what is a panda?"}); err != nil {
		panic(err)
	}
	for _, span := range slices.Backward(exporter.GetSpans()) {
		fmt.Println(span.Name)
	}
	// Output:
	// retrieve chain
	// apply top-k
	// retrieval articles
}

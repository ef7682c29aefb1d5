package otel_test

import (
	"context"
	"slices"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/pipeline/otel"
)

// BenchmarkObserve runs a pipeline with and without the observer by turns, and
// reports what the observer multiplies the median time with and how many allocations it
// adds to a query.
func BenchmarkObserve(b *testing.B) {
	search := pipeline.Chain(store("a", 200), cut.TopK(100), cut.TopK(10))
	unsampled := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample()))
	sampled := sdktrace.NewTracerProvider()
	for _, c := range []struct {
		name    string
		options otel.Options
	}{
		{"no provider", otel.Options{}},
		{"not sampled", otel.Options{Tracer: unsampled}},
		{"sampled", otel.Options{Tracer: sampled}},
	} {
		observed, err := otel.Observe(search, c.options)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) { byTurns(b, search, observed) })
	}
}

func byTurns(b *testing.B, bare, observed pipeline.Retriever) {
	retrieve := func(r pipeline.Retriever) {
		if _, err := r.Retrieve(context.Background(), pipeline.Query{Text: "q"}); err != nil {
			b.Fatal(err)
		}
	}
	var spent [2][]time.Duration
	for b.Loop() {
		for i, r := range [...]pipeline.Retriever{bare, observed} {
			start := time.Now()
			for range 20 {
				retrieve(r)
			}
			spent[i] = append(spent[i], time.Since(start))
		}
	}
	median := func(turns []time.Duration) float64 {
		slices.Sort(turns)
		return float64(turns[len(turns)/2])
	}
	count := func(r pipeline.Retriever) float64 { return testing.AllocsPerRun(20, func() { retrieve(r) }) }
	b.ReportMetric(median(spent[1])/median(spent[0]), "observed/bare")
	b.ReportMetric(count(observed)-count(bare), "more-allocs/query")
}

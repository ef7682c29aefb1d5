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
	"github.com/rankcascade/cascade/retriever/cache"
)

// BenchmarkObserve runs a pipeline with and without the observer by turns, and
// reports what the observer multiplies the median time with and how many allocations it
// adds to a query. "same" is the pipeline against itself: what differs without a
// difference.
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
	inactive, err := otel.New(otel.Options{})
	if err != nil {
		b.Fatal(err)
	}
	remembered, err := cache.New(search, cache.Options{})
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name           string
		bare, observed pipeline.Retriever
	}{
		{"same", under(search, nil), under(search, nil)},
		{"inactive", under(search, nil), under(search, inactive)},
		{"inactive, a cache that misses", under(forgetful(b, search), nil), under(forgetful(b, search), inactive)},
		{"inactive, a cache that hits", under(remembered, nil), under(remembered, inactive)},
	} {
		b.Run(c.name, func(b *testing.B) { byTurns(b, c.bare, c.observed) })
	}
}

// under asks the retriever in the sight of an observer, nil for nobody.
func under(r pipeline.Retriever, observer pipeline.Observer) pipeline.Retriever {
	return pipeline.RetrieverFunc(func(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
		if observer != nil {
			ctx = pipeline.WithObserver(ctx, observer)
		}
		return r.Retrieve(ctx, q)
	})
}

// forgetful is a cache that remembers for no time.
func forgetful(b *testing.B, r pipeline.Retriever) pipeline.Retriever {
	c, err := cache.New(r, cache.Options{TTL: 1})
	if err != nil {
		b.Fatal(err)
	}
	return c
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

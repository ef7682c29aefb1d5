package pipeline_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
)

// BenchmarkChain measures what the guard costs: a fixed ranking, checked once,
// through three stages that do nothing or cut.
func BenchmarkChain(b *testing.B) {
	for _, n := range []int{200, 1000} {
		hits := make([]pipeline.Hit, n)
		for i := range hits {
			hits[i] = hit(fmt.Sprintf("document-%d", i), float64(n-i))
		}
		search := pipeline.Chain(source("store", pipeline.BM25, hits...), pipeline.Keep(), cut.TopK(n/2), cut.TopK(8))
		for _, trace := range []bool{false, true} {
			b.Run(fmt.Sprintf("hits=%d/trace=%v", n, trace), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := search.Retrieve(context.Background(), pipeline.Query{Trace: trace}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

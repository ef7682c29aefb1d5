package memory_test

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCodesChangeNothing compares rankings, scores and bits, with and without
// codes, on vectors that are near one another, equal, tiny, huge and zero.
func TestCodesChangeNothing(t *testing.T) {
	t.Parallel()
	for name, make1 := range map[string]func(r *rand.Rand, v []float32){
		"random": func(r *rand.Rand, v []float32) { fill(v, func(int) float64 { return r.NormFloat64() }) },
		"near one another": func(r *rand.Rand, v []float32) {
			fill(v, func(i int) float64 { return math.Sin(float64(i)) + 1e-3*r.NormFloat64() })
		},
		"few values": func(r *rand.Rand, v []float32) { fill(v, func(int) float64 { return float64(r.IntN(3) - 1) }) },
		"tiny":       func(r *rand.Rand, v []float32) { fill(v, func(int) float64 { return 1e-42 * r.NormFloat64() }) },
		"huge":       func(r *rand.Rand, v []float32) { fill(v, func(int) float64 { return 1e15 * r.NormFloat64() }) },
		"one large component": func(r *rand.Rand, v []float32) {
			fill(v, func(i int) float64 { return map[bool]float64{true: 1000, false: r.NormFloat64()}[i == 0] })
		},
		"sometimes zero": func(r *rand.Rand, v []float32) {
			zero := r.IntN(3) == 0
			fill(v, func(int) float64 {
				if zero {
					return 0
				}
				return r.NormFloat64()
			})
		},
	} {
		for _, dimensions := range []int{1, 31, 32, 33, 100, 384} {
			t.Run(name+" "+strconv.Itoa(dimensions), func(t *testing.T) {
				t.Parallel()
				r := rand.New(rand.NewPCG(1, uint64(dimensions)))
				entries := make([]memory.Entry, 1200)
				for i := range entries {
					v := make([]float32, dimensions)
					make1(r, v)
					entries[i] = entry(strconv.Itoa(i), v...)
				}
				query := make([]float32, dimensions)
				make1(r, query)
				for _, metric := range []memory.Metric{memory.Cosine, memory.Dot, memory.Euclid} {
					rank := func(quantized bool, filter any) pipeline.Ranking {
						x, err := memory.FromVectors(t.Context(), nil, memory.Entries(entries...), memory.Options{Metric: metric, Quantized: quantized, Limit: 25})
						require.NoError(t, err)
						out, err := x.Retrieve(t.Context(), memory.Vector.With(pipeline.Query{Filter: filter}, query))
						require.NoError(t, err)
						return out
					}
					assert.Equal(t, rank(false, nil), rank(true, nil), "%s", metric)
					some := pipeline.Prefix("id", "11")
					assert.Equal(t, rank(false, some), rank(true, some), "%s filtered", metric)
				}
			})
		}
	}
}

func fill(v []float32, f func(i int) float64) {
	for i := range v {
		v[i] = float32(f(i))
	}
}

func TestLongVectorsAreRefused(t *testing.T) {
	t.Parallel()
	_, err := memory.FromVectors(t.Context(), nil, memory.Entries(entry("a", make([]float32, 1<<17+1)...)), memory.Options{})
	require.ErrorContains(t, err, "at most 131072")
}

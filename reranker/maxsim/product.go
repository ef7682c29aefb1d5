package maxsim

import (
	"context"
	"math"
)

// sum adds up, for each vector of the query, its largest product with a vector of
// the document, times the factor of that vector, in float64 from the first to the
// last. A context that ends ends it.
func sum(ctx context.Context, query, document [][]float32, factors []float32) float64 {
	total := 0.0
	for _, q := range query {
		if ctx.Err() != nil {
			return 0
		}
		best := float32(math.Inf(-1))
		for i, d := range document {
			best = max(best, dot(q, d)*factors[i])
		}
		total += float64(best)
	}
	return total
}

// dot is the dot product of two vectors of equal length: four sums in float32, of
// the components 0, 4, 8 ..., 1, 5, 9 ... and so on. The conversions forbid fused
// multiply-add, so every machine gets the same bits.
func dot(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	for len(a) >= 4 && len(b) >= 4 {
		s0 += float32(a[0] * b[0])
		s1 += float32(a[1] * b[1])
		s2 += float32(a[2] * b[2])
		s3 += float32(a[3] * b[3])
		a, b = a[4:], b[4:]
	}
	for i := range a {
		s0 += float32(a[i] * b[i])
	}
	return (s0 + s1) + (s2 + s3)
}

// factors are what makes products cosines: one over the length of each vector, 1 for
// a vector of length 0. For products as they are, they are all 1.
func factors(vectors [][]float32, cosine bool) []float32 {
	out := make([]float32, len(vectors))
	for i, v := range vectors {
		out[i] = 1
		if !cosine {
			continue
		}
		squares := 0.0
		for _, c := range v {
			squares += float64(float64(c) * float64(c))
		}
		if squares > 0 {
			out[i] = float32(1 / math.Sqrt(squares))
		}
	}
	return out
}

// unit returns vectors of length 1; those of length 0 stay.
func unit(vectors [][]float32) [][]float32 {
	out := make([][]float32, len(vectors))
	for i, factor := range factors(vectors, true) {
		out[i] = make([]float32, len(vectors[i]))
		for j, c := range vectors[i] {
			out[i][j] = c * factor
		}
	}
	return out
}

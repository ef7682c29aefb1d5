package memory

import "math"

// dot returns the dot product of two vectors of equal length: four sums in
// float32, of the components 0, 4, 8 ..., 1, 5, 9 ... and so on, added up in
// pairs at the end. The conversions forbid fused multiply-add, so every machine
// gets the same bits.
func dot(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	for len(a) >= 8 && len(b) >= 8 {
		s0 += float32(a[0] * b[0])
		s1 += float32(a[1] * b[1])
		s2 += float32(a[2] * b[2])
		s3 += float32(a[3] * b[3])
		s0 += float32(a[4] * b[4])
		s1 += float32(a[5] * b[5])
		s2 += float32(a[6] * b[6])
		s3 += float32(a[7] * b[7])
		a, b = a[8:], b[8:]
	}
	for i := range a {
		s0 += float32(a[i] * b[i])
	}
	return (s0 + s1) + (s2 + s3)
}

// squares returns the squared distance of two vectors of equal length, summed
// like dot. Differences are taken first: expanding the square would cancel for
// neighbours.
func squares(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	for len(a) >= 4 && len(b) >= 4 {
		d0, d1, d2, d3 := a[0]-b[0], a[1]-b[1], a[2]-b[2], a[3]-b[3]
		s0 += float32(d0 * d0)
		s1 += float32(d1 * d1)
		s2 += float32(d2 * d2)
		s3 += float32(d3 * d3)
		a, b = a[4:], b[4:]
	}
	for i := range a {
		d := a[i] - b[i]
		s0 += float32(d * d)
	}
	return (s0 + s1) + (s2 + s3)
}

// cosine divides a dot product by both lengths and stays within [-1, 1] where
// rounding would leave it.
func cosine(product float32, lengths float64) float64 {
	if lengths == 0 {
		return 0
	}
	return math.Max(-1, math.Min(1, float64(product)/lengths))
}

package memory

// maxDimensions is how long a vector may be: the dot product of two rows of codes
// must fit into an int32.
const maxDimensions = 1 << 17

// dotScalar returns the dot product of two rows of codes of equal length. Whole
// numbers have no rounding, so that every kernel returns the same.
func dotScalar(a, b []int8) int32 {
	var s0, s1, s2, s3 int32
	b = b[:len(a)]
	for len(a) >= 4 && len(b) >= 4 {
		s0 += int32(a[0]) * int32(b[0])
		s1 += int32(a[1]) * int32(b[1])
		s2 += int32(a[2]) * int32(b[2])
		s3 += int32(a[3]) * int32(b[3])
		a, b = a[4:], b[4:]
	}
	for i := range a {
		s0 += int32(a[i]) * int32(b[i])
	}
	return s0 + s1 + s2 + s3
}

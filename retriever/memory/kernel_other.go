//go:build !amd64

package memory

// dotCodes returns the dot product of two rows of codes of equal length.
func dotCodes(a, b []int8) int32 { return dotScalar(a, b) }

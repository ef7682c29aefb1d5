package memory

// dotAVX2 returns the dot product of the first n codes, n rounded down to a
// multiple of 32.
//
//go:noescape
func dotAVX2(a, b *int8, n int) int32

func cpuid(leaf, sub uint32) (a, b, c, d uint32)

func xgetbv() (low uint32)

// fast says that the processor has AVX2 and the operating system saves its
// registers.
var fast = hasAVX2()

func hasAVX2() bool {
	if most, _, _, _ := cpuid(0, 0); most < 7 {
		return false
	}
	const osxsave, avx, registers, avx2 = 1 << 27, 1 << 28, 6, 1 << 5
	if _, _, c, _ := cpuid(1, 0); c&osxsave == 0 || c&avx == 0 || xgetbv()&registers != registers {
		return false
	}
	_, b, _, _ := cpuid(7, 0)
	return b&avx2 != 0
}

// dotCodes returns the dot product of two rows of codes of equal length.
func dotCodes(a, b []int8) int32 {
	if !fast || len(a) < 32 {
		return dotScalar(a, b)
	}
	whole := len(a) &^ 31
	return dotAVX2(&a[0], &b[0], whole) + dotScalar(a[whole:], b[whole:])
}

package bert

import "unsafe"

// A kernel multiplies blocks of tileRows rows by tileColumns columns. The sizes
// are those of the AVX-512 kernel; the others divide the block.
const (
	tileRows    = 12
	tileColumns = 32
)

// Kernel names an implementation of the inner loops.
type Kernel uint8

// The kernels.
const (
	// Fastest is the fastest one that the processor has.
	Fastest Kernel = iota
	// AVX512 is for amd64 with AVX-512F.
	AVX512
	// AVX2 is for amd64 with AVX2 and FMA.
	AVX2
	// NEON is for arm64.
	NEON
	// Portable is Go without assembly, 20 to 30 times slower.
	Portable
)

// String returns the kernel's name in lower case.
func (k Kernel) String() string {
	switch k {
	case Fastest:
		return "fastest"
	case AVX512:
		return "avx512"
	case AVX2:
		return "avx2"
	case NEON:
		return "neon"
	case Portable:
		return "portable"
	}
	return "invalid kernel"
}

// loops are the inner loops of a kernel.
type loops struct {
	kernel Kernel
	// block sets the block of c, with rows ldc floats apart, to the product of
	// tileRows rows of a, each of k floats and lda floats apart, and a panel of k
	// rows of tileColumns floats. Each of the block's sums runs over k in order.
	block func(k int, a *float32, lda int, panel *float32, c *float32, ldc int)
	// expSum sets the first n floats of x to e^(x-high) and returns their sum. x
	// has room for n rounded up to 8, which it may write to.
	expSum func(x []float32, n int, high float32) float32
}

// Kernels returns the kernels that this processor has, the fastest first.
func Kernels() []Kernel {
	var names []Kernel
	for _, l := range available() {
		names = append(names, l.kernel)
	}
	return names
}

// loopsOf returns the loops of the kernel; ok says whether the processor has it.
func loopsOf(k Kernel) (l loops, ok bool) {
	for _, l := range available() {
		if k == Fastest || k == l.kernel {
			return l, true
		}
	}
	return loops{}, false
}

func portable() loops { return loops{Portable, portableBlock, portableExpSum} }

// portableBlock multiplies 4 x 4 floats at a time, which fit into registers.
func portableBlock(k int, a *float32, lda int, panel *float32, c *float32, ldc int) {
	rows := unsafe.Slice(a, (tileRows-1)*lda+k)
	columns := unsafe.Slice(panel, k*tileColumns)
	out := unsafe.Slice(c, (tileRows-1)*ldc+tileColumns)
	for i := 0; i < tileRows; i += 4 {
		for j := 0; j < tileColumns; j += 4 {
			square(k, rows[i*lda:], lda, columns[j:], out[i*ldc+j:], ldc)
		}
	}
}

// square multiplies 4 rows by 4 columns. The conversions keep compilers from
// fusing a product with a sum, so that equal inputs give equal bits everywhere.
func square(k int, a []float32, lda int, b []float32, c []float32, ldc int) {
	a0, a1, a2, a3 := a[:k], a[lda:][:k], a[2*lda:][:k], a[3*lda:][:k]
	var s [4][4]float32
	for i, x0 := range a0 {
		p := b[i*tileColumns:][:4:4]
		x1, x2, x3 := a1[i], a2[i], a3[i]
		b0, b1, b2, b3 := p[0], p[1], p[2], p[3]
		s[0][0] += float32(x0 * b0)
		s[0][1] += float32(x0 * b1)
		s[0][2] += float32(x0 * b2)
		s[0][3] += float32(x0 * b3)
		s[1][0] += float32(x1 * b0)
		s[1][1] += float32(x1 * b1)
		s[1][2] += float32(x1 * b2)
		s[1][3] += float32(x1 * b3)
		s[2][0] += float32(x2 * b0)
		s[2][1] += float32(x2 * b1)
		s[2][2] += float32(x2 * b2)
		s[2][3] += float32(x2 * b3)
		s[3][0] += float32(x3 * b0)
		s[3][1] += float32(x3 * b1)
		s[3][2] += float32(x3 * b2)
		s[3][3] += float32(x3 * b3)
	}
	for i := range s {
		copy(c[i*ldc:], s[i][:])
	}
}

func portableExpSum(x []float32, n int, high float32) (sum float32) {
	for i, v := range x[:n] {
		x[i] = exp(v - high)
		sum += x[i]
	}
	return sum
}

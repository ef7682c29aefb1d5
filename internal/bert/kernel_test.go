package bert

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// floats returns n floats between -1 and 1, some of them zeros of both signs,
// some too small to be normal, some large.
func floats(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		switch r.IntN(40) {
		case 0:
			x[i] = 0
		case 1:
			x[i] = float32(math.Copysign(0, -1))
		case 2:
			x[i] = math.SmallestNonzeroFloat32 * float32(1+r.IntN(9))
		case 3:
			x[i] = 1e6 * (r.Float32() - .5)
		default:
			x[i] = 2*r.Float32() - 1
		}
	}
	return x
}

func bitsOf(x []float32) []uint32 {
	bits := make([]uint32, len(x))
	for i, v := range x {
		bits[i] = math.Float32bits(v)
	}
	return bits
}

// TestEveryKernelMultipliesABlock holds the kernels to sums in double precision,
// those with fused multiplication to each other's bits, and all of them to their
// block: what stands beside it stays.
func TestEveryKernelMultipliesABlock(t *testing.T) {
	t.Parallel()
	const beside = 5 // floats between the rows
	for _, k := range []int{1, 2, 7, 31, 384, 1536} {
		r := rand.New(rand.NewPCG(1, uint64(k)))
		lda, ldc := k+beside, tileColumns+beside
		a, panel := floats(r, tileRows*lda), floats(r, k*tileColumns)
		var fused []uint32
		for _, l := range available() {
			name := fmt.Sprintf("%v, k = %d", l.kernel, k)
			c := make([]float32, tileRows*ldc)
			for i := range c {
				c[i] = 77
			}
			l.block(k, &a[0], lda, &panel[0], &c[0], ldc)
			for i := range tileRows {
				for j := range tileColumns {
					var sum, size float64
					for x := range k {
						product := float64(a[i*lda+x]) * float64(panel[x*tileColumns+j])
						sum, size = sum+product, size+math.Abs(product)
					}
					require.InDelta(t, sum, c[i*ldc+j], 1e-7*float64(k+8)*(size+1e-30), "%s, row %d, column %d", name, i, j)
				}
				if i < tileRows-1 {
					assert.Equal(t, []float32{77, 77, 77, 77, 77}, c[i*ldc+tileColumns:][:beside], name)
				}
			}
			if l.kernel == Portable {
				continue
			}
			if fused == nil {
				fused = bitsOf(c)
			}
			assert.Equal(t, fused, bitsOf(c), name)
		}
	}
}

func TestEveryKernelSumsExponentials(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 40; n++ {
		r := rand.New(rand.NewPCG(2, uint64(n)))
		x := make([]float32, n)
		high := float32(math.Inf(-1))
		for i := range x {
			x[i] = 200*r.Float32() - 100
			high = max(high, x[i])
		}
		var fused []uint32
		for _, l := range available() {
			name := fmt.Sprintf("%v, n = %d", l.kernel, n)
			got := make([]float32, roundUp(n, 8)+1)
			copy(got, x)
			got[roundUp(n, 8)] = 77
			sum := l.expSum(got, n, high)
			var want float64
			for i, v := range x {
				e := math.Exp(float64(v) - float64(high))
				require.InDelta(t, e, got[i], 5e-6*e+1e-37, name)
				want += e
			}
			assert.InDelta(t, want, sum, 1e-6*want, name)
			assert.Equal(t, float32(77), got[roundUp(n, 8)], name)
			if l.kernel == Portable {
				continue
			}
			bits := bitsOf(append(got[:n:n], sum))
			if fused == nil {
				fused = bits
			}
			assert.Equal(t, fused, bits, name)
		}
	}
}

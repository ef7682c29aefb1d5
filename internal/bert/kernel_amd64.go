//go:build amd64 && !purego

package bert

import (
	"math"
	"unsafe"

	"golang.org/x/sys/cpu"
)

// available returns the loops that the processor can run, the fastest first.
func available() []loops {
	var found []loops
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		if cpu.X86.HasAVX512F {
			found = append(found, loops{AVX512, avx512Block, avxExpSum})
		}
		found = append(found, loops{AVX2, avx2Block, avxExpSum})
	}
	return append(found, portable())
}

// The strides lda and ldc of the functions in assembly are in bytes.

//go:noescape
func avx512Tile(k int, a *float32, lda int, panel *float32, c *float32, ldc int)

//go:noescape
func avx2Tile(k int, a *float32, lda int, panel *float32, c *float32, ldc int)

//go:noescape
func expSum8(x *float32, n int, high float32) float32

func avx512Block(k int, a *float32, lda int, panel *float32, c *float32, ldc int) {
	avx512Tile(k, a, lda*4, panel, c, ldc*4)
}

// avx2Block fills the block by tiles of 6 rows and 16 columns.
func avx2Block(k int, a *float32, lda int, panel *float32, c *float32, ldc int) {
	for j := 0; j < tileColumns; j += 16 {
		for i := 0; i < tileRows; i += 6 {
			avx2Tile(k, ahead(a, i*lda), lda*4, ahead(panel, j), ahead(c, i*ldc+j), ldc*4)
		}
	}
}

// ahead returns the float n places further in the same slice.
func ahead(p *float32, n int) *float32 { return (*float32)(unsafe.Add(unsafe.Pointer(p), n*4)) }

func avxExpSum(x []float32, n int, high float32) float32 {
	padded := x[:roundUp(n, 8)]
	for i := n; i < len(padded); i++ {
		padded[i] = -math.MaxFloat32 // its exponential is too small to change the sum
	}
	return expSum8(&padded[0], len(padded), high)
}

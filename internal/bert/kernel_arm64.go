//go:build arm64 && !purego

package bert

import "unsafe"

// available returns the loops that the processor can run, the fastest first.
// Every arm64 processor has NEON.
func available() []loops {
	return []loops{{NEON, neonBlock, portableExpSum}, portable()}
}

// neonTile multiplies 4 rows by 16 columns. The strides are in bytes.
//
//go:noescape
func neonTile(k int, a *float32, lda int, panel *float32, c *float32, ldc int)

// neonBlock fills the block by tiles.
func neonBlock(k int, a *float32, lda int, panel *float32, c *float32, ldc int) {
	for j := 0; j < tileColumns; j += 16 {
		for i := 0; i < tileRows; i += 4 {
			neonTile(k, ahead(a, i*lda), lda*4, ahead(panel, j), ahead(c, i*ldc+j), ldc*4)
		}
	}
}

// ahead returns the float n places further in the same slice.
func ahead(p *float32, n int) *float32 { return (*float32)(unsafe.Add(unsafe.Pointer(p), n*4)) }

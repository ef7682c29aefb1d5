package idhash_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/internal/idhash"
)

// TestIDsSpreadOverTables counts ids of several shapes in a table of as many
// slots: about 63 % of the slots must be taken.
func TestIDsSpreadOverTables(t *testing.T) {
	t.Parallel()
	const n = 1 << 14
	for _, shape := range []string{"%d", "d%07d", "MS-MARCO-passage-%08d", "clueweb09-en%04d-17-03221", "%d#0", "FT%x-a", "a-long-name-%030d-with-an-end-that-never-changes"} {
		seed := idhash.Seed()
		taken, high, all := map[uint64]bool{}, map[uint64]bool{}, map[uint64]bool{}
		for i := range n {
			h := idhash.Of(seed, fmt.Sprintf(shape, i))
			taken[h%n], high[(h>>32)%n], all[h] = true, true, true
		}
		assert.InDelta(t, .632, float64(len(taken))/n, .02, shape)
		assert.InDelta(t, .632, float64(len(high))/n, .02, shape)
		assert.Len(t, all, n, shape)
	}
}

func TestEveryByteAndTheLengthCount(t *testing.T) {
	t.Parallel()
	for n := range 40 {
		id := make([]byte, n)
		h := idhash.Of(1, string(id))
		require.Equal(t, h, idhash.Of(1, string(id)))
		require.NotEqual(t, h, idhash.Of(2, string(id)))
		require.NotEqual(t, h, idhash.Of(1, string(id)+"\x00"))
		for i := range id {
			id[i] = 1
			require.NotEqual(t, h, idhash.Of(1, string(id)), "byte %d of %d", i, n)
			id[i] = 0
		}
	}
}

func BenchmarkOf(b *testing.B) {
	id := "d0000000abcd"
	sum := uint64(0)
	for b.Loop() {
		sum += idhash.Of(7, id)
	}
	_ = sum
}

package memory

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestKernelsAgree is white-box, because which kernel runs is not to be seen from
// outside.
func TestKernelsAgree(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 200 {
		a, b := make([]int8, n), make([]int8, n)
		want := int32(0)
		for i := range a {
			a[i], b[i] = int8(r.IntN(255)-127), int8(r.IntN(255)-127)
			want += int32(a[i]) * int32(b[i])
		}
		assert.Equal(t, want, dotCodes(a, b), "%d", n)
		assert.Equal(t, want, dotScalar(a, b), "%d", n)
	}
	a := make([]int8, maxDimensions)
	for i := range a {
		a[i] = -127
	}
	assert.Equal(t, int32(127*127*maxDimensions), dotCodes(a, a), "the largest fits")
}

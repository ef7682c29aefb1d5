package elementary

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

// The invariant that this white-box test names: the fast path either gives the
// bits of the slow one or does not settle.
func TestTheFastPathHasTheBitsOfTheSlowOne(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	settledOnes := 0
	const n = 20000
	for range n {
		x := rnd.Float64()*20 - 10
		if rnd.IntN(4) == 0 {
			x = rnd.Float64()*1380 - 680
		}
		if rnd.IntN(10) == 0 {
			x = math.Ldexp(rnd.Float64()-0.5, -rnd.IntN(60))
		}
		slow, k := expPair(pair{x, 0})
		want := scaled(slow, k)
		fast, kf := expFast(x)
		exact := pair{math.Ldexp(slow.hi, k-kf), math.Ldexp(slow.lo, k-kf)}
		off := fast.add(exact.neg())
		assert.LessOrEqual(t, math.Abs(off.value()), fastError*exact.hi/2, "the error of e^%v", x)
		if v, ok := settled(fast); ok {
			settledOnes++
			assert.Equal(t, want, math.Ldexp(v, kf), "e^%v", x)
		}
		assert.Equal(t, want, Exp(x))
		big := pair{math.Ldexp(slow.hi, k), math.Ldexp(slow.lo, k)}
		if x > -600 && x < 40 {
			assert.Equal(t, big.div(big.add(pair{1, 0})).value(), Logistic(x), "logistic of %v", x)
		}
	}
	assert.Greater(t, settledOnes, n*9/10)
}

func BenchmarkLogistic(b *testing.B) {
	for i := range b.N {
		Logistic(float64(i%20) - 9.7)
	}
}

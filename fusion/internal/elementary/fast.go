package elementary

import "math"

// The fast path knows a result to about 2^-60 of itself. Where both ends of that
// interval round to the same float64, it is the correctly rounded one, 98 times
// in 100; else the slow path with twice the bits decides (Ziv 1991).

const (
	steps     = 128
	fastError = 0x1p-59
)

// stepTable has 2^(j/128) for j from 0 to 127.
var stepTable = makeStepTable()

func makeStepTable() (table [steps]pair) {
	for j := range table {
		table[j], _ = powerOfTwo(float64(j) / steps)
	}
	return table
}

// powerOfTwo returns 2^x for x in [0, 1).
func powerOfTwo(x float64) (pair, int) {
	l := pair{ln2a, ln2b}
	l = quickSum(l.hi, l.lo)
	r, k := expPair(l.times(x))
	return pair{math.Ldexp(r.hi, k), math.Ldexp(r.lo, k)}, 0
}

// expFast returns e^x as a pair with a relative error below fastError, and the
// power of two that it is to be multiplied by. |x| is at most 745.
func expFast(x float64) (pair, int) {
	n := math.Floor(float64(x*(steps/math.Ln2)) + 0.5)
	// n times the first part is exact, and so is the difference.
	r := x - float64(n*(ln2a/steps))
	rest := -float64(n * (ln2b / steps))
	sum := r + rest
	tail := (r - sum) + rest
	// e^sum - 1 - sum by its series: |sum| is below 0.0028.
	s2 := float64(sum * sum)
	series := math.FMA(sum, 1.0/120, 1.0/24)
	series = math.FMA(sum, series, 1.0/6)
	series = math.FMA(sum, series, 0.5)
	small := math.FMA(s2, series, tail)
	i := int(n)
	t := stepTable[i&(steps-1)]
	// t·(1 + sum + small)
	p := twoProduct(t.hi, sum)
	low := math.FMA(t.hi, small, p.lo) + math.FMA(t.lo, sum, t.lo)
	q := quickSum(t.hi, p.hi)
	return quickSum(q.hi, q.lo+low), i >> 7
}

// settled rounds x if its error does not matter.
func settled(x pair) (float64, bool) {
	e := float64(x.hi * fastError)
	v := x.hi + (x.lo - e)
	return v, v == x.hi+(x.lo+e)
}

// twoTo returns 2^k for k from -1022 to 1024, where it is infinite.
func twoTo(k int) float64 { return math.Float64frombits(uint64(1023+k) << 52) }

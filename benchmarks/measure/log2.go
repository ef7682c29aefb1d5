package measure

import (
	_ "embed"
	"encoding/binary"
	"math"
	"math/big"
	"sync"
)

// log2Table holds log2(2), log2(3), ... log2(10002) as the C library (glibc
// 2.36) computes them; testdata/log2.c.txt made it. Go's math.Log2 differs in
// the last bit for 233 of them, already for 3 and 9, and then an nDCG is not
// trec_eval's.
//
//go:embed log2.bin
var log2Table string

const log2Known = 10002

// log2 returns log2(n) for n >= 2: C's value up to 10002, the correctly rounded
// one beyond, which is C's but for 3 numbers in 10,000.
func log2(n int) float64 {
	if n <= log2Known {
		return log2Values()[n]
	}
	return log2Exact(n)
}

// log2Values has log2(n) at n, for 2 <= n <= log2Known.
var log2Values = sync.OnceValue(func() []float64 {
	values := make([]float64, log2Known+1)
	for n := 2; n <= log2Known; n++ {
		i := (n - 2) * 8
		values[n] = math.Float64frombits(binary.LittleEndian.Uint64([]byte(log2Table[i : i+8])))
	}
	return values
})

const exactBits = 160

// log2Exact rounds log2(n) correctly: n = m * 2^e with 1 <= m < 2, and
// log2(m) = 2 atanh((m-1)/(m+1)) / ln 2, summed in 160 bits.
func log2Exact(n int) float64 {
	x := new(big.Float).SetPrec(exactBits).SetInt64(int64(n))
	exponent := x.MantExp(x) - 1
	x.SetMantExp(x, 1)
	ln2 := atanhTwice(quotient(big.NewFloat(2)))
	sum := new(big.Float).SetPrec(exactBits).Quo(atanhTwice(quotient(x)), ln2)
	sum.Add(sum, new(big.Float).SetInt64(int64(exponent)))
	v, _ := sum.Float64()
	return v
}

func quotient(x *big.Float) *big.Float {
	one := big.NewFloat(1)
	num := new(big.Float).SetPrec(exactBits).Sub(x, one)
	den := new(big.Float).SetPrec(exactBits).Add(x, one)
	return num.Quo(num, den)
}

// atanhTwice returns 2 atanh(y) = 2 (y + y^3/3 + y^5/5 + ...) for |y| <= 1/3.
func atanhTwice(y *big.Float) *big.Float {
	square := new(big.Float).SetPrec(exactBits).Mul(y, y)
	power := new(big.Float).SetPrec(exactBits).Set(y)
	sum := new(big.Float).SetPrec(exactBits).Set(y)
	for i := int64(3); power.Sign() != 0 && i < 120; i += 2 {
		power.Mul(power, square)
		sum.Add(sum, new(big.Float).SetPrec(exactBits).Quo(power, new(big.Float).SetInt64(i)))
	}
	return sum.Mul(sum, big.NewFloat(2))
}

// powers returns p^0, p^1, ... p^(n-1), each correctly rounded, where a running
// product would drift and math.Pow is up to 89 units in the last place off.
func powers(p float64, n int) []float64 {
	out := make([]float64, n)
	base := new(big.Float).SetPrec(exactBits).SetFloat64(p)
	power := new(big.Float).SetPrec(exactBits).SetFloat64(1)
	for i := range out {
		out[i], _ = power.Float64()
		power.Mul(power, base)
	}
	return out
}

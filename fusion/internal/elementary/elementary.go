package elementary

import "math"

// ln2 in three parts, the first short enough for exact products with exponents.
const (
	ln2a = 0x1.62e42fee00000p-1
	ln2b = 0x1.a39ef35793c76p-33
	ln2c = 0x1.cc01f97b57a08p-87
)

// inverse factorials 1/3! to 1/12! as pairs.
var inverseFactorials = [...]pair{
	{0x1.5555555555555p-3, 0x1.5555555555555p-57},
	{0x1.5555555555555p-5, 0x1.5555555555555p-59},
	{0x1.1111111111111p-7, 0x1.1111111111111p-63},
	{0x1.6c16c16c16c17p-10, -0x1.f49f49f49f49fp-65},
	{0x1.a01a01a01a01ap-13, 0x1.a01a01a01a01ap-73},
	{0x1.a01a01a01a01ap-16, 0x1.a01a01a01a01ap-76},
	{0x1.71de3a556c734p-19, -0x1.c154f8ddc6c00p-73},
	{0x1.27e4fb7789f5cp-22, 0x1.cbbc05b4fa99ap-76},
	{0x1.ae64567f544e4p-26, -0x1.c062e06d1f209p-80},
	{0x1.1eed8eff8d898p-29, -0x1.2aec959e14c06p-83},
}

// Exp returns e to the x: +Inf above 709.78, 0 below -745.13.
func Exp(x float64) float64 {
	switch {
	case math.IsNaN(x):
		return x
	case x > 709.8:
		return math.Inf(1)
	case x < -745.2:
		return 0
	}
	if r, k := expFast(x); k > -1000 {
		if v, ok := settled(r); ok {
			return v * twoTo(k)
		}
	}
	r, k := expPair(pair{x, 0})
	return scaled(r, k)
}

// scaled returns x times 2 to the k, rounding once also where that is subnormal.
func scaled(x pair, k int) float64 {
	if k > -1000 {
		return math.Ldexp(x.value(), k)
	}
	// Adding the pair to a number whose unit is the smallest subnormal's image
	// rounds to the right place at once.
	big := math.Ldexp(1.5, 52-1074-k)
	s := twoSum(big, x.hi)
	rest := s.lo + x.lo
	v := s.hi - big
	unit := math.Ldexp(1, -1074-k)
	if rest > unit/2 {
		v += unit
	} else if rest < -unit/2 {
		v -= unit
	}
	return math.Ldexp(v, k)
}

// expPair returns r and k with e to the x = r times 2 to the k.
func expPair(x pair) (pair, int) {
	k := math.Floor(x.hi/math.Ln2 + 0.5)
	r := twoSum(x.hi, -float64(k*ln2a))
	r = r.add(pair{x.lo, 0})
	r = r.add(twoProduct(k, ln2b).neg())
	r = r.add(pair{-float64(k * ln2c), 0})
	const halvings = 9
	r = pair{math.Ldexp(r.hi, -halvings), math.Ldexp(r.lo, -halvings)}
	// e^r - 1 by its series; keeping the 1 apart keeps its bits through the
	// squarings: (1+p)^2 - 1 = 2p + p^2.
	n := len(inverseFactorials) - 3
	p := inverseFactorials[n]
	for i := n - 1; i >= 0; i-- {
		p = p.mul(r).add(inverseFactorials[i])
	}
	p = p.mul(r).add(pair{0.5, 0})
	p = p.mul(r).mul(r).add(r)
	for range halvings {
		p = pair{2 * p.hi, 2 * p.lo}.add(p.mul(p))
	}
	return p.add(pair{1, 0}), int(k)
}

// Log returns the natural logarithm of x: NaN below 0, -Inf at 0.
func Log(x float64) float64 {
	if x <= 0 || math.IsNaN(x) || math.IsInf(x, 1) || x == 1 {
		return math.Log(x)
	}
	return logPair(x).value()
}

// logPair corrects math.Log by one step of Newton's method, whose error is of
// third order: log x = y + log(1 + (x e^-y - 1)).
func logPair(x float64) pair {
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, e = 2*m, e-1
	}
	y := math.Log(m)
	r, k := expPair(pair{-y, 0})
	r = pair{math.Ldexp(r.hi, k), math.Ldexp(r.lo, k)}
	z := r.times(m).add(pair{-1, 0})
	z = z.add(z.mul(z).times(-0.5))
	l := pair{y, 0}.add(z)
	if e == 0 {
		return l
	}
	f := float64(e)
	t := twoSum(float64(f*ln2a), 0).add(twoProduct(f, ln2b)).add(pair{float64(f * ln2c), 0})
	return t.add(l)
}

// Pow returns x to the y for finite x >= 0. Whole exponents up to 2^20 use
// repeated squaring.
func Pow(x, y float64) float64 {
	if x <= 0 || y == 0 || x == 1 || math.IsInf(x, 0) || math.IsNaN(x) || math.IsInf(y, 0) || math.IsNaN(y) {
		return math.Pow(x, y)
	}
	if y == math.Trunc(y) && math.Abs(y) <= 1<<20 {
		return powWhole(x, int(y))
	}
	l := logPair(x).times(y)
	switch {
	case l.hi > 709.8:
		return math.Inf(1)
	case l.hi < -745.2:
		return 0
	}
	r, k := expPair(l)
	return scaled(r, k)
}

// powWhole keeps the exponent apart, so that nothing in between overflows.
func powWhole(x float64, n int) float64 {
	invert := n < 0
	if invert {
		n = -n
	}
	m, e := math.Frexp(x)
	base, baseExp := pair{m, 0}, e
	result, exp := pair{1, 0}, 0
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			result, exp = result.mul(base).normal(exp + baseExp)
		}
		base, baseExp = base.mul(base).normal(2 * baseExp)
	}
	if invert {
		result, exp = pair{1, 0}.div(result), -exp
	}
	switch {
	case exp > 1100:
		return math.Inf(1)
	case exp < -1200:
		return 0
	}
	return scaled(result, exp)
}

// Logistic returns 1 / (1 + e^-x), rounded once.
func Logistic(x float64) float64 {
	switch {
	case math.IsNaN(x):
		return x
	case x > 40:
		return 1
	case x < -745:
		return Exp(x)
	}
	if x > -40 {
		r, k := expFast(x)
		r = pair{r.hi * twoTo(k), r.lo * twoTo(k)}
		if v, ok := settled(r.divFast(r.add(pair{1, 0}))); ok {
			return v
		}
	}
	r, k := expPair(pair{x, 0})
	if x < -700 {
		return scaled(r, k)
	}
	r = pair{math.Ldexp(r.hi, k), math.Ldexp(r.lo, k)}
	return r.div(r.add(pair{1, 0})).value()
}

// Atan returns the arc tangent of x, in radians.
func Atan(x float64) float64 {
	y := math.Atan(x)
	if x == 0 || math.IsNaN(x) || math.IsInf(x, 0) || math.Abs(x) < 1e-9 {
		return y
	}
	// atan x = y + atan((x cos y - sin y) / (cos y + x sin y)), and the second
	// arc tangent is its argument, which is about 1e-16.
	s, c := sinCos(y)
	d := c.times(x).add(s.neg()).div(c.add(s.times(x)))
	return pair{y, 0}.add(d).value()
}

// sinCos computes both by their series for |y| below 1.6, at an eighth of the
// angle and doubled three times.
func sinCos(y float64) (sin, cos pair) {
	const halvings = 3
	t := pair{math.Ldexp(y, -halvings), 0}
	square := t.mul(t)
	sin, term := t, t
	versine := pair{} // 1 - cos, which keeps its bits near 0
	half := pair{1, 0}
	for n := 2.0; n < 22; n += 2 {
		half = half.mul(square).div(pair{n * (n - 1), 0}).neg()
		versine = versine.add(half.neg())
		term = term.mul(square).div(pair{n * (n + 1), 0}).neg()
		sin = sin.add(term)
	}
	for range halvings {
		// sin 2t = 2 sin t cos t, 1 - cos 2t = 2 sin² t
		cos = pair{1, 0}.add(versine.neg())
		next := sin.mul(sin)
		sin = sin.mul(cos)
		sin = pair{2 * sin.hi, 2 * sin.lo}
		versine = pair{2 * next.hi, 2 * next.lo}
	}
	return sin, pair{1, 0}.add(versine.neg())
}

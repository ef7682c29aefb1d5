package elementary

import (
	"math"
)

// pair is an unevaluated sum hi + lo with |lo| at most half a unit of hi.
type pair struct{ hi, lo float64 }

func twoSum(a, b float64) pair {
	s := a + b
	v := s - a
	return pair{s, (a - (s - v)) + (b - v)}
}

func quickSum(a, b float64) pair {
	s := a + b
	return pair{s, b - (s - a)}
}

func twoProduct(a, b float64) pair {
	p := float64(a * b)
	return pair{p, math.FMA(a, b, -p)}
}

func (x pair) add(y pair) pair {
	s, t := twoSum(x.hi, y.hi), twoSum(x.lo, y.lo)
	s = quickSum(s.hi, s.lo+t.hi)
	return quickSum(s.hi, s.lo+t.lo)
}

func (x pair) mul(y pair) pair {
	p := twoProduct(x.hi, y.hi)
	return quickSum(p.hi, p.lo+(float64(x.hi*y.lo)+float64(x.lo*y.hi)))
}

func (x pair) times(f float64) pair {
	p := twoProduct(x.hi, f)
	return quickSum(p.hi, p.lo+float64(x.lo*f))
}

func (x pair) neg() pair { return pair{-x.hi, -x.lo} }

func (x pair) div(y pair) pair {
	q := x.hi / y.hi
	r := x.add(y.times(q).neg())
	q2 := r.hi / y.hi
	r = r.add(y.times(q2).neg())
	q3 := r.hi / y.hi
	s := quickSum(q, q2)
	return s.add(pair{q3, 0})
}

func (x pair) value() float64 { return x.hi + x.lo }

// normal moves the power of two in x to the exponent.
func (x pair) normal(e int) (pair, int) {
	_, k := math.Frexp(x.hi)
	return pair{math.Ldexp(x.hi, -k), math.Ldexp(x.lo, -k)}, e + k
}

// divFast is div with one correction less: its relative error is about 2^-100.
func (x pair) divFast(y pair) pair {
	q := x.hi / y.hi
	p := twoProduct(q, y.hi)
	rest := (x.hi - p.hi) - p.lo + x.lo - float64(q*y.lo)
	return quickSum(q, rest/y.hi)
}

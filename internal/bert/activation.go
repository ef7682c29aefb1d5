package bert

import (
	"math"
	"sync"
)

// The conversions to float32 in this file keep compilers from fusing a product
// with a sum, so that equal inputs give equal bits on every architecture.

// addBias adds b to each row of x.
func addBias(x plane, b []float32) {
	for r := range x.rows {
		row := x.row(r)[:len(b)]
		for i, v := range b {
			row[i] += v
		}
	}
}

// addResidual adds t and b to each row of x.
func addResidual(x, t plane, b []float32) {
	for r := range x.rows {
		row, other := x.row(r)[:len(b)], t.row(r)[:len(b)]
		for i, v := range b {
			row[i] += other[i] + v
		}
	}
}

// layerNorm is the layer normalisation of rows of one width.
type layerNorm struct {
	gain, bias []float32
	epsilon    float64
}

// apply normalises each row of x. Its sums run in four lanes, of which lane i
// has the elements i, i+4, i+8 and so on, and the last elements go to lane 0.
func (l layerNorm) apply(x plane) {
	n := len(l.gain)
	gain, bias := l.gain, l.bias[:n]
	for r := range x.rows {
		row := x.row(r)[:n]
		mean := sum(row) / float32(n)
		variance := float64(squares(row, mean) / float32(n))
		scale := float32(1 / math.Sqrt(variance+l.epsilon))
		for i, v := range row {
			row[i] = float32(float32((v-mean)*scale)*gain[i]) + bias[i]
		}
	}
}

func sum(row []float32) float32 {
	var s0, s1, s2, s3 float32
	for ; len(row) >= 4; row = row[4:] {
		s0 += row[0]
		s1 += row[1]
		s2 += row[2]
		s3 += row[3]
	}
	for _, v := range row {
		s0 += v
	}
	return s0 + s1 + s2 + s3
}

// squares is the sum of the squared differences to mean.
func squares(row []float32, mean float32) float32 {
	var s0, s1, s2, s3 float32
	for ; len(row) >= 4; row = row[4:] {
		a, b, c, d := row[0]-mean, row[1]-mean, row[2]-mean, row[3]-mean
		s0 += float32(a * a)
		s1 += float32(b * b)
		s2 += float32(c * c)
		s3 += float32(d * d)
	}
	for _, v := range row {
		d := v - mean
		s0 += float32(d * d)
	}
	return s0 + s1 + s2 + s3
}

// geluSteps is the number of table entries for each unit of the argument, and
// geluEnd the argument from which on GELU is the identity, or 0 below.
const (
	geluSteps = 1024
	geluEnd   = 6
)

// geluTable has GELU, x * (1 + erf(x/sqrt 2)) / 2, at steps of 1/geluSteps.
// Linear interpolation is exact to 1e-7.
var geluTable = sync.OnceValue(func() *[2*geluEnd*geluSteps + 2]float32 {
	var t [2*geluEnd*geluSteps + 2]float32
	for i := range t {
		x := float64(i)/geluSteps - geluEnd
		t[i] = float32(x * 0.5 * (1 + math.Erf(x/math.Sqrt2)))
	}
	return &t
})

// biasGELU adds b to each row of x and applies GELU.
func biasGELU(x plane, b []float32) {
	table := geluTable()
	for r := range x.rows {
		row := x.row(r)[:len(b)]
		for i, v := range b {
			v += row[i]
			if v > -geluEnd && v < geluEnd {
				f := float32((v + geluEnd) * geluSteps)
				at := int32(f)
				low, high := table[at], table[at+1]
				row[i] = low + float32((f-float32(at))*(high-low))
			} else {
				row[i] = max(v, 0)
			}
		}
	}
}

// softmax turns the first n floats of x into shares of 1. x has room for n
// rounded up to 8.
func (l *loops) softmax(x []float32, n int) {
	row := x[:n]
	high := row[0]
	for _, v := range row {
		if v > high { // not max(), which costs three times as much
			high = v
		}
	}
	share := 1 / l.expSum(x, n, high)
	for i := range row {
		row[i] *= share
	}
}

// exp is e^x for x <= 0, to 2 units in the last place, after Cephes.
func exp(x float32) float32 {
	if x < -87 {
		return 0
	}
	n := int32(float32(x*math.Log2E) - 0.5)
	f := float32(n)
	x -= float32(f * 0.693359375)
	x -= float32(f * -2.12194440e-4)
	p := float32(1.9875691500e-4)
	p = float32(p*x) + 1.3981999507e-3
	p = float32(p*x) + 8.3334519073e-3
	p = float32(p*x) + 4.1665795894e-2
	p = float32(p*x) + 1.6666665459e-1
	p = float32(p*x) + 5.0000001201e-1
	p = float32(float32(p*x)*x) + x + 1
	return p * math.Float32frombits(uint32(n+127)<<23)
}

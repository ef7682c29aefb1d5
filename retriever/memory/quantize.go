package memory

import "math"

// grain says what the 8-bit codes of a vector stand for: each component is about
// step times its code, and the rest, what is left of the vector, has a length of
// at most rest.
type grain struct{ step, rest float32 }

// quantize appends the codes of the vector, whole numbers from -127 to 127.
func quantize(codes []int8, v []float32) ([]int8, grain) {
	largest := float32(0)
	for _, c := range v {
		largest = max(largest, float32(math.Abs(float64(c))))
	}
	step := largest / 127
	if step == 0 || math.IsInf(float64(1/step), 0) {
		// All components are zero, or so small that nothing divides by them.
		for range v {
			codes = append(codes, 0)
		}
		return codes, grain{rest: upward(norm(v))}
	}
	rest := 0.0
	for _, c := range v {
		code := math.RoundToEven(float64(c) / float64(step))
		code = math.Max(-127, math.Min(127, code))
		left := float64(c) - code*float64(step)
		rest += float64(left * left)
		codes = append(codes, int8(code))
	}
	return codes, grain{step: step, rest: upward(math.Sqrt(rest))}
}

// upward is a float32 that is not below f.
func upward(f float64) float32 {
	return float32(f*(1+1e-6)) + math.SmallestNonzeroFloat32
}

// probe is a query's vector in 8 bits, and what bounds the error that this makes.
type probe struct {
	codes  []int8
	grain  grain
	length float64 // of the vector
	coarse float64 // of what the codes stand for
	slack  float64 // relative error of the exact scores, which are summed in float32
}

func newProbe(v []float32) probe {
	p := probe{length: norm(v)}
	p.codes, p.grain = quantize(nil, v)
	p.coarse = p.length + float64(p.grain.rest)
	p.slack = float64(len(v)+16) * 0x1p-23
	return p
}

// bounds returns two numbers between which the exact score of the row lies: by the
// inequality of Cauchy and Schwarz, what the codes leave out of the dot product is
// at most rest(query) |row| + |coarse query| rest(row).
func (p probe) bounds(metric Metric, product int32, g grain, length float64) (low, high float64) {
	about := float64(product) * float64(p.grain.step) * float64(g.step)
	wrong := float64(p.grain.rest)*length + p.coarse*float64(g.rest) + p.slack*p.length*length
	switch metric {
	case Cosine:
		lengths := p.length * length
		if lengths == 0 {
			return 0, 0
		}
		return max(-1, (about-wrong)/lengths-1e-9), min(1, (about+wrong)/lengths+1e-9)
	case Euclid:
		squares := p.length*p.length + length*length
		return -distance(squares-2*(about-wrong), p.slack), -distance(squares-2*(about+wrong), -p.slack)
	}
	return about - wrong, about + wrong
}

// distance is the root of a squared distance that is off by a relative error.
func distance(squares, slack float64) float64 {
	return math.Sqrt(max(0, squares)) * (1 + slack)
}

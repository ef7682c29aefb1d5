package measure

import "math"

// sequential adds left to right, as trec_eval does over topics.
func sequential(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum
}

// pairwise adds as numpy does: eight running sums below 128 values, halves
// above. The figures of ranx are means of this kind.
func pairwise(values []float64) float64 {
	n := len(values)
	switch {
	case n < 8:
		// numpy starts from the first value and not from 0, which differs for -0.
		return sequential(values)
	case n <= 128:
		r := [8]float64(values[:8])
		i := 8
		for ; i < n-n%8; i += 8 {
			for j := range r {
				r[j] += values[i+j]
			}
		}
		sum := ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
		for ; i < n; i++ {
			sum += values[i]
		}
		return sum
	}
	half := n / 2
	half -= half % 8
	return pairwise(values[:half]) + pairwise(values[half:])
}

// geometricFloor is what trec_eval raises values to before it takes logarithms.
const geometricFloor = 0.00001

func aggregate(kind mean, values []float64, sum func([]float64) float64) float64 {
	if len(values) == 0 {
		return 0
	}
	switch kind {
	case total:
		return sum(values)
	case geometric:
		logs := make([]float64, len(values))
		for i, v := range values {
			logs[i] = math.Log(max(v, geometricFloor))
		}
		return math.Exp(sum(logs) / float64(len(logs)))
	}
	return sum(values) / float64(len(values))
}

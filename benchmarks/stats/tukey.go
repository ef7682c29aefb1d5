package stats

import (
	"errors"
	"fmt"
	"math"
)

// TukeyHSD compares every pair of systems at once and returns p[i][j] for the
// difference between systems i and j, corrected for the number of pairs.
//
// With paired true the systems are taken to have met the same topics, the topic
// effect is removed and the error has (n-1)(k-1) degrees of freedom (a two-way
// layout without interaction, as in Carterette 2012). Otherwise the values are
// taken for independent samples with n k - k degrees, as scipy and ranx do,
// which finds much less. All systems need the same topics.
func TukeyHSD(systems [][]float64, paired bool) ([][]float64, error) {
	k := len(systems)
	if k < 2 {
		return nil, errors.New("stats: Tukey HSD needs at least two systems")
	}
	n := len(systems[0])
	for i, s := range systems {
		if len(s) != n {
			return nil, fmt.Errorf("stats: Tukey HSD: system %d has %d topics, the first has %d", i, len(s), n)
		}
		if err := check(s, 2); err != nil {
			return nil, err
		}
	}
	means, squares, df := errorOf(systems, paired)
	deviation := math.Sqrt(squares / df / float64(n))
	p := make([][]float64, k)
	for i := range p {
		p[i] = make([]float64, k)
		for j := range p[i] {
			p[i][j] = tukeyP(math.Abs(means[i]-means[j]), deviation, k, df)
		}
	}
	return p, nil
}

func tukeyP(difference, deviation float64, k int, df float64) float64 {
	switch {
	case difference == 0:
		return 1
	case deviation == 0:
		return 0
	}
	return studentizedRangeTail(difference/deviation, k, df)
}

// errorOf returns the systems' means, the sum of squared errors and its degrees
// of freedom.
func errorOf(systems [][]float64, paired bool) (means []float64, squares, df float64) {
	k, n := len(systems), len(systems[0])
	topic := make([]float64, n)
	grand := 0.0
	for _, s := range systems {
		m, _ := meanAndDeviation(s)
		means = append(means, m)
		grand += m / float64(k)
		for j, v := range s {
			topic[j] += v / float64(k)
		}
	}
	for i, s := range systems {
		for j, v := range s {
			e := v - means[i]
			if paired {
				e -= topic[j] - grand
			}
			squares += float64(e * e)
		}
	}
	if paired {
		return means, squares, float64((n - 1) * (k - 1))
	}
	return means, squares, float64(n*k - k)
}

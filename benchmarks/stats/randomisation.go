package stats

import (
	"fmt"
	"math"
	"sync/atomic"
)

// exactTopics is up to how many topics all sign patterns are tried.
const exactTopics = 20

// Randomisation is Fisher's test for paired samples: under the null hypothesis
// each difference could as well have the other sign, and p is the share of sign
// patterns whose mean is at least as far from 0 as the observed one.
//
// Up to 20 topics all patterns are tried and p is exact. Beyond, random ones
// are, and p = (b+1)/(B+1), which is never 0 (Phipson and Smyth 2010).
func Randomisation(d []float64, s Sampling) (Test, error) {
	if err := check(d, 1); err != nil {
		return Test{}, err
	}
	mean, _ := meanAndDeviation(d)
	f := newFlips(d)
	if len(d) <= exactTopics {
		all := 1 << len(d)
		hits := f.count(s, all, func(i int) uint64 { return uint64(i) })
		return Test{Name: fmt.Sprintf("randomisation, all %d sign patterns", all), Statistic: mean, P: float64(hits) / float64(all)}, nil
	}
	n := s.samples()
	hits := f.count(s, n, nil)
	return Test{Name: fmt.Sprintf("randomisation, %d samples, seed %d", n, s.Seed), Statistic: mean, P: float64(hits+1) / float64(n+1)}, nil
}

// flips adds differences under sign patterns, eight topics with one look-up.
type flips struct {
	sums  [][256]float64 // for each eight topics, the sum under every pattern
	least float64        // |sum| from which a pattern is as extreme as the data
}

func newFlips(d []float64) *flips {
	f := &flips{sums: make([][256]float64, (len(d)+7)/8)}
	total := 0.0
	for i := range f.sums {
		part := d[i*8 : min(i*8+8, len(d))]
		for pattern := range 256 {
			sum := 0.0
			for j, v := range part {
				if pattern>>j&1 == 1 {
					v = -v
				}
				sum += v
			}
			f.sums[i][pattern] = sum
		}
	}
	for _, v := range d {
		total += math.Abs(v)
	}
	observed := 0.0
	for i := range f.sums {
		observed += f.sums[i][0]
	}
	// Patterns that differ from the observed sum by rounding alone are ties.
	f.least = math.Abs(observed) - 1e-12*total
	return f
}

// count returns how many of n patterns are as extreme as the data. pattern gives
// the bits of one; nil draws them.
func (f *flips) count(s Sampling, n int, pattern func(i int) uint64) int64 {
	var hits atomic.Int64
	s.each(n, func(from, to int) {
		found := int64(0)
		for i := from; i < to; i++ {
			sum, bits := 0.0, uint64(0)
			for j := range f.sums {
				switch {
				case pattern != nil && j == 0:
					bits = pattern(i)
				case pattern == nil && j%8 == 0:
					bits = s.word(i, j/8)
				}
				sum += f.sums[j][bits>>(8*(j%8))&0xff]
			}
			if math.Abs(sum) >= f.least {
				found++
			}
		}
		hits.Add(found)
	})
	return hits.Load()
}

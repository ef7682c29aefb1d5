package stats

import (
	"math/bits"
	"runtime"

	"github.com/sourcegraph/conc/pool"
)

// Sampling says how a test draws random samples.
type Sampling struct {
	// Samples is the number of samples; 0 means 100,000.
	Samples int
	// Seed starts the generator. Sample i is a function of Seed and i alone, so
	// results do not depend on the number of threads.
	Seed uint64
	// Workers bounds the threads; 0 means one for each processor.
	Workers int
}

func (s Sampling) samples() int {
	if s.Samples <= 0 {
		return 100_000
	}
	return s.Samples
}

// word returns word j of sample i: SplitMix64's output function on a counter
// (Steele, Lea and Flood 2014), which needs no state and no order.
func (s Sampling) word(i, j int) uint64 {
	z := s.Seed + 0x9e3779b97f4a7c15*(uint64(i)*0x100000001b3+uint64(j)+1)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// each calls work for blocks of samples side by side and returns when all are
// done. work must write only to what belongs to its samples.
func (s Sampling) each(n int, work func(from, to int)) {
	workers := s.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	const block = 4096
	p := pool.New().WithMaxGoroutines(max(1, workers))
	for from := 0; from < n; from += block {
		p.Go(func() { work(from, min(from+block, n)) })
	}
	p.Wait()
}

// index draws a topic: the high half of word * n (Lemire 2019), whose bias is
// below n/2^64.
func (s Sampling) index(i, j, n int) int {
	high, _ := bits.Mul64(s.word(i, j), uint64(n))
	return int(high)
}

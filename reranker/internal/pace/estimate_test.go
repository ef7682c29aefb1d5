package pace

// White-box: estimates are corrected by what is true and not moved by nonsense.

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestTokenEstimate(t *testing.T) {
	t.Parallel()
	var e tokenEstimate
	assert.Equal(t, 4+25, e.pair(20, 80), "a quarter of a token for a byte at first")
	for range 60 {
		e.observe(1000, 10, 40+500)
	}
	assert.InDelta(t, 0.5, e.rate(), 1e-3)
	for _, nonsense := range []int{-5, 0, 3, 1 << 40} {
		e.observe(1000, 10, nonsense)
	}
	e.observe(0, 0, 100)
	assert.InDelta(t, 0.5, e.rate(), 1e-3, "absurd counts are ignored")
}

func TestLatencyModelFindsTheLine(t *testing.T) {
	t.Parallel()
	var l latencyModel
	assert.Zero(t, l.predict(1000))
	assert.Zero(t, l.typical())
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		tokens := 500 + rng.IntN(8000)
		l.observe(tokens, 30*time.Millisecond+time.Duration(tokens)*40*time.Microsecond)
	}
	assert.InDelta(t, 0.030+0.04*5, l.predict(5000).Seconds(), 1e-3)
	assert.InDelta(t, 0.030, l.predict(0).Seconds(), 1e-3)
	assert.InDelta(t, 1, l.ratios.quantile(0.95), 1e-2)
	for range 300 {
		l.observe(2000, time.Second) // one size only: no line, and none negative
	}
	assert.InDelta(t, 1, l.predict(2000).Seconds(), 0.05)
	assert.GreaterOrEqual(t, l.predict(1), time.Duration(0))
}

func TestLadderSettles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		latency func(calls int) time.Duration
		best    int
	}{
		"one replica: calls gain nothing": {func(int) time.Duration { return time.Second }, 1},
		"four replicas and a fixed cost": {func(m int) time.Duration {
			return time.Second/time.Duration(min(m, 4)) + time.Duration(m)*15*time.Millisecond
		}, 4},
		"many replicas": {func(m int) time.Duration { return time.Second / time.Duration(m) }, 32},
		"connections that stall above 8": {func(m int) time.Duration {
			return time.Second/time.Duration(min(m, 8)) + time.Duration(max(0, m-8))*50*time.Millisecond
		}, 8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var l ladder
			rng := rand.New(rand.NewPCG(5, 6))
			var counts [64]int
			for i := range 600 {
				m := l.choose(70000, 200, rng)
				l.observe(70000, m, c.latency(m))
				if i >= 200 {
					counts[m]++
				}
			}
			assert.Greater(t, counts[c.best], 350, "%v", counts)
			assert.Equal(t, 1, l.choose(70000, 1, rng), "never above what is allowed")
		})
	}
}

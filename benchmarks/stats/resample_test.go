package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/stats"
)

func TestResamplingAMeanIsThePercentileBootstrap(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	d := make([]float64, 40)
	for i := range d {
		d[i] = r.NormFloat64() + .3
	}
	mean := func(topics []int) float64 {
		sum := 0.0
		for _, i := range topics {
			sum += d[i]
		}
		return sum / float64(len(topics))
	}
	want, err := stats.Bootstrap(d, stats.Percentile, .9, stats.Sampling{Samples: 3000, Seed: 4})
	require.NoError(t, err)
	got, err := stats.Resample(len(d), mean, .9, stats.Sampling{Samples: 3000, Seed: 4, Workers: 3})
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func TestSamplesWithoutAValueAreLeftOut(t *testing.T) {
	t.Parallel()
	second := func(topics []int) float64 { // NaN where topic 0 was drawn first, a half of the time
		if topics[0] == 0 {
			return math.NaN()
		}
		return 7
	}
	i, err := stats.Resample(3, second, .95, stats.Sampling{Samples: 500})
	require.NoError(t, err)
	assert.InDelta(t, 7, i.Low, 0)
	assert.InDelta(t, 7, i.High, 0)
	_, err = stats.Resample(3, func([]int) float64 { return math.NaN() }, .95, stats.Sampling{Samples: 500})
	require.ErrorIs(t, err, stats.ErrTooFew)
	_, err = stats.Resample(1, second, .95, stats.Sampling{})
	require.ErrorIs(t, err, stats.ErrTooFew)
	for _, level := range []float64{0, 1, math.NaN()} {
		_, err = stats.Resample(3, second, level, stats.Sampling{})
		require.ErrorContains(t, err, "level")
	}
}

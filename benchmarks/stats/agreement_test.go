package stats_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/stats"
)

func TestAgreementEqualsSciPyAndReproEval(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/agreement.json")
	require.NoError(t, err)
	var g struct {
		Tau []struct {
			X, Y []float64
			Tau  float64
		}
		RBO []struct {
			A, B   []string
			P, RBO float64
		}
	}
	require.NoError(t, json.Unmarshal(raw, &g))
	require.NotEmpty(t, g.Tau)
	for _, c := range g.Tau {
		got, err := stats.KendallTau(c.X, c.Y)
		require.NoError(t, err)
		assert.InDelta(t, c.Tau, got, 1e-15)
	}
	for _, c := range g.RBO {
		got, err := stats.RBO(c.A, c.B, c.P)
		require.NoError(t, err)
		assert.InDelta(t, c.RBO, got, 1e-15, "%v and %v", c.A, c.B)
	}
}

func TestAgreementRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range [][2][]float64{{{1, 2}, {1}}, {{1}, {1}}, {{1, 1}, {1, 2}}, {{1, math.NaN()}, {1, 2}}} {
		_, err := stats.KendallTau(c[0], c[1])
		require.Error(t, err, c)
	}
	_, err := stats.KendallTau(nil, nil)
	require.ErrorIs(t, err, stats.ErrTooFew)
	for _, p := range []float64{0, 1, math.NaN()} {
		_, err := stats.RBO([]string{"a"}, []string{"a"}, p)
		require.ErrorContains(t, err, "above 0 and below 1")
	}
	both, err := stats.RBO(nil, nil, .9)
	require.NoError(t, err)
	assert.Zero(t, both)
}

func TestKendallTauStaysWithinItsRange(t *testing.T) {
	t.Parallel()
	for n := 2; n < 60; n++ {
		up, down := make([]float64, n), make([]float64, n)
		for i := range up {
			up[i], down[i] = float64(i), float64(-i)
		}
		tau, err := stats.KendallTau(up, up)
		require.NoError(t, err)
		assert.LessOrEqual(t, tau, 1., "%d values", n)
		tau, err = stats.KendallTau(up, down)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, tau, -1., "%d values", n)
	}
}

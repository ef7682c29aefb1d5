package stats

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDistributionsEqualSciPy is white-box because the distributions are no
// part of the interface and everything else stands on them.
func TestDistributionsEqualSciPy(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/golden.json")
	require.NoError(t, err)
	var g struct {
		Range, TDist, TQuantile [][]float64
		Fixed                   struct{ D, Means, BCa []float64 }
	}
	require.NoError(t, json.Unmarshal(raw, &g))
	require.NotEmpty(t, g.Range)
	for _, r := range g.Range {
		assert.InDelta(t, r[3], studentizedRangeTail(r[0], int(r[1]), r[2]), 1e-8, "q = %v, k = %v, df = %v", r[0], r[1], r[2])
	}
	for _, r := range g.TDist {
		assert.InEpsilon(t, r[2], studentTail(r[0], r[1]), 1e-11)
	}
	for _, r := range g.TQuantile {
		assert.InEpsilon(t, r[2], studentQuantile(r[0], r[1]), 1e-11)
	}
	interval := intervalOf(g.Fixed.D, slices.Clone(g.Fixed.Means), BCa, .95)
	assert.InDelta(t, g.Fixed.BCa[0], interval.Low, 1e-12, "BCa of fixed resamples")
	assert.InDelta(t, g.Fixed.BCa[1], interval.High, 1e-12)
}

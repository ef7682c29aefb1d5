package elementary_test

import (
	"encoding/json"
	"math"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/fusion/internal/elementary"
)

func TestFunctionsEqualTheCorrectlyRoundedValue(t *testing.T) {
	t.Parallel()
	for name, rows := range golden(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wrong := 0
			for _, row := range rows {
				got, want := call(name, row), row[len(row)-1]
				if got != want {
					wrong++
					t.Logf("%v: got %x, want %x", row[:len(row)-1], got, want)
				}
			}
			assert.Zero(t, wrong)
		})
	}
}

func call(name string, x []float64) float64 {
	switch name {
	case "exp":
		return elementary.Exp(x[0])
	case "log":
		return elementary.Log(x[0])
	case "pow":
		return elementary.Pow(x[0], x[1])
	case "atan":
		return elementary.Atan(x[0])
	}
	return elementary.Logistic(x[0])
}

func golden(t *testing.T) map[string][][]float64 {
	t.Helper()
	data, err := os.ReadFile("testdata/mpmath.json")
	require.NoError(t, err)
	var file struct{ Values map[string][][]string }
	require.NoError(t, json.Unmarshal(data, &file))
	out := map[string][][]float64{}
	for name, rows := range file.Values {
		for _, row := range rows {
			values := make([]float64, len(row))
			for i, hex := range row {
				bits, err := strconv.ParseUint(hex, 16, 64)
				require.NoError(t, err)
				values[i] = math.Float64frombits(bits)
			}
			out[name] = append(out[name], values)
		}
	}
	require.Len(t, out, 5)
	return out
}

func TestEdgesAreThoseOfPackageMath(t *testing.T) {
	t.Parallel()
	inf, nan := math.Inf(1), math.NaN()
	assert.Equal(t, inf, elementary.Exp(1000))
	assert.Equal(t, inf, elementary.Exp(inf))
	assert.Zero(t, elementary.Exp(-1000))
	assert.Zero(t, elementary.Exp(-inf))
	assert.Equal(t, 1.0, elementary.Exp(0))
	assert.True(t, math.IsNaN(elementary.Exp(nan)))
	assert.Zero(t, elementary.Log(1))
	assert.Equal(t, -inf, elementary.Log(0))
	assert.True(t, math.IsNaN(elementary.Log(-1)))
	assert.Equal(t, 1.0, elementary.Pow(0, 0))
	assert.Zero(t, elementary.Pow(0, 2))
	assert.Equal(t, inf, elementary.Pow(10, 400))
	assert.Zero(t, elementary.Pow(10, -400))
	assert.Equal(t, math.Pi/2, elementary.Atan(inf))
	assert.Equal(t, 0.5, elementary.Logistic(0))
	assert.Equal(t, 1.0, elementary.Logistic(800))
	assert.Zero(t, elementary.Logistic(-800))
}

func BenchmarkExp(b *testing.B) {
	for i := range b.N {
		elementary.Exp(float64(i%20) - 9.7)
	}
}

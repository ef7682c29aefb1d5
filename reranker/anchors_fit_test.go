package reranker

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

// White-box, because whole queries cannot show which line was found.
func TestFitAnchors(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	for name, c := range map[string]struct {
		from, to []float64
		want     affine
		ok       bool
	}{
		"two points give their line":            {[]float64{0, 1}, []float64{1, 3}, affine{2, 1}, true},
		"three on a line":                       {[]float64{0, 1, 2}, []float64{1, 3, 5}, affine{2, 1}, true},
		"one of five is far off":                {[]float64{0, 1, 2, 3, 4}, []float64{1, 3, 99, 7, 9}, affine{2, 1}, true},
		"an anchor without a score is left out": {[]float64{0, nan, 1}, []float64{1, 7, 3}, affine{2, 1}, true},
		"the order is reversed":                 {[]float64{0, 1}, []float64{3, 1}, affine{-2, 3}, false},
		"all anchors are equal in the call":     {[]float64{1, 1, 1}, []float64{1, 2, 3}, affine{}, false},
		"all anchors are equal in the standard": {[]float64{1, 2, 3}, []float64{1, 1, 1}, affine{0, 1}, false},
		"one anchor":                            {[]float64{1}, []float64{2}, affine{}, false},
		"none":                                  {nil, nil, affine{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := fitAnchors(c.from, c.to)
			assert.Equal(t, c.ok, ok)
			assert.InDelta(t, c.want.slope, got.slope, 1e-12)
			assert.InDelta(t, c.want.offset, got.offset, 1e-12)
		})
	}
}

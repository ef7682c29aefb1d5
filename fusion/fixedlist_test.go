package fusion_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rankcascade/cascade/fusion"
)

func TestFixedListAsksEachListsNormaliser(t *testing.T) {
	t.Parallel()
	norms := []fusion.Normaliser{fusion.MinMax{}, fusion.BoundedMinMax{High: 1}}
	for name, f := range map[string]interface {
		FixedList(list int) bool
		FixedRange() bool
	}{
		"convex":  fusion.Convex{Weights: []float64{.2, .8}, Norms: norms},
		"wsum":    fusion.WSUM{Norms: norms},
		"combsum": fusion.CombSUM{Norms: norms},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.False(t, f.FixedList(0), "its own range")
			assert.True(t, f.FixedList(1), "bounds")
			assert.False(t, f.FixedList(2), "no normaliser given")
			assert.False(t, f.FixedRange(), "not all of them")
		})
	}
	assert.True(t, fusion.WSUM{Norm: fusion.Sigmoid{}}.FixedList(5))
}

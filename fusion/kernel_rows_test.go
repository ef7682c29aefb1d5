package fusion_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
)

func TestAWorkspaceForgetsTheTableOfAnotherMethod(t *testing.T) {
	t.Parallel()
	inputs := long(t, 2, 30, pipeline.Probability)
	var w fusion.Workspace
	for _, m := range []fusion.Method{fusion.RRF{K: 60}, fusion.RRF{K: 10}, fusion.ISR{}, fusion.RRF{K: 10}, fusion.RBC{Phi: .5}, fusion.RBC{Phi: .9}} {
		got, err := w.Fuse(nil, m, task(inputs, 0))
		require.NoError(t, err, m.String())
		want, err := new(fusion.Workspace).Fuse(nil, m, task(inputs, 0))
		require.NoError(t, err, m.String())
		assert.Equal(t, want, got, m.String())
	}
}

func TestATermIsItsWeightTimesWhatItWeighs(t *testing.T) {
	t.Parallel()
	inputs := long(t, 2, 12, pipeline.Probability)
	for _, m := range []fusion.Method{
		fusion.Convex{Weights: []float64{.2, .8}}, fusion.CombSUM{Norm: fusion.ZScore{}},
		fusion.RRF{Weights: []float64{3, 1}},
	} {
		got, err := m.Fuse(inputs)
		require.NoError(t, err, m.String())
		for _, h := range got.Hits {
			for _, term := range h.Newest().Derivation().Terms {
				assert.InDelta(t, term.Weight*term.Normalised, term.Contribution, 1e-12, m.String())
				assert.NotZero(t, term.Weight, m.String())
			}
		}
	}
}

func TestTheBoundsOfOpenSearchReachFromMinusToPlusTenThousand(t *testing.T) {
	t.Parallel()
	list := fusion.List{IDs: []uint32{1, 2}, Scores: []float64{3, 1}}
	for _, n := range []fusion.OpenSearchMinMax{{Lower: -10000, Upper: 10000}, {Lower: -10000, Upper: -9999}, {Lower: 9999, Upper: 10000}} {
		_, err := n.Fit(list)
		assert.NoError(t, err, "%v", n)
	}
	for _, n := range []fusion.OpenSearchMinMax{{Lower: -10000.5, Upper: 1}, {Upper: 10000.5}, {Lower: 5, Upper: 5}, {Lower: 6, Upper: 5}} {
		_, err := n.Fit(list)
		assert.ErrorIs(t, err, fusion.ErrConfig, "%v", n)
	}
}

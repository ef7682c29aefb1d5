package fusion_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
)

type sampleGolden struct {
	Name         string
	S            []hexFloat
	Y            []int
	Params       []hexFloat
	Sklearn      []hexFloat
	Ask, Want    []hexFloat
	Spec         string
	Documents, R int
}

func (g sampleGolden) samples() []fusion.Sample {
	out := make([]fusion.Sample, len(g.S))
	for i, s := range g.S {
		out[i] = fusion.Sample{Score: float64(s), Relevant: g.Y[i] == 1}
	}
	return out
}

func calibrationGolden(t testing.TB) (golden struct{ Platt, Isotonic, Temperature, Beta, CDF, Softmax []sampleGolden }) {
	t.Helper()
	loadGolden(t, "calibration.json", &golden)
	require.NotEmpty(t, golden.Platt)
	return golden
}

func TestCalibrationsReachTheMaximumOfTheLikelihood(t *testing.T) {
	t.Parallel()
	golden := calibrationGolden(t)
	fit := func(cases []sampleGolden, f func(string, []fusion.Sample) (fusion.Calibration, error)) {
		require.NotEmpty(t, cases)
		for _, g := range cases {
			c, err := f("model", g.samples())
			require.NoError(t, err)
			require.Len(t, c.Params, len(g.Params))
			for i, want := range floats(g.Params) {
				assert.InEpsilon(t, want, c.Params[i], 1e-11, "%s parameter %d", c.Method, i)
			}
			for i, near := range floats(g.Sklearn) { // an optimiser that stops early
				assert.InEpsilon(t, near, c.Params[i], 1e-6)
			}
		}
	}
	fit(golden.Platt, fusion.Platt)
	fit(golden.Temperature, fusion.Temperature)
	fit(golden.Beta, fusion.Beta)
}

func TestIsotonicCalibrationEqualsScikitLearn(t *testing.T) {
	t.Parallel()
	for _, g := range calibrationGolden(t).Isotonic {
		c, err := fusion.IsotonicCalibration("model", g.samples())
		require.NoError(t, err)
		for i, ask := range floats(g.Ask) {
			assert.LessOrEqual(t, ulps(float64(g.Want[i]), c.Probability(ask)), uint64(2), "at %v: %v", ask, c.Probability(ask))
		}
	}
}

func TestDistributionsEqualScipy(t *testing.T) {
	t.Parallel()
	for _, g := range calibrationGolden(t).CDF {
		n, err := fusion.ParseNormaliser(g.Spec)
		require.NoError(t, err)
		m, err := n.Fit(fusion.List{})
		require.NoError(t, err)
		for i, s := range floats(g.S) {
			assert.LessOrEqual(t, ulps(float64(g.Want[i]), m.At(1, s)), uint64(2), "%s at %v: %v, want %v", g.Spec, s, m.At(1, s), float64(g.Want[i]))
		}
	}
}

func TestSoftmaxDoesNotOverflow(t *testing.T) {
	t.Parallel()
	for _, g := range calibrationGolden(t).Softmax {
		m, err := fusion.Softmax{}.Fit(fusion.List{IDs: make([]uint32, len(g.S)), Scores: floats(g.S)})
		require.NoError(t, err)
		for i, s := range floats(g.S) {
			assert.LessOrEqual(t, ulps(float64(g.Want[i]), m.At(i+1, s)), uint64(2))
		}
	}
}

func TestACalibrationTravels(t *testing.T) {
	t.Parallel()
	g := calibrationGolden(t).Platt[0]
	c, err := fusion.Platt("reranker-8b@2026-05", g.samples())
	require.NoError(t, err)
	data, err := json.Marshal(c)
	require.NoError(t, err)

	again, err := fusion.LoadCalibration(data, "reranker-8b@2026-05")
	require.NoError(t, err)
	assert.Equal(t, c, again)
	assert.Equal(t, c.ID(), again.ID())

	_, err = fusion.LoadCalibration(data, "reranker-4b")
	require.ErrorIs(t, err, fusion.ErrConfig)
	assert.ErrorContains(t, err, `fitted for model "reranker-8b@2026-05"`)

	n, err := fusion.ParseNormaliser(c.String())
	require.NoError(t, err)
	assert.Equal(t, c, n)

	threshold := c.Score(0.5)
	assert.GreaterOrEqual(t, c.Probability(threshold), 0.5)
	assert.Less(t, c.Probability(math.Nextafter(threshold, -1e9)), 0.5)
	assert.True(t, math.IsInf(c.Score(1.1), 1))
	assert.True(t, math.IsInf(c.Score(-1), -1))
}

func TestCalibrationRefusesWhatHasNoAnswer(t *testing.T) {
	t.Parallel()
	good := []fusion.Sample{{Score: .9, Relevant: true}, {Score: .1}, {Score: .4, Relevant: true}, {Score: .5}}
	tests := map[string]func() error{
		"a score that is not a number": func() error {
			_, err := fusion.Platt("m", append([]fusion.Sample{{Score: math.NaN()}}, good...))
			return err
		},
		"no relevant document":    func() error { _, err := fusion.Platt("m", good[1:2]); return err },
		"only relevant documents": func() error { _, err := fusion.IsotonicCalibration("m", good[:1]); return err },
		"logits that the sign separates": func() error {
			_, err := fusion.Temperature("m", []fusion.Sample{{Score: 1, Relevant: true}, {Score: -1}})
			return err
		},
		"logits that fall with relevance": func() error {
			_, err := fusion.Temperature("m", []fusion.Sample{{Score: -1, Relevant: true}, {Score: -2, Relevant: true}, {Score: 2}, {Score: 1, Relevant: true}, {Score: 3}})
			return err
		},
		"beta on scores outside [0, 1]": func() error {
			_, err := fusion.Beta("m", []fusion.Sample{{Score: 3, Relevant: true}, {Score: -1}})
			return err
		},
		"a method that nobody knows": func() error { _, err := fusion.LoadCalibration([]byte(`{"method":"magic"}`), ""); return err },
		"an isotonic function that falls": func() error {
			_, err := fusion.LoadCalibration([]byte(`{"method":"isotonic","x":[1,2],"y":[0.5,0.1]}`), "")
			return err
		},
		"a calibration that is not JSON": func() error { _, err := fusion.LoadCalibration([]byte(`platt`), ""); return err },
		"a calibration with a parameter too few": func() error {
			_, err := fusion.LoadCalibration([]byte(`{"method":"platt","params":[1]}`), "")
			return err
		},
		"a temperature that turns the order round": func() error {
			_, err := fusion.LoadCalibration([]byte(`{"method":"temperature","params":[-1]}`), "")
			return err
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Error(t, test())
		})
	}
}

func TestCalibratedScoresBlendWithOthers(t *testing.T) {
	t.Parallel()
	c := fusion.Calibration{Method: "platt", Model: "m", Params: []float64{-2, 1}}
	fuser := fusion.Convex{Weights: []float64{.5, .5}, Norms: []fusion.Normaliser{fusion.TheoreticalMinMax{}, c}}
	assert.False(t, fuser.FixedRange())
	got, err := fuser.Fuse([]pipeline.Ranking{
		ranking(t, "bm25", pipeline.BM25, "a", 10., "b", 5.),
		ranking(t, "rerank", pipeline.Logit, "b", 3., "a", -1.),
	})
	require.NoError(t, err)
	assert.Equal(t, []string{"b", "a"}, got.IDs())
	assert.InDelta(t, .5*.5+.5/(1+math.Exp(-2*3.+1)), got.Hits[0].Score, 1e-15)
	assertMarksAddUp(t, got)
}

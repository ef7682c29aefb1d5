package reranker_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

func ExampleCalibrated() {
	scorer := reranker.Calibrated(digits{}, half{}, reranker.CalibratedOptions{})
	s, err := scorer.Score(context.Background(), "q", []string{"4", "8"})
	if err != nil {
		panic(err)
	}
	fmt.Println(s.Values, s.Scale)
	// Output: [0.2 0.4] probability
}

func TestCalibratedScoresAreProbabilities(t *testing.T) {
	t.Parallel()
	g := &giving{value: -3, scale: pipeline.Logit, leave: map[string]pipeline.Reason{"b": pipeline.ReasonDeadline}}
	logistic := calibration(func(x float64) float64 { return 1 / (1 + math.Exp(-x)) })
	c := reranker.Calibrated(g, logistic, reranker.CalibratedOptions{Scale: pipeline.Logit})
	s, err := c.Score(t.Context(), "q", []string{"a", "b"})
	require.NoError(t, err)
	assert.Equal(t, []float64{1 / (1 + math.Exp(3)), 0}, s.Values)
	assert.False(t, s.Scored(1))
	assert.Equal(t, pipeline.Probability, s.Scale)
	assert.Equal(t, pipeline.Probability, c.Describe().Facts.Scale, "so that a threshold of .5 may follow")
	for says, c := range map[string]*reranker.Calibrating{
		"scorer is nil":           reranker.Calibrated(nil, half{}, reranker.CalibratedOptions{}),
		"calibration is nil":      reranker.Calibrated(g, nil, reranker.CalibratedOptions{}),
		"not valid":               reranker.Calibrated(g, calibration(func(float64) float64 { return math.NaN() }), reranker.CalibratedOptions{}),
		"learnt on the scale":     reranker.Calibrated(g, half{}, reranker.CalibratedOptions{Scale: pipeline.Cosine}),
		"at least 50":             reranker.Calibrated(g, half{}, reranker.CalibratedOptions{Fitted: make([]float64, 49)}),
		"no finite number":        reranker.Calibrated(g, half{}, reranker.CalibratedOptions{Fitted: append(make([]float64, 60), math.Inf(1))}),
		"Window -1":               reranker.Calibrated(g, half{}, reranker.CalibratedOptions{Window: -1}),
		"Drift 2 must lie in [0,": reranker.Calibrated(g, half{}, reranker.CalibratedOptions{Drift: 2}),
	} {
		_, err := c.Score(t.Context(), "q", []string{"a"})
		require.ErrorContains(t, err, says)
		require.ErrorContains(t, c.Describe().Err, says)
	}
	turned := reranker.Calibrated(reranker.ScorerFunc(g.Score), half{}, reranker.CalibratedOptions{Scale: pipeline.Cosine})
	s, err = turned.Score(t.Context(), "q", []string{"a"})
	require.NoError(t, err)
	assert.False(t, s.Scored(0), "a map of another scale says nothing")
	require.ErrorContains(t, s.Causes[0], "on the scale logit")
}

type calibration func(float64) float64

func (c calibration) Probability(score float64) float64 { return c(score) }

func TestDriftIsTold(t *testing.T) {
	t.Parallel()
	fitted := make([]float64, 100)
	for i := range fitted {
		fitted[i] = float64(i) / 100
	}
	for sentence, test := range map[string]struct {
		value func(i int) float64
		told  bool
	}{
		"the same scores":                  {func(i int) float64 { return float64(i%100) / 100 }, false},
		"a little higher":                  {func(i int) float64 { return .1 + float64(i%100)/100 }, false},
		"a third higher":                   {func(i int) float64 { return .33 + float64(i%100)/100 }, true},
		"all in the middle":                {func(int) float64 { return .5 }, true},
		"the same again after other ones":  {func(i int) float64 { return float64(i%100)/100 + 9*math.Max(0, float64(150-i))/150 }, false},
		"fewer than the window, all other": {func(i int) float64 { return math.NaN() }, false},
	} {
		var values []float64
		for i := range 400 {
			values = append(values, test.value(i))
		}
		if math.IsNaN(values[0]) {
			values = make([]float64, 199)
		}
		scorer := reranker.ScorerFunc(func(_ context.Context, _ string, d []string) (reranker.Scores, error) {
			s := reranker.Scores{Values: values[:len(d)]}
			values = values[len(d):]
			return s, nil
		})
		c := reranker.Calibrated(scorer, half{}, reranker.CalibratedOptions{Fitted: fitted, Window: 200})
		var s reranker.Scores
		for len(values) > 0 {
			var err error
			s, err = c.Score(t.Context(), "q", make([]string, min(50, len(values))))
			require.NoError(t, err)
		}
		assert.Equal(t, test.told, len(s.Warnings) > 0, sentence)
	}
}

func TestVariantNamesTheCalibration(t *testing.T) {
	t.Parallel()
	of := func(s reranker.Scorer) string { return reranker.VariantOf(pipeline.Describe(s))(t.Context()) }
	a, b := reranker.Calibrated(hashed, fixed{1}, reranker.CalibratedOptions{}), reranker.Calibrated(hashed, fixed{2}, reranker.CalibratedOptions{})
	assert.NotEqual(t, of(a), of(b))
	assert.Equal(t, of(a), of(reranker.Calibrated(hashed, fixed{1}, reranker.CalibratedOptions{})))
	assert.NotEqual(t, of(reranker.Passages(a, reranker.PassageOptions{})), of(reranker.Passages(a, reranker.PassageOptions{Tokens: 9})))
	assert.Equal(t, reranker.Bounds{Documents: 32, PairTokens: 512}, reranker.BoundsOf(pipeline.Describe(reranker.Passages(bounded{32, 0, 512}, reranker.PassageOptions{}))))
}

type fixed struct{ At float64 }

func (f fixed) Probability(float64) float64 { return f.At / 10 }

type bounded reranker.Bounds

func (b bounded) Bounds() reranker.Bounds { return reranker.Bounds(b) }

func (b bounded) Describe() pipeline.Node { return pipeline.Node{Name: "bounded"} }

func (b bounded) Score(ctx context.Context, q string, d []string) (reranker.Scores, error) {
	return hashed(ctx, q, d)
}

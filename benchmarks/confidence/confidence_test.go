package confidence_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/confidence"
	"github.com/rankcascade/cascade/benchmarks/trec"
)

func TestCalibrationMeasures(t *testing.T) {
	t.Parallel()
	p := []confidence.Prediction{{.1, false}, {.15, true}, {.9, true}, {.95, true}, {1, false}, {.5, true}}
	assert.InDelta(t, (.01+.85*.85+.01+.05*.05+1+.25)/6, confidence.Brier(p), 1e-12)
	bins, err := confidence.Reliability(p, 5)
	require.NoError(t, err)
	assert.Equal(t, []int{2, 0, 1, 0, 3}, []int{bins[0].N, bins[1].N, bins[2].N, bins[3].N, bins[4].N}, "1 belongs to the last bin")
	assert.InDelta(t, .125, bins[0].Mean, 1e-12)
	assert.InDelta(t, .5, bins[0].Share, 1e-12)
	assert.Equal(t, []float64{.4, .6000000000000001}, []float64{bins[2].Low, bins[2].High + 1e-16})
	want := (2*math.Abs(.125-.5) + 1*math.Abs(.5-1) + 3*math.Abs(2.85/3-2./3)) / 6
	assert.InDelta(t, want, confidence.ECE(bins), 1e-12)
	assert.True(t, math.IsNaN(confidence.ECE(nil)))
	_, err = confidence.Reliability(p, 0)
	require.ErrorContains(t, err, "0 bins")
	_, err = confidence.Reliability([]confidence.Prediction{{P: 1.1}}, 5)
	require.ErrorContains(t, err, "1.1 is no probability")
}

func TestPredictionsAreOfJudgedDocumentsAlone(t *testing.T) {
	t.Parallel()
	qrels := trec.NewQrels([]trec.Judgements{{ID: "q", Judged: []trec.Judgement{{Document: "a", Grade: 1}, {Document: "b", Grade: 2}, {Document: "c", Grade: 0}}}})
	run := func(scores ...float64) *trec.Run {
		topic := trec.Topic{ID: "q"}
		for i, s := range scores {
			topic.Entries = append(topic.Entries, trec.Entry{Document: string(rune('a' + i)), Score: s})
		}
		return trec.NewRun("r", []trec.Topic{topic, {ID: "unjudged", Entries: []trec.Entry{{Document: "a", Score: .2}}}})
	}
	p, err := confidence.Predictions(qrels, run(.9, .8, .2, .1), 0)
	require.NoError(t, err)
	assert.Equal(t, []confidence.Prediction{{.9, true}, {.8, true}, {.2, false}}, p)
	p, err = confidence.Predictions(qrels, run(.9, .8), 2)
	require.NoError(t, err)
	assert.Equal(t, []confidence.Prediction{{.9, false}, {.8, true}}, p)
	_, err = confidence.Predictions(qrels, run(1.5), 1)
	require.ErrorContains(t, err, "score 1.5 is no probability")
	_, err = confidence.Predictions(qrels, trec.NewRun("r", nil), 1)
	require.ErrorContains(t, err, "no document of the run is judged")
}

func TestAbstainingIsWorthWhatTheConfidenceKnows(t *testing.T) {
	t.Parallel()
	values := []float64{0, .1, .2, .3, .4, .5, .6, .7, .8, .9}
	knows, err := confidence.Abstain(values, values)
	require.NoError(t, err)
	assert.InDelta(t, 1, knows.NAUC, 1e-12)
	assert.InDelta(t, .45, knows.Values[0], 1e-12)
	assert.InDelta(t, .9, knows.Values[9], 1e-12)
	assert.InDelta(t, (.45+.9)/2*.9, knows.AUC, 1e-12, "a straight line here")
	opposite := make([]float64, 10)
	for i := range opposite {
		opposite[i] = -values[i]
	}
	misled, err := confidence.Abstain(opposite, values)
	require.NoError(t, err)
	assert.InDelta(t, -1, misled.NAUC, 1e-12)
	assert.Greater(t, misled.Risk, knows.Risk)
	assert.InDelta(t, 1-(.9+.85+.8+.75+.7+.65+.6+.55+.5+.45)/10, knows.Risk, 1e-12)
	same, err := confidence.Abstain([]float64{1, 2, 3}, []float64{.5, .5, .5})
	require.NoError(t, err)
	assert.True(t, math.IsNaN(same.NAUC))
	for _, bad := range [][2][]float64{{{1}, {1}}, {{1, 2}, {1}}, {{1, math.NaN()}, {1, 2}}, {{1, 2}, {1, math.Inf(1)}}} {
		_, err := confidence.Abstain(bad[0], bad[1])
		require.Error(t, err)
	}
}

func TestPredictors(t *testing.T) {
	t.Parallel()
	list := []trec.Entry{{Document: "a", Score: 9}, {Document: "b", Score: 5}, {Document: "c", Score: 4}, {Document: "d", Score: 2}}
	assert.InDelta(t, 9, confidence.Top(list), 0)
	assert.InDelta(t, 4, confidence.Margin(list), 0)
	assert.InDelta(t, 2./5, confidence.NQC(2)(list), 1e-12)
	assert.InDelta(t, 7-5, confidence.WIG(2)(list), 1e-12)
	assert.InDelta(t, 0, confidence.WIG(9)(list), 1e-12)
	assert.InDelta(t, 1, confidence.Agreement(list, list, list), 1e-12)
	assert.InDelta(t, .5, confidence.Agreement(list, list, []trec.Entry{{Document: "x"}}), 1e-12)
	assert.True(t, math.IsNaN(confidence.Agreement(list)))
	for _, p := range []confidence.Predictor{confidence.PredictorFunc(confidence.Top), confidence.PredictorFunc(confidence.Margin), confidence.NQC(5), confidence.WIG(5)} {
		assert.InDelta(t, 0, p.Predict(nil), 0)
	}
	assert.InDelta(t, 0, confidence.Margin(list[:1]), 0)
	assert.InDelta(t, 0, confidence.NQC(2)([]trec.Entry{{Score: 1}, {Score: -1}}), 0)
}

func ExampleAbstain() {
	sure := []float64{.9, .2, .8, .1}
	value := []float64{1, 0, .5, .25}
	a, err := confidence.Abstain(sure, value)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("all %.2f, the surest half %.2f, nAUC %.2f\n", a.Values[0], a.Values[5], a.NAUC)
	// Output: all 0.44, the surest half 0.75, nAUC 0.94
}

func TestEqualConfidenceSaysNothing(t *testing.T) {
	t.Parallel()
	values := []float64{.9, .1, .4, .8, 0, .3, .7, .2, 1, .6}
	a, err := confidence.Abstain(make([]float64, 10), values)
	require.NoError(t, err)
	assert.InDelta(t, 0, a.NAUC, 1e-12, "wherever the topics stand")
	assert.InDelta(t, .5, a.Risk, 1e-12)
	two := []float64{1, 1, 1, 1, 1, 2, 2, 2, 2, 2}
	sure, err := confidence.Abstain(two, values)
	require.NoError(t, err)
	mixed := []int{8, 1, 6, 3, 9, 0, 5, 2, 7, 4}
	var c, v []float64
	for _, i := range mixed {
		c, v = append(c, two[i]), append(v, values[i])
	}
	again, err := confidence.Abstain(c, v)
	require.NoError(t, err)
	assert.InDelta(t, sure.NAUC, again.NAUC, 1e-12)
	assert.InDelta(t, .56, again.Values[5], 1e-12, "the surer half")
}

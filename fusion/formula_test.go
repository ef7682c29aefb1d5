package fusion_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
)

func TestFormulasBeyondRanx(t *testing.T) {
	t.Parallel()
	lexical := ranking(t, "lexical", pipeline.BM25, "a", 8., "b", 4., "c", 2.)
	dense := ranking(t, "dense", pipeline.Cosine, "b", .5, "d", 0.)
	p := ranking(t, "p", pipeline.Probability, "a", .8, "b", .5)
	logits := ranking(t, "logits", pipeline.Logit, "b", 2., "a", -1.)
	logit := func(p float64) float64 { return math.Log(p / (1 - p)) }
	e := math.E
	tests := map[string]struct {
		method fusion.Method
		inputs []pipeline.Ranking
		want   map[string]float64
	}{
		"TM2C2 takes the infimum of each scorer": {fusion.TM2C2{}, []pipeline.Ranking{lexical, dense},
			map[string]float64{"a": .2 * 1, "b": .2*.5 + .8*1, "c": .2 * .25, "d": .8 * 1 / 1.5}},
		"Auto goes by the scale": {fusion.CombSUM{}, []pipeline.Ranking{lexical, dense, p, logits},
			map[string]float64{"a": 1 + .8 + 1/(1+e), "b": .5 + 1 + .5 + 1/(1+math.Exp(-2)), "c": .25, "d": 1 / 1.5}},
		"log-odds add evidence above the prior": {fusion.LogOdds{Prior: .25}, []pipeline.Ranking{p, logits},
			map[string]float64{"a": logit(.8) - 1 - 2*logit(.25), "b": 0 + 2 - 2*logit(.25)}},
		"the geometric mean leaves missing lists out": {fusion.GeometricMean{}, []pipeline.Ranking{lexical, dense},
			map[string]float64{"a": 1, "b": math.Sqrt(.5), "c": .25, "d": 1 / 1.5}},
		"the harmonic mean is the mean of reciprocals": {fusion.HarmonicMean{Weights: []float64{1, 3}}, []pipeline.Ranking{lexical, dense},
			map[string]float64{"a": 1, "b": 4. / (1/.5 + 3), "c": .25, "d": 1 / 1.5}},
		"softmax weighs the reciprocal rank": {fusion.SoftmaxRRF{}, []pipeline.Ranking{p},
			map[string]float64{"a": 1 / (1 + math.Exp(-.3)) / 61, "b": 1 / (1 + math.Exp(.3)) / 62}},
		"a steep smooth rank is the rank": {fusion.SmoothRRF{Beta: 1e6}, []pipeline.Ranking{lexical},
			map[string]float64{"a": 1. / 61, "b": 1. / 62, "c": 1. / 63}},
		"a flat smooth rank is the middle": {fusion.SmoothRRF{Beta: 1e-12}, []pipeline.Ranking{lexical},
			map[string]float64{"a": 1. / 62, "b": 1. / 62, "c": 1. / 62}},
		"equal scores can share a rank": {fusion.RRF{K: 1, Ranks: fusion.RanksAverage}, []pipeline.Ranking{ranking(t, "x", pipeline.Unknown, "a", 2., "b", 1., "c", 1.)},
			map[string]float64{"a": 1. / 2, "b": 1 / 3.5, "c": 1 / 3.5}},
		"to one divides by the best": {fusion.RRF{ToOne: true}, []pipeline.Ranking{lexical, dense},
			map[string]float64{"a": .5, "b": (1./62 + 1./61) / (2. / 61), "c": 61. / 63 / 2, "d": 61. / 62 / 2}},
		"a window cuts the lists first": {fusion.RRF{Options: fusion.Options{Window: 1}}, []pipeline.Ranking{lexical, dense},
			map[string]float64{"a": 1. / 61, "b": 1. / 61}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := test.method.Fuse(test.inputs)
			require.NoError(t, err)
			require.Len(t, got.Hits, len(test.want))
			assert.InDeltaMapValues(t, test.want, scores(got), 1e-9)
			assertMarksAddUp(t, got)
		})
	}
}

func TestNormalisersMapAsTheirFormulasSay(t *testing.T) {
	t.Parallel()
	in := []float64{9, 5, 4, 2}
	tests := map[string]struct {
		scale pipeline.Scale
		want  []float64
	}{
		"minmax":                              {pipeline.Unknown, []float64{1, 3. / 7, 2. / 7, 0}},
		"minmax(invert=true)":                 {pipeline.Unknown, []float64{0, 4. / 7, 5. / 7, 1}},
		"tm2":                                 {pipeline.BM25, []float64{1, 5. / 9, 4. / 9, 2. / 9}},
		"tm2(infimum=-1)":                     {pipeline.Unknown, []float64{1, 6. / 10, 5. / 10, 3. / 10}},
		"bounded(low=3, high=7)":              {pipeline.Unknown, []float64{1, .5, .25, 0}},
		"centred":                             {pipeline.Unknown, []float64{1, 3. / 7, 2. / 7, 0}},
		"centred(nooffset=true)":              {pipeline.Unknown, []float64{.5, -.5 / 7, -1.5 / 7, -.5}},
		"max":                                 {pipeline.Unknown, []float64{1, 5. / 9, 4. / 9, 2. / 9}},
		"sum":                                 {pipeline.Unknown, []float64{7. / 12, 3. / 12, 2. / 12, 0}},
		"sum(plain=true)":                     {pipeline.Unknown, []float64{9. / 20, 5. / 20, 4. / 20, 2. / 20}},
		"sum(absolute=true)":                  {pipeline.Unknown, []float64{9. / 20, 5. / 20, 4. / 20, 2. / 20}},
		"l1":                                  {pipeline.Unknown, []float64{9. / 20, 5. / 20, 4. / 20, 2. / 20}},
		"l2":                                  {pipeline.Unknown, []float64{9 / math.Sqrt(126), 5 / math.Sqrt(126), 4 / math.Sqrt(126), 2 / math.Sqrt(126)}},
		"zscore":                              {pipeline.Unknown, []float64{4 / math.Sqrt(6.5), 0, -1 / math.Sqrt(6.5), -3 / math.Sqrt(6.5)}},
		"zscore(sample=true)":                 {pipeline.Unknown, []float64{4 / math.Sqrt(26./3), 0, -1 / math.Sqrt(26./3), -3 / math.Sqrt(26./3)}},
		"threesigma":                          {pipeline.Unknown, []float64{.5 + 4/(6*math.Sqrt(26./3)), .5, .5 - 1/(6*math.Sqrt(26./3)), .5 - 3/(6*math.Sqrt(26./3))}},
		"rank":                                {pipeline.Unknown, []float64{1, .75, .5, .25}},
		"quantile":                            {pipeline.Unknown, []float64{1, .75, .5, .25}},
		"robust":                              {pipeline.Unknown, []float64{4.5 / 2.5, .5 / 2.5, -.5 / 2.5, -2.5 / 2.5}},
		"sigmoid(bias=4)":                     {pipeline.Logit, []float64{1 / (1 + math.Exp(-5)), 1 / (1 + math.Exp(-1)), .5, 1 / (1 + math.Exp(2))}},
		"sigmoid(temperature=2)":              {pipeline.Logit, []float64{1 / (1 + math.Exp(-4.5)), 1 / (1 + math.Exp(-2.5)), 1 / (1 + math.Exp(-2)), 1 / (1 + math.Exp(-1))}},
		"arctan":                              {pipeline.Unknown, []float64{.5 + math.Atan(9)/math.Pi, .5 + math.Atan(5)/math.Pi, .5 + math.Atan(4)/math.Pi, .5 + math.Atan(2)/math.Pi}},
		"arctan(lexical=true)":                {pipeline.Unknown, []float64{2 * math.Atan(9) / math.Pi, 2 * math.Atan(5) / math.Pi, 2 * math.Atan(4) / math.Pi, 2 * math.Atan(2) / math.Pi}},
		"exptail":                             {pipeline.Unknown, []float64{10, 6, 5, 3}},
		"log1p":                               {pipeline.Unknown, []float64{math.Log(10), math.Log(6), math.Log(5), math.Log(3)}},
		"boxcox":                              {pipeline.Unknown, []float64{math.Log(9), math.Log(5), math.Log(4), math.Log(2)}},
		"boxcox(lambda=0.5)":                  {pipeline.Unknown, []float64{4, 2 * (math.Sqrt(5) - 1), 2, 2 * (math.Sqrt2 - 1)}},
		"opensearch-minmax(lower=3, upper=8)": {pipeline.Unknown, []float64{6. / 6, 2. / 5, 1. / 5, .001}},
		"opensearch-minmax(lower=3, upper=8, lowermode=clip, uppermode=clip)":     {pipeline.Unknown, []float64{1, 2. / 5, 1. / 5, .001}},
		"opensearch-minmax(lower=3, upper=8, lowermode=ignore, uppermode=ignore)": {pipeline.Unknown, []float64{1, 3. / 7, 2. / 7, .001}},
		"opensearch-minmax(lower=3, upper=8, lowermode=apply, uppermode=ignore)":  {pipeline.Unknown, []float64{1, 2. / 6, 1. / 6, .001}},
		"opensearch-minmax(lower=20, upper=30, uppermode=ignore)":                 {pipeline.Unknown, []float64{1, 3. / 7, 2. / 7, .001}},
	}
	for spec, test := range tests {
		t.Run(spec, func(t *testing.T) {
			t.Parallel()
			n, err := fusion.ParseNormaliser(spec)
			require.NoError(t, err)
			m, err := n.Fit(fusion.List{IDs: make([]uint32, len(in)), Scores: in, Scale: test.scale})
			require.NoError(t, err)
			got := make([]float64, len(in))
			m.Apply(got, in)
			assert.InDeltaSlice(t, test.want, got, 1e-7)
		})
	}
}

func TestTheMixtureFindsTheGapInAList(t *testing.T) {
	t.Parallel()
	l := fusion.List{}
	for i := range 8 {
		l.Scores = append(l.Scores, 20.5-float64(i)/8)
	}
	for i := range 60 {
		l.Scores = append(l.Scores, 6*math.Exp(-float64(i)/15))
	}
	l.IDs = make([]uint32, len(l.Scores))
	m, err := fusion.Mixture{}.Fit(l)
	require.NoError(t, err)
	assert.Greater(t, m.At(1, l.Scores[0]), .95)
	assert.Greater(t, m.At(8, l.Scores[7]), .95)
	assert.Less(t, m.At(9, l.Scores[8]), .05)
	for i := 1; i < len(l.Scores); i++ {
		assert.GreaterOrEqual(t, m.At(i, l.Scores[i-1]), m.At(i+1, l.Scores[i]))
	}
}

func TestNormalisersRefuseWhatTheyCannotMap(t *testing.T) {
	t.Parallel()
	for spec, scores := range map[string][]float64{
		"max":                                 {-1, -2},
		"tm2":                                 {1, -2},
		"sum(plain=true)":                     {-1, -2},
		"boxcox":                              {1, 0},
		"sigmoid":                             {1, 0},
		"softmax(temperature=-1)":             {1, 0},
		"bounded":                             {1, 0},
		"bounded(low=2, high=1)":              {1, 0},
		"gumbel(scale=-1)":                    {1, 0},
		"arctan(lexical=true, distance=true)": {1, 0},
		"opensearch-minmax(lower=5)":          {1, 0},
		`calibration(method="magic")`:         {1, 0},
	} {
		n, err := fusion.ParseNormaliser(spec)
		require.NoError(t, err)
		_, err = n.Fit(fusion.List{IDs: make([]uint32, len(scores)), Scores: scores, Scale: pipeline.BM25})
		assert.Error(t, err, spec)
	}
}

package fusion_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
)

func TestNumbersOfFormulasHaveExponents(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]float64{
		"1e1": 10, "1E1": 10, "2e+1": 20, "2e-1": .2, "1.5e0": 1.5, "3e9": 3e9, "rerank*1e2": 50,
	} {
		got, err := formula(t, text).Fuse(faq(t))
		require.NoError(t, err, text)
		assert.InDelta(t, want, scores(got)["new"], 1e-9*want, text)
	}
	for text, says := range map[string]string{"2e": `"e" is no unit of time`, "2em": `"em" is no unit of time`, "2e+": "expected a finite number"} {
		_, err := fusion.ParseFormula(text, fusion.FormulaOptions{Now: today})
		require.ErrorIs(t, err, fusion.ErrConfig, text)
		assert.ErrorContains(t, err, says, text)
	}
}

func TestListsOfASpecificationNestAsDeepAsCalls(t *testing.T) {
	t.Parallel()
	nested := func(n int) error {
		_, err := fusion.Parse("rrf(w=" + strings.Repeat("[", n) + "1" + strings.Repeat("]", n) + ")")
		require.ErrorIs(t, err, fusion.ErrConfig)
		return err
	}
	assert.ErrorContains(t, nested(7), "a list is not a finite number", "as deep as can be read")
	assert.ErrorContains(t, nested(8), "nested deeper than 8")
}

func TestMissingRanksAddTheirReciprocals(t *testing.T) {
	t.Parallel()
	lists := []fusion.NamedList{{Names: []string{"a", "b"}}, {Names: []string{"a"}}, {}}
	for spec, b := range map[string]float64{
		"rrf":                    1. / 62,
		"rrf(missing=rankafter)": 1./62 + 1./62, // the second place of one; an empty list has no end
		"rrf(missing=rank(1))":   1./62 + 2./61,
		"rrf(missing=rank(9))":   1./62 + 2./69,
	} {
		m, err := fusion.Parse(spec)
		require.NoError(t, err)
		got, err := fusion.FuseNamed(m, [][]fusion.NamedList{lists}, 0)
		require.NoError(t, err)
		for _, h := range got[0] {
			if h.Name == "b" {
				assert.InDelta(t, b, h.Score, 1e-15, spec)
			}
		}
	}
}

func TestOnlySumsOfRawScoresAreLinear(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]bool{
		"combsum(norm=none)": true, "wsum(norm=none)": true, "combmax(norm=none)": false, "combmin(norm=none)": false, "combmed(norm=none)": false,
		"combsum(norm=minmax)": false, "wsum(norms=[none, minmax])": true, "wsum(norms=[minmax, minmax])": false, "milvus-weighted": false,
		`elastic-linear(norm="none")`: false, "redis-linear": true,
	} {
		m, err := fusion.Parse(spec)
		require.NoError(t, err, spec)
		assert.Equal(t, want, m.Describe().Facts.Linear, spec)
	}
}

func TestCalibrationsHaveTheValuesOfTheirFormulas(t *testing.T) {
	t.Parallel()
	sigma := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	for name, test := range map[string]struct {
		c     fusion.Calibration
		score float64
		want  float64
	}{
		"platt is 1/(1+exp(a·s+b))":               {fusion.Calibration{Method: "platt", Params: []float64{-2, .5}}, 3, sigma(5.5)},
		"temperature divides the logit":           {fusion.Calibration{Method: "temperature", Params: []float64{2}}, 4, sigma(2)},
		"beta weighs the logs of p and 1-p":       {fusion.Calibration{Method: "beta", Params: []float64{2, 3, .25}}, .8, sigma(2*math.Log(.8) - 3*math.Log(.2) + .25)},
		"isotonic takes the step below":           {fusion.Calibration{Method: "isotonic", X: []float64{1, 2}, Y: []float64{.25, .75}}, 2, .75},
		"beta keeps away from the infinite logit": {fusion.Calibration{Method: "beta", Params: []float64{1, 1, 0}}, 1, 1 - 1e-12},
	} {
		assert.InDelta(t, test.want, test.c.Probability(test.score), 1e-15, name)
	}
}

func TestAWorkspaceForgetsTheMethodBefore(t *testing.T) {
	t.Parallel()
	var w fusion.Workspace
	for range 2 {
		for _, m := range everyMethod(t) {
			inputs := long(t, 2, 12, scaleFor(m))
			got, gotErr := w.Fuse(nil, m, task(inputs, 0))
			want, wantErr := new(fusion.Workspace).Fuse(nil, m, task(inputs, 0))
			require.Equal(t, wantErr, gotErr, m.String())
			require.Equal(t, want, got, m.String())
		}
	}
	inputs := long(t, 2, 12, pipeline.Probability)
	for range 3 {
		got, err := w.Fuse(nil, fusion.RRF{ToOne: true}, task(inputs[:1], 1))
		require.NoError(t, err)
		assert.Equal(t, 1., got[0].Score, "the first of one list has the best possible score")
	}
}

func TestLogOddsTakesOpenIntervals(t *testing.T) {
	t.Parallel()
	for says, m := range map[string]fusion.LogOdds{
		"prior 1 ":   {Prior: 1},
		"prior -0.1": {Prior: -.1},
		"prior 0 ":   {Prior: fusion.Zero},
		"prior NaN":  {Prior: math.NaN()},
		"clip 0.5 ":  {Clip: .5},
		"clip -1 ":   {Clip: -1},
		"clip 0 ":    {Clip: fusion.Zero},
	} {
		err := m.Describe().Err
		require.ErrorIs(t, err, fusion.ErrConfig, says)
		assert.ErrorContains(t, err, says)
		assert.ErrorContains(t, err, "must lie in (0, 1)")
	}
	for _, m := range []fusion.LogOdds{{}, {Prior: .999}, {Prior: .001}, {Clip: .499}, {Clip: 1e-300}} {
		assert.NoError(t, m.Describe().Err, m.String())
	}
	_, err := fusion.Parse("logodds(prior=0)")
	require.ErrorIs(t, err, fusion.ErrConfig)
	p := ranking(t, "p", pipeline.Probability, "x", .8, "y", 1.)
	got, err := fusion.LogOdds{Prior: .2, Clip: .1}.Fuse([]pipeline.Ranking{p})
	require.NoError(t, err)
	assert.InDelta(t, math.Log(4)-math.Log(.25), scores(got)["x"], 1e-12)
	assert.InDelta(t, math.Log(9)-math.Log(.25), scores(got)["y"], 1e-12, "clipped to 0.9")
}

func TestDistributionsAreFittedByMoments(t *testing.T) {
	t.Parallel()
	at := func(n fusion.Normaliser, score float64) float64 {
		m, err := n.Fit(fusion.List{IDs: make([]uint32, 2), Scores: []float64{3, 1}}) // mean 2, deviation 1
		require.NoError(t, err)
		return m.At(1, score)
	}
	const euler = 0.5772156649015329
	beta := math.Sqrt(6) / math.Pi
	for name, pair := range map[string][2]float64{
		"logistic, given":        {at(fusion.Logistic{Location: 2, Scale: 3}, 5), 1 / (1 + math.Exp(-1))},
		"logistic, of scale 1":   {at(fusion.Logistic{Location: 5, Scale: 1}, 5), .5},
		"logistic, fitted":       {at(fusion.Logistic{}, 3), 1 / (1 + math.Exp(-math.Pi/math.Sqrt(3)))},
		"gumbel, given":          {at(fusion.Gumbel{Location: 2, Scale: 3}, 5), math.Exp(-math.Exp(-1))},
		"gumbel, of scale 1":     {at(fusion.Gumbel{Location: 5, Scale: 1}, 5), math.Exp(-1)},
		"gumbel, fitted":         {at(fusion.Gumbel{}, 3), math.Exp(-math.Exp(-(3 - 2 + euler*beta) / beta))},
		"normal, given":          {at(fusion.Normal{Location: 2, Scale: 3}, 5), .8413447460685429},
		"normal, of scale 1":     {at(fusion.Normal{Location: 5, Scale: 1}, 5), .5},
		"normal, fitted":         {at(fusion.Normal{}, 3), .8413447460685429},
		"logistic of the middle": {at(fusion.Logistic{}, 2), .5},
	} {
		assert.InDelta(t, pair[1], pair[0], 1e-9, name)
	}
}

// The golden numbers come from the same hundred steps written anew in Python.
func TestTheMixtureHasTheValuesOfItsSteps(t *testing.T) {
	t.Parallel()
	in := []float64{9, 8, 7.5, 5, 4, 3.5, 3, 2, 1.5, 1, .5, 0}
	want := []float64{.9122899679508413, .9122899679508413, .8305062433884918, 6.190947784390919e-06, 2.770393053102559e-10}
	for _, shift := range []float64{0, 100, -4} {
		for _, stretch := range []float64{1, 1. / 16, 32} {
			l := fusion.List{IDs: make([]uint32, len(in)), Scores: make([]float64, len(in))}
			for i, s := range in {
				l.Scores[i] = stretch*s + shift
			}
			m, err := fusion.Mixture{}.Fit(l)
			require.NoError(t, err)
			for i, p := range want {
				assert.InDelta(t, p, m.At(i+1, l.Scores[i]), 1e-9, "score %v times %v plus %v", in[i], stretch, shift)
			}
		}
	}
}

func TestBoundsOfZeroAreThoseOfTheScale(t *testing.T) {
	t.Parallel()
	at := func(n fusion.BoundedMinMax, scale pipeline.Scale, score float64) float64 {
		m, err := n.Fit(fusion.List{IDs: make([]uint32, 1), Scores: []float64{score}, Scale: scale})
		require.NoError(t, err)
		return m.At(1, score)
	}
	assert.Equal(t, .75, at(fusion.BoundedMinMax{}, pipeline.Cosine, .5), "cosines lie in [-1, 1]")
	assert.Equal(t, .5, at(fusion.BoundedMinMax{}, pipeline.Probability, .5))
	assert.Equal(t, .5, at(fusion.BoundedMinMax{High: 1}, pipeline.Cosine, .5))
	assert.Equal(t, .25, at(fusion.BoundedMinMax{High: 2}, pipeline.Cosine, .5))
	assert.Equal(t, .5, at(fusion.BoundedMinMax{Low: -1}, pipeline.Cosine, -.5))
	assert.Equal(t, .25, at(fusion.BoundedMinMax{Low: -2}, pipeline.Unknown, -1.5))
}

func TestListsThatAreCleanedReuseTheirMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates of its own")
	}
	m := fusion.RRF{Options: fusion.Options{NonFinite: fusion.NonFiniteDrop, Duplicates: fusion.DuplicatesFirst}}
	one := task(legs(t, 1, 2000), 1)
	var w fusion.Workspace
	fused := make([]fusion.Scored, 0, 8)
	used := testing.AllocsPerRun(5, func() { fused, _ = w.Fuse(fused[:0], m, one) })
	fresh := testing.AllocsPerRun(5, func() { var w fusion.Workspace; fused, _ = w.Fuse(fused[:0], m, one) })
	assert.Less(t, used, fresh-20, "two slices that grow to 2000 take a dozen pieces each")
}

func TestNormalisersSayWhatHoldsOfTheirScores(t *testing.T) {
	t.Parallel()
	type facts struct{ alone, capped, centred bool }
	for spec, want := range map[string]facts{
		"none": {alone: true}, "auto": {capped: true}, "minmax": {capped: true}, "minmax(degenerate=keep)": {}, "tm2": {capped: true}, "tm2(degenerate=keep)": {},
		"bounded(high=1)": {alone: true, capped: true}, "centred": {capped: true}, "centred(nooffset=true)": {capped: true, centred: true},
		"gumbel": {capped: true}, "gumbel(scale=1)": {alone: true, capped: true}, "logistic": {capped: true}, "normal": {capped: true}, "normal(scale=1)": {alone: true, capped: true},
		"mixture": {capped: true}, "rank": {capped: true}, "max": {capped: true}, "sum": {capped: true}, "sum(plain=true)": {}, "sum(degenerate=keep)": {},
		"sigmoid": {alone: true, capped: true}, "softmax": {capped: true}, "arctan": {alone: true, capped: true}, "exptail": {alone: true}, "log1p": {alone: true}, "boxcox": {alone: true},
		"zscore": {centred: true}, "robust": {centred: true}, "quantile": {capped: true},
	} {
		n, err := fusion.ParseNormaliser(spec)
		require.NoError(t, err, spec)
		a, isAlone := n.(fusion.SelfContained)
		u, isCapped := n.(fusion.UnitCapped)
		c, isCentred := n.(interface{ CentredOnZero() bool })
		got := facts{isAlone && a.OwnScoreAlone(), isCapped && u.EndsAtOne(), isCentred && c.CentredOnZero()}
		assert.Equal(t, want, got, spec)
	}
}

func TestConstantsAreRefusedBeforeTheFirstQuery(t *testing.T) {
	t.Parallel()
	for says, m := range map[string]fusion.Method{
		"temperature is -1": fusion.SoftmaxRRF{Temperatures: []float64{1, -1}},
		"k is -1":           fusion.SoftmaxRRF{K: -1},
		"beta is -1":        fusion.SmoothRRF{Beta: -1},
		"k is -2":           fusion.SmoothRRF{K: -2},
	} {
		assert.ErrorContains(t, m.Describe().Err, says)
	}
	for _, k := range []float64{0, .5, 1.5, 9999.5, 10001} {
		assert.ErrorContains(t, fusion.OpenSearchRRF(k).Describe().Err, "opensearch takes whole k from 1 to 10000", "%v", k)
	}
	for _, m := range []fusion.Method{fusion.OpenSearchRRF(1), fusion.OpenSearchRRF(2), fusion.OpenSearchRRF(10000), fusion.ElasticRRF(1), fusion.QdrantRRF(1), fusion.OpenSearchRRF(60, .5, .5), fusion.OpenSearchRRF(60, .5, .495)} {
		assert.NoError(t, m.Describe().Err, m.String())
	}
	for _, m := range []fusion.Method{fusion.ElasticRRF(.5), fusion.QdrantRRF(.5), fusion.OpenSearchRRF(60, .5, .4), fusion.OpenSearchRRF(60, .5, .6)} {
		assert.ErrorIs(t, m.Describe().Err, fusion.ErrConfig, m.String())
	}
}

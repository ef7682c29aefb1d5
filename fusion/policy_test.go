package fusion_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
)

func TestMissingDocumentsFollowTheNamedPolicy(t *testing.T) {
	t.Parallel()
	inputs := []pipeline.Ranking{
		ranking(t, "a", pipeline.BM25, "x", 10., "y", 6., "z", 2.),
		ranking(t, "b", pipeline.BM25, "y", 8., "w", 4.),
	}
	raw, tm2 := fusion.None{}, fusion.TheoreticalMinMax{}
	half := []float64{.5, .5}
	tests := map[string]struct {
		method fusion.Method
		want   map[string]float64
	}{
		"zero adds nothing": {fusion.WSUM{Norm: raw, Missing: fusion.MissingZero},
			map[string]float64{"x": 10, "y": 14, "z": 2, "w": 4}},
		"the list's minimum is added": {fusion.WSUM{Norm: raw, Missing: fusion.MissingListMin},
			map[string]float64{"x": 14, "y": 14, "z": 6, "w": 6}},
		"the theoretical minimum is that of the scale": {fusion.WSUM{Norm: fusion.MinMax{}, Missing: fusion.MissingTheoreticalMin},
			map[string]float64{"x": 1 + (0.-4)/4, "y": .5 + 1, "z": 0 + (0.-4)/4, "w": (0.-2)/8 + 0}},
		"an ignored list takes its weight along": {fusion.Convex{Weights: half, Norm: tm2, Missing: fusion.MissingIgnore},
			map[string]float64{"x": 1, "y": .5*.6 + .5*1, "z": .2, "w": .5}},
		"drop keeps what all lists hold": {fusion.WSUM{Norm: raw, Missing: fusion.MissingDrop},
			map[string]float64{"y": 14}},
		"z-scores take the list's minimum by default": {fusion.CombSUM{Norm: fusion.ZScore{}},
			map[string]float64{"x": math.Sqrt(1.5) - 1, "y": 0 + 1, "z": -math.Sqrt(1.5) - 1, "w": -math.Sqrt(1.5) - 1}},
		"a rank after the end": {fusion.RRF{Missing: fusion.MissingRankAfter},
			map[string]float64{"x": 1./61 + 1./63, "y": 1./62 + 1./61, "z": 1./63 + 1./63, "w": 1./64 + 1./62}},
		"a given rank": {fusion.RRF{Missing: fusion.MissingRank(100)},
			map[string]float64{"x": 1./61 + 1./160, "y": 1./62 + 1./61, "z": 1./63 + 1./160, "w": 1./160 + 1./62}},
		"drop for ranks": {fusion.RRF{Missing: fusion.MissingDrop}, map[string]float64{"y": 1./62 + 1./61}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := test.method.Fuse(inputs)
			require.NoError(t, err)
			assert.InDeltaMapValues(t, test.want, scores(got), 1e-15)
			require.Len(t, got.Hits, len(test.want))
			assertMarksAddUp(t, got)
		})
	}
}

func TestImputedScoresFollowTheDocumentsThatBothListsHold(t *testing.T) {
	t.Parallel()
	inputs := []pipeline.Ranking{
		ranking(t, "a", pipeline.Unknown, "p", 4., "q", 3., "m", 2.5, "r", 2., "n", 0.),
		ranking(t, "b", pipeline.Unknown, "p", 1., "q", .8, "r", .2),
	}
	got, err := fusion.WSUM{Norm: fusion.None{}, Missing: fusion.MissingImpute}.Fuse(inputs)
	require.NoError(t, err)
	assertMarksAddUp(t, got)
	want := scores(got)
	assert.InDelta(t, 2.5+.5, want["m"], 1e-15, "half way between q and r")
	assert.InDelta(t, 0+.2, want["n"], 1e-15, "below everything that both hold")
	for _, h := range got.Hits {
		d := h.Newest().Derivation()
		require.Len(t, d.Terms, 2)
		assert.Equal(t, h.Document.ID == "m" || h.Document.ID == "n", d.Terms[1].Imputed)
	}
}

func TestListsWithoutSpreadFollowTheNamedPolicy(t *testing.T) {
	t.Parallel()
	flat := fusion.List{IDs: []uint32{0, 1}, Scores: []float64{3, 3}, Scale: pipeline.Unknown}
	tests := map[string]float64{
		"minmax": 1, "minmax(degenerate=half)": .5, "minmax(degenerate=zero)": 0, "minmax(degenerate=keep)": 3,
		"minmax(clamp=1e-09)": 0, "zscore": 0, "threesigma": .5, "centred(degenerate=half)": .5, "sum": 1, "robust": 0,
		"quantile": 1, "mixture": .5, "gumbel": .5,
	}
	for spec, want := range tests {
		n, err := fusion.ParseNormaliser(spec)
		require.NoError(t, err)
		m, err := n.Fit(flat)
		require.NoError(t, err)
		assert.Equal(t, want, m.At(1, 3), spec)
	}
}

func TestScoresOfUnlikeScalesAreNotAdded(t *testing.T) {
	t.Parallel()
	inputs := []pipeline.Ranking{
		ranking(t, "lexical", pipeline.BM25, "a", 12., "b", 8.),
		ranking(t, "dense", pipeline.Cosine, "b", .8, "a", .1),
	}
	_, err := fusion.CombSUM{Norm: fusion.None{}}.Fuse(inputs)
	require.ErrorIs(t, err, fusion.ErrInput)
	assert.EqualError(t, err, "fusion: combsum: unusable input: list 1 has scale BM25 and list 2 has cosine: name a normaliser, or fuse ranks")
	for _, m := range []fusion.Method{fusion.CombSUM{}, fusion.RRF{}, fusion.CombSUM{Norm: fusion.MinMax{}}} {
		_, err := m.Fuse(inputs)
		assert.NoError(t, err)
	}
	assert.True(t, fusion.CombSUM{Norm: fusion.None{}}.Describe().Facts.Linear)
	assert.False(t, fusion.CombSUM{}.Describe().Facts.Linear)
	_, err = fusion.CombSUM{Norm: fusion.Sigmoid{}}.Fuse(inputs)
	require.ErrorIs(t, err, fusion.ErrInput)
	assert.ErrorContains(t, err, "list 1: unusable input: a sigmoid takes logits and the list has scale BM25")
}

func TestScoresThatAreNotFiniteAreRefusedDroppedOrClamped(t *testing.T) {
	t.Parallel()
	lists := [][]fusion.NamedList{{
		{Names: []string{"a", "b"}, Scores: []float64{2, 1}},
		{Names: []string{"c", "d", "a", "e"}, Scores: []float64{math.Inf(1), 3, math.NaN(), math.Inf(-1)}},
	}}
	fuse := func(o fusion.Options) (map[string]float64, error) {
		out, err := fusion.FuseNamed(fusion.WSUM{Norm: fusion.None{}, Options: o}, lists, 0)
		got := map[string]float64{}
		for _, rows := range out {
			for _, s := range rows {
				got[s.Name] = s.Score
			}
		}
		return got, err
	}
	_, err := fuse(fusion.Options{})
	require.ErrorIs(t, err, fusion.ErrInput)
	assert.ErrorContains(t, err, `list 2: document "c" at rank 1 has score +Inf`)
	got, err := fuse(fusion.Options{NonFinite: fusion.NonFiniteDrop})
	require.NoError(t, err)
	assert.Equal(t, map[string]float64{"a": 2, "b": 1, "d": 3}, got)
	got, err = fuse(fusion.Options{NonFinite: fusion.NonFiniteClamp})
	require.NoError(t, err)
	assert.Equal(t, map[string]float64{"a": 2 + 3, "b": 1, "c": 3, "d": 3, "e": 3}, got)
}

func TestADocumentTwiceInAListIsRefusedOrKeptOnce(t *testing.T) {
	t.Parallel()
	lists := [][]fusion.NamedList{{{Names: []string{"a", "b", "a", "c"}, Scores: []float64{1, 2, 5, 1}}}}
	_, err := fusion.FuseNamed(fusion.RRF{}, lists, 0)
	require.ErrorIs(t, err, fusion.ErrInput)
	assert.ErrorContains(t, err, `list 1 holds document "a" twice`)
	for policy, want := range map[fusion.Duplicates][]fusion.NamedScore{
		fusion.DuplicatesFirst: {{Name: "a", Score: 1. / 61}, {Name: "b", Score: 1. / 62}, {Name: "c", Score: 1. / 63}},
		fusion.DuplicatesBest:  {{Name: "b", Score: 1. / 61}, {Name: "a", Score: 1. / 62}, {Name: "c", Score: 1. / 63}},
	} {
		got, err := fusion.FuseNamed(fusion.RRF{Options: fusion.Options{Duplicates: policy}}, lists, 0)
		require.NoError(t, err)
		assert.Equal(t, want, got[0], policy.String())
	}
}

func TestUnscoredHitsKeepTheirRankAndAreFlagged(t *testing.T) {
	t.Parallel()
	reranked := ranking(t, "rerank", pipeline.Probability, "a", .9, "b", .4)
	unscored := reranked.Hits[1].Marked(pipeline.Mark{Stage: "rerank", Rank: 2, Score: .4, Scale: pipeline.Probability, Status: pipeline.Imputed, Reason: pipeline.ReasonDeadline})
	reranked = reranked.Derive([]pipeline.Hit{reranked.Hits[0], unscored})
	for _, m := range []fusion.Method{fusion.RRF{}, fusion.Convex{}} {
		got, err := m.Fuse([]pipeline.Ranking{reranked})
		require.NoError(t, err)
		assert.Equal(t, []string{"a", "b"}, got.IDs())
		assert.True(t, got.Hits[0].Judged())
		assert.False(t, got.Hits[1].Judged(), "nobody judged b")
		mark := got.Hits[1].Newest()
		assert.Equal(t, pipeline.ReasonDeadline, mark.Reason)
		assert.True(t, mark.Derivation().Terms[0].Imputed)
		assert.Equal(t, 2, mark.Derivation().Terms[0].Rank)
	}
	got, err := fusion.RRF{}.Fuse([]pipeline.Ranking{ranking(t, "bm25", pipeline.BM25, "b", 3.), reranked})
	require.NoError(t, err)
	assert.True(t, got.Hits[0].Judged(), "the lexical score is real")
}

func TestMarksOfAllListsAreKeptOnce(t *testing.T) {
	t.Parallel()
	kept := ranking(t, "bm25", pipeline.BM25, "a", 3., "b", 2.)
	var hits []pipeline.Hit
	for i, h := range []pipeline.Hit{kept.Hits[1], kept.Hits[0]} {
		hits = append(hits, h.Marked(pipeline.Mark{Stage: "rerank", Rank: i + 1, Score: .9 - .5*float64(i), Scale: pipeline.Probability}))
	}
	got, err := fusion.RRF{}.Fuse([]pipeline.Ranking{kept, {Hits: hits, Scale: pipeline.Probability}})
	require.NoError(t, err)
	var stages []string
	for _, m := range got.Hits[0].Marks() {
		stages = append(stages, m.Stage)
	}
	assert.Equal(t, []string{"bm25", "rerank", "rrf"}, stages)
	terms := got.Hits[0].Marks()[2].Derivation().Terms
	assert.Equal(t, "bm25", terms[0].Source)
	assert.Equal(t, "rerank", terms[1].Source)
}

func TestMistakesInTheConfigurationAreNamed(t *testing.T) {
	t.Parallel()
	two := []pipeline.Ranking{ranking(t, "a", pipeline.Unknown, "x", 2., "y", 1.), ranking(t, "b", pipeline.Unknown, "x", 1.)}
	tests := map[string]struct {
		method fusion.Method
		says   string
		early  bool // known before the first query
	}{
		"too few weights":                 {fusion.RRF{Weights: []float64{1}}, "1 weights for 2 lists", false},
		"a negative weight":               {fusion.WSUM{Weights: []float64{1, -1}}, "weight 2 is -1", true},
		"no positive weight":              {fusion.RRF{Weights: []float64{0, 0}}, "no weight is positive", true},
		"an empty list of weights":        {fusion.RRF{Weights: []float64{}}, "no weight is positive", true},
		"a weight that is not a number":   {fusion.RRF{Weights: []float64{1, math.NaN()}}, "weight 2 is NaN", true},
		"convex weights that miss 1":      {fusion.Convex{Weights: []float64{1, 1}}, "add up to 2 and not to 1: use WSUM", true},
		"a negative k":                    {fusion.RRF{K: -1}, "k is -1", true},
		"a score policy for ranks":        {fusion.RRF{Missing: fusion.MissingListMin}, "missing=listmin gives a score and the method takes ranks", true},
		"a rank policy for scores":        {fusion.CombSUM{Missing: fusion.MissingRankAfter}, "missing=rankafter gives a rank", true},
		"a negative window":               {fusion.RRF{Options: fusion.Options{Window: -1}}, "window -1 is negative", true},
		"imputing for a maximum":          {fusion.CombMAX{Missing: fusion.MissingImpute}, "missing=impute works for sums only", true},
		"too few normalisers":             {fusion.CombSUM{Norms: []fusion.Normaliser{fusion.MinMax{}}}, "1 normalisers for 2 lists", false},
		"phi outside its range":           {fusion.RBC{Phi: 1}, "phi is 1", true},
		"nothing learnt":                  {fusion.PosFuse{}, "nothing has been learnt yet", true},
		"learnt for other lists":          {fusion.MAPFuse{MAP: []float64{.3}}, "trained for 1 lists and given 2", false},
		"an unknown engine":               {fusion.EngineRRF{Engine: "qdrent"}, `no engine "qdrent"; did you mean "qdrant"?`, true},
		"weights that an engine lacks":    {fusion.EngineRRF{Engine: "eino", Weights: []float64{1, 2}}, "eino knows no weights", true},
		"a normaliser that engines lack":  {fusion.ElasticLinear("min_max"), `norm "min_max" is none of ["none" "minmax" "l2_norm"]; did you mean "minmax"?`, true},
		"no lowest score on that scale":   {fusion.CombSUM{Norm: fusion.TheoreticalMinMax{}}, "scale unknown has no lowest score", false},
		"two compensations":               {fusion.CombMAX{Options: fusion.Options{Compensated: true}}, "does not add", true},
		"a policy that does not exist":    {fusion.RRF{Missing: fusion.Missing(-3)}, "invalid value", true},
		"a normaliser that does not fit":  {fusion.LogOdds{Norm: fusion.TheoreticalMinMax{}}, "scale unknown has no lowest score", false},
		"logits wanted and BM25 given":    {fusion.LogOdds{}, "neither a logit nor a probability", false},
		"an engine with a missing policy": {fusion.EngineRRF{Engine: "qdrant", Missing: fusion.MissingRank(3)}, "knows no missing=rank(3)", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := test.method.Fuse(two)
			require.Error(t, err)
			assert.ErrorContains(t, err, test.says)
			assert.True(t, errors.Is(err, fusion.ErrConfig) || errors.Is(err, fusion.ErrInput))
			if test.early {
				assert.ErrorContains(t, test.method.Describe().Err, test.says)
			} else {
				assert.NoError(t, test.method.Describe().Err)
			}
		})
	}
	_, err := fusion.RRF{}.Fuse(nil)
	assert.ErrorContains(t, err, "fusion: rrf: unusable input: no lists")
}

func TestEmptyListsCountAsListsThatHoldNothing(t *testing.T) {
	t.Parallel()
	full := ranking(t, "a", pipeline.BM25, "x", 2., "y", 1.)
	empty := pipeline.Ranking{Hits: []pipeline.Hit{}, Scale: pipeline.Unknown}
	for _, m := range everyMethod(t) {
		if scaleFor(m) != pipeline.Probability || m.Describe().Name == "log-odds" || m.Describe().Name == "tm2c2" {
			continue
		}
		got, err := m.Fuse([]pipeline.Ranking{full, empty})
		require.NoError(t, err, m.String())
		if m.Describe().Name != "chroma-rrf" {
			assert.ElementsMatch(t, []string{"x", "y"}, got.IDs(), m.String())
		}
		none, err := m.Fuse([]pipeline.Ranking{empty, empty})
		require.NoError(t, err, m.String())
		assert.NotNil(t, none.Hits)
		assert.Empty(t, none.Hits)
	}
}

func TestGapsOfTheInputsAreKept(t *testing.T) {
	t.Parallel()
	a := ranking(t, "a", pipeline.Unknown, "x", 2.).WithGaps(pipeline.Gap{Stage: "b", Reason: pipeline.ReasonDeadline})
	got, err := fusion.RRF{}.Fuse([]pipeline.Ranking{a, {}})
	require.NoError(t, err)
	assert.True(t, got.Degraded())
}

func TestFixedRangeMeansThatOtherDocumentsDoNotMatter(t *testing.T) {
	t.Parallel()
	w := []float64{.5, .5}
	for spec, want := range map[string]bool{
		"none": true, "bounded(high=1)": true, "sigmoid": true, "arctan": true, "logistic(scale=2)": true,
		"minmax": false, "tm2": false, "zscore": false, "rank": false, "auto": false, "logistic": false,
	} {
		n, err := fusion.ParseNormaliser(spec)
		require.NoError(t, err)
		assert.Equal(t, want, fusion.Convex{Weights: w, Norm: n}.FixedRange(), spec)
	}
	mixed := fusion.WSUM{Norms: []fusion.Normaliser{fusion.MinMax{}, fusion.None{}}}
	assert.False(t, mixed.FixedRange())
	assert.False(t, mixed.FixedList(0))
	assert.True(t, mixed.FixedList(1))
	assert.False(t, mixed.FixedList(2))
	mixed.Missing = fusion.MissingListMin
	assert.False(t, mixed.FixedList(1), "the minimum depends on the others")
	falling := fusion.Calibration{Method: "platt", Params: []float64{2, 0}}
	assert.False(t, fusion.CombSUM{Norm: falling}.FixedRange())
	falling.Params[0] = -2
	assert.True(t, fusion.CombSUM{Norm: falling}.FixedRange())
}

func TestFactsStateTheReachableMaximum(t *testing.T) {
	t.Parallel()
	assert.Equal(t, 3./61, fusion.RRF{Weights: []float64{1, 2}}.Describe().Facts.Max)
	assert.Equal(t, 1., fusion.RRF{ToOne: true}.Describe().Facts.Max)
	assert.Zero(t, fusion.RRF{}.Describe().Facts.Max, "the number of lists is not known")
	assert.Equal(t, 1., fusion.Convex{Weights: []float64{.25, .75}}.Describe().Facts.Max)
	assert.Zero(t, fusion.Convex{Norm: fusion.ZScore{}}.Describe().Facts.Max)
	facts := fusion.Convex{}.Describe().Facts
	assert.Equal(t, pipeline.RoleFuse, facts.Role)
	assert.Equal(t, pipeline.Fused, facts.Scale)
}

func TestFillAsksForWhatALegDidNotReturn(t *testing.T) {
	t.Parallel()
	inputs := []pipeline.Ranking{
		ranking(t, "bm25", pipeline.BM25, "a", 9., "b", 5.),
		ranking(t, "dense", pipeline.Cosine, "c", .9, "b", .2),
	}
	before := fmt.Sprintf("%+v", inputs)
	full, err := fusion.Fill(inputs, func(list int, ids []string) ([]float64, error) {
		if list == 0 {
			assert.Equal(t, []string{"c"}, ids)
			return []float64{7}, nil
		}
		assert.Equal(t, []string{"a"}, ids)
		return []float64{math.NaN()}, nil
	})
	require.NoError(t, err)
	assert.Equal(t, before, fmt.Sprintf("%+v", inputs))
	assert.Equal(t, []string{"a", "c", "b"}, full[0].IDs())
	assert.Equal(t, []string{"c", "b"}, full[1].IDs(), "a leg that cannot say leaves the document missing")
	mark, ok := full[0].Hits[1].Mark("fill")
	require.True(t, ok)
	assert.Equal(t, 2, mark.Rank)
	assert.Equal(t, pipeline.BM25, mark.Scale)

	cause := errors.New("no answer")
	_, err = fusion.Fill(inputs, func(int, []string) ([]float64, error) { return nil, cause })
	require.ErrorIs(t, err, cause)
	assert.ErrorContains(t, err, "fusion: fill list 1")
	_, err = fusion.Fill(inputs, func(int, []string) ([]float64, error) { return nil, nil })
	require.ErrorIs(t, err, fusion.ErrInput)
}

func TestImputedScoresAreMeansOfWhatOtherListsPredict(t *testing.T) {
	t.Parallel()
	inputs := []pipeline.Ranking{
		ranking(t, "a", pipeline.Unknown, "p", 4., "q", 2., "m", 2.),
		ranking(t, "b", pipeline.Unknown, "p", 8., "m", 6., "q", 4.),
		ranking(t, "c", pipeline.Unknown, "p", 1., "q", .5),
	}
	got, err := fusion.WSUM{Norm: fusion.None{}, Missing: fusion.MissingImpute}.Fuse(inputs)
	require.NoError(t, err)
	fromA, fromB := .5, .75 // q's 2 gives .5, and 6 lies half way between q's 4 and p's 8
	assert.InDelta(t, 2+6+(fromA+fromB)/2, scores(got)["m"], 1e-15)
	apart := []pipeline.Ranking{ranking(t, "a", pipeline.Unknown, "p", 4., "q", 2.), ranking(t, "b", pipeline.Unknown, "x", 8., "y", 3.)}
	got, err = fusion.WSUM{Norm: fusion.None{}, Missing: fusion.MissingImpute}.Fuse(apart)
	require.NoError(t, err)
	assert.Equal(t, map[string]float64{"p": 4 + 3, "q": 2 + 3, "x": 8 + 2, "y": 3 + 2}, scores(got), "without a common document it is the minimum")
	assertMarksAddUp(t, got)
}

func TestMissingRanksAreNamedFromOne(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]fusion.Missing{
		"rank(1)": fusion.MissingRank(1), "rank(1073741824)": fusion.MissingRank(1 << 30), "default": fusion.MissingDefault, "rankafter": fusion.MissingRankAfter,
	} {
		var m fusion.Missing
		require.NoError(t, m.UnmarshalText([]byte(text)))
		assert.Equal(t, want, m)
		assert.Equal(t, text, m.String())
	}
	for _, text := range []string{"rank(0)", "rank(-1)", "rank(1073741825)", "rank(x)", "rank", "", "rank(1"} {
		m := fusion.MissingZero
		err := m.UnmarshalText([]byte(text))
		if text == "rank(1" {
			require.NoError(t, err, "the bracket is the reader's to ask for")
			continue
		}
		assert.ErrorIs(t, err, fusion.ErrConfig, text)
	}
	assert.Equal(t, "invalid", fusion.Missing(-1).String())
	var m fusion.Missing
	assert.ErrorContains(t, m.UnmarshalText([]byte("zera")), `did you mean "zero"?`)
}

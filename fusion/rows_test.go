package fusion_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
)

// everyNormaliser returns one usable value of every normaliser, and the variants
// that end elsewhere with a list of one hit.
func everyNormaliser(t testing.TB) []fusion.Normaliser {
	t.Helper()
	specs := []string{"minmax(degenerate=half)", "minmax(degenerate=keep)", "minmax(invert=true)", "centred(nooffset=true)", "sum(plain=true)", "arctan(lexical=true)", "zscore(sample=true)", "bounded(low=-5, high=5)"}
	for _, info := range fusion.Normalisers() {
		if info.Name != "calibration" && info.Name != "boxcox" {
			specs = append(specs, info.Name)
		}
	}
	var out []fusion.Normaliser
	for _, spec := range specs {
		n, err := fusion.ParseNormaliser(spec)
		require.NoError(t, err)
		out = append(out, n)
	}
	return append(out, fusion.Calibration{Method: "platt", Params: []float64{-1, 0}})
}

// P19: with a list of one hit, or of equal scores, no policy gives a document that
// the list does not hold as much as those that it holds.
func TestP19NoPolicyLiftsWhatASilentListDoesNotHold(t *testing.T) {
	t.Parallel()
	policies := []fusion.Missing{fusion.MissingDefault, fusion.MissingZero, fusion.MissingListMin, fusion.MissingTheoreticalMin, fusion.MissingImpute}
	lists := map[string][]any{
		"one hit":             {"lone", .7},
		"two equal hits":      {"lone", .7, "b", .7},
		"one hit, below zero": {"lone", -.7},
	}
	for name, silent := range lists {
		for _, scale := range []pipeline.Scale{pipeline.Probability, pipeline.Logit, pipeline.Cosine} {
			if silent[1].(float64) < 0 && scale == pipeline.Probability {
				continue
			}
			inputs := []pipeline.Ranking{
				ranking(t, "long", scale, "a", .9, "b", .5, "c", .4, "d", .2),
				ranking(t, "silent", scale, silent...),
			}
			for _, n := range everyNormaliser(t) {
				for _, policy := range policies {
					got, err := fusion.WSUM{Norm: n, Missing: policy}.Fuse(inputs)
					if err != nil {
						require.True(t, errors.Is(err, fusion.ErrInput) || errors.Is(err, fusion.ErrConfig), "%v", err)
						continue
					}
					assertSilent(t, got, len(silent)/2, policy == fusion.MissingZero, fmt.Sprintf("%s on %v with %v and %v", name, scale, n, policy))
				}
			}
		}
	}
}

// assertSilent looks at what the second list adds to documents. Raw scores may be
// negative and the policy zero above them, because somebody said so.
func assertSilent(t *testing.T, r pipeline.Ranking, held int, zero bool, what string) {
	t.Helper()
	var in, out []float64
	for _, h := range r.Hits {
		for _, term := range h.Newest().Derivation().Terms {
			switch {
			case term.List == 1 && term.Rank > 0:
				in = append(in, term.Contribution)
			case term.List == 1:
				out = append(out, term.Contribution)
			}
		}
	}
	require.Len(t, in, held, what)
	for _, v := range out {
		if in[0] > 0 {
			assert.Less(t, v, in[0], what)
		}
		if !zero {
			assert.LessOrEqual(t, v, max(in[0], 0), what)
		}
	}
}

func TestP19TheShowcaseKeepsALoneHitOnTop(t *testing.T) {
	t.Parallel()
	inputs := []pipeline.Ranking{
		ranking(t, "lexical", pipeline.BM25, "error 0x8004", 9.),
		ranking(t, "dense", pipeline.Cosine, "x", .8, "y", .7, "error 0x8004", .6, "z", .1),
	}
	for spec, want := range map[string]float64{
		"convex(w=[0.3, 0.7], norm=minmax, missing=listmin)": .3 * 0,
		"convex(w=[0.3, 0.7], norm=minmax, missing=impute)":  .3 * 0,
		"convex(w=[0.3, 0.7], norm=minmax)":                  .3 * 0,
	} {
		m, err := fusion.Parse(spec)
		require.NoError(t, err)
		got, err := m.Fuse(inputs)
		require.NoError(t, err)
		assert.Equal(t, .7+want, scores(got)["x"], spec)
		assertMarksAddUp(t, got)
	}
}

func TestP19EnginesKeepWhatTheyCompute(t *testing.T) {
	t.Parallel()
	inputs := []pipeline.Ranking{ranking(t, "dense", pipeline.Cosine, "a", .8, "b", .7), ranking(t, "sparse", pipeline.BM25, "c", 5.)}
	got, err := fusion.EngineScore{Engine: "pyserini-hybrid"}.Fuse(inputs)
	require.NoError(t, err)
	assert.Equal(t, .8+float64(.1*5), scores(got)["a"])
}

// P1: a rerank of which nothing was scored fuses to what one of which only the last
// of seven was scored fuses to, or less.
func TestP1AnOutageRaisesNoScore(t *testing.T) {
	t.Parallel()
	var hits []pipeline.Hit
	for i := range 7 {
		hits = append(hits, pipeline.Hit{Document: pipeline.Document{ID: fmt.Sprint(i)}, Score: 12 - float64(i)})
	}
	store := pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) {
		return pipeline.NewRanking("store", pipeline.BM25, hits)
	})
	policies := []fusion.Method{
		fusion.Convex{Missing: fusion.MissingIgnore}, fusion.WSUM{Weights: []float64{.2, .8}, Missing: fusion.MissingListMin}, fusion.Convex{Missing: fusion.MissingImpute},
		fusion.RRF{Missing: fusion.MissingRankAfter}, fusion.RRF{Missing: fusion.MissingIgnore, Weights: []float64{1, 4}}, fusion.CombANZ{Norm: fusion.MinMax{}}, fusion.CombSUM{Norm: fusion.ZScore{}},
	}
	for _, m := range append(everyMethod(t), policies...) {
		up := pipeline.Chain(store, pipeline.Blend(m, pipeline.Keep(), partial{scored: 1}))
		down := pipeline.Chain(store, pipeline.Blend(m, pipeline.Keep(), partial{}))
		one, err := up.Retrieve(context.Background(), pipeline.Query{Text: "q"})
		if err != nil {
			require.ErrorIs(t, err, fusion.ErrInput, m.String())
			continue
		}
		none, err := down.Retrieve(context.Background(), pipeline.Query{Text: "q"})
		require.NoError(t, err, m.String())
		if none.Scale != pipeline.Fused {
			continue
		}
		for _, h := range none.Hits {
			assert.False(t, h.Judged(), m.String())
		}
		best, worst := scores(none)["0"], scores(one)["0"]
		if !byDefinition(m) {
			assert.LessOrEqual(t, best, worst+1e-12, "%v: %v", m, scores(none))
		}
	}
}

// byDefinition reports whether leaving a list out raises scores by the definition
// of the method.
func byDefinition(m fusion.Method) bool {
	switch m.(type) {
	case fusion.GeometricMean, fusion.HarmonicMean, fusion.EngineScore:
		return true // they leave out what is not positive, or do what an engine does
	case fusion.LogOdds, fusion.MedianRank:
		return true // no evidence is the prior, and no rank is no rank
	}
	return false
}

// partial is a rerank that scores the first hits only, with little.
type partial struct{ scored int }

func (partial) Describe() pipeline.Node {
	return pipeline.Node{Name: "rerank", Facts: pipeline.Facts{Role: pipeline.RoleRerank, Scale: pipeline.Probability, Tolerates: true}}
}

func (p partial) Apply(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	gap := pipeline.Gap{Stage: "rerank", Reason: pipeline.ReasonDeadline, Err: errors.New("down")}
	if p.scored == 0 {
		return in.WithGaps(gap), nil
	}
	out := make([]pipeline.Hit, len(in.Hits))
	for i, h := range in.Hits {
		m := pipeline.Mark{Stage: "rerank", Rank: i + 1, Score: .02 / float64(i+1), Scale: pipeline.Probability}
		if i >= p.scored {
			m.Status, m.Reason = pipeline.Imputed, pipeline.ReasonDeadline
		}
		out[i] = h.Marked(m)
	}
	r := in.Derive(out).WithGaps(gap)
	r.Scale = pipeline.Probability
	return r, nil
}

// P12: Lint finds a threshold that no hit can reach, for every method whose maximum
// is known.
func TestP12LintKnowsTheMaximumOfRRF(t *testing.T) {
	t.Parallel()
	store := pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) {
		return pipeline.NewRanking("s", pipeline.Cosine, []pipeline.Hit{{Document: pipeline.Document{ID: "a"}, Score: 1}})
	})
	same := pipeline.RewriterFunc(func(_ context.Context, q pipeline.Query) ([]pipeline.Query, error) {
		return []pipeline.Query{q, q}, nil
	})
	rules := func(r pipeline.Retriever) []pipeline.LintRule {
		var out []pipeline.LintRule
		for _, f := range pipeline.Lint(r) {
			out = append(out, f.Rule)
		}
		return out
	}
	chain := func(r pipeline.Retriever, threshold float64) pipeline.Retriever {
		return pipeline.Chain(r, cut.AtLeast(pipeline.Fused, threshold))
	}
	assert.Contains(t, rules(chain(pipeline.Fan(fusion.RRF{}, store, store), .25)), pipeline.LintThresholdMax)
	assert.Contains(t, rules(chain(pipeline.Fan(pipeline.Named("mix", fusion.RRF{}), store, store), .25)), pipeline.LintThresholdMax)
	assert.NotContains(t, rules(chain(pipeline.Fan(fusion.RRF{}, store, store), 2./61)), pipeline.LintThresholdMax)
	assert.NotContains(t, rules(chain(pipeline.Fan(fusion.RRF{K: 1}, store, store), .25)), pipeline.LintThresholdMax)
	assert.NotContains(t, rules(chain(pipeline.Expand(same, fusion.RRF{}, store), .25)), pipeline.LintThresholdMax, "how many queries is not known")
	assert.Contains(t, rules(chain(pipeline.Fan(fusion.Convex{Norm: own{}}, store, store), 1.5)), pipeline.LintThresholdMax, "a user's normaliser")
	assert.Contains(t, rules(pipeline.Chain(store, pipeline.Blend(fusion.RBC{}, pipeline.Keep(), partial{1}), cut.AtLeast(pipeline.Fused, .5))), pipeline.LintThresholdMax)
}

func TestP12NoScoreExceedsTheMaximumThatAMethodStates(t *testing.T) {
	t.Parallel()
	known := 0
	methods := everyMethod(t)
	for _, n := range everyNormaliser(t) {
		methods = append(methods, fusion.CombSUM{Norm: n}, fusion.CombMNZ{Norm: n}, fusion.WMNZ{Norm: n, Weights: []float64{1, 2}}, fusion.Mixed{Norm: n, Weights: []float64{2, 1}},
			fusion.WSUM{Norm: n, Weights: []float64{.5, 2}, Missing: fusion.MissingIgnore}, fusion.CombMAX{Norm: n}, fusion.GeometricMean{Norm: n}, fusion.CombGMNZ{Norm: n, Gamma: .5})
	}
	methods = append(methods, fusion.RRF{Weights: []float64{1, 3}}, fusion.RRF{ToOne: true}, fusion.LogISR{Sigma: .5}, fusion.RRF{Missing: fusion.MissingIgnore, Weights: []float64{1, 3}},
		fusion.SegFuse{Probs: [][]float64{{.9}, {.8, .9}}, Norm: fusion.MinMax{}}, fusion.OpenSearch("min_max", "harmonic_mean"), fusion.MilvusWeighted(.5, .9))
	for _, m := range methods {
		scale := scaleFor(m)
		top := m.Describe().Cap([]pipeline.Scale{scale, scale})
		if top == 0 {
			continue
		}
		known++
		reached := math.Inf(-1)
		for _, inputs := range examples(30, 2, scale) {
			got, err := m.Fuse(inputs)
			if err != nil || len(got.Hits) == 0 {
				continue
			}
			reached = max(reached, got.Hits[0].Score)
		}
		if math.IsInf(reached, -1) {
			continue // takes logits only
		}
		assert.LessOrEqual(t, reached, top*(1+1e-6)+1e-6*math.Abs(top), m.String())
		assert.Greater(t, reached, top-math.Abs(top)*.9-.2, "%s: the stated maximum %v is far off", m, top)
	}
	assert.Greater(t, known, 150)
}

func TestP12EveryMethodWithAKnownMaximumStatesIt(t *testing.T) {
	t.Parallel()
	two := []pipeline.Scale{pipeline.Probability, pipeline.Probability}
	unknown := map[string]bool{ // these count documents, or add numbers without a bound
		"borda": true, "condorcet": true, "copeland": true, "schulze": true, "ranked-pairs": true, "interleave": true, "concatenate": true, "log-odds": true,
		"elastic-linear": true, "qdrant-dbsf": true, "haystack-dbsf": true, "llamaindex-dist": true,
	}
	for _, m := range everyMethod(t) {
		d := m.Describe()
		assert.Equal(t, unknown[d.Name], d.Cap(two) == 0, d.Name)
	}
}

// F7: zero is a setting, not a word for the default, wherever it is an argument.
func TestF7ZeroIsSaid(t *testing.T) {
	t.Parallel()
	keyword := ranking(t, "k", pipeline.BM25, "keyword", 1., "both", .75)
	vector := ranking(t, "v", pipeline.Cosine, "vector", 1., "both", .75)
	inputs := []pipeline.Ranking{keyword, vector}
	first := func(m fusion.Method) string {
		got, err := m.Fuse(inputs)
		require.NoError(t, err, m.String())
		return got.Hits[0].Document.ID
	}
	for alpha, want := range map[float64]string{0: "keyword", 1: "vector"} {
		assert.Equal(t, want, first(fusion.WeaviateRelative(alpha)))
		assert.Equal(t, want, first(fusion.TypesenseRRF(alpha)))
	}
	assert.Equal(t, "weaviate-relative(w=[1, 0])", fusion.WeaviateRelative(0).String())
	assert.Equal(t, "weaviate-relative(w=[0.25, 0.75])", fusion.EngineScore{Engine: "weaviate-relative"}.String())
	assert.Equal(t, "keyword", first(fusion.TM2C2{Alpha: fusion.Zero}))
	assert.Equal(t, "tm2c2(alpha=0)", fusion.TM2C2{Alpha: fusion.Zero}.String())
	got, err := fusion.RRF{K: fusion.Zero}.Fuse(inputs)
	require.NoError(t, err)
	assert.Equal(t, 1., scores(got)["both"])
	for _, m := range []fusion.Method{fusion.QdrantRRF(0), fusion.ElasticRRF(0), fusion.OpenSearchRRF(0)} {
		_, err := m.Fuse(inputs)
		assert.ErrorIs(t, err, fusion.ErrConfig, "%v takes k from 1", m)
	}
	assert.Equal(t, "chroma-rrf(k=0)", fusion.ChromaRRF(0).String())
	for _, spec := range []string{"rrf(k=0)", "tm2c2(alpha=0)", "combgmnz(gamma=0)", "weaviate-relative(w=[1, 0])", "convex(w=[0, 1])", "opensearch-rrf(k=60, w=[0, 1])", "wmnz(w=[0, 1])"} {
		m, err := fusion.Parse(spec)
		require.NoError(t, err)
		again, err := fusion.Parse(m.String())
		require.NoError(t, err)
		assert.Equal(t, m.String(), again.String())
	}
}

func TestF7ASweepOfAlphaIsMonotone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := float64(rapid.IntRange(1, 9).Draw(t, "score")) / 10
		last := -1.0
		for step := range 11 {
			r := func(name, id string, score float64) pipeline.Ranking {
				out, err := pipeline.NewRanking(name, pipeline.Cosine, []pipeline.Hit{
					{Document: pipeline.Document{ID: "top"}, Score: 1}, {Document: pipeline.Document{ID: id}, Score: score}, {Document: pipeline.Document{ID: "end"}, Score: 0},
				})
				require.NoError(t, err)
				return out
			}
			got, err := fusion.WeaviateRelative(float64(step) / 10).Fuse([]pipeline.Ranking{r("k", "other", s), r("v", "vector", s)})
			require.NoError(t, err)
			assert.Greater(t, scores(got)["vector"], last)
			last = scores(got)["vector"]
		}
	})
}

// own is a normaliser from elsewhere.
type own struct{ fusion.MinMax }

func (own) String() string      { return "own" }
func (own) EndsAtOne() bool     { return true }
func (own) OwnScoreAlone() bool { return true }
func (own) CentredOnZero() bool { return true }

func TestANormaliserFromElsewhereQualifiesLikeOurs(t *testing.T) {
	t.Parallel()
	assert.True(t, fusion.Convex{Norm: own{}}.FixedRange())
	assert.Equal(t, 1., fusion.Convex{Weights: []float64{.5, .5}, Norm: own{}}.Describe().Facts.Max)
	inputs := []pipeline.Ranking{ranking(t, "a", pipeline.Unknown, "x", 3., "y", 1.), ranking(t, "b", pipeline.Unknown, "z", 1., "y", .5)}
	got, err := fusion.CombSUM{Norm: own{}}.Fuse(inputs)
	require.NoError(t, err)
	for _, h := range got.Hits {
		assert.Len(t, h.Newest().Derivation().Terms, 2, "the minimum of the list that does not hold it is a term")
	}
	quiet := fusion.Convex{Norm: silentNormaliser{}}
	assert.False(t, quiet.FixedRange())
	assert.Zero(t, quiet.Describe().Facts.Max)
}

// silentNormaliser says nothing of itself.
type silentNormaliser struct{}

func (silentNormaliser) Fit(fusion.List) (fusion.Map, error) { return fusion.Map{}, nil }
func (silentNormaliser) String() string                      { return "silent" }

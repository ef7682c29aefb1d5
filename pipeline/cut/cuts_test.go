package cut_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/pipeline/pipelinetest"
)

func TestTopKEqualsSortThenTruncate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		in := pipelinetest.Rankings(pipeline.BM25).Draw(rt, "input")
		k := rapid.IntRange(1, 30).Draw(rt, "k")
		assert.Equal(rt, in.IDs()[:min(k, len(in.Hits))], ids(t, cut.TopK(k), in))
	})
}

func TestAnAppendToAPrefixDoesNotReachTheHitsBehind(t *testing.T) {
	t.Parallel()
	for _, stage := range []pipeline.Stage{cut.TopK(1), cut.LargestGap{}, cut.Elbow{}, cut.TopP(0.1)} {
		in := ranking(t, pipeline.Logit, 5, 1, 0.9, 0.8)
		out, err := stage.Apply(t.Context(), pipeline.Query{}, in)
		require.NoError(t, err)
		require.Len(t, out.Hits, 1)
		_ = append(out.Hits, pipeline.Hit{Document: pipeline.Document{ID: "x"}})
		assert.Equal(t, []string{"d1", "d2", "d3", "d4"}, in.IDs())
	}
}

// The curves and counts are those of weaviate/weaviate
// entities/autocut/autocut_test.go.
func TestElbowCutsWhereWeaviateDoes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		scores      []float64
		jumps, kept int
	}{
		{[]float64{2, 1.95, 1.9, 0.2, 0.1, 0.1, -1}, 1, 3},
		{[]float64{2, 1.95, 1.9, 0.2, 0.1, 0.1, -2}, 2, 6},
		{[]float64{5, 1, 1, 1, 1, 0, 0}, 1, 1},
		{[]float64{5, 1, 1, 1, 1, 0, 0}, 2, 5},
		{[]float64{0.298, 0.260, 0.169, 0.108, 0.108, 0.104, 0.093}, 1, 3},
		{[]float64{0.5, 0.32, 0.31, 0.30, 0.29, 0.15}, 1, 1},
		{[]float64{0.5, 0.32, 0.31, 0.30, 0.29, 0.15, 0.15, 0.15}, 2, 5},
		{[]float64{1.0, 0.98, 0.95, 0.9, 0.88, 0.87, 0.80, 0.79}, 1, 3},
		{[]float64{1.0, 0.98, 0.95, 0.9, 0.88, 0.87, 0.80, 0.79}, 2, 6},
		{[]float64{1.0, 0.98, 0.95, 0.9, 0.88, 0.87, 0.80, 0.79}, 3, 8},
		{[]float64{0.586835, 0.5450372, 0.34137487, 0.30482167, 0.2753393}, 1, 2},
		{[]float64{0.36663342, 0.33818772, 0.045160502, 0.045160501}, 1, 2},
		{[]float64{1}, 1, 1},
		{[]float64{2, 1}, 1, 2},
		{[]float64{10, 1.1, 1}, 1, 1},
		{[]float64{3, 3, 3, 3}, 1, 4},
		{[]float64{4, 3, 2, 1}, 1, 4},
	} {
		assert.Len(t, ids(t, cut.Elbow{Jumps: c.jumps}, ranking(t, pipeline.Unbounded, c.scores...)), c.kept, "%v", c)
	}
}

func TestLargestGap(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"d1", "d2"}, ids(t, cut.LargestGap{}, ranking(t, pipeline.Logit, 5, 4, 1, 0)))
	assert.Equal(t, []string{"d1"}, ids(t, cut.LargestGap{}, ranking(t, pipeline.Logit, 5, 3, 1)), "the first of equal gaps")
	assert.Len(t, ids(t, cut.LargestGap{Min: 3}, ranking(t, pipeline.Logit, 5, 1, 0.9, 0.5)), 3)
	assert.Len(t, ids(t, cut.LargestGap{}, ranking(t, pipeline.Logit, 1, 1, 1)), 3, "equal scores")
}

// The first case is the usage example of Haystack's TopPSampler.
func TestTopPIsHaystacks(t *testing.T) {
	t.Parallel()
	assert.Len(t, ids(t, cut.TopP(0.95), ranking(t, pipeline.Logit, -4.6, -8.9, -10.6)), 1)
	equal := ranking(t, pipeline.Logit, 2, 2, 2, 2)
	assert.Len(t, ids(t, cut.TopP(0.5), equal), 2, "exactly p passes")
	assert.Len(t, ids(t, cut.TopP(0.4999), equal), 1)
	assert.Len(t, ids(t, cut.TopP(0.75-1e-6), equal), 3, "within the tolerance")
	assert.Len(t, ids(t, cut.TopP(0), equal), 1, "the best always stays")
	assert.Len(t, ids(t, cut.TopP(1), equal), 4)
	assert.Len(t, ids(t, cut.Nucleus{P: 0.1, Min: 3}, equal), 3)
}

func TestProportionalShares(t *testing.T) {
	t.Parallel()
	in := ranking(t, pipeline.BM25, 6, 3, 1)
	assert.Len(t, ids(t, cut.Nucleus{P: 0.9, Proportional: true}, in), 2)
	assert.Len(t, ids(t, cut.Nucleus{P: 0.5, Proportional: true}, ranking(t, pipeline.BM25, 0, 0)), 1)
	_, err := cut.Nucleus{P: 0.5, Proportional: true}.Apply(t.Context(), pipeline.Query{}, ranking(t, pipeline.Logit, 1, -1))
	assert.ErrorContains(t, err, "not negative")
}

func TestAThresholdRefusesAnotherScale(t *testing.T) {
	t.Parallel()
	_, err := cut.AtLeast(pipeline.Probability, 0.5).Apply(t.Context(), pipeline.Query{}, ranking(t, pipeline.Cosine, 0.9))
	require.ErrorIs(t, err, cut.ErrScale)
	assert.ErrorContains(t, err, "meant on probability and the ranking is on cosine")
	assert.Empty(t, ids(t, cut.AtLeast(pipeline.Probability, 0.5), pipeline.Ranking{Scale: pipeline.Cosine}))
	_, err = cut.Threshold{Scale: pipeline.Logit, By: "source"}.Apply(t.Context(), pipeline.Query{}, ranking(t, pipeline.Cosine, 0.9))
	assert.ErrorIs(t, err, cut.ErrScale)
}

func TestUnscoredHitsDoNotPassAThresholdSilently(t *testing.T) {
	t.Parallel()
	in := ranking(t, pipeline.Probability, 0.9, 0.8, 0.2)
	in.Hits[1] = in.Hits[1].Marked(pipeline.Mark{Stage: "model", Rank: 2, Score: 0.8, Scale: pipeline.Probability, Status: pipeline.Imputed, Reason: pipeline.ReasonDeadline})
	out, err := cut.AtLeast(pipeline.Probability, 0.5).Apply(t.Context(), pipeline.Query{}, in)
	require.NoError(t, err)
	assert.Equal(t, []string{"d1"}, out.IDs())
	assert.Equal(t, []pipeline.Gap{{Stage: "at least", Reason: pipeline.ReasonUnscored, IDs: []string{"d2"}}}, out.Gaps)
	out, err = cut.Threshold{Scale: pipeline.Probability, Value: 0.5, Pass: true}.Apply(t.Context(), pipeline.Query{}, in)
	require.NoError(t, err)
	assert.Equal(t, []string{"d1", "d2"}, out.IDs())
	assert.Len(t, out.Gaps, 1)
}

func TestAThresholdOnAnotherStagesMark(t *testing.T) {
	t.Parallel()
	in := ranking(t, pipeline.Fused, 0.03, 0.02, 0.01)
	for i, p := range []float64{0.2, 0.9} {
		in.Hits[i].Trail = in.Hits[i].Trail.With(pipeline.Mark{Stage: "model", Rank: i + 1, Score: p, Scale: pipeline.Probability})
	}
	out, err := cut.Threshold{Scale: pipeline.Probability, Value: 0.5, By: "model"}.Apply(t.Context(), pipeline.Query{}, in)
	require.NoError(t, err)
	assert.Equal(t, []string{"d2"}, out.IDs())
	assert.Equal(t, []string{"d3"}, out.Gaps[0].IDs, "no mark of the stage")
}

func TestTokenBudget(t *testing.T) {
	t.Parallel()
	in := texts(t, "one two", "one two three four five", "one two three", "one")
	assert.Equal(t, []string{"d1"}, ids(t, cut.TokenBudget(countWords, 6), in), "the first that does not fit ends it")
	assert.Equal(t, []string{"d1", "d3", "d4"}, ids(t, cut.Tokens{Count: countWords, Limit: 6, Skip: true}, in))
	assert.Equal(t, []string{"d1", "d2"}, ids(t, cut.TokenBudget(countWords, 7), in), "exactly the budget fits")
	out, err := cut.TokenBudget(countWords, 4).Apply(t.Context(), pipeline.Query{}, texts(t, "a b c d e", "a b"))
	require.NoError(t, err)
	assert.Equal(t, []string{"d2"}, out.IDs())
	assert.Equal(t, []pipeline.Gap{{Stage: "token budget", Reason: pipeline.ReasonTooLong, IDs: []string{"d1"}}}, out.Gaps)
}

func TestMMRPrefersWhatIsNew(t *testing.T) {
	t.Parallel()
	in := texts(t, "red ship harbour", "red ship harbour", "grain tide", "red crane")
	assert.Equal(t, []string{"d1", "d3"}, ids(t, cut.MMR{Limit: 2}, in))
	assert.Equal(t, []string{"d1", "d2", "d3", "d4"}, ids(t, cut.MMR{Lambda: 1}, in), "relevance only")
	assert.Equal(t, []string{"d1", "d3"}, ids(t, cut.MMR{Limit: 2, KeepOrder: true}, in))
	out, err := cut.MMR{Limit: 2}.Apply(t.Context(), pipeline.Query{}, in)
	require.NoError(t, err)
	assert.InDelta(t, 0.5*1, out.Hits[0].Score, 0)
	assert.InDelta(t, 0.5*0.8-0.5*0, out.Hits[1].Score, 0)
	assert.Equal(t, pipeline.Fused, out.Scale)
	_, err = cut.MMR{Similarity: func(_, _ pipeline.Document) float64 { return math.NaN() }}.Apply(t.Context(), pipeline.Query{}, in)
	assert.ErrorContains(t, err, "similarity of documents")
}

func TestMMRKeepsImputedScoresImputed(t *testing.T) {
	t.Parallel()
	in := texts(t, "red ship", "grain tide")
	in.Hits[1] = in.Hits[1].Marked(pipeline.Mark{Stage: "model", Rank: 2, Score: 0.9, Scale: pipeline.Probability, Status: pipeline.Imputed, Reason: pipeline.ReasonTooLong})
	out, err := cut.MMR{}.Apply(t.Context(), pipeline.Query{}, in)
	require.NoError(t, err)
	assert.True(t, out.Hits[0].Judged())
	m, ok := out.Hits[1].Mark("mmr")
	assert.True(t, ok)
	assert.Equal(t, pipeline.Imputed, m.Status)
	assert.Equal(t, pipeline.ReasonTooLong, m.Reason)
	assert.True(t, m.Derivation().Terms[0].Imputed)
}

func TestGroup(t *testing.T) {
	t.Parallel()
	in := ranking(t, pipeline.BM25, 9, 8, 7, 6, 5)
	for i, g := range []any{"x", "x", nil, "y", nil} {
		in.Hits[i].Document.Metadata = map[string]any{"source": g}
	}
	assert.Equal(t, []string{"d1", "d3", "d4", "d5"}, ids(t, cut.Group(1, "source"), in), "without a value each stands alone")
	assert.Equal(t, []string{"d1", "d2", "d3"}, ids(t, cut.Groups{Field: "source", Best: 2, Limit: 2}, in))
	in.Hits[0].Document.Metadata = map[string]any{"source": []string{"a"}}
	_, err := cut.Group(1, "source").Apply(t.Context(), pipeline.Query{}, in)
	assert.ErrorContains(t, err, `document "d1" has a []string`)
}

func TestDedupe(t *testing.T) {
	t.Parallel()
	in := texts(t, "the ship  left the harbour", "the ship left\nthe harbour", "The ship left the harbour!", "", "")
	assert.Equal(t, []string{"d1", "d3", "d4", "d5"}, ids(t, cut.Dedupe{By: cut.SameText}, in), "blank texts are no duplicates")
	assert.Equal(t, []string{"d1", "d4", "d5"}, ids(t, cut.Dedupe{By: cut.SimilarText}, in))
	half := texts(t, "a b c", "a b d")
	assert.Len(t, ids(t, cut.Dedupe{By: cut.SimilarText, Shingle: 1, Threshold: 2.0 / 4}, half), 1, "exactly the threshold is a duplicate")
	raw := pipeline.Ranking{Hits: []pipeline.Hit{{Document: pipeline.Document{ID: "a"}}, {Document: pipeline.Document{ID: "a"}}}}
	assert.Equal(t, []string{"a"}, ids(t, cut.Dedupe{}, raw))
	near := texts(t, "a b c d e f g h i j", "a b c d e f g h i x", "船は港を出た", "船は港を出る")
	assert.Len(t, ids(t, cut.Dedupe{By: cut.SimilarText, Shingle: 1, Threshold: 0.7}, near), 2)
	assert.Len(t, ids(t, cut.Dedupe{By: cut.SimilarText, Shingle: 1, Threshold: 0.95}, near), 4)
}

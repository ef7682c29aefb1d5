package cut_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
)

// apartFrom is the similarity of documents that have nothing in common.
func apartFrom(_, _ pipeline.Document) float64 { return 0 }

func scoredHits(scale pipeline.Scale, scores ...float64) pipeline.Ranking {
	in := pipeline.Ranking{Scale: scale, Hits: []pipeline.Hit{}}
	for i, s := range scores {
		in.Hits = append(in.Hits, pipeline.Hit{Document: pipeline.Document{ID: string(rune('a' + i)), Text: string(rune('a' + i))}, Score: s})
	}
	return in
}

func TestMMRsRelevanceIsTheScoreOrItsPlaceInTheRange(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		scale        pipeline.Scale
		scores, want []float64
	}{
		"a probability as it is":            {pipeline.Probability, []float64{.9, .5, .1}, []float64{.9, .5, .1}},
		"a cosine as it is":                 {pipeline.Cosine, []float64{.9, .5, -.1}, []float64{.9, .5, -.1}},
		"another scale by its range":        {pipeline.BM25, []float64{12, 9, 8}, []float64{1, .25, 0}},
		"equal scores count as 1":           {pipeline.BM25, []float64{3, 3}, []float64{1, 1}},
		"a range that no float64 can hold":  {pipeline.Unbounded, []float64{1.7e308, 0, -1.7e308}, []float64{1, .5, 0}},
		"a range of one hit on a bad scale": {pipeline.Unbounded, []float64{-4}, []float64{1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := cut.MMR{Similarity: apartFrom}.Apply(t.Context(), pipeline.Query{}, scoredHits(test.scale, test.scores...))
			require.NoError(t, err)
			for i, h := range out.Hits {
				term := h.Newest().Derivation().Terms[0]
				assert.Equal(t, test.want[i], term.Normalised)
				assert.Equal(t, test.scores[i], term.Score)
				assert.Equal(t, "input", term.Source, "nobody left a mark")
			}
		})
	}
}

func TestMMRsTermNamesWhoScored(t *testing.T) {
	t.Parallel()
	in, err := pipeline.NewRanking("store", pipeline.BM25, scoredHits(pipeline.BM25, 2, 1).Hits)
	require.NoError(t, err)
	out, err := cut.MMR{Similarity: apartFrom}.Apply(t.Context(), pipeline.Query{}, in)
	require.NoError(t, err)
	for i, h := range out.Hits {
		assert.Equal(t, "store", h.Marks()[1].Derivation().Terms[0].Source)
		assert.Equal(t, i+1, h.Newest().Rank)
	}
}

func TestMMRAsksForNoSimilarityThatDecidesNothing(t *testing.T) {
	t.Parallel()
	asked := map[string]int{}
	count := func(a, b pipeline.Document) float64 { asked[a.ID+b.ID]++; return 0 }
	_, err := cut.MMR{Limit: 2, Similarity: count}.Apply(t.Context(), pipeline.Query{}, scoredHits(pipeline.Probability, .9, .8, .7))
	require.NoError(t, err)
	assert.Equal(t, map[string]int{"ba": 1, "ca": 1}, asked, "after the second hit nothing is to be chosen")
}

func TestMMREndsWithItsContextUnlessThatHadEnded(t *testing.T) {
	t.Parallel()
	in := scoredHits(pipeline.Probability, .9, .8, .7)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	out, err := cut.MMR{Limit: 2, Similarity: apartFrom}.Apply(ended, pipeline.Query{}, in)
	require.NoError(t, err, "the caller wants what is in hand cut")
	assert.Len(t, out.Hits, 2)

	gone := errors.New("gone")
	ctx, give := context.WithCancelCause(t.Context())
	_, err = cut.MMR{Similarity: func(_, _ pipeline.Document) float64 { give(gone); return 0 }}.Apply(ctx, pipeline.Query{}, in)
	require.ErrorIs(t, err, gone)
}

func TestProportionalSharesDoNotOverflow(t *testing.T) {
	t.Parallel()
	for _, unit := range []float64{1, 1e-300, math.MaxFloat64 / 8} {
		in := scoredHits(pipeline.Unbounded, 6*unit, 3*unit, 1*unit)
		assert.Equal(t, []string{"a", "b"}, ids(t, cut.Nucleus{P: .95, Proportional: true}, in), "shares .6, .3, .1 of any unit")
		assert.Equal(t, []string{"a"}, ids(t, cut.Nucleus{P: .65, Proportional: true}, in))
	}
}

func TestMMRsSimilarityIsTheShareOfCommonWords(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		a, b string
		want float64
	}{
		"two of four words":         {"a b c", "a b d", .5},
		"the same words":            {"a b", "b a", 1},
		"the same word":             {"a", "a", 1},
		"all words of the shorter":  {"a b c d e", "a", .2},
		"nothing in common":         {"a", "b", 0},
		"no words at all":           {"", "!", 0},
		"a text without words":      {"a", "", 0},
		"words that differ in case": {"One two", "one Two three", 2. / 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := cut.MMR{}.Apply(t.Context(), pipeline.Query{}, texts(t, test.a, test.b))
			require.NoError(t, err)
			assert.Equal(t, test.want, out.Hits[1].Newest().Derivation().Terms[1].Score)
		})
	}
}

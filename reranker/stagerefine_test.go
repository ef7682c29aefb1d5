package reranker_test

import (
	"context"
	"errors"
	"iter"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// streaming scores as uneven does and hands out one document after the other.
type streaming struct {
	uneven
	fails error
	boom  bool
}

func (s streaming) ScoreStream(ctx context.Context, query string, documents []string) iter.Seq2[reranker.Scores, error] {
	return func(yield func(reranker.Scores, error) bool) {
		if s.fails != nil {
			yield(reranker.Scores{}, s.fails)
			return
		}
		for n := 1; n <= len(documents); n++ {
			scores, err := s.Score(ctx, query, documents)
			for i := n; i < len(documents) && err == nil; i++ {
				scores.Unscored[i] = pipeline.ReasonNotSent
			}
			if !yield(scores, err) || err != nil {
				return
			}
			if s.boom {
				panic(errBoom)
			}
		}
	}
}

var errBoom = errors.New("boom")

func TestRefineGetsBetterAndEndsAsApply(t *testing.T) {
	t.Parallel()
	in := ranked(t, "a", "bb", "ccc", "dddd", "eeeee")
	s := reranker.Stage(streaming{}, reranker.Chat())
	var modes []reranker.Mode
	var coverage []float64
	var end pipeline.Ranking
	for r, err := range s.Refine(t.Context(), pipeline.Query{}, in) {
		require.NoError(t, err)
		require.NoError(t, r.Validate())
		report := reportOf(t, r)
		modes, coverage = append(modes, report.Mode), append(coverage, report.Coverage())
		end = r
	}
	assert.Equal(t, []float64{0, 0.2, 0.4, 0.4, 0.6, 0.8}, coverage)
	assert.Equal(t, reranker.RetrievalOnly, modes[0])
	want, err := s.Apply(t.Context(), pipeline.Query{}, in)
	require.NoError(t, err)
	assert.Equal(t, want.Hits, end.Hits)
	assert.Equal(t, want.Gaps, end.Gaps)
}

func TestRefineEnds(t *testing.T) {
	t.Parallel()
	in := ranked(t, "a", "bb")
	for name, c := range map[string]struct {
		scorer reranker.Scorer
		cause  error
	}{
		"with what is known when the scorer fails": {streaming{fails: errBoom}, errBoom},
		"with the panic of a scorer as a gap":      {streaming{boom: true}, errBoom},
		"when the sequence is empty":               {silent{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var end pipeline.Ranking
			for r, err := range reranker.Stage(c.scorer, reranker.Chat()).Refine(t.Context(), pipeline.Query{}, in) {
				require.NoError(t, err)
				end = r
			}
			assert.Equal(t, reranker.RetrievalOnly, reportOf(t, end).Mode)
			require.Error(t, end.Err())
			if c.cause != nil {
				require.ErrorIs(t, end.Err(), c.cause)
			}
		})
	}
}

type silent struct{ uneven }

func (silent) ScoreStream(context.Context, string, []string) iter.Seq2[reranker.Scores, error] {
	return func(func(reranker.Scores, error) bool) {}
}

func TestRefineStopsWithItsConsumer(t *testing.T) {
	t.Parallel()
	for n := range 3 {
		seen := 0
		for range reranker.Stage(streaming{}, reranker.Chat()).Refine(t.Context(), pipeline.Query{}, ranked(t, "a", "bb", "cc")) {
			if seen++; seen > n {
				break
			}
		}
		assert.Equal(t, n+1, seen)
	}
	for n := range 3 {
		seen := 0
		assert.PanicsWithError(t, "boom", func() {
			for range reranker.Stage(streaming{}, reranker.Chat()).Refine(t.Context(), pipeline.Query{}, ranked(t, "a", "bb", "cc")) {
				if seen++; seen > n {
					panic(errBoom)
				}
			}
		}, "a panic of the consumer is the consumer's")
	}
}

package reranker_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

// giving is a scorer that gives every document the value, except those that it
// leaves out, and keeps what it was asked.
type giving struct {
	value float64
	scale pipeline.Scale
	leave map[string]pipeline.Reason
	err   error
	wait  time.Duration
	model string
	asked [][]string
}

func (g *giving) Describe() pipeline.Node {
	return pipeline.Node{Name: "giving", Facts: pipeline.Facts{Scale: g.scale}, Settings: []pipeline.Setting{{Name: "model", Value: g.model}}}
}

func (g *giving) Score(ctx context.Context, _ string, documents []string) (reranker.Scores, error) {
	g.asked = append(g.asked, documents)
	if g.wait > 0 {
		select {
		case <-time.After(g.wait):
		case <-ctx.Done():
			return reranker.Scores{}, fmt.Errorf("giving: %w", context.Cause(ctx))
		}
	}
	if g.err != nil {
		return reranker.Scores{}, g.err
	}
	s := reranker.Scores{Values: make([]float64, len(documents)), Unscored: make([]pipeline.Reason, len(documents)), Scale: g.scale, Usage: reranker.Usage{Calls: 1, Documents: len(documents), Tokens: 10}, Model: g.model}
	for i, d := range documents {
		if s.Unscored[i] = g.leave[d]; s.Unscored[i] == "" {
			s.Values[i] = g.value
		}
	}
	return s, nil
}

func ExampleFallback() {
	down := reranker.ScorerFunc(func(context.Context, string, []string) (reranker.Scores, error) {
		return reranker.Scores{}, errors.New("connection refused")
	})
	scores, err := reranker.Fallback(down, digits{}).Score(context.Background(), "q", []string{"3", "7"})
	if err != nil {
		panic(err)
	}
	fmt.Println(scores.Values)
	for _, s := range scores.Report.Shares {
		fmt.Println(s.Asked, s.Scored, s.Err)
	}
	// Output:
	// [0.3 0.7]
	// 2 0 connection refused
	// 2 2 <nil>
}

func TestN3FallbackAsksTheNextOnlyForWhatIsMissing(t *testing.T) {
	t.Parallel()
	a := &giving{value: .9, scale: pipeline.Probability, model: "big", leave: map[string]pipeline.Reason{"b": pipeline.ReasonRateLimit, "c": pipeline.ReasonTooLong, " ": pipeline.ReasonBlank}}
	b := &giving{value: .5, scale: pipeline.Probability, model: "small", leave: map[string]pipeline.Reason{"c": pipeline.ReasonServerError}}
	c := &giving{value: .1, scale: pipeline.Probability, model: "tiny"}
	s, err := reranker.Fallback(a, b, c).Score(t.Context(), "q", []string{"a", "b", "c", " "})
	require.NoError(t, err)
	assert.Equal(t, []float64{.9, .5, .1, 0}, s.Values)
	assert.Equal(t, []pipeline.Reason{"", "", "", pipeline.ReasonBlank}, s.Unscored)
	assert.Equal(t, [][]string{{"b", "c"}}, b.asked)
	assert.Equal(t, [][]string{{"c"}}, c.asked)
	assert.Equal(t, "big", s.Model)
	assert.Equal(t, reranker.Usage{Calls: 3, Documents: 7, Tokens: 30}, s.Usage)
	assert.Equal(t, []reranker.Share{{Scorer: "1 big", Asked: 4, Scored: 1}, {Scorer: "2 small", Asked: 2, Scored: 1}, {Scorer: "3 tiny", Asked: 1, Scored: 1}}, s.Report.Shares)
	assert.Equal(t, 3, s.Report.Scored)
	assert.Equal(t, map[pipeline.Reason]int{pipeline.ReasonBlank: 1}, s.Report.Reasons)

	a.leave, b.asked = nil, nil
	s, err = reranker.Fallback(a, b).Score(t.Context(), "q", []string{"a", "b"})
	require.NoError(t, err)
	assert.Nil(t, s.Unscored)
	assert.Empty(t, b.asked, "nobody is asked for nothing")
	assert.Equal(t, reranker.Full, s.Report.Mode)
}

func TestFallbackOfScalesThatDoNotAgree(t *testing.T) {
	t.Parallel()
	p, l := &giving{scale: pipeline.Probability}, &giving{scale: pipeline.Logit}
	for says, f := range map[string]*reranker.Fallbacks{
		"wrap it in Calibrated": reranker.Fallback(p, l), "two scorers": reranker.Fallback(p), "scorer 2 is nil": reranker.Fallback(p, nil),
	} {
		require.ErrorContains(t, f.Describe().Err, says)
		_, err := f.Score(t.Context(), "q", []string{"a"})
		var e *reranker.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, reranker.KindConfig, e.Kind)
	}
	// A scorer that does not declare its scale is found out at its first answer.
	turns := reranker.ScorerFunc(l.Score)
	p.leave = map[string]pipeline.Reason{"b": pipeline.ReasonDeadline}
	s, err := reranker.Fallback(p, turns).Score(t.Context(), "q", []string{"a", "b"})
	require.NoError(t, err)
	assert.False(t, s.Scored(1))
	require.ErrorContains(t, errors.Join(s.Causes...), "on the scale logit")
	s, err = reranker.Fallback(p, reranker.Calibrated(l, half{}, reranker.CalibratedOptions{})).Score(t.Context(), "q", []string{"a", "b"})
	require.NoError(t, err)
	assert.True(t, s.Complete())
}

func TestFallbackLeavesTimeForTheNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hangs, quick := &giving{wait: time.Hour}, &giving{value: .5}
		ctx, cancel := context.WithTimeout(t.Context(), 900*time.Millisecond)
		defer cancel()
		start := time.Now()
		s, err := reranker.Fallback(hangs, quick).Score(ctx, "q", []string{"a"})
		require.NoError(t, err)
		assert.Equal(t, 600*time.Millisecond, time.Since(start), "two thirds, and no more")
		assert.Equal(t, []float64{.5}, s.Values)
		require.ErrorIs(t, s.Report.Shares[0].Err, context.DeadlineExceeded)
	})
}

func TestFallbackFailsWithAllCauses(t *testing.T) {
	t.Parallel()
	first, second := errors.New("first"), errors.New("second")
	_, err := reranker.Fallback(&giving{err: first}, &giving{err: second}).Score(t.Context(), "q", []string{"a"})
	require.ErrorIs(t, err, first)
	require.ErrorIs(t, err, second)
	panics := reranker.ScorerFunc(func(context.Context, string, []string) (reranker.Scores, error) { panic("x") })
	short := reranker.ScorerFunc(func(context.Context, string, []string) (reranker.Scores, error) { return reranker.Scores{}, nil })
	s, err := reranker.Fallback(panics, short, &giving{value: 1}).Score(t.Context(), "q", []string{"a"})
	require.NoError(t, err)
	assert.Equal(t, []float64{1}, s.Values)
	assert.Len(t, s.Causes, 2)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(first)
	_, err = reranker.Fallback(&giving{}, &giving{}).Score(ctx, "q", []string{"a"})
	require.ErrorIs(t, err, first)
}

// panicking streams one state of two documents, then panics.
type panicking struct{ giving }

func (*panicking) ScoreStream(context.Context, string, []string) iter.Seq2[reranker.Scores, error] {
	return func(yield func(reranker.Scores, error) bool) {
		for range 2 {
			if !yield(reranker.Scores{Values: []float64{.5, 0}, Unscored: []pipeline.Reason{"", pipeline.ReasonNotSent}}, nil) {
				break
			}
		}
		panic("stream")
	}
}

func TestAStreamThatPanicsCostsOnlyItsOwnScorer(t *testing.T) {
	t.Parallel()
	f := reranker.Fallback(&panicking{}, &giving{value: .1})
	var last reranker.Scores
	for s, err := range f.ScoreStream(t.Context(), "q", []string{"1", "2"}) {
		require.NoError(t, err)
		last = s
	}
	assert.Equal(t, []float64{.1, .1}, last.Values)
	require.Len(t, last.Causes, 1)
	var panicked *pipeline.PanicError
	require.ErrorAs(t, last.Causes[0], &panicked)

	states := 0
	for range f.ScoreStream(t.Context(), "q", []string{"1", "2"}) {
		states++
		break // nothing may follow, though the scorer panics while it ends
	}
	assert.Equal(t, 1, states)
	assert.PanicsWithValue(t, "the consumer's own", func() {
		for range f.ScoreStream(t.Context(), "q", []string{"1", "2"}) {
			panic("the consumer's own")
		}
	})
}

func TestFallbackStreams(t *testing.T) {
	t.Parallel()
	a := &giving{value: .9, leave: map[string]pipeline.Reason{"2": pipeline.ReasonDeadline}}
	sharded := reranker.Shard(a, reranker.ShardOptions{Documents: 1, Concurrency: 1, Top: -1})
	var states int
	var last reranker.Scores
	for s, err := range reranker.Fallback(sharded, &giving{value: .1}).ScoreStream(t.Context(), "q", []string{"1", "2", "3"}) {
		require.NoError(t, err)
		require.Len(t, s.Values, 3)
		states, last = states+1, s
	}
	assert.Greater(t, states, 1)
	assert.Equal(t, []float64{.9, .1, .9}, last.Values)
	for range reranker.Fallback(sharded, &giving{}).ScoreStream(t.Context(), "q", []string{"1", "2", "3"}) {
		break
	}
}

func TestDecoratorsKeepTheContractOfAScorer(t *testing.T) {
	t.Parallel()
	for name, scorer := range map[string]func() reranker.Scorer{
		"fallback":   func() reranker.Scorer { return reranker.Fallback(hashed, hashed) },
		"calibrated": func() reranker.Scorer { return reranker.Calibrated(hashed, half{}, reranker.CalibratedOptions{}) },
		"passages":   func() reranker.Scorer { return reranker.Passages(hashed, reranker.PassageOptions{Tokens: 4}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rerankertest.Run(t, func(*testing.T) reranker.Scorer { return scorer() })
		})
	}
}

// hashed scores every text by its hash with the query.
var hashed = reranker.ScorerFunc(func(ctx context.Context, query string, documents []string) (reranker.Scores, error) {
	if len(documents) > 0 && ctx.Err() != nil {
		return reranker.Scores{}, context.Cause(ctx)
	}
	s := reranker.Scores{Values: make([]float64, len(documents)), Scale: pipeline.Probability}
	for i, d := range documents {
		s.Values[i] = rerankertest.Hash(query, d)
	}
	return s, nil
})

// half is a calibration that halves.
type half struct{}

func (half) Probability(score float64) float64 { return score / 2 }

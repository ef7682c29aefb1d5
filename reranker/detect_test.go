package reranker_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// answering returns a scorer that gives the n-th query what each says.
func answering(each func(n int, documents []string) (reranker.Scores, error)) reranker.Scorer {
	n := 0
	return reranker.ScorerFunc(func(_ context.Context, _ string, documents []string) (reranker.Scores, error) {
		n++
		return each(n, documents)
	})
}

func values(v ...float64) reranker.Scores {
	return reranker.Scores{Values: v, Scale: pipeline.Probability}
}

func unscored(reasons ...pipeline.Reason) reranker.Scores {
	s := values(make([]float64, len(reasons))...)
	for i := range s.Values {
		s.Values[i] = float64(i) / 10
	}
	s.Unscored = reasons
	return s
}

// changes runs queries over three documents and returns what the hook was told,
// with the number of the query before each.
func changes(t *testing.T, queries int, each func(n int, documents []string) (reranker.Scores, error)) []string {
	t.Helper()
	var told []string
	o := reranker.Chat()
	now := 0
	o.OnChange = func(c reranker.StateChange) {
		told = append(told, string(c.Kind)+" "+c.From.String()+" > "+c.To.String()+" at "+string(rune('A'+now%26)))
	}
	s := reranker.Stage(answering(each), o)
	in := ranked(t, "a", "b", "c")
	for now = range queries {
		_, err := s.Apply(t.Context(), pipeline.Query{}, in)
		require.NoError(t, err)
	}
	return told
}

func TestDetectorsTellEachChangeOnce(t *testing.T) {
	t.Parallel()
	good := values(.1, .2, .3)
	warning := func(kind reranker.WarningKind) func(int, []string) (reranker.Scores, error) {
		return func(n int, _ []string) (reranker.Scores, error) {
			s := values(.1, .2, .3)
			if n == 2 || n == 3 {
				s.Warnings = []reranker.Warning{{Kind: kind, Detail: "seen"}}
			}
			return s, nil
		}
	}
	for name, c := range map[string]struct {
		queries int
		each    func(n int, documents []string) (reranker.Scores, error)
		want    []string
	}{
		"nothing to tell": {300, func(int, []string) (reranker.Scores, error) { return good, nil }, nil},
		"nothing ever moves, until something does": {205, func(n int, _ []string) (reranker.Scores, error) {
			if n == 202 {
				return good, nil
			}
			return values(.3, .2, .1), nil
		}, []string{"nothing_moved healthy > degraded at R", "nothing_moved degraded > healthy at T"}},
		"all scores are equal three times": {5, func(int, []string) (reranker.Scores, error) { return values(.5, .5, .5), nil },
			[]string{"no_signal healthy > degraded at C"}},
		"scores outside of the scale": {20, func(n int, _ []string) (reranker.Scores, error) {
			if n == 2 || n == 4 {
				return values(-3, 2, .1), nil
			}
			return good, nil
		}, []string{"out_of_scale healthy > degraded at B", "out_of_scale degraded > healthy at N"}},
		"the echo differs":         {15, warning(reranker.WarnEchoMismatch), []string{"echo_mismatch healthy > degraded at B", "echo_mismatch degraded > healthy at M"}},
		"the template is missing":  {15, warning(reranker.WarnMissingTemplate), []string{"missing_template healthy > degraded at B", "missing_template degraded > healthy at M"}},
		"the model is another":     {15, warning(reranker.WarnModelMismatch), []string{"model_mismatch healthy > degraded at B", "model_mismatch degraded > healthy at M"}},
		"calls are not comparable": {15, warning(reranker.WarnNotComparable), []string{"not_comparable healthy > degraded at B", "not_comparable degraded > healthy at M"}},
		"the scorer fails now and then": {20, func(n int, _ []string) (reranker.Scores, error) {
			if n < 8 && n%2 == 0 {
				return reranker.Scores{}, errBoom
			}
			return good, nil
		}, []string{"degraded healthy > degraded at B", "degraded degraded > healthy at P"}},
		"the breaker opens, is probed and closes": {8, func(n int, _ []string) (reranker.Scores, error) {
			switch {
			case n == 2 || n == 3:
				return reranker.Scores{}, &reranker.Error{Kind: reranker.KindBreakerOpen}
			case n == 4:
				return unscored("", pipeline.ReasonBreaker, pipeline.ReasonBreaker), nil
			}
			return good, nil
		}, []string{"degraded healthy > degraded at B", "breaker_open healthy > open at B", "breaker_open open > half open at D", "breaker_open half open > healthy at E"}},
		"coverage falls": {40, func(n int, _ []string) (reranker.Scores, error) {
			if n > 30 {
				return unscored("", "", pipeline.ReasonDeadline), nil
			}
			return good, nil
		}, []string{"degraded healthy > degraded at E", "coverage_falling healthy > degraded at N"}},
		"documents are too long": {30, func(int, []string) (reranker.Scores, error) {
			return unscored("", pipeline.ReasonTooLong, ""), nil
		}, []string{"degraded healthy > degraded at A", "truncated healthy > degraded at T"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, changes(t, c.queries, c.each))
		})
	}
}

func TestWarningsStandInTheReport(t *testing.T) {
	t.Parallel()
	s := reranker.Stage(answering(func(int, []string) (reranker.Scores, error) { return values(1.5, 1.5, 1.5), nil }), reranker.Chat())
	out, err := s.Apply(t.Context(), pipeline.Query{}, ranked(t, "a", "b", "c"))
	require.NoError(t, err)
	assert.Equal(t, []reranker.Warning{
		{Kind: reranker.WarnOutOfScale, Detail: "3 of 3 scores are no probability: lowest 1.5, highest 1.5"},
		{Kind: reranker.WarnNoSignal, Detail: "all 3 scores are 1.5"},
	}, reportOf(t, out).Warnings)
	assert.InDelta(t, 1.5, out.Hits[0].Score, 0, "scores are not clamped")
	assert.Equal(t, []string{"d1", "d2", "d3"}, out.IDs())
}

func TestHookMayPanicAndCallBack(t *testing.T) {
	t.Parallel()
	o := reranker.Chat()
	var s *reranker.Staged
	var once sync.Once
	o.OnChange = func(reranker.StateChange) {
		once.Do(func() {
			_, err := s.Apply(context.Background(), pipeline.Query{}, ranked(t, "a"))
			assert.NoError(t, err)
		})
		panic(errBoom)
	}
	s = reranker.Stage(answering(func(int, []string) (reranker.Scores, error) { return reranker.Scores{}, context.DeadlineExceeded }), o)
	out, err := s.Apply(t.Context(), pipeline.Query{}, ranked(t, "a", "b"))
	require.NoError(t, err)
	var panicked *pipeline.PanicError
	require.ErrorAs(t, reportOf(t, out).Causes[1], &panicked)
	assert.Equal(t, "rerank", panicked.Part)
}

func TestSlogHookWritesOneLine(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	hook := reranker.LogChanges(logger)
	hook(reranker.StateChange{Stage: "rerank", Kind: reranker.WarnBreakerOpen, To: reranker.Open, Detail: "3 documents were not sent"})
	hook(reranker.StateChange{Stage: "rerank", Kind: reranker.WarnBreakerOpen, From: reranker.Open, Detail: "line\nbreak"})
	assert.Equal(t, `level=WARN msg="rerank state" stage=rerank kind=breaker_open from=healthy to=open detail="3 documents were not sent"
level=INFO msg="rerank state" stage=rerank kind=breaker_open from=open to=healthy detail="line\nbreak"
`, b.String())
}

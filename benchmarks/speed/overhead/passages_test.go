package overhead_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/speed/overhead"
	"github.com/rankcascade/cascade/reranker"
)

// manual are 25 long documents of 8 passages each, as sentences, and their
// passages as reranker.Passages cuts them.
func manual(tb testing.TB) (documents []string, windows [][]string) {
	tb.Helper()
	for i := range 25 {
		var b strings.Builder
		for k := 0; b.Len() < 7200; k++ {
			fmt.Fprintf(&b, "%s Sentence %d of document %d says what a pass costs on a weekday in the mountains. ", overhead.Mark, k, i)
		}
		documents = append(documents, b.String())
	}
	for _, d := range documents {
		_, err := reranker.Passages(reranker.ScorerFunc(func(_ context.Context, _ string, texts []string) (reranker.Scores, error) {
			windows = append(windows, slices.Clone(texts))
			return reranker.Scores{Values: make([]float64, len(texts))}, nil
		}), reranker.PassageOptions{}).Score(context.Background(), query, []string{d})
		require.NoError(tb, err)
	}
	return documents, windows
}

// best is what somebody writes by hand: the highest score of each document's
// windows, all sent in one call of the scorer.
func best(ctx context.Context, s reranker.Scorer, windows [][]string) ([]float64, error) {
	scores, err := s.Score(ctx, query, slices.Concat(windows...))
	if err != nil {
		return nil, err
	}
	out := make([]float64, 0, len(windows))
	at := 0
	for _, w := range windows {
		out = append(out, slices.Max(scores.Values[at:at+len(w)]))
		at += len(w)
	}
	return out, nil
}

// BenchmarkPassages compares reranker.Passages, which cuts 25 documents into 200
// passages, with the same windows cut in advance, and with those sent by the
// minimum.
func BenchmarkPassages(b *testing.B) {
	docs, windows := manual(b)
	length := len(windows[0][0])
	b.Run("side=minimum", func(b *testing.B) {
		client := &http.Client{Transport: &overhead.Transport{Echo: length}}
		all := slices.Concat(windows...)
		measure(b, func() error { _, err := minimum(b.Context(), client, query, all); return err })
	})
	b.Run("side=windows", func(b *testing.B) {
		s := scorer(b, &overhead.Transport{Echo: length})
		measure(b, func() error { _, err := best(b.Context(), s, windows); return err })
	})
	b.Run("side=passages", func(b *testing.B) {
		s := reranker.Passages(scorer(b, &overhead.Transport{Echo: length}), reranker.PassageOptions{})
		measure(b, func() error { _, err := s.Score(b.Context(), query, docs); return err })
	})
}

// BenchmarkPassagesRatio takes the three sides in turns and reports the median
// time of Passages by that of the others, which says more than benchmarks after
// each other on a busy machine.
func BenchmarkPassagesRatio(b *testing.B) {
	docs, windows := manual(b)
	transport := &overhead.Transport{Echo: len(windows[0][0])}
	client, s, all := &http.Client{Transport: transport}, scorer(b, transport), slices.Concat(windows...)
	passages := reranker.Passages(s, reranker.PassageOptions{})
	sides := inTurns(b,
		func() error { _, err := minimum(b.Context(), client, query, all); return err },
		func() error { _, err := best(b.Context(), s, windows); return err },
		func() error { _, err := passages.Score(b.Context(), query, docs); return err },
	)
	b.ReportMetric(sides[2].time/sides[0].time, "passages/minimum")
	b.ReportMetric(sides[2].time/sides[1].time, "passages/windows")
}

// TestPassagesAreTheWindowsByHand makes sure that both sides of the benchmark do
// the same.
func TestPassagesAreTheWindowsByHand(t *testing.T) {
	docs, windows := manual(t)
	for _, w := range windows {
		assert.Len(t, w, 8)
	}
	byHand, passages := &overhead.Transport{}, &overhead.Transport{}
	want, err := best(t.Context(), scorer(t, byHand), windows)
	require.NoError(t, err)
	got, err := reranker.Passages(scorer(t, passages), reranker.PassageOptions{}).Score(t.Context(), query, docs)
	require.NoError(t, err)
	assert.Equal(t, want, got.Values)
	assert.Equal(t, byHand.Calls(), passages.Calls())
	assert.EqualValues(t, calls, passages.Calls())
}

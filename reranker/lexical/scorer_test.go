package lexical_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/lexical"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

func Example() {
	corpus := []string{
		"A channel carries values between goroutines.",
		"A mutex guards shared memory.",
		"Goroutines share memory by communicating.",
	}
	scorer := lexical.New(lexical.Options{
		Statistics: lexical.Collect(lexical.Analysis{Stem: lexical.Plural}, slices.Values(corpus)),
	})
	scores, err := scorer.Score(context.Background(), "goroutine shared memory", corpus)
	if err != nil {
		panic(err)
	}
	for i, v := range scores.Values {
		fmt.Printf("%+.2f %s\n", v, corpus[i])
	}
	// Output:
	// -0.17 A channel carries values between goroutines.
	// +0.07 A mutex guards shared memory.
	// -0.05 Goroutines share memory by communicating.
}

func TestContract(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]lexical.Options{
		"statistics from the candidates": {},
		"statistics given":               {Statistics: lexical.Collect(lexical.Analysis{}, slices.Values([]string{"memory and maps"}))},
		"bounded":                        {Bounded: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rerankertest.Run(t, func(*testing.T) reranker.Scorer { return lexical.New(o) })
		})
	}
}

func TestScoreIsTheFormula(t *testing.T) {
	t.Parallel()
	collection := []string{"x a y b", "a b z z"} // 8 terms: a 2, b 2
	s := lexical.New(lexical.Options{
		Statistics: lexical.Collect(lexical.Analysis{}, slices.Values(collection)),
		Mu:         10, Window: 4,
	})
	scores, err := s.Score(t.Context(), "a b", []string{"b a b c"})
	require.NoError(t, err)
	p := 2.5 / 9
	evidence := func(tf, p float64) float64 { return math.Log((tf/p + 10) / (4 + 10)) }
	want := 0.85*(evidence(1, p)+evidence(2, p))/2 + 0.10*evidence(1, p*p) + 0.05*evidence(1, p*p*6)
	assert.InDelta(t, want, scores.Values[0], 1e-12)
	assert.Equal(t, pipeline.Unbounded, scores.Scale)
}

func TestScorePrefers(t *testing.T) {
	t.Parallel()
	s := lexical.New(lexical.Options{Statistics: lexical.Collect(lexical.Analysis{}, slices.Values([]string{"one two three four five six seven eight"}))})
	for name, c := range map[string]struct{ query, better, worse string }{
		"more of a query term":                  {"two", "two two x x", "two x x x"},
		"a short document over a long one":      {"two", "two x", "two x x x x x x x"},
		"a rare term over a common one":         {"nine two", "nine x x x", "two x x x"},
		"neighbours in order over the reverse":  {"two three", "two three x x", "three two x x"},
		"neighbours over terms far apart":       {"two three", "three two x x x x x x x x x", "three x x x x x x x x x two"},
		"two different terms over one repeated": {"two three", "two x three x", "two x two x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scores, err := s.Score(t.Context(), c.query, []string{c.better, c.worse})
			require.NoError(t, err)
			assert.Greater(t, scores.Values[0], scores.Values[1])
		})
	}
}

func TestBoundedKeepsTheOrder(t *testing.T) {
	t.Parallel()
	documents := []string{"a b c", "a a", "c c c", "b a", "d"}
	plain, err := lexical.New(lexical.Options{}).Score(t.Context(), "a b", documents)
	require.NoError(t, err)
	bounded, err := lexical.New(lexical.Options{Bounded: true}).Score(t.Context(), "a b", documents)
	require.NoError(t, err)
	for i, v := range bounded.Values {
		assert.Equal(t, 1/(1+math.Exp(-plain.Values[i])), v)
	}
}

func TestScoreRefuses(t *testing.T) {
	t.Parallel()
	given := lexical.Collect(lexical.Analysis{}, slices.Values([]string{"a"}))
	for name, o := range map[string]lexical.Options{
		"a negative prior":                {Mu: -1},
		"a weight that is not a number":   {Ordered: math.NaN()},
		"a window of one term":            {Window: 1},
		"a second analysis":               {Statistics: given, Analysis: lexical.Analysis{Identifiers: true}},
		"an infinite weight":              {Terms: math.Inf(1)},
		"a negative window":               {Window: -8},
		"a stemmer beside the statistics": {Statistics: given, Analysis: lexical.Analysis{Stem: lexical.Plural}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := lexical.New(o)
			_, err := s.Score(t.Context(), "a", []string{"a"})
			var typed *reranker.Error
			require.ErrorAs(t, err, &typed)
			assert.Equal(t, reranker.KindConfig, typed.Kind)
			assert.Equal(t, err, s.Describe().Err)
		})
	}
	_, err := lexical.New(lexical.Options{}).Score(t.Context(), "?!", []string{"a"})
	var typed *reranker.Error
	require.ErrorAs(t, err, &typed)
	assert.Equal(t, reranker.KindValidation, typed.Kind)
}

func TestBlankDocumentsAreUnscored(t *testing.T) {
	t.Parallel()
	scores, err := lexical.New(lexical.Options{}).Score(t.Context(), "a", []string{"a", " -- "})
	require.NoError(t, err)
	assert.Equal(t, []pipeline.Reason{"", pipeline.ReasonBlank}, scores.Unscored)
}

func TestDescribeTellsWhetherCallsMayBeSplit(t *testing.T) {
	t.Parallel()
	assert.True(t, lexical.New(lexical.Options{}).Describe().Facts.Listwise)
	given := lexical.Collect(lexical.Analysis{}, slices.Values([]string{"a b", "c"}))
	assert.False(t, lexical.New(lexical.Options{Statistics: given}).Describe().Facts.Listwise)
	assert.Equal(t, 2, given.Documents())
	assert.Equal(t, 3, given.Terms())
	assert.Equal(t, 1, given.Count("b"))
}

func BenchmarkScore(b *testing.B) {
	documents := make([]string, 200)
	for i := range documents {
		documents[i] = fmt.Sprintf("document %d says that the lift of a wing in a slipstream changes with the angle of attack and the velocity ratio %d times", i, i*7)
	}
	s := lexical.New(lexical.Options{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Score(context.Background(), "lift of a wing in a slipstream", documents); err != nil {
			b.Fatal(err)
		}
	}
}

package reranker_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// about scores a text by how often it has the query, a tenth for each.
type about struct{ asked *[][]string }

func (a about) Score(_ context.Context, query string, documents []string) (reranker.Scores, error) {
	*a.asked = append(*a.asked, documents)
	s := reranker.Scores{Values: make([]float64, len(documents)), Unscored: make([]pipeline.Reason, len(documents))}
	for i, d := range documents {
		s.Values[i] = float64(strings.Count(d, query)) / 10
		if strings.Contains(d, "FAIL") {
			s.Values[i], s.Unscored[i] = 0, pipeline.ReasonServerError
		}
	}
	return s, nil
}

func words(text string) int { return len(strings.Fields(text)) }

func ExamplePassages() {
	var asked [][]string
	scorer := reranker.Passages(about{&asked}, reranker.PassageOptions{Tokens: 6, Count: words})
	document := "Bears live in woods. They eat fish. A panda is a bear. A panda eats bamboo. Birds fly."
	s, err := scorer.Score(context.Background(), "panda", []string{document, "short"})
	if err != nil {
		panic(err)
	}
	for _, d := range asked[0] {
		fmt.Printf("%q\n", d)
	}
	fmt.Printf("%v %q\n", s.Values, s.Passages[0].Of(document))
	// Output:
	// "Bears live in woods."
	// "They eat fish."
	// "A panda is a bear."
	// "A panda eats bamboo. Birds fly."
	// "short"
	// [0.1 0] "A panda is a bear."
}

func TestPassagesAreCombined(t *testing.T) {
	t.Parallel()
	document := "panda one. panda panda two. panda panda panda three. four."
	for combine, want := range map[reranker.Combine]float64{reranker.BestPassage: .3, reranker.FirstPassage: .1, reranker.MeanOfBest: (.3 + .2) / 2} {
		var asked [][]string
		s, err := reranker.Passages(about{&asked}, reranker.PassageOptions{Tokens: 4, Overlap: -1, Count: words, Combine: combine, Best: 2}).Score(t.Context(), "panda", []string{document, "x"})
		require.NoError(t, err)
		assert.InDelta(t, want, s.Values[0], 1e-15, combine)
		if combine == reranker.FirstPassage {
			assert.Len(t, asked[0], 2, "only the first is paid for")
		}
	}
}

func TestPassagesOverlapAndAreBounded(t *testing.T) {
	t.Parallel()
	var asked [][]string
	document := "a b. c d. e f. g h. i j. k l."
	p := reranker.Passages(about{&asked}, reranker.PassageOptions{Tokens: 4, Overlap: 2, Count: words, Most: 3})
	s, err := p.Score(t.Context(), "q", []string{document})
	require.NoError(t, err)
	assert.Equal(t, []string{"a b. c d.", "c d. e f.", "e f. g h."}, asked[0])
	require.Len(t, s.Warnings, 1, "the rest is not judged")
	assert.Equal(t, reranker.WarnPassages, s.Warnings[0].Kind)
}

func TestPassagesWithoutAScoreCostThemselves(t *testing.T) {
	t.Parallel()
	var asked [][]string
	p := reranker.Passages(about{&asked}, reranker.PassageOptions{Tokens: 3, Overlap: -1, Count: words})
	s, err := p.Score(t.Context(), "panda", []string{"panda panda one. FAIL here now. and more words.", "FAIL a b. FAIL c d.", "e"})
	require.NoError(t, err)
	assert.Equal(t, []pipeline.Reason{"", pipeline.ReasonServerError, ""}, s.Unscored)
	assert.Equal(t, []float64{.2, 0, 0}, s.Values)
	require.Len(t, s.Warnings, 1)
	assert.Contains(t, s.Warnings[0].Detail, "1 of 3")
}

func TestPassagesOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for says, p := range map[string]*reranker.ByPassage{
		"scorer is nil":         reranker.Passages(nil, reranker.PassageOptions{}),
		"at least 1":            reranker.Passages(hashed, reranker.PassageOptions{Tokens: -1}),
		"shorter than a passag": reranker.Passages(hashed, reranker.PassageOptions{Tokens: 5, Overlap: 5}),
		"Combine 9":             reranker.Passages(hashed, reranker.PassageOptions{Combine: 9}),
		"no room for a query":   reranker.Passages(bounded{0, 0, 256}, reranker.PassageOptions{}),
	} {
		_, err := p.Score(t.Context(), "q", []string{"a"})
		require.ErrorContains(t, err, says)
		require.ErrorContains(t, p.Describe().Err, says)
	}
	panics := reranker.Passages(hashed, reranker.PassageOptions{Tokens: 1, Count: func(string) int { panic("x") }})
	_, err := panics.Score(t.Context(), "q", []string{"a long text"})
	require.ErrorContains(t, err, "passages")
}

// TestPassagesCoverTheText has any text cut in any way: every passage keeps to
// its length, splits no letter, and none of the text is lost.
func TestPassagesCoverTheText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "bear", ". ", "! ", " ", "\n\n", "日本。", "日本語", "é", "x.y", "…", "12", "\"", ") "}), 1, 80).Draw(t, "text"), "")
		n := rapid.IntRange(1, 12).Draw(t, "tokens")
		count := func(s string) int { return utf8.RuneCountInString(s) }
		var asked [][]string
		_, err := reranker.Passages(about{&asked}, reranker.PassageOptions{Tokens: n, Overlap: rapid.IntRange(-1, n-1).Draw(t, "overlap"), Most: 1000, Count: count}).Score(context.Background(), "q", []string{text})
		require.NoError(t, err)
		rest := text
		for _, p := range asked[0] {
			require.LessOrEqual(t, count(p), n)
			require.True(t, utf8.ValidString(p))
			if at := strings.Index(rest, p); at >= 0 && strings.TrimSpace(rest[:at]) == "" {
				rest = rest[at+len(p):]
			}
		}
		require.Contains(t, text, asked[0][len(asked[0])-1])
		all := strings.Join(asked[0], "")
		for _, r := range text {
			if !strings.ContainsRune(" \n", r) {
				require.Contains(t, all, string(r))
			}
		}
	})
}

package chat_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/chat"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOverlapIsTheWeightOfWhatIsFound(t *testing.T) {
	t.Parallel()
	rare, common := math.Log(1+2.5/1.5), math.Log(1+1.5/2.5) // in one sentence of three, and in two
	sentences := []string{"zebra lion", "lion cat", "dog"}
	for question, want := range map[string][]float64{
		"zebra lion":      {1 - .002, common/(rare+common) - .002, -.001},
		"zebra lion lion": {1 - .002, common/(rare+common) - .002, -.001},
		"zebra":           {1 - .002, -.002, -.001},
		"":                {-.002, -.002, -.001},
	} {
		got, err := chat.Overlap{}.Relevance(t.Context(), question, sentences)
		require.NoError(t, err)
		assert.InDeltaSlice(t, want, got, 1e-12, question)
	}
}

func TestFocusTakesTheBestThatFit(t *testing.T) {
	t.Parallel()
	const a, b, c, gap = "Alpha one two.", "Beta three.", "Gamma four five six.", chat.Ellipsis
	o := chat.Options{
		Count:  func(text string) int { return len(strings.Fields(text)) },
		Tokens: 500,
		Focus: chat.RelevanceFunc(func(_ context.Context, question string, sentences []string) ([]float64, error) {
			assert.Equal(t, "What about item3?", question)
			assert.Equal(t, []string{a, b, c}, sentences)
			return []float64{1, 3, 2}, nil
		}),
	}
	for tokens, want := range map[int]string{
		9: a + " " + b + " " + c,
		8: gap + "\n" + b + " " + c,
		6: gap + "\n" + b + " " + c,
		5: a + " " + b + "\n" + gap,
		4: gap + "\n" + b + "\n" + gap,
		2: gap + "\n" + b + "\n" + gap,
		1: gap + "\n" + b + "\n" + gap, // the best stays, however long
	} {
		o.FocusTokens = tokens
		p := assemble(t, ranked(doc("x", a+" "+b+" "+c)), o)
		assert.Equal(t, want, p.Passages[0].Text, "%d tokens", tokens)
		assert.Equal(t, tokens < 9, p.Passages[0].Cut, "%d tokens", tokens)
		assert.Empty(t, p.Gaps)
	}
	o.FocusTokens = 5
	o.Focus = chat.RelevanceFunc(func(context.Context, string, []string) ([]float64, error) {
		return []float64{1, 2, math.Inf(1)}, nil
	})
	p := assemble(t, ranked(doc("x", a+" "+b+" "+c)), o)
	require.Len(t, p.Gaps, 1)
	assert.ErrorContains(t, p.Gaps[0].Err, "sentence 3 got the number +Inf")
}

// numbered are the words from one number to another, without digits.
func numbered(from, to int) string {
	var words []string
	for i := from; i <= to; i++ {
		words = append(words, "w"+strings.Repeat("x", i))
	}
	return strings.Join(words, " ")
}

func TestTextsAreAlikeFromTheThresholdOn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		a, b      string
		threshold float64
		same      bool
	}{
		"three runs of five in common":     {numbered(1, 6), numbered(1, 5) + " other", .6, true},
		"a little less than the threshold": {numbered(1, 6), numbered(1, 5) + " other", .61, false},
		"eight runs, all of them":          {numbered(1, 40), numbered(1, 10), .9, true},
		"seven runs, all of them":          {numbered(1, 40), numbered(1, 9), .9, false},
		"eight runs of nine":               {numbered(1, 40), numbered(1, 10) + " other", .9, false},
		"one word, the same":               {"word", "word", .9, true},
		"one word, another":                {"word", "other", .9, false},
		"a number more":                    {numbered(1, 6) + " 7", numbered(1, 6) + " 8", .6, false},
		"a number twice":                   {numbered(1, 6) + " 7", numbered(1, 6) + " 7 7", .5, false},
		"the same number":                  {numbered(1, 6) + " 7", numbered(1, 5) + " other 7", .3, true},
	} {
		p := assemble(t, ranked(doc("a", c.a), doc("b", c.b)), chat.Options{Duplicate: c.threshold})
		assert.Equal(t, c.same, len(p.Passages) == 1, name)
	}
}

func TestPassagesAreTakenUpToTheirNumber(t *testing.T) {
	t.Parallel()
	for most := 1; most <= 4; most++ {
		p := assemble(t, ranked(fact(1), doc("blank", " \n"), fact(2), fact(3)), chat.Options{Passages: most})
		require.Len(t, p.Passages, min(most, 3))
		var left []string
		if most < 2 {
			left = append(left, "blank", "d2")
		} else {
			left = append(left, "blank")
		}
		if most < 3 {
			left = append(left, "d3")
		}
		assert.Equal(t, left, p.Left, "at most %d", most)
		for i, passage := range p.Passages {
			assert.Equal(t, []int{i + 1, i + 1, 1, 1}, []int{passage.Number, i + 1, passage.Turn, passage.Used}, fmt.Sprint(most))
		}
	}
}

func TestOptionsThatCannotBeAreNamed(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]chat.Options{
		"negative": {Tokens: -1}, "is negative": {Passages: -1}, "a number of tokens": {FocusTokens: -1}, "neighbours is negative": {Before: -1}, "or neighbours": {After: -1},
		"no order": {Order: chat.Reading + 1}, "duplicate 1.5": {Duplicate: 1.5}, "duplicate -0.5": {Duplicate: -.5}, "duplicate NaN": {Duplicate: math.NaN()},
		"need a Fetcher": {Before: 1}, "set Options.Fetcher": {After: 1}, "parents need a Fetcher": {Parent: func(pipeline.Document) string { return "" }},
	} {
		_, err := chat.Assemble(t.Context(), pipeline.Query{Text: "why?"}, ranked(fact(1)), o)
		assert.ErrorContains(t, err, name)
	}
	assert.Len(t, assemble(t, ranked(fact(1)), chat.Options{Duplicate: 1, Order: chat.Reading}).Passages, 1)
}

package chat

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/internal/prose"
	"github.com/rankcascade/cascade/pipeline"
)

// Relevance says how much each of several sentences matters for a question: higher
// is more, on any scale. It returns one finite number for each sentence, is safe
// for concurrent use, and returns soon after its context ends. A reranker.Scorer is
// one but for its type:
//
//	chat.RelevanceFunc(func(ctx context.Context, question string, sentences []string) ([]float64, error) {
//		scores, err := scorer.Score(ctx, question, sentences)
//		return scores.Values, err
//	})
type Relevance interface {
	Relevance(ctx context.Context, question string, sentences []string) ([]float64, error)
}

// RelevanceFunc makes a function a Relevance.
type RelevanceFunc func(ctx context.Context, question string, sentences []string) ([]float64, error)

// Relevance calls f.
func (f RelevanceFunc) Relevance(ctx context.Context, question string, sentences []string) ([]float64, error) {
	return f(ctx, question, sentences)
}

// Overlap is the Relevance that needs no model: the share of the question's words
// that stand in the sentence, where rare words among the sentences count more, with
// a little less for long sentences.
type Overlap struct{}

// Relevance implements the interface of that name.
func (Overlap) Relevance(_ context.Context, question string, sentences []string) ([]float64, error) {
	said := make([][]string, len(sentences))
	found := map[string]int{}
	for i, s := range sentences {
		said[i] = prose.Terms(s)
		for w := range setOf(said[i]) {
			found[w]++
		}
	}
	w := weights(prose.Terms(question), found, len(sentences))
	scores := make([]float64, len(sentences))
	for i := range said {
		scores[i] = w.share(setOf(said[i])) - 0.001*float64(len(said[i]))
	}
	return scores, nil
}

func setOf(words []string) map[string]bool {
	set := make(map[string]bool, len(words))
	for _, w := range words {
		set[w] = true
	}
	return set
}

// weighted are the words of a question, each once, with their weights.
type weighted struct {
	words []string
	of    []float64
	sum   float64
}

// weights gives each word its inverse document frequency among n texts.
func weights(words []string, found map[string]int, n int) weighted {
	var w weighted
	seen := map[string]bool{}
	for _, word := range words {
		if seen[word] {
			continue
		}
		seen[word] = true
		f := float64(found[word])
		idf := math.Log(1 + (float64(n)-f+0.5)/(f+0.5))
		w.words, w.of, w.sum = append(w.words, word), append(w.of, idf), w.sum+idf
	}
	return w
}

// share returns the part of the weight, from 0 to 1, whose words are in the set.
func (w weighted) share(set map[string]bool) float64 {
	if w.sum == 0 {
		return 0
	}
	var have float64
	for i, word := range w.words {
		if set[word] {
			have += w.of[i]
		}
	}
	return have / w.sum
}

// reduced returns the sentences of the text that matter most for the question, up
// to a number of tokens, in their order, with Ellipsis where some are missing. What
// is in kept stays in any case. The whole text is returned if it fits.
func reduced(ctx context.Context, o Options, question, text, kept string) (short string, cut bool, err error) {
	if o.Count(text) <= o.FocusTokens {
		return text, false, nil
	}
	spans := prose.Sentences(text)
	sentences := make([]string, len(spans))
	for i, s := range spans {
		sentences[i] = s.In(text)
	}
	scores, err := relevance(ctx, o.Focus, question, sentences)
	if err != nil {
		return text, false, err
	}
	order := make([]int, len(spans))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	chosen := make([]bool, len(spans))
	left := o.FocusTokens
	for i, s := range sentences {
		if kept != "" && strings.Contains(kept, s) {
			chosen[i] = true
			left -= o.Count(s)
		}
	}
	for n, i := range order {
		tokens := o.Count(sentences[i])
		if !chosen[i] && (tokens <= left || n == 0) {
			chosen[i] = true
			left -= tokens
		}
	}
	short, cut = joined(text, spans, chosen)
	return short, cut, nil
}

func relevance(ctx context.Context, r Relevance, question string, sentences []string) (scores []float64, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &pipeline.PanicError{Part: "focus", Value: v, Stack: debug.Stack()}
		}
	}()
	scores, err = r.Relevance(ctx, question, sentences)
	if err != nil {
		return nil, err
	}
	if len(scores) != len(sentences) {
		return nil, fmt.Errorf("%d sentences got %d numbers", len(sentences), len(scores))
	}
	for i, s := range scores {
		if math.IsNaN(s) || math.IsInf(s, 0) {
			return nil, fmt.Errorf("sentence %d got the number %v", i+1, s)
		}
	}
	return scores, nil
}

// joined returns the chosen sentences with what stands between neighbours, and
// whether some are missing.
func joined(text string, spans []prose.Span, chosen []bool) (string, bool) {
	var b strings.Builder
	last, missing := -1, false
	gap := func() {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(Ellipsis)
		b.WriteByte('\n')
	}
	for i, s := range spans {
		if !chosen[i] {
			missing = true
			continue
		}
		switch {
		case last == i-1 && i > 0:
			b.WriteString(text[spans[last].To:s.From])
		case last != i-1:
			gap()
		}
		b.WriteString(s.In(text))
		last = i
	}
	if missing && last >= 0 && last < len(spans)-1 {
		b.WriteString("\n" + Ellipsis)
	}
	return b.String(), missing
}

// shortened returns the first sentences of the text that fit a number of tokens,
// with Ellipsis behind them, and false if not one fits.
func shortened(text string, tokens int, count func(string) int) (string, bool) {
	end := 0
	for _, s := range prose.Sentences(text) {
		if count(text[:s.To]+"\n"+Ellipsis) > tokens {
			break
		}
		end = s.To
	}
	if end == 0 {
		return "", false
	}
	if strings.TrimSpace(text[end:]) == "" {
		return text, true
	}
	return strings.TrimSuffix(strings.TrimRight(text[:end], "\n"), "\n"+Ellipsis) + "\n" + Ellipsis, true
}

package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/internal/prose"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/chat"
)

// quoted is a sentence that may answer.
type quoted struct {
	text   string
	number int
	score  float64
	rank   int
	first  bool // of its passage
}

// quotes answers with the sentences that matter most for the question, word for
// word, each with its citation. In a follow-up, what is new in it counts twice.
func quotes(ctx context.Context, q pipeline.Query, p chat.Prompt) string {
	var list []quoted
	var texts []string
	for _, passage := range p.Passages {
		if passage.Rank == 0 {
			continue
		}
		first := true
		for _, s := range prose.Sentences(passage.Text) {
			if text := s.In(passage.Text); sentence(text) {
				list = append(list, quoted{text: text, number: passage.Number, rank: passage.Rank, first: first})
				first = false
				texts = append(texts, passage.Title+" "+text)
			}
		}
	}
	if len(list) == 0 {
		return "I do not know: no passage has a sentence to quote."
	}
	scores := relevance(ctx, texts, q.Text, p.Question)
	for i := range list {
		if list[i].score = scores[i]; list[i].first {
			list[i].score += 0.15 // it says what the passage is about
		}
		list[i].score /= 1 + 0.15*float64(list[i].rank-1) // the ranking knows more than one sentence does
	}
	slices.SortStableFunc(list, func(a, b quoted) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.rank, b.rank))
	})
	var b strings.Builder
	for _, s := range chosen(list) {
		fmt.Fprintf(&b, "> %s [%d]\n\n", strings.Join(strings.Fields(s.text), " "), s.number)
	}
	return strings.TrimSpace(b.String())
}

// relevance adds up how much the texts matter for the questions, each question
// once.
func relevance(ctx context.Context, texts []string, questions ...string) []float64 {
	sum := make([]float64, len(texts))
	for _, q := range slices.Compact(questions) {
		scores, err := chat.Overlap{}.Relevance(ctx, q, texts)
		for i := range scores {
			if err == nil {
				sum[i] += scores[i]
			}
		}
	}
	return sum
}

// chosen returns up to three of the sentences, best first, that say different
// things: one of each passage, two where there are few.
func chosen(list []quoted) []quoted {
	numbers := map[int]bool{}
	for _, s := range list {
		numbers[s.number] = true
	}
	each := 1
	if len(numbers) < 3 {
		each = 2
	}
	var kept []quoted
	used := map[int]int{}
	for _, s := range list {
		alike := slices.ContainsFunc(kept, func(k quoted) bool { return overlap(k.text, s.text) > 0.6 })
		if len(kept) == 3 || s.score < 0.5*list[0].score || used[s.number] == each || alike {
			continue
		}
		used[s.number]++
		kept = append(kept, s)
	}
	return kept
}

// overlap is the share of the words of two texts that both have.
func overlap(a, b string) float64 {
	in := map[string]int{}
	for _, w := range prose.Words(a) {
		in[w] |= 1
	}
	for _, w := range prose.Words(b) {
		in[w] |= 2
	}
	both := 0
	for _, sides := range in {
		if sides == 3 {
			both++
		}
	}
	return float64(both) / float64(max(1, len(in)))
}

// sentence reports whether a text reads like one: a few words, and no code.
func sentence(text string) bool {
	if strings.HasPrefix(text, "func ") || strings.HasPrefix(text, "type ") || strings.HasPrefix(text, "```") || strings.HasPrefix(text, "#") || strings.Contains(text, ":=") {
		return false
	}
	n := len(prose.Words(text))
	return n >= 4 && n <= 80 && text != chat.Ellipsis
}

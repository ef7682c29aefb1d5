package main

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/internal/prose"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/chat"
)

// sentence is one that may answer.
type sentence struct {
	text   string
	number int
	score  float64
	rank   int
	first  bool // of its passage
}

// quoting answers with the sentences that matter most for the question, word for
// word, each with its citation.
type quoting struct {
	// relevance judges sentences beside the words that they share with the question;
	// nil for words alone.
	relevance chat.Relevance
	// said is what was answered before. What stands there counts less in a follow-up,
	// and nothing where more is asked for.
	said string
	more bool
	// subject is what was searched for.
	subject string
}

// answer quotes for a question, which may have been rewritten. In a follow-up, what
// is new in it counts twice.
func (o quoting) answer(ctx context.Context, q pipeline.Query, p chat.Prompt) string {
	o.subject = q.Text
	list, texts := o.candidates(p)
	if len(list) == 0 {
		return "I do not know: no passage has another sentence to quote."
	}
	questions := []string{q.Text}
	if p.Question != q.Text && !prose.Bare(p.Question) && !o.more {
		questions = append(questions, p.Question)
	}
	scores := o.scores(ctx, texts, questions)
	for i := range list {
		if list[i].score = scores[i]; list[i].first {
			list[i].score += 0.15 // it says what the passage is about
		}
		list[i].score /= 1 + 0.15*float64(list[i].rank-1) // the ranking knows more than one sentence does
		if len(questions) > 1 && strings.Contains(o.said, shownAs(list[i].text)) {
			list[i].score *= 0.6
		}
	}
	slices.SortStableFunc(list, func(a, b sentence) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.rank, b.rank))
	})
	var b strings.Builder
	for _, s := range chosen(list) {
		fmt.Fprintf(&b, "> %s [%d]\n\n", shownAs(s.text), s.number)
	}
	return strings.TrimSpace(b.String())
}

// candidates are the sentences of what was found that can be quoted, each with its
// passage's title in the text by which it is judged.
func (o quoting) candidates(p chat.Prompt) (list []sentence, texts []string) {
	about := o.about(p)
	for _, passage := range p.Passages {
		if about != nil && !about(passage) {
			continue
		}
		first := true
		for _, s := range prose.Sentences(passage.Text) {
			text := s.In(passage.Text)
			if passage.Rank == 0 || !quotable(text) || o.more && strings.Contains(o.said, shownAs(text)) {
				continue
			}
			list = append(list, sentence{text: text, number: passage.Number, rank: passage.Rank, first: first})
			texts = append(texts, passage.Title+" "+text)
			first = false
		}
	}
	return list, texts
}

// about tells which passages are about what a follow-up leans on, where that has a
// name as in programs; nil where all are. What stands elsewhere, "the methods of
// File are safe", would be said of the wrong thing.
func (o quoting) about(p chat.Prompt) func(chat.Passage) bool {
	if o.subject == "" || o.subject == p.Question {
		return nil
	}
	for _, name := range names.FindAllString(o.subject, mostNamed) {
		named := func(passage chat.Passage) bool {
			return strings.Contains(passage.Title, name) || strings.Contains(passage.Text, name)
		}
		if slices.ContainsFunc(p.Passages, func(x chat.Passage) bool { return x.Rank > 0 && named(x) }) {
			return named
		}
	}
	return nil
}

// scores add up how much the texts matter for the questions.
func (o quoting) scores(ctx context.Context, texts, questions []string) []float64 {
	sum := make([]float64, len(texts))
	for _, by := range []chat.Relevance{chat.Overlap{}, o.relevance} {
		if by == nil {
			continue
		}
		for _, q := range questions {
			scores, err := by.Relevance(ctx, q, texts)
			for i := range scores {
				if err == nil {
					sum[i] += max(0, scores[i]) / float64(len(questions))
				}
			}
		}
	}
	return sum
}

// chosen returns up to three of the sentences, best first, that say different
// things: one of each passage, two where there are few.
func chosen(list []sentence) []sentence {
	numbers := map[int]bool{}
	for _, s := range list {
		numbers[s.number] = true
	}
	each := 1
	if len(numbers) < 3 {
		each = 2
	}
	var kept []sentence
	used := map[int]int{}
	for _, s := range list {
		alike := slices.ContainsFunc(kept, func(k sentence) bool { return overlap(k.text, s.text) > 0.6 })
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

var (
	// declares matches lines that are code.
	declares   = regexp.MustCompile(`^(?:func|type|var|const|import|package|return|if|for|switch)\b.*[({=]|^(?:\x60{3}|~~~|#)|:=|[{;]\s*$|^[A-Z]\w* (?:func\(|\*?\[?\]?[a-z]+\.?[A-Z]?\w*$)|\(.*\) \(?(?:\w+ )?(?:error|bool|string|int)\)?$`)
	bulletMark = regexp.MustCompile(`^(?:[-*•]|\d{1,2}[.)])\s+`)
	letters    = regexp.MustCompile(`\p{L}`)
)

// quotable reports whether a text reads like a sentence that answers: a few words,
// or a row of a table, no code and no heading, and nothing that speaks to a model or
// in its marks.
func quotable(text string) bool {
	bare := strings.TrimSpace(text)
	if _, bad := chat.Suspicious(text); bad || declares.MatchString(bare) || bare == chat.Ellipsis {
		return false
	}
	if fenced := chat.Fenced(text); strings.Count(fenced, "‹")+strings.Count(fenced, "⟦") > strings.Count(text, "‹")+strings.Count(text, "⟦") {
		return false
	}
	least := 4
	if strings.HasPrefix(bare, "|") {
		least = 2
	}
	n := len(prose.Words(text))
	return n >= least && n <= 80 && 2*len(letters.FindAllStringIndex(text, 2*n)) >= n
}

// shownAs is a sentence as the answer quotes it: on one line, and without what
// nobody can see.
func shownAs(text string) string { return bulletMark.ReplaceAllString(oneLine(chat.Fenced(text)), "") }

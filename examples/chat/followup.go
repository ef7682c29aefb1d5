package main

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/internal/prose"
	"github.com/rankcascade/cascade/pipeline"
)

// carry is a pipeline.Rewriter for programs without a language model: a question
// that leans on the one before it is asked together with the last one that did
// not. rewrite.Condense does it better.
type carry struct{}

// Describe names the rewriter.
func (carry) Describe() pipeline.Node { return pipeline.Node{Name: "carry"} }

var (
	// joins matches beginnings that hang a question on the one before it, and opens
	// those that often do.
	joins = regexp.MustCompile(`(?i)^\s*(?:(?:and|but|or|so|then|also|what about|how about|what if|which one|even|only|except|und|oder|aber|auch|was ist mit|et|mais|ou|y|pero)(?:[\s,?!.]|$)|那|还有)`)
	opens = regexp.MustCompile(`(?i)^\s*(?:(?:why|with|without|within|for|from|by|until|since|than|warum|wieso|mit|ohne|bis|pourquoi|avec|sans|con|sin)(?:[\s,?!.]|$)|为什么)`)
	// asks matches a whole question behind such a beginning.
	asks = regexp.MustCompile(`(?i)^\s*\w+,?\s+(?:how|what|where|when|which|who|can|could|does|do|is|are|wie|was|wo|wann|comment|quand)\b`)
	// refers matches words that stand for something that was said before.
	refers = regexp.MustCompile(`(?i)\b(?:it|its|this|these|those|they|them|their|same|instead|else|the (?:opposite|other|others|former|latter)|(?:that|this|which|other) ones?|(?:is|does|do|did|was|with|without|about|after|before|of|like|on|for) that|that (?:is|was|does|did|work|works|mean|means)|(?:mean|do|stand) there|there\s*[?.!]*$|that\s*[?.!]*$)\b|\bthere\s*[?.!]*$|\bthat\s*[?.!]*$`)
)

// selfContained is the number of words about a subject from which on a question
// stands alone, whatever else it refers to.
const selfContained = 5

// leans reports whether a question means something only after the one before it.
func leans(question string) bool {
	if prose.Bare(question) || remarkOf(question) == more {
		return true
	}
	switch about := len(prose.Terms(question)); {
	case about >= selfContained:
		return false
	case refers.MatchString(question), opens.MatchString(question) && about <= 2:
		return true
	case joins.MatchString(question):
		return about < 3 || !asks.MatchString(question)
	}
	return false
}

// Rewrite returns one query.
func (carry) Rewrite(_ context.Context, q pipeline.Query) ([]pipeline.Query, error) {
	if len(q.Turns) > 0 && leans(q.Text) {
		if before := subject(q); before != "" {
			q.Text = before
		}
	}
	q.Turns = []pipeline.Turn{}
	return []pipeline.Query{q}, nil
}

// subject is the question that q leans on with what q adds to it. Where q names
// nothing of its own ("why?"), what the turn before added is kept.
func subject(q pipeline.Query) string {
	parts := []string{strings.TrimSpace(q.Text)}
	if remarkOf(q.Text) == more {
		parts = nil
	}
	open := prose.Bare(q.Text) || parts == nil
	for _, turn := range slices.Backward(q.Turns) {
		if turn.Role != "user" || prose.Bare(turn.Text) || remarkOf(turn.Text) != noRemark {
			continue
		}
		if leans(turn.Text) {
			if open {
				parts, open = append(parts, closed(turn.Text)), false
			}
			continue
		}
		parts = append(parts, closed(turn.Text))
		slices.Reverse(parts)
		return strings.Join(parts, " – ")
	}
	return ""
}

// closed is a question without the mark at its end.
func closed(question string) string { return strings.TrimRight(strings.TrimSpace(question), "?!. ") }

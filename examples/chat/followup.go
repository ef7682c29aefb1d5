package main

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
)

// carry is a pipeline.Rewriter for programs without a language model: a question
// that leans on the one before it is asked together with the last one that did
// not. rewrite.Condense does it better.
type carry struct{}

// Describe names the rewriter.
func (carry) Describe() pipeline.Node { return pipeline.Node{Name: "carry"} }

// leaning matches questions that mean something only after another one.
var leaning = regexp.MustCompile(`(?i)^\s*(?:and|but|or|so|then|also|what about|how about|what if|why|why not|which one|without|with)\b|\b(?:it|its|that|this|these|those|they|them|their|one|ones|there|same|instead|else)\b`)

// Rewrite returns one query.
func (carry) Rewrite(_ context.Context, q pipeline.Query) ([]pipeline.Query, error) {
	if len(q.Turns) > 0 && leaning.MatchString(q.Text) {
		for _, turn := range slices.Backward(q.Turns) {
			if turn.Role == "user" && !leaning.MatchString(turn.Text) {
				q.Text = strings.TrimRight(strings.TrimSpace(turn.Text), "?!.") + " – " + strings.TrimSpace(q.Text)
				break
			}
		}
	}
	q.Turns = []pipeline.Turn{}
	return []pipeline.Query{q}, nil
}

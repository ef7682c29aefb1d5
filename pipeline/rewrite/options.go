package rewrite

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rankcascade/cascade/internal/prose"
	"github.com/rankcascade/cascade/pipeline"
)

// Generator is a language model, see pipeline.Generator.
type Generator = pipeline.Generator

// GeneratorFunc makes a function a Generator.
type GeneratorFunc = pipeline.GeneratorFunc

// The defaults of Options.
const (
	DefaultTimeout      = 3 * time.Second
	DefaultPromptTokens = 2000
	DefaultCache        = 1000
)

// Options are the settings of a Rewriter. The zero value is the default of every
// field.
type Options struct {
	// Name is the rewriter's name in gaps and trees; "" means that of its
	// constructor, in lower case words.
	Name string
	// Prompt is a template of text/template over a Prompt; "" means the
	// constructor's own, such as CondensePrompt.
	Prompt string
	// Timeout is the longest that the model is waited for; 0 means DefaultTimeout.
	// Where the context has a deadline, the model gets at most half of the time
	// that is left, so that the search has the other half.
	Timeout time.Duration
	// PromptTokens bounds the question and the turns in a prompt; 0 means
	// DefaultPromptTokens. The oldest turns are left out first, and no turn takes
	// more than a quarter. A question that is longer is not rewritten.
	PromptTokens int
	// AnswerTokens bounds what is made of an answer: a longer question is refused,
	// a longer passage is cut at the end of a sentence. 0 means 128, and 256 for
	// HyDE. What the model is paid to write is bounded by the Generator's own
	// settings.
	AnswerTokens int
	// Count counts the tokens of a text; nil means an estimate, which is about a
	// tenth too high for English. It must be safe for concurrent use.
	Count func(text string) int
	// Cache is the number of answers that are remembered, by their whole prompt;
	// 0 means DefaultCache, and below 0 none. Failures are not remembered.
	Cache int
}

func (o Options) withDefaults(name, prompt string, answer int) Options {
	if o.Name == "" {
		o.Name = name
	}
	if o.Prompt == "" {
		o.Prompt = prompt
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.PromptTokens == 0 {
		o.PromptTokens = DefaultPromptTokens
	}
	if o.AnswerTokens == 0 {
		o.AnswerTokens = answer
	}
	if o.Count == nil {
		o.Count = prose.Tokens
	}
	if o.Cache == 0 {
		o.Cache = DefaultCache
	}
	return o
}

func (o Options) check() error {
	switch {
	case o.Timeout < 0:
		return fmt.Errorf("a timeout of %v leaves no time: give a positive one, or 0 for %v", o.Timeout, DefaultTimeout)
	case o.PromptTokens < 0:
		return fmt.Errorf("%d tokens for a prompt: give 1 or more, or 0 for %d", o.PromptTokens, DefaultPromptTokens)
	case o.AnswerTokens < 0:
		return fmt.Errorf("%d tokens for an answer: give 1 or more, or 0 for the default", o.AnswerTokens)
	}
	return nil
}

// prompt returns the data for a query, and false if the question alone is too
// long.
func (o Options) prompt(q pipeline.Query, n int) (Prompt, bool) {
	p := Prompt{Question: quoted(q.Text), N: n}
	left := o.PromptTokens - o.Count(q.Text)
	if left < 0 {
		return p, false
	}
	var lines []string
	for _, turn := range slices.Backward(q.Turns) {
		text := beginning(turn.Text, o.PromptTokens/4, o.Count)
		tokens := o.Count(text)
		if tokens > left {
			break
		}
		left -= tokens
		lines = append(lines, `{"role":`+quoted(turn.Role)+`,"text":`+quoted(text)+"}\n")
	}
	slices.Reverse(lines)
	p.Turns = strings.Join(lines, "")
	return p, true
}

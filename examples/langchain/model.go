package main

import (
	"context"
	"errors"
	"strings"
	"unicode"

	"github.com/tmc/langchaingo/llms"
)

// quoter is a model that needs no network: it answers with the sentence of its
// context that shares the most words with the question, the shorter of two. It is
// safe for concurrent use.
type quoter struct{}

var _ llms.Model = quoter{}

// Call answers a prompt.
func (q quoter) Call(ctx context.Context, prompt string, options ...llms.CallOption) (string, error) {
	return llms.GenerateFromSinglePrompt(ctx, q, prompt, options...)
}

// GenerateContent answers the text of all messages.
func (quoter) GenerateContent(ctx context.Context, messages []llms.MessageContent, _ ...llms.CallOption) (*llms.ContentResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var prompt strings.Builder
	for _, m := range messages {
		for _, part := range m.Parts {
			if text, ok := part.(llms.TextContent); ok {
				prompt.WriteString(text.Text)
			}
		}
	}
	answer, err := quote(prompt.String())
	if err != nil {
		return nil, err
	}
	return &llms.ContentResponse{Choices: []*llms.ContentChoice{{Content: answer}}}, nil
}

// quote reads the prompt of langchaingo's question answering chain: an
// instruction, the documents, the question, with blank lines between.
func quote(prompt string) (string, error) {
	before, question, ok := strings.Cut(prompt, "\n\nQuestion: ")
	_, passages, found := strings.Cut(before, "\n\n")
	if !ok || !found {
		return "", errors.New("model: the prompt has no context and no question")
	}
	question, _, _ = strings.Cut(question, "\n")
	asked := map[string]bool{}
	for _, w := range words(question) {
		asked[w] = true
	}
	best, most, length := "I do not know.", 0, 0
	for _, sentence := range sentences(passages) {
		said := words(sentence)
		shared := map[string]bool{}
		for _, w := range said {
			if asked[w] {
				shared[w] = true
			}
		}
		if len(shared) > most || len(shared) == most && len(said) < length {
			best, most, length = sentence, len(shared), len(said)
		}
	}
	return best, nil
}

func sentences(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		for _, s := range strings.SplitAfter(strings.TrimSpace(line), ". ") {
			if s = strings.TrimSpace(s); s != "" {
				list = append(list, s)
			}
		}
	}
	return list
}

// filler says nothing about what a sentence is about.
const filler = " and any are can does for from has have how may much not that the this was what when where which who will with you "

// words are the words of a text that say something, in lower case and without a
// plural ending.
func words(text string) []string {
	fields := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	kept := fields[:0]
	for _, w := range fields {
		if len(w) > 2 && !strings.Contains(filler, " "+w+" ") {
			kept = append(kept, strings.TrimSuffix(w, "s"))
		}
	}
	return kept
}

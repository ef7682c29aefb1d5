package main

import (
	"context"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/chat"
)

// cost is what the prompts of conversations came to.
type cost struct {
	prompts      int
	all, fresh   int // tokens, and those that the prompt before did not begin with
	moved, cited int // citation numbers that came to mean another document, of all
}

// bookkeeper makes the messages of the next turn, and returns what each number
// means in it.
type bookkeeper func(ctx context.Context, question string, r pipeline.Ranking) ([]pipeline.Turn, map[int]string, error)

// said stands for an answer of usual length.
var said = strings.Repeat("The passage describes how this is done and what to look out for. ", 4) + "[1]"

const (
	turns    = 10
	passages = 6
)

func joined(messages []pipeline.Turn) string {
	var b strings.Builder
	for _, m := range messages {
		b.WriteString("<" + m.Role + ">\n" + m.Text + "\n")
	}
	return b.String()
}

// common is the length of the beginning that two texts share.
func common(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// repeating puts what was found before every question, numbered from 1, and keeps
// it in the history: what programs do that have no state.
func repeating() bookkeeper {
	messages := []pipeline.Turn{{Role: "system", Text: chat.Instructions}}
	return func(ctx context.Context, question string, r pipeline.Ranking) ([]pipeline.Turn, map[int]string, error) {
		p, err := chat.Assemble(ctx, pipeline.Query{Text: question}, r, chat.Options{Tokens: 1 << 20, Passages: passages})
		if err != nil {
			return nil, nil, err
		}
		asked := p.Messages()[1]
		out := append(messages, asked)
		messages = append(out, pipeline.Turn{Role: "assistant", Text: said})
		return out, numbersOf(p), nil
	}
}

func conversing(budget int) bookkeeper {
	c := &chat.Conversation{}
	return func(ctx context.Context, question string, r pipeline.Ranking) ([]pipeline.Turn, map[int]string, error) {
		p, err := c.Ask(ctx, question, r, chat.Options{Tokens: budget, Passages: passages})
		if err != nil {
			return nil, nil, err
		}
		c.Answered(said)
		return p.Messages(), numbersOf(p), nil
	}
}

func numbersOf(p chat.Prompt) map[int]string {
	numbers := map[int]string{}
	for _, x := range p.Passages {
		numbers[x.Number] = x.IDs()[0]
	}
	return numbers
}

package main

import (
	"context"
	"fmt"
	"io"
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

// tokens prints what conversations of ten turns cost: five dialogues in a row.
func (w world) tokens(ctx context.Context, out io.Writer) error {
	fmt.Fprintf(out, "\n%s: conversations of %d turns, %d passages for each question, tokens for each answer\n", w.name, turns, passages)
	fmt.Fprintf(out, "  %-32s %10s %10s %16s\n", "", "prompt", "new in it", "numbers changed")
	for _, way := range []struct {
		name string
		make func() bookkeeper
	}{
		{"passages with every question", repeating},
		{"Conversation", func() bookkeeper { return conversing(1 << 20) }},
		{"Conversation, 4,000 tokens", func() bookkeeper { return conversing(4000) }},
	} {
		var c cost
		for start := 0; start+turns/2 <= len(w.dialogues); start += turns / 2 {
			if err := w.talk(ctx, w.dialogues[start:start+turns/2], way.make(), &c); err != nil {
				return err
			}
		}
		fmt.Fprintf(out, "  %-32s %10d %10d %10d of %d\n", way.name, c.all/c.prompts, c.fresh/c.prompts, c.moved, c.cited)
	}
	return nil
}

func (w world) talk(ctx context.Context, list []dialogue, next bookkeeper, c *cost) error {
	var before string
	meant := map[int]string{}
	for _, d := range list {
		for _, q := range [][2]string{{d.First, d.First}, {d.FollowUp, d.Ideal}} {
			r, err := w.index.Retrieve(ctx, pipeline.Query{Text: q[1]})
			if err != nil {
				return err
			}
			messages, numbers, err := next(ctx, q[0], r.Derive(r.Hits[:min(passages, len(r.Hits))]))
			if err != nil {
				return err
			}
			text := joined(messages)
			c.prompts++
			c.all += tokens(text)
			c.fresh += tokens(text[common(before, text):])
			before = text
			for n, id := range numbers {
				if old, ok := meant[n]; ok && old != id {
					c.moved++
				}
				meant[n] = id
				c.cited++
			}
		}
	}
	return nil
}

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

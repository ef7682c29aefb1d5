package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/bleve"
)

// world is what dialogues are about.
type world struct {
	name      string
	index     *bleve.Index
	dialogues []dialogue
}

func (w world) measure(ctx context.Context, s system, out io.Writer) error {
	var in5, in10, rr float64
	for _, d := range w.dialogues {
		text, err := s.text(ctx, d)
		if err != nil {
			return err
		}
		r, err := w.index.Retrieve(ctx, pipeline.Query{Text: text})
		if err != nil {
			return err
		}
		if rank := d.rank(r); rank > 0 && rank <= 10 {
			in10++
			rr += 1 / float64(rank)
			if rank <= 5 {
				in5++
			}
		}
	}
	n := float64(len(w.dialogues))
	fmt.Fprintf(out, "  %-22s %12.2f %12.2f %8.3f\n", s.name, in5/n, in10/n, rr/n)
	return nil
}

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

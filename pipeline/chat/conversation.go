package chat

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rankcascade/cascade/pipeline"
)

// Conversation is the state of a chat: what was said, and the evidence with its
// citation numbers. The zero value is a chat that has not begun. It is written and
// read with encoding/json, so it can wait in a session store between turns.
//
// It is not safe for concurrent use: a chat has one turn at a time.
type Conversation struct {
	// Turns are the questions and answers, oldest first, by turns "user" and
	// "assistant".
	Turns []pipeline.Turn `json:"turns,omitempty"`
	// Passages are all passages that were given a number and are remembered, by
	// number; see Passage.Out and Passage.Stale.
	Passages []Passage `json:"passages,omitempty"`
	// Last is the highest number that was given.
	Last int `json:"last,omitempty"`
	// Pending is a question that was asked and has no answer yet.
	Pending string `json:"pending,omitempty"`
}

// MaxRemembered is how many passages that are not in the prompt any more a
// conversation remembers, for the citations of earlier answers.
const MaxRemembered = 500

// Query returns the question as a query of this conversation, for a pipeline that
// condenses it.
func (c *Conversation) Query(question string) pipeline.Query {
	return pipeline.Query{Text: question, Turns: slices.Clone(c.Turns)}
}

// turn is the number of the turn that begins with the next question.
func (c *Conversation) turn() int {
	n := 1
	for _, t := range c.Turns {
		if t.Role == "user" {
			n++
		}
	}
	return n
}

// Passage returns the passage with the number, whether it is in the prompt or not,
// and false if it was never given or is not remembered.
func (c *Conversation) Passage(number int) (Passage, bool) {
	for _, p := range c.Passages {
		if p.Number == number {
			return p, true
		}
	}
	return Passage{}, false
}

// Ask returns the prompt for the next question. The ranking is what was found for
// it; it may be empty, and the question stands on what the conversation holds. The
// context bounds Fetcher and Focus.
//
// A passage that is held already keeps its number and its place, and is in the
// prompt once. New passages get the next numbers in the order of the ranking. Where
// the budget is used up, the newest ranking comes first, then the newest turns,
// then other passages by their last use; and then a quarter of the budget is left
// free, so that the next turns need not move everything again.
//
// An error leaves the conversation as it was: a mistake in the options, a prompt
// whose instructions and question alone exceed the budget, the end of the context.
func (c *Conversation) Ask(ctx context.Context, question string, ranking pipeline.Ranking, o Options) (Prompt, error) {
	if err := o.check(); err != nil {
		return Prompt{}, fmt.Errorf("chat: ask: %w", err)
	}
	a := &assembly{o: o.withDefaults(), question: question, turn: c.turn(), turns: c.Turns, last: c.Last, gaps: ranking.Gaps}
	a.held = make([]*evidence, len(c.Passages))
	for i, p := range c.Passages {
		p.Rank = 0
		p.Same = slices.Clone(p.Same)
		a.held[i] = &evidence{Passage: p}
	}
	a.refresh(ctx)
	a.collect(ctx, ranking)
	p, err := fitting{a}.prompt()
	if err == nil && ctx.Err() != nil {
		err = ended(ctx)
	}
	if err != nil {
		return Prompt{}, fmt.Errorf("chat: ask: %w", err)
	}
	c.Passages, c.Last, c.Pending = remembered(a.passages()), a.last, question
	return p, nil
}

// Answered ends the turn that Ask began with what the model answered, all of it or
// what came before it was stopped.
func (c *Conversation) Answered(answer string) {
	c.Turns = append(slices.Clip(c.Turns), pipeline.Turn{Role: "user", Text: c.Pending}, pipeline.Turn{Role: "assistant", Text: answer})
	c.Pending = ""
}

// ended returns an error with ctx.Err() and its cause in the chain.
func ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}

// remembered leaves out the oldest passages that are not in the prompt.
func remembered(passages []Passage) []Passage {
	out := 0
	for _, p := range passages {
		if p.Out {
			out++
		}
	}
	return slices.DeleteFunc(passages, func(p Passage) bool {
		if !p.Out || out <= MaxRemembered {
			return false
		}
		out--
		return true
	})
}

// Assemble returns the prompt for one question without a conversation. It is
// Conversation.Ask on a new one.
func Assemble(ctx context.Context, q pipeline.Query, ranking pipeline.Ranking, o Options) (Prompt, error) {
	c := &Conversation{Turns: q.Turns}
	return c.Ask(ctx, q.Text, ranking, o)
}

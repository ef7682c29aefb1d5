package llm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// The prompts that stand in when Options.Prompt is empty. {instruction},
// {query} and {document}, or {documents} and {count}, are replaced.
const (
	// YesNoPrompt asks a Chooser for a yes or a no.
	YesNoPrompt = "{instruction}\n\nQuery: {query}\n\nDocument: {document}\n\nDoes the document answer the query? Answer with one word, yes or no.\nAnswer:"
	// GradePrompt asks a model that gives no probabilities for a grade.
	GradePrompt = "{instruction}\n\nQuery: {query}\n\nDocument: {document}\n\nHow well does the document answer the query? " +
		"Answer with one number: 0 not at all, 1 it is about the subject, 2 it answers in part, 3 it answers completely.\nAnswer:"
	// ListPrompt asks for an order of several documents.
	ListPrompt = "{instruction}\n\nHere are {count} documents, each with a number in brackets.\n\n{documents}\nQuery: {query}\n\n" +
		"Put the {count} documents into the order in which they answer the query, best first. Answer with their numbers only, like [2] > [1] > [3].\nOrder:"
	// DefaultInstruction stands for {instruction} where the query has none.
	DefaultInstruction = "You judge how well documents answer a search query."
)

// Options are the settings of both scorers. The zero value is the documented
// default.
type Options struct {
	// Model names the model in reports and cache keys.
	Model string
	// Prompt takes the place of the scorer's own. It must have {query}, and
	// {document} or {documents}. It is data: nothing in a query or a document is
	// replaced again.
	Prompt string
	// Instruction takes the place of DefaultInstruction; a query that has
	// reranker.InstructionKey has its own.
	Instruction string
	// DocumentTokens is the most tokens of a document that the model reads, from its
	// beginning, at four bytes a token; 0 means 400.
	DocumentTokens int
	// Tokens bounds the tokens of all prompts of a query, estimated in the same way:
	// documents that would exceed it are not judged. 0 means no bound.
	Tokens int
	// Concurrency is how many questions of one query are asked at once, of Pointwise
	// only; 0 means 4.
	Concurrency int
	// Window is how many documents Listwise puts into order at once, and Step by how
	// many it moves on, from the end of the list to its beginning; 0 means 20 and 10.
	// The window must not be larger than the model reads.
	Window, Step int
	// ModelTokens is how many tokens the model reads, for the check of Window; 0
	// means that it is not known.
	ModelTokens int
}

func (o Options) withDefaults() Options {
	for _, d := range []struct {
		into  *int
		value int
	}{{&o.DocumentTokens, 400}, {&o.Concurrency, 4}, {&o.Window, 20}, {&o.Step, 10}} {
		if *d.into == 0 {
			*d.into = d.value
		}
	}
	if o.Instruction == "" {
		o.Instruction = DefaultInstruction
	}
	return o
}

func (o Options) check(model pipeline.Generator, needed string) error {
	switch {
	case model == nil:
		return errors.New("the language model is nil: pass a Generator, such as langchain.Generator(llm)")
	case o.DocumentTokens < 0 || o.Tokens < 0 || o.Concurrency < 0 || o.Window < 0 || o.Step < 0 || o.ModelTokens < 0:
		return errors.New("a setting is negative")
	case o.Prompt != "" && (!strings.Contains(o.Prompt, "{query}") || !strings.Contains(o.Prompt, needed)):
		return fmt.Errorf("option Prompt needs {query} and %s", needed)
	}
	return nil
}

// checkWindow checks what only Listwise uses.
func (o Options) checkWindow() error {
	switch {
	case o.Window < 2:
		return fmt.Errorf("option Window is %d; an order needs at least 2 documents", o.Window)
	case o.Step > o.Window:
		return fmt.Errorf("option Step is %d, more than the window of %d: documents between two windows would not be judged", o.Step, o.Window)
	case o.ModelTokens > 0 && o.Window*(o.DocumentTokens+8) > o.ModelTokens:
		return fmt.Errorf("a window of %d documents of %d tokens is larger than the model, which reads %d: set Window or DocumentTokens", o.Window, o.DocumentTokens, o.ModelTokens)
	}
	return nil
}

func config(scorer string, err error) error {
	return &reranker.Error{Kind: reranker.KindConfig, Op: "llm: " + scorer, Err: err}
}

// instruction is what the model is told for a query.
func (o Options) instruction(ctx context.Context) string {
	if own, ok := reranker.InstructionKey.From(ctx); ok && own != "" {
		return own
	}
	return o.Instruction
}

// variant is everything but query and documents that changes a score.
func (o Options) variant(ctx context.Context, scorer, prompt string) string {
	return strings.Join([]string{scorer, o.Model, prompt, o.instruction(ctx), fmt.Sprint(o.DocumentTokens, o.Window, o.Step)}, "\x00")
}

const bytesPerToken = 4

func tokens(text string) int { return (len(text) + bytesPerToken - 1) / bytesPerToken }

// shorten cuts a text to n tokens, without splitting a letter.
func shorten(text string, n int) string {
	if len(text) <= n*bytesPerToken {
		return text
	}
	end := n * bytesPerToken
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// fill puts values into a prompt. A value that looks like a placeholder stays as
// it is.
func fill(prompt string, pairs ...string) string {
	return strings.NewReplacer(pairs...).Replace(prompt)
}

// badAnswer is the error of an answer that says nothing. It does not repeat the
// answer, which may repeat a document.
func badAnswer(op, what string) error {
	return &reranker.Error{Kind: reranker.KindProtocol, Op: "llm: " + op, Message: what}
}

// WarnRepaired says that answers of the model were used after a repair: numbers
// out of range or doubled were dropped, missing ones added.
const WarnRepaired reranker.WarningKind = "repaired_answers"

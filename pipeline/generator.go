package pipeline

import (
	"context"
	"errors"
	"iter"
	"time"
)

// Generator is a language model: it answers a prompt with text. It is all that
// this module asks of one, for rewriting a question, for scoring documents and
// for answering.
//
// Generate returns within milliseconds of the context's end with the cause in
// the error's chain, and is safe for concurrent use. An empty answer is no
// error; who asked decides what it means. How long an answer may be, the
// temperature and the model are settings of the implementation.
type Generator interface {
	Generate(ctx context.Context, prompt string) (string, error)
}

// GeneratorFunc makes a function a Generator.
type GeneratorFunc func(ctx context.Context, prompt string) (string, error)

// Generate calls f.
func (f GeneratorFunc) Generate(ctx context.Context, prompt string) (string, error) {
	return f(ctx, prompt)
}

// StreamGenerator is a Generator that can hand out its answer while it is being
// written.
type StreamGenerator interface {
	Generator
	// Stream yields the pieces of the answer in order; put together they are what
	// Generate returns. An error ends the sequence, and the pieces before it can
	// still be shown. The sequence works once. When its consumer stops early it
	// ends everything that it started before it returns.
	Stream(ctx context.Context, prompt string) iter.Seq2[string, error]
}

var errNilGenerator = errors.New("pipeline: stream text: the generator is nil: pass a language model")

// StreamText yields the generator's answer in pieces: as they are written where
// it is a StreamGenerator, else the whole answer at once. An empty answer yields
// nothing. Errors are as in StreamGenerator. Observers hear of it as an event of
// KindGenerate with the details "prompt_bytes", "answer_bytes", "pieces" and, once
// there is a piece, "first_piece_ms", the time until it came.
func StreamText(ctx context.Context, g Generator, prompt string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		ctx, span := Begin(ctx, KindGenerate, "text")
		var failure error
		size, pieces, began := 0, 0, time.Now()
		defer func() {
			span.Int("prompt_bytes", len(prompt))
			span.Int("answer_bytes", size)
			span.Int("pieces", pieces)
			span.End(failure)
		}()
		for piece, err := range answered(ctx, g, prompt) {
			if failure = err; err == nil {
				if pieces++; pieces == 1 {
					span.Int("first_piece_ms", int(time.Since(began).Milliseconds()))
				}
				size += len(piece)
			}
			if !yield(piece, err) {
				return
			}
		}
	}
}

// answered is the answer in the pieces in which the generator hands it out.
func answered(ctx context.Context, g Generator, prompt string) iter.Seq2[string, error] {
	if s, ok := g.(StreamGenerator); ok {
		return s.Stream(ctx, prompt)
	}
	return func(yield func(string, error) bool) {
		if g == nil {
			yield("", errNilGenerator)
			return
		}
		text, err := g.Generate(ctx, prompt)
		if err != nil || text != "" {
			yield(text, err)
		}
	}
}

package langchain

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/tmc/langchaingo/llms"
)

// Model is a model of langchaingo as a pipeline.StreamGenerator. Make one with
// Generator. It is safe for concurrent use if the model is.
type Model struct {
	model   llms.Model
	options []llms.CallOption
}

var _ pipeline.StreamGenerator = Model{}

// Generator makes a pipeline.Generator of a model, for everything that asks one:
// rewriting, scoring, answering. The options go with every call, for example
// llms.WithMaxTokens or llms.WithTemperature. A nil model is the error of every
// call.
//
// The prompt is one message of the role human. The answer is the first choice; no
// choice is an error. A call that ignores its context is left behind when the
// context ends. A panic of the model is a *pipeline.PanicError.
func Generator(model llms.Model, options ...llms.CallOption) Model {
	return Model{model: model, options: options}
}

// Describe implements pipeline.Describer.
func (m Model) Describe() pipeline.Node {
	n := pipeline.Node{Name: "model", Settings: []pipeline.Setting{{Name: "type", Value: fmt.Sprintf("%T", m.model)}}}
	if m.model == nil {
		n.Err = errNilModel
	}
	return n
}

var (
	errNilModel   = errors.New("langchain: generate: the model is nil: pass an llms.Model")
	errNoChoice   = errors.New("the model returned no choice")
	errNoListener = errors.New("nobody listens any more")
)

// Generate returns the whole answer. It does not stream.
func (m Model) Generate(ctx context.Context, prompt string) (string, error) {
	var whole strings.Builder
	for piece, err := range m.pieces(ctx, prompt, m.options) {
		if err != nil {
			return "", err
		}
		whole.WriteString(piece)
	}
	return whole.String(), nil
}

// Stream yields the pieces of the answer as the model writes them, or the whole
// answer where the model does not stream.
func (m Model) Stream(ctx context.Context, prompt string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		written := make(chan string)
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		options := append(slices.Clip(m.options), llms.WithStreamingFunc(passer(ctx, written)))
		m.run(ctx, prompt, options, written, yield)
	}
}

func (m Model) pieces(ctx context.Context, prompt string, options []llms.CallOption) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		m.run(ctx, prompt, options, nil, yield)
	}
}

// patience is how long a model that is told to stop may go on before it gets an
// error from its streaming function. Until then what it says is dropped: its
// client ends by the context, and some clients leave a goroutine behind when the
// function returns an error first.
const patience = 50 * time.Millisecond

// passer is the streaming function of a call whose consumer reads written until
// ctx ends.
func passer(ctx context.Context, written chan<- string) func(context.Context, []byte) error {
	var stopped time.Time
	return func(_ context.Context, chunk []byte) error {
		if len(chunk) == 0 {
			return nil
		}
		select {
		case written <- string(chunk):
			return nil
		case <-ctx.Done():
		}
		if stopped.IsZero() {
			stopped = time.Now()
		}
		if time.Since(stopped) > patience {
			return errNoListener
		}
		return nil
	}
}

// end is what a call came to.
type end struct {
	text string
	err  error
}

// run makes the call in a goroutine that it leaves behind only when the call
// ignores the end of its context.
func (m Model) run(ctx context.Context, prompt string, options []llms.CallOption, written <-chan string, yield func(string, error) bool) {
	if m.model == nil {
		yield("", errNilModel)
		return
	}
	if err := ended(ctx); err != nil {
		yield("", fmt.Errorf("langchain: generate: %w", err))
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan end, 1)
	go func() {
		e := end{err: errEnded}
		defer func() { done <- e }() // also when the model calls runtime.Goexit
		e = m.call(ctx, prompt, options)
	}()
	defer leave(cancel, done)
	var told int // bytes that were yielded
	for {
		select {
		case piece := <-written:
			told += len(piece)
			if !yield(piece, nil) {
				return
			}
		case <-ctx.Done():
			yield("", fmt.Errorf("langchain: generate: %w", ended(ctx)))
			return
		case e := <-done:
			done <- e // for leave
			finish(ctx, e, told, yield)
			return
		}
	}
}

// leave tells the call to end and gives it a moment to do so.
func leave(cancel context.CancelFunc, done <-chan end) {
	cancel()
	timer := time.NewTimer(2 * patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

func finish(ctx context.Context, e end, told int, yield func(string, error) bool) {
	switch {
	case e.err != nil:
		yield("", fmt.Errorf("langchain: generate: %w", withCause(ctx, e.err)))
	case told < len(e.text): // all of it, or what a model left unsaid
		yield(e.text[told:], nil)
	}
}

func (m Model) call(ctx context.Context, prompt string, options []llms.CallOption) (e end) {
	defer func() {
		if v := recover(); v != nil {
			e = end{err: &pipeline.PanicError{Part: "model", Value: v, Stack: debug.Stack()}}
		}
	}()
	response, err := m.model.GenerateContent(ctx, []llms.MessageContent{llms.TextParts(llms.ChatMessageTypeHuman, prompt)}, options...)
	if err != nil {
		return end{err: err}
	}
	if response == nil || len(response.Choices) == 0 || response.Choices[0] == nil {
		return end{err: errNoChoice}
	}
	return end{text: response.Choices[0].Content}
}

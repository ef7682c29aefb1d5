package langchain_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/langchain"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/llms"
)

// scripted is a model that behaves as its function says.
type scripted func(ctx context.Context, prompt string, o llms.CallOptions) (*llms.ContentResponse, error)

func (s scripted) Call(ctx context.Context, prompt string, options ...llms.CallOption) (string, error) {
	return llms.GenerateFromSinglePrompt(ctx, s, prompt, options...)
}

func (s scripted) GenerateContent(ctx context.Context, messages []llms.MessageContent, options ...llms.CallOption) (*llms.ContentResponse, error) {
	var o llms.CallOptions
	for _, option := range options {
		option(&o)
	}
	return s(ctx, messages[0].Parts[0].(llms.TextContent).Text, o)
}

func choice(text string) *llms.ContentResponse {
	return &llms.ContentResponse{Choices: []*llms.ContentChoice{{Content: text}}}
}

// typing streams the words of the text, each after a look at the context.
func typing(text string, pause time.Duration) scripted {
	return func(ctx context.Context, _ string, o llms.CallOptions) (*llms.ContentResponse, error) {
		for i, word := range strings.SplitAfter(text, " ") {
			if i > 0 {
				select {
				case <-ctx.Done():
					return nil, ctx.Err()
				case <-time.After(pause):
				}
			}
			if o.StreamingFunc == nil {
				continue
			}
			if err := o.StreamingFunc(ctx, []byte(word)); err != nil {
				return nil, err
			}
		}
		return choice(text), nil
	}
}

func streamed(ctx context.Context, m llms.Model) (pieces []string, failure error) {
	for piece, err := range langchain.Generator(m).Stream(ctx, "?") {
		if err != nil {
			return pieces, err
		}
		pieces = append(pieces, piece)
	}
	return pieces, nil
}

func TestAModelGenerates(t *testing.T) {
	t.Parallel()
	down := errors.New("503 from upstream")
	answers := func(r *llms.ContentResponse, err error) scripted {
		return func(context.Context, string, llms.CallOptions) (*llms.ContentResponse, error) { return r, err }
	}
	for name, c := range map[string]struct {
		model  llms.Model
		pieces []string
		err    string
	}{
		"a streaming model speaks in pieces":          {typing("one two", 0), []string{"one ", "two"}, ""},
		"a model that does not stream speaks at once": {answers(choice("one two"), nil), []string{"one two"}, ""},
		"an empty answer is none":                     {answers(choice(""), nil), nil, ""},
		"no choice is an error":                       {answers(&llms.ContentResponse{}, nil), nil, "returned no choice"},
		"no response is an error":                     {answers(nil, nil), nil, "returned no choice"},
		"a nil choice is an error":                    {answers(&llms.ContentResponse{Choices: []*llms.ContentChoice{nil}}, nil), nil, "returned no choice"},
		"an error of the model stays in the chain":    {answers(nil, down), nil, "503 from upstream"},
		"a nil model says so":                         {nil, nil, "the model is nil"},
		"empty pieces are passed over":                {typing(" two", 0), []string{" ", "two"}, ""},
		"what a model does not stream is said at the end": {scripted(func(ctx context.Context, _ string, o llms.CallOptions) (*llms.ContentResponse, error) {
			if o.StreamingFunc != nil {
				return choice("one two"), o.StreamingFunc(ctx, []byte("one"))
			}
			return choice("one two"), nil
		}), []string{"one", " two"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pieces, err := streamed(t.Context(), c.model)
			assert.Equal(t, c.pieces, pieces)
			whole, failure := langchain.Generator(c.model).Generate(t.Context(), "?")
			if c.err == "" {
				require.NoError(t, err)
				require.NoError(t, failure)
				assert.Equal(t, strings.Join(c.pieces, ""), whole)
				return
			}
			assert.ErrorContains(t, err, c.err)
			assert.ErrorContains(t, failure, c.err)
			assert.Empty(t, whole)
		})
	}
}

func TestAModelIsGivenPromptAndOptions(t *testing.T) {
	t.Parallel()
	m := scripted(func(_ context.Context, prompt string, o llms.CallOptions) (*llms.ContentResponse, error) {
		return choice(fmt.Sprint(prompt, " ", o.MaxTokens)), nil
	})
	text, err := langchain.Generator(m, llms.WithMaxTokens(7)).Generate(t.Context(), "say")
	require.NoError(t, err)
	assert.Equal(t, "say 7", text)
}

func TestAStreamCanBeLeft(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	m := scripted(func(ctx context.Context, prompt string, o llms.CallOptions) (*llms.ContentResponse, error) {
		r, err := typing(strings.Repeat("on and ", 1000), time.Millisecond)(ctx, prompt, o)
		ended <- err
		return r, err
	})
	for range langchain.Generator(m).Stream(t.Context(), "?") {
		break
	}
	assert.ErrorIs(t, <-ended, context.Canceled)
}

func TestAModelThatIgnoresItsContextIsLeftBehind(t *testing.T) {
	t.Parallel()
	for name, talk := range map[string]bool{"and is silent": false, "and talks on": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			release := make(chan struct{})
			left := make(chan struct{})
			defer func() { close(release); <-left }()
			m := scripted(func(_ context.Context, _ string, o llms.CallOptions) (*llms.ContentResponse, error) {
				defer close(left)
				for talk {
					if err := o.StreamingFunc(context.Background(), []byte("blah ")); err != nil {
						break
					}
				}
				<-release
				return choice("late"), nil
			})
			gone := errors.New("gone")
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(5*time.Millisecond, func() { cancel(gone) })
			_, err := streamed(ctx, m)
			assert.ErrorIs(t, err, gone)
			assert.ErrorIs(t, err, context.Canceled)
			_, err = langchain.Generator(m).Generate(ctx, "?")
			assert.ErrorIs(t, err, gone, "a caller who is gone asks nobody")
		})
	}
}

func TestAPanicOfAModelIsAnError(t *testing.T) {
	t.Parallel()
	m := scripted(func(context.Context, string, llms.CallOptions) (*llms.ContentResponse, error) { panic("no weights") })
	_, err := langchain.Generator(m).Generate(t.Context(), "?")
	var panicked *pipeline.PanicError
	require.ErrorAs(t, err, &panicked)
	assert.Equal(t, "no weights", panicked.Value)
	assert.Error(t, pipeline.Describe(langchain.Generator(nil)).Err)
	assert.NoError(t, pipeline.Describe(langchain.Generator(m)).Err)
}

func ExampleGenerator() {
	model := typing("A bicycle has two wheels.", 0) // any llms.Model
	for piece, err := range pipeline.StreamText(context.Background(), langchain.Generator(model), "How many wheels?") {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Print(piece)
	}
	// Output: A bicycle has two wheels.
}

package proof_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/llms"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/llm"
	"github.com/rankcascade/cascade/retriever/langchain"
)

// speaker is a langchaingo model that answers by a function of the prompt, and
// keeps the temperatures that it was asked with.
type speaker struct {
	answer       func(prompt string) (string, error)
	mu           sync.Mutex
	temperatures []float64
}

func (s *speaker) GenerateContent(_ context.Context, messages []llms.MessageContent, options ...llms.CallOption) (*llms.ContentResponse, error) {
	var o llms.CallOptions
	for _, option := range options {
		option(&o)
	}
	s.mu.Lock()
	s.temperatures = append(s.temperatures, o.Temperature)
	s.mu.Unlock()
	said, err := s.answer(messages[0].Parts[0].(llms.TextContent).Text)
	if err != nil {
		return nil, err
	}
	return &llms.ContentResponse{Choices: []*llms.ContentChoice{{Content: said}}}, nil
}

func (s *speaker) Call(context.Context, string, ...llms.CallOption) (string, error) {
	return "", errors.New("Call is the old way")
}

// graded gives 3 for what is cheap, 1 for what has a price, and fails for what
// is broken.
func graded(prompt string) (string, error) {
	switch {
	case strings.Contains(prompt, "broken"):
		return "", errors.New("overloaded")
	case strings.Contains(prompt, "cheap"):
		return "Grade: 3", nil
	}
	return "Grade: 1", nil
}

// backwards puts the documents of a prompt into the opposite order.
func backwards(prompt string) (string, error) {
	var order []string
	for n := 9; n > 0; n-- {
		if strings.Contains(prompt, fmt.Sprintf("\n[%d] ", n)) {
			order = append(order, fmt.Sprintf("[%d]", n))
		}
	}
	return "The order is " + strings.Join(order, " > "), nil
}

func mute(string) (string, error) { return "I would rather not.", nil }

// TestLangchaingoModelScores holds a model of langchaingo together with both
// scorers over language models, through the adapter.
func TestLangchaingoModelScores(t *testing.T) {
	pointwise := func(g pipeline.Generator) (reranker.Scorer, error) {
		return llm.NewPointwise(g, llm.Options{Model: "m"})
	}
	listwise := func(g pipeline.Generator) (reranker.Scorer, error) {
		return llm.NewListwise(g, llm.Options{Model: "m"})
	}
	documents := []string{"a pass costs much", "a cheap pass", "a pass for dogs"}
	for name, test := range map[string]struct {
		make      func(pipeline.Generator) (reranker.Scorer, error)
		answer    func(string) (string, error)
		documents []string
		values    []float64
		unscored  []int
		questions int
	}{
		"pointwise: a grade for each document":      {pointwise, graded, documents, []float64{1. / 3, 1, 1. / 3}, nil, 3},
		"pointwise: one failed question is one gap": {pointwise, graded, []string{"a cheap pass", "broken"}, []float64{1, 0}, []int{1}, 2},
		"listwise: one order of all":                {listwise, backwards, documents, []float64{1. / 3, 1. / 2, 1}, nil, 1},
		"pointwise: no grade is an error":           {pointwise, mute, documents, nil, nil, 3},
		"listwise: no order is an error":            {listwise, mute, documents, nil, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			model := &speaker{answer: test.answer}
			scorer, err := test.make(langchain.Generator(model, llms.WithTemperature(0.25)))
			require.NoError(t, err)
			s, err := scorer.Score(t.Context(), question, test.documents)
			assert.Len(t, model.temperatures, test.questions)
			for _, temperature := range model.temperatures {
				assert.InDelta(t, 0.25, temperature, 1e-12, "call options reach the model")
			}
			if test.values == nil {
				var e *reranker.Error
				require.ErrorAs(t, err, &e)
				assert.Equal(t, reranker.KindProtocol, e.Kind)
				return
			}
			require.NoError(t, err)
			assert.InDeltaSlice(t, test.values, s.Values, 1e-12)
			assert.Equal(t, "m", s.Model)
			for i := range test.documents {
				gap := len(test.unscored) > 0 && test.unscored[0] == i
				assert.Equal(t, !gap, s.Scored(i))
			}
		})
	}
}

// TestLangchaingoModelReranks puts such a scorer into a pipeline.
func TestLangchaingoModelReranks(t *testing.T) {
	scorer, err := llm.NewListwise(langchain.Generator(&speaker{answer: backwards}), llm.Options{})
	require.NoError(t, err)
	in, err := pipeline.NewRanking("store", pipeline.BM25, []pipeline.Hit{
		{Document: pipeline.Document{ID: "a", Text: "one"}, Score: 3}, {Document: pipeline.Document{ID: "b", Text: "two"}, Score: 2}, {Document: pipeline.Document{ID: "c", Text: "three"}, Score: 1},
	})
	require.NoError(t, err)
	out, err := reranker.Stage(scorer, reranker.Chat()).Apply(t.Context(), pipeline.Query{Text: question}, in)
	require.NoError(t, err)
	assert.Equal(t, "c", out.Hits[0].Document.ID)
	assert.Equal(t, "a", out.Hits[2].Document.ID)
}

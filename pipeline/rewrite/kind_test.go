package rewrite_test

import (
	"context"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/kind"
	"github.com/rankcascade/cascade/pipeline/rewrite"
)

// built makes a rewriter of a kind as a configuration file does.
func built(t *testing.T, k kind.Kind, settings map[string]any) (pipeline.Rewriter, error) {
	t.Helper()
	v := reflect.New(k.Settings()).Elem()
	for name, value := range settings {
		if f := v.FieldByName(name); f.IsValid() {
			f.Set(reflect.ValueOf(value))
		}
	}
	part, err := k.Build(t.Context(), v.Interface(), &kind.Scope{})
	if err != nil {
		return nil, err
	}
	r, ok := part.(pipeline.Rewriter)
	require.True(t, ok)
	return r, nil
}

func TestAConfigurationFileMakesRewriters(t *testing.T) {
	t.Parallel()
	none, two := 0, 2
	names := map[string]bool{}
	for _, k := range rewrite.Kinds() {
		names[k.Name()] = true
		assert.NotEmpty(t, k.Doc())
		for name, c := range map[string]struct {
			cache *int
			asked int64
		}{"by default": {nil, 1}, "with a cache of two": {&two, 1}, "without a cache": {&none, 2}} {
			var asked atomic.Int64
			var seen atomic.Value
			model := rewrite.GeneratorFunc(func(_ context.Context, prompt string) (string, error) {
				asked.Add(1)
				seen.Store(prompt)
				return "How do I fetch a page with a timeout?", nil
			})
			settings := map[string]any{
				"Model": model, "N": 3, "Cache": c.cache, "Name": "mine", "Timeout": time.Minute, "PromptTokens": 500, "AnswerTokens": 50,
				"Prompt": "Say it: {{.Question}} {{.N}} {{.Turns}}",
			}
			if c.cache == nil {
				delete(settings, "Cache")
			}
			r, err := built(t, k, settings)
			require.NoError(t, err, k.Name())
			for range 2 {
				queries, err := r.Rewrite(t.Context(), followUp())
				require.NoError(t, err)
				assert.Contains(t, queries[len(queries)-1].Text, "How do I fetch a page with a timeout?", k.Name())
				assert.Empty(t, queries[0].Gaps())
			}
			assert.Equal(t, c.asked, asked.Load(), "%s %s", k.Name(), name)
			assert.Contains(t, seen.Load(), "Say it: ")
			node := pipeline.Describe(r)
			assert.Equal(t, "mine", node.Name)
			assert.Contains(t, node.Settings, pipeline.Setting{Name: "timeout", Value: "1m0s"})
		}
		r, err := built(t, k, map[string]any{"Model": says(""), "N": 0})
		if _, several := k.Settings().FieldByName("N"); several {
			assert.ErrorContains(t, err, "ask for at least 1", k.Name())
			r, err = built(t, k, map[string]any{"Model": says("why?"), "N": 1})
		}
		require.NoError(t, err, k.Name())
		assert.NoError(t, pipeline.Describe(r).Err, k.Name())
		r, err = built(t, k, map[string]any{"Model": says(""), "N": 1, "AnswerTokens": -1})
		require.NoError(t, err)
		assert.Error(t, pipeline.Describe(r).Err, "a number that cannot be is in the description")
	}
	assert.Equal(t, map[string]bool{"condense": true, "step-back": true, "hyde": true, "wordings": true, "decompose": true}, names)
}

// The context of a call ends with it, so that nothing of the model's goes on.
func TestTheContextOfACallEndsWithIt(t *testing.T) {
	t.Parallel()
	var given context.Context
	model := rewrite.GeneratorFunc(func(ctx context.Context, _ string) (string, error) {
		given = ctx
		return "How do I fetch a page with a timeout?", nil
	})
	_, err := rewrite.Condense(model, rewrite.Options{}).Rewrite(t.Context(), followUp())
	require.NoError(t, err)
	assert.ErrorIs(t, given.Err(), context.Canceled)
}

func TestMarksAroundAQuestionAndInIt(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{
		`"How do I fetch it?"`:                "How do I fetch it?",
		`"Fetch" is what kind of word?`:       `"Fetch" is what kind of word?`,
		`What is meant by "fetch"`:            `What is meant by "fetch"`,
		`"Fetch" or "load", which is "right"`: `"Fetch" or "load", which is "right"`,
		"**Question:** “How do I fetch it?”":  "How do I fetch it?",
	} {
		queries, err := rewrite.Condense(says(answer), rewrite.Options{}).Rewrite(t.Context(), followUp())
		require.NoError(t, err)
		assert.Equal(t, want, queries[0].Text)
	}
}

func TestAQuestionOfOnePart(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string][]string{
		"How do I fetch with a timeout?": {"How do I fetch with a timeout?"},
		"and with a TIMEOUT":             {"And with a timeout?"},
		"And with a timeout?\nWhy?":      {"And with a timeout?", "Why?"},
	} {
		queries, err := rewrite.Decompose(says(answer), 3, rewrite.Options{}).Rewrite(t.Context(), followUp())
		require.NoError(t, err)
		assert.Equal(t, want, texts(queries))
	}
}

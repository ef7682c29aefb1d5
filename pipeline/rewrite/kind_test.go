package rewrite_test

import (
	"context"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
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

// words counts words for tokens.
func words(text string) int { return len(strings.Fields(text)) }

func TestBoundsAreTheLastThatIsTaken(t *testing.T) {
	t.Parallel()
	q := pipeline.Query{Text: "one two", Turns: []pipeline.Turn{{Role: "user", Text: "three"}}}
	o := rewrite.Options{Count: words, AnswerTokens: 3, PromptTokens: 2}
	for answer, want := range map[string][]string{
		"what is it?":                      {"what is it?"},
		"what is it now?":                  nil, // four words
		`["what is it", "a b c d", "why"]`: {"what is it"},
	} {
		queries, err := rewrite.Condense(says(answer), o).Rewrite(t.Context(), q)
		require.NoError(t, err)
		if want == nil {
			require.Len(t, queries[0].Gaps(), 1, answer)
			assert.ErrorContains(t, queries[0].Gaps()[0].Err, "longer than a question may be", answer)
			continue
		}
		assert.Equal(t, want, texts(queries), answer)
		assert.Empty(t, queries[0].Gaps(), "a question of two words fits into two")
	}
	o.PromptTokens = 1
	queries, err := rewrite.Condense(says("why?"), o).Rewrite(t.Context(), q)
	require.NoError(t, err)
	assert.Equal(t, pipeline.ReasonTooLong, queries[0].Gaps()[0].Reason)

	for passage, want := range map[string]string{
		"One two three.":           "One two three.",
		"One two. Three four.":     "One two.",
		"One. Two. Three. Four.":   "One. Two. Three.",
		"one two three four five.": "one two three",
	} {
		queries, err := rewrite.HyDE(says(passage), rewrite.Options{Count: words, AnswerTokens: 3}).Rewrite(t.Context(), q)
		require.NoError(t, err)
		assert.Equal(t, "one two\n"+want, queries[0].Text)
	}
}

func TestTurnsThatJustFitAreInThePrompt(t *testing.T) {
	t.Parallel()
	var prompt string
	model := rewrite.GeneratorFunc(func(_ context.Context, p string) (string, error) { prompt = p; return "fine", nil })
	q := pipeline.Query{Text: "a b c d e f", Turns: []pipeline.Turn{{Role: "user", Text: "g"}, {Role: "assistant", Text: "h"}}}
	for room, want := range map[int]string{
		8: `{"role":"user","text":"g"}` + "\n" + `{"role":"assistant","text":"h"}` + "\n",
		7: `{"role":"assistant","text":"h"}` + "\n",
		6: "",
	} {
		_, err := rewrite.Condense(model, rewrite.Options{Count: words, PromptTokens: room, Prompt: "{{.Turns}}"}).Rewrite(t.Context(), q)
		require.NoError(t, err)
		assert.Equal(t, want, prompt, "%d tokens", room)
	}
}

func TestAnswersInJSON(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string][]string{
		`"why though"`:                         {"why though"},
		`[1, "why though", true, ["how"]]`:     {"why though", "how"},
		`{"questions": ["why though", "how"]}`: {"why though", "how"},
		"[draft] why though\nhow":              {"[draft] why though", "how"},
		`["", "why though"]`:                   {"why though"},
	} {
		queries, err := rewrite.Decompose(says(answer), 3, rewrite.Options{}).Rewrite(t.Context(), followUp())
		require.NoError(t, err)
		assert.Equal(t, want, texts(queries), answer)
	}
}

func TestTheMeaningOfARewritersDescription(t *testing.T) {
	t.Parallel()
	r := rewrite.Wordings(says(""), 1, rewrite.Options{Prompt: "{{.Question}}"})
	node := pipeline.Describe(r)
	require.NoError(t, node.Err, "one wording is enough")
	assert.Equal(t, pipeline.RoleRewrite, node.Facts.Role)
	assert.False(t, node.Facts.Turns, "its prompt shows no turns")
	assert.True(t, pipeline.Describe(rewrite.Condense(says(""), rewrite.Options{})).Facts.Turns)
	assert.Len(t, node.Children, 1, "the model")
	assert.Empty(t, pipeline.Describe(rewrite.Condense(nil, rewrite.Options{})).Children)
}

func TestNewestAnswersAreRemembered(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	model := rewrite.GeneratorFunc(func(context.Context, string) (string, error) { asked.Add(1); return "fine", nil })
	r := rewrite.Condense(model, rewrite.Options{Cache: 1})
	ask := func(text string) {
		q := followUp()
		q.Text = text
		_, err := r.Rewrite(t.Context(), q)
		require.NoError(t, err)
	}
	for _, text := range []string{"one", "one", "two", "two", "one"} {
		ask(text)
	}
	assert.EqualValues(t, 3, asked.Load(), "a cache of one forgets the first")
}

// What has returned counts once, so that the bound is the same ever after.
func TestTheBoundOfCallsLeftBehindStays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		deaf := rewrite.GeneratorFunc(func(context.Context, string) (string, error) {
			calls.Add(1)
			time.Sleep(24 * time.Hour)
			return "", nil
		})
		r := rewrite.Condense(deaf, rewrite.Options{Timeout: time.Second})
		for wave := int64(1); wave <= 3; wave++ {
			for range rewrite.MaxAbandoned + 3 {
				_, err := r.Rewrite(t.Context(), followUp())
				require.NoError(t, err)
			}
			assert.Equal(t, wave*rewrite.MaxAbandoned, calls.Load(), "wave %d", wave)
			time.Sleep(48 * time.Hour) // all have returned
			synctest.Wait()
		}
		require.NoError(t, r.Close())
	})
}

func TestAPromptNamesTheNumberOfQuestions(t *testing.T) {
	t.Parallel()
	for by, want := range map[string]string{"condense": "1", "step back": "1", "hyde": "1", "wordings": "3", "decompose": "3"} {
		var prompt string
		model := rewrite.GeneratorFunc(func(_ context.Context, p string) (string, error) { prompt = p; return "fine", nil })
		_, err := all(model, rewrite.Options{Prompt: "{{.N}}"})[by].Rewrite(t.Context(), followUp())
		require.NoError(t, err)
		assert.Equal(t, want, prompt, by)
	}
}

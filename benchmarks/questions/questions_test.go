package questions_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rankcascade/cascade/benchmarks/questions"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/pipeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scripted answers by the last line of the prompt.
func scripted(answers map[string]string) pipeline.Generator {
	return pipeline.GeneratorFunc(func(_ context.Context, prompt string) (string, error) {
		for word, answer := range answers {
			if strings.Contains(prompt, word) {
				return answer, nil
			}
		}
		return "", errors.New("not in the script")
	})
}

func corpus() []trec.Document {
	return []trec.Document{
		{ID: "f#1", Title: "Bread", Text: "Sourdough bread rises for a whole night in a cold room before it is baked."},
		{ID: "f#2", Text: "Rivers carry gravel from the mountains down to the sea in spring."},
		{ID: "g#1", Text: "Violins are made of maple and spruce by a luthier."},
		{ID: "h", Text: "  "},
	}
}

func TestQuestionsAreFiltered(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer string
		kept   []string
		reason questions.Reason
	}{
		"a good one":                           {"How long does dough rest overnight?", []string{"How long does dough rest overnight?"}, ""},
		"numbers, bullets and quotes go":       {"1. \"How long does dough rest?\"\n- Where should dough rest?\n2) Why is dough kept cool?", []string{"How long does dough rest?", "Where should dough rest?", "Why is dough kept cool?"}, ""},
		"no more than were asked for":          {"What is dough number 1?\nWhat is dough number 2?\nWhat is dough number 3?\nWhat is dough number 4?", []string{"What is dough number 1?", "What is dough number 2?", "What is dough number 3?"}, ""},
		"a year at the beginning stays":        {"1999 was which year of baking?", []string{"1999 was which year of baking?"}, ""},
		"a question in Greek":                  {"Πόση ώρα φουσκώνει το ζυμάρι;", []string{"Πόση ώρα φουσκώνει το ζυμάρι;"}, ""},
		"a question in Chinese":                {"面 团 发 酵 多 久？", []string{"面 团 发 酵 多 久？"}, ""},
		"a statement":                          {"Dough rests overnight;", nil, questions.NoAnswer},
		"nothing":                              {"  \n", nil, questions.NoAnswer},
		"too short":                            {"Which bread?", nil, questions.Length},
		"too long":                             {strings.Repeat("very ", 31) + "long?", nil, questions.Length},
		"it points at the text":                {"What does the passage say about dough?", nil, questions.Pointing},
		"it points at the author":              {"What do the Authors say of dough?", nil, questions.Pointing},
		"a word that only looks like a phrase": {"Is the texture of dough important?", []string{"Is the texture of dough important?"}, ""},
		"it copies":                            {"What bread rises for a whole night in a cold room?", nil, questions.Copied},
		"six words in a row are no copy":       {"Which dough rises for a whole night in winter?", []string{"Which dough rises for a whole night in winter?"}, ""},
		"the same question two times":          {"How long does dough rest?\nHow long does DOUGH rest?", []string{"How long does dough rest?"}, questions.Repeated},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			maker := questions.Maker{Model: scripted(map[string]string{"Sourdough": c.answer, "Rivers": "What do rivers bring down in spring?"}), Count: 3, Copy: 6}
			set, err := maker.Make(t.Context(), corpus()[:2])
			require.NoError(t, err)
			var kept []string
			for _, q := range set.Questions {
				if strings.HasPrefix(q.ID, "made-f#1-") {
					kept = append(kept, q.Text)
				}
			}
			assert.Equal(t, c.kept, kept)
			want := map[questions.Reason]int{}
			if c.reason != "" {
				want[c.reason] = 1
			}
			assert.Equal(t, want, set.Dropped)
			for _, q := range set.Questions {
				judged, ok := set.Test.Topic(q.ID)
				require.True(t, ok)
				require.Len(t, judged, 1)
				assert.True(t, strings.HasPrefix(q.ID, "made-"+judged[0].Document+"-"))
			}
			assert.True(t, set.Test.Synthetic)
		})
	}
}

func TestAQuestionOfSeveralDocumentsHasNoAnswer(t *testing.T) {
	t.Parallel()
	maker := questions.Maker{Model: scripted(map[string]string{"Sourdough": "What happens here in spring?", "Rivers": "what happens here, in spring?", "Violins": "Which wood do luthiers use?"})}
	set, err := maker.Make(t.Context(), corpus())
	require.NoError(t, err)
	assert.Equal(t, []trec.Question{{ID: "made-g#1-1", Text: "Which wood do luthiers use?"}}, set.Questions)
	assert.Equal(t, map[questions.Reason]int{questions.Repeated: 2}, set.Dropped)
	assert.Equal(t, 3, set.Asked)
	assert.Len(t, set.Documents, 4)
	assert.Equal(t, "1 question of 3 documents (1 for testing, 0 for tuning); dropped: 2 asked of several documents", set.String())
}

func TestACheckDropsWhatIsNotAnswered(t *testing.T) {
	t.Parallel()
	asked := scripted(map[string]string{"Sourdough": "How long does dough rest?", "Rivers": "How deep are rivers in spring?", "Violins": "Which wood do luthiers use?"})
	var prompts atomic.Int64
	check := pipeline.GeneratorFunc(func(_ context.Context, prompt string) (string, error) {
		prompts.Add(1)
		switch {
		case strings.Contains(prompt, "Question: How deep"):
			return "No, it does not say yes.", nil
		case strings.Contains(prompt, "Question: Which wood"):
			return "", nil
		}
		return "Yes.", nil
	})
	set, err := questions.Maker{Model: asked, Check: check, Concurrency: 3}.Make(t.Context(), corpus())
	require.NoError(t, err)
	require.Len(t, set.Questions, 1)
	assert.Equal(t, "made-f#1-1", set.Questions[0].ID)
	assert.Equal(t, map[questions.Reason]int{questions.Unanswered: 2}, set.Dropped)
	assert.EqualValues(t, 3, prompts.Load())
	assert.True(t, set.Checked)
}

func TestCostsAreKnownBeforeTheyAreMade(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	model := pipeline.GeneratorFunc(func(context.Context, string) (string, error) {
		return fmt.Sprintf("What is question number %d?", calls.Add(1)), nil
	})
	maker := questions.Maker{Model: model, Check: model, Count: 2, Prompt: "{count}: {document}", CheckPrompt: "{query} {document}", Budget: 8}
	e := maker.Estimate(corpus())
	assert.Equal(t, 3, e.Documents, "a document without text is not asked about")
	assert.Equal(t, 9, e.Calls, "one call for questions and two for checks")
	want := 0
	for _, d := range corpus()[:3] {
		text := strings.TrimSpace(d.Title + "\n" + d.Text)
		want += (len("2 different questions: "+text)+3)/4 + 2*((len(strings.Repeat("words ", 20)+" "+text)+3)/4)
	}
	assert.Equal(t, want, e.Tokens)
	assert.Equal(t, fmt.Sprintf("about 9 calls for 3 documents, %d tokens of prompts", want), e.String())
	_, err := maker.Make(t.Context(), corpus())
	require.ErrorContains(t, err, "more than the budget of 8 calls, and nothing was sent")
	assert.Zero(t, calls.Load())
	maker.Budget = 9
	_, err = maker.Make(t.Context(), corpus())
	require.ErrorContains(t, err, "no question is left", "the check never says yes")
	assert.LessOrEqual(t, calls.Load(), int64(9))
}

func TestWhatCannotBeMade(t *testing.T) {
	t.Parallel()
	good := scripted(map[string]string{"Sourdough": "How long does dough rest?"})
	for want, m := range map[string]questions.Maker{
		"the model is nil":                           {},
		"the prompt must hold {document}":            {Model: good, Prompt: "ask"},
		"the check must hold {query} and {document}": {Model: good, CheckPrompt: "{query}"},
		"the share for tuning must be below 1":       {Model: good, Train: 1},
		"no number may be negative":                  {Model: good, Copy: -1},
		"it would find its own questions too easily": {Model: good, Name: "Some-Model", Ranked: []string{"other", "some-model"}},
		"questions: document f#2: not in the script": {Model: good},
		"no question is left: 1 nothing readable":    {Model: scripted(map[string]string{"Sourdough": "No."}), Most: 1, Seed: 4},
	} {
		_, err := m.Make(t.Context(), corpus()[:2])
		require.ErrorContains(t, err, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	waiting := pipeline.GeneratorFunc(func(ctx context.Context, _ string) (string, error) { return "", context.Cause(ctx) })
	_, err := questions.Maker{Model: waiting}.Make(ctx, corpus())
	require.ErrorIs(t, err, context.Canceled)
	_, err = questions.Maker{Model: good, Check: waiting}.Make(ctx, corpus()[:1])
	require.ErrorContains(t, err, "document f#1: check:")
}

func many(n int) []trec.Document {
	var out []trec.Document
	for i := range n {
		out = append(out, trec.Document{ID: fmt.Sprintf("s%d#%d", i/4, i%4), Text: fmt.Sprintf("text of number %d", i)})
	}
	return out
}

var numbered = pipeline.GeneratorFunc(func(_ context.Context, prompt string) (string, error) {
	return "What would one write at place " + prompt[strings.LastIndex(prompt, " ")+1:] + "?", nil
})

func TestDocumentsAreChosenByTheSeedAndSourcesStayTogether(t *testing.T) {
	t.Parallel()
	maker := questions.Maker{Model: numbered, Most: 40, Train: .5, Seed: 3, Concurrency: 8}
	set, err := maker.Make(t.Context(), many(200))
	require.NoError(t, err)
	require.Len(t, set.Questions, 40)
	again, err := maker.Make(t.Context(), many(200))
	require.NoError(t, err)
	assert.Equal(t, set, again)
	maker.Seed = 4
	other, err := maker.Make(t.Context(), many(200))
	require.NoError(t, err)
	assert.NotEqual(t, set.Questions, other.Questions)
	side := map[string]int{}
	for at, qrels := range []*trec.Qrels{set.Train, set.Test} {
		assert.NotEmpty(t, qrels.Topics)
		assert.True(t, qrels.Synthetic)
		for _, topic := range qrels.Topics {
			source, _, _ := strings.Cut(topic.Judged[0].Document, "#")
			if was, ok := side[source]; ok {
				assert.Equal(t, was, at, source)
			}
			side[source] = at
		}
	}
	maker.Source = func(trec.Document) string { return "one" }
	one, err := maker.Make(t.Context(), many(40))
	require.NoError(t, err)
	assert.True(t, len(one.Train.Topics) == 0 || len(one.Test.Topics) == 0)
}

func TestAWrittenSetIsASyntheticCollection(t *testing.T) {
	t.Parallel()
	set, err := questions.Maker{Model: numbered, Name: "the-model", Train: .4, Seed: 2}.Make(t.Context(), many(60))
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "mine")
	require.NoError(t, set.Write(dir))
	c, err := trec.OpenCollection(dir, trec.Options{})
	require.NoError(t, err)
	_, err = c.Verify()
	require.NoError(t, err)
	assert.Equal(t, "mine (synthetic: questions of a model)", c.Manifest.Name)
	assert.True(t, c.Qrels.Synthetic)
	assert.Len(t, c.Questions, 60)
	assert.Equal(t, 60, c.Manifest.Documents)
	train, err := trec.ReadQrelsFile(filepath.Join(dir, "qrels.train.tsv"), trec.Options{})
	require.NoError(t, err)
	assert.True(t, train.Synthetic)
	assert.Len(t, train.Topics, 60-len(c.Qrels.Topics))
	about, err := os.ReadFile(filepath.Join(dir, "ABOUT.md"))
	require.NoError(t, err)
	assert.Contains(t, string(about), "the-model")
	assert.Contains(t, string(about), "No model checked")
	require.Error(t, set.Write(filepath.Join(dir, "ABOUT.md")))
}

func FuzzAnswers(f *testing.F) {
	f.Add("1. What is it?\n- \"Why\"?")
	f.Fuzz(func(t *testing.T, answer string) {
		set, err := questions.Maker{Model: pipeline.GeneratorFunc(func(context.Context, string) (string, error) { return answer, nil }), Count: 3, Words: 1}.Make(t.Context(), corpus()[:1])
		if err != nil {
			return
		}
		for _, q := range set.Questions {
			require.NotContains(t, q.Text, "\n")
			require.NotEmpty(t, strings.TrimSpace(q.Text))
		}
	})
}

func ExampleMaker() {
	model := pipeline.GeneratorFunc(func(context.Context, string) (string, error) { return "How long does dough rest overnight?", nil })
	maker := questions.Maker{Model: model, Name: "some-model"}
	documents := corpus()[:1]
	fmt.Println(maker.Estimate(documents))
	set, err := maker.Make(context.Background(), documents)
	if err != nil {
		panic(err)
	}
	fmt.Println(set.Questions[0].ID, set.Questions[0].Text)
	fmt.Println(set)
	// Output:
	// about 1 call for 1 document, 103 tokens of prompts
	// made-f#1-1 How long does dough rest overnight?
	// 1 question of 1 document (1 for testing, 0 for tuning); dropped: none dropped
}

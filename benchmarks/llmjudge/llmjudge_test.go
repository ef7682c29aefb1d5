package llmjudge_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rankcascade/cascade/benchmarks/llmjudge"
	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/pipeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func run(topics map[string]string) *trec.Run {
	var all []trec.Topic
	for id, docs := range topics {
		t := trec.Topic{ID: id}
		for i, d := range docs {
			t.Entries = append(t.Entries, trec.Entry{Document: string(d), Score: float64(9 - i)})
		}
		all = append(all, t)
	}
	return trec.NewRun("r", all)
}

var texts = llmjudge.Texts{
	Query:    func(topic string) (string, bool) { return "what is " + topic + "?", topic != "unasked" },
	Document: func(id string) (string, bool) { return "text of " + id, id != "z" },
}

// scripted answers with the script of the document, vote by vote.
func scripted(script map[string][]string, calls *atomic.Int64) pipeline.Generator {
	count := map[string]int{}
	return pipeline.GeneratorFunc(func(_ context.Context, prompt string) (string, error) {
		calls.Add(1)
		for doc, answers := range script {
			if strings.Contains(prompt, "text of "+doc) {
				count[doc]++
				return answers[(count[doc]-1)%len(answers)], nil
			}
		}
		return "0", nil
	})
}

func TestN23TheMedianOfTheVotesIsTheGrade(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	model := scripted(map[string][]string{
		"a": {"3", "2", "3"}, "b": {"Grade: 1.", "1", "**1**"}, "c": {"I cannot say", "2/3", "2 or 3"}, "d": {"7", "2", "0"}, "e": {"-1", "1.5", ""},
	}, &calls)
	pairs := llmjudge.Pool([]*trec.Run{run(map[string]string{"q1": "abcz", "unasked": "a"}), run(map[string]string{"q1": "dabe"})}, 4)
	require.Len(t, pairs, 7, "every pair once")
	judge := llmjudge.Judge{Model: model, Votes: 3}
	e := judge.Estimate(pairs, texts)
	assert.Equal(t, []int{5, 15}, []int{e.Pairs, e.Calls})
	assert.Positive(t, e.Tokens)
	assert.Zero(t, calls.Load())
	g, err := judge.Grade(t.Context(), pairs, texts)
	require.NoError(t, err)
	assert.Equal(t, []trec.Judgements{{ID: "q1", Judged: []trec.Judgement{{Document: "a", Grade: 3}, {Document: "b", Grade: 1}, {Document: "d", Grade: 0}}}}, g.Qrels.Topics)
	assert.True(t, g.Qrels.Synthetic)
	assert.Equal(t, []llmjudge.Pair{{Topic: "q1", Document: "c"}, {Topic: "q1", Document: "e"}}, g.Unread, "an answer with several numbers, a fraction or none holds no grade")
	assert.Equal(t, []int{15, 2, 2}, []int{g.Calls, g.Textless, g.Split})
	assert.EqualValues(t, 15, calls.Load())
}

func TestN23ThePoolShowsNoSystem(t *testing.T) {
	t.Parallel()
	a, b := run(map[string]string{"q": "abc"}), run(map[string]string{"q": "cba"})
	assert.Equal(t, llmjudge.Pool([]*trec.Run{a, b}, 2), llmjudge.Pool([]*trec.Run{b, a}, 2))
	assert.Len(t, llmjudge.Pool([]*trec.Run{a}, 2), 2)
}

func TestN23AJudgeRefusesBeforeItSpends(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	model := scripted(nil, &calls)
	pairs := llmjudge.Pool([]*trec.Run{run(map[string]string{"q": "abc"})}, 3)
	for message, j := range map[string]llmjudge.Judge{
		"the model is nil":                         {},
		"must hold {query} and {document}":         {Model: model, Prompt: "grade {document}"},
		"the model M ranked what it would judge":   {Model: model, Name: "M", Ranked: []string{"other", "m"}},
		"more than the budget of 2 calls, and not": {Model: model, Budget: 2},
		"the highest grade -1 is not between":      {Model: model, Highest: -1},
	} {
		_, err := j.Grade(t.Context(), pairs, texts)
		require.ErrorContains(t, err, message)
	}
	_, err := llmjudge.Judge{Model: model}.Grade(t.Context(), pairs, llmjudge.Texts{})
	require.ErrorContains(t, err, "are both needed")
	assert.Zero(t, calls.Load())

	gone := errors.New("gone")
	failing := llmjudge.Judge{Concurrency: 3, Model: pipeline.GeneratorFunc(func(context.Context, string) (string, error) { return "", gone })}
	_, err = failing.Grade(t.Context(), pairs, texts)
	require.ErrorIs(t, err, gone)
	require.ErrorContains(t, err, "llmjudge: topic q, document ")
}

func TestN23TheTextOfADocumentIsNoPrompt(t *testing.T) {
	t.Parallel()
	var seen string
	j := llmjudge.Judge{Model: pipeline.GeneratorFunc(func(_ context.Context, prompt string) (string, error) { seen = prompt; return "1", nil }), Prompt: "{query} | {document}"}
	_, err := j.Grade(t.Context(), []llmjudge.Pair{{Topic: "t", Document: "d"}}, llmjudge.Texts{
		Query:    func(string) (string, bool) { return "of {document}", true },
		Document: func(string) (string, bool) { return "holds {query}", true },
	})
	require.NoError(t, err)
	assert.Equal(t, "of {document} | holds {query}", seen)
}

func qrels(grades map[string]int) *trec.Qrels {
	byTopic := map[string]*trec.Judgements{}
	for pair, g := range grades {
		topic, document, _ := strings.Cut(pair, " ")
		if byTopic[topic] == nil {
			byTopic[topic] = &trec.Judgements{ID: topic}
		}
		byTopic[topic].Judged = append(byTopic[topic].Judged, trec.Judgement{Document: document, Grade: g})
	}
	var out []trec.Judgements
	for _, j := range byTopic {
		out = append(out, *j)
	}
	return trec.NewQrels(out)
}

func TestN23AgreementWithPeople(t *testing.T) {
	t.Parallel()
	human := qrels(map[string]int{"q1 a": 1, "q1 b": 0, "q1 c": 1, "q2 a": 0, "q2 b": 1, "q2 c": -1})
	model := qrels(map[string]int{"q1 a": 1, "q1 b": 0, "q1 c": 0, "q2 a": 0, "q2 b": 2, "q2 c": 0, "q3 a": 1})
	a, err := llmjudge.Agree(human, model, stats.Sampling{Samples: 500})
	require.NoError(t, err)
	assert.Equal(t, []int{6, 2}, []int{a.Pairs, a.Topics})
	assert.InDelta(t, 4./6, a.Same, 1e-12)
	chance := 3./6*4/6 + 3./6*1/6
	assert.InDelta(t, (4./6-chance)/(1-chance), a.Kappa, 1e-12)
	binaryChance := 3./6*4/6 + 3./6*2/6
	assert.InDelta(t, (5./6-binaryChance)/(1-binaryChance), a.BinaryKappa, 1e-12)
	assert.True(t, a.Interval.Low <= 0 && a.Interval.High >= 0)
	assert.InDelta(t, (-1./3+1./3)/2, a.Shift, 1e-12)

	same, err := llmjudge.Agree(human, human, stats.Sampling{Samples: 500})
	require.NoError(t, err)
	assert.InDelta(t, 1, same.Kappa, 1e-12)
	constant := qrels(map[string]int{"q1 a": 1, "q1 b": 1})
	one, err := llmjudge.Agree(constant, constant, stats.Sampling{})
	require.NoError(t, err)
	assert.InDelta(t, 0, one.Kappa, 0, "agreement on one grade throughout is no evidence")
	_, err = llmjudge.Agree(human, qrels(map[string]int{"q9 a": 1}), stats.Sampling{})
	require.ErrorContains(t, err, "no pair in common")
}

func TestN23TheOrderOfSystems(t *testing.T) {
	t.Parallel()
	human := qrels(map[string]int{"q a": 1, "q b": 0, "q c": 0, "r a": 1, "alone x": 1})
	runs := []*trec.Run{run(map[string]string{"q": "abc", "r": "abc"}), run(map[string]string{"q": "bac", "r": "bac"}), run(map[string]string{"q": "bca", "r": "bca"})}
	m := measure.MustParse("RR")[0]
	order, err := llmjudge.SystemOrder(human, human, runs, m, measure.Options{}, stats.Sampling{Samples: 300})
	require.NoError(t, err)
	assert.Equal(t, llmjudge.Order{Tau: 1, Interval: stats.Interval{Low: 1, High: 1, Level: .95}, Topics: 3, Systems: 3}, order)
	other := qrels(map[string]int{"q c": 1, "r a": 1})
	order, err = llmjudge.SystemOrder(human, other, runs, m, measure.Options{}, stats.Sampling{Samples: 300})
	require.NoError(t, err)
	assert.Equal(t, 2, order.Topics, "only topics that both judged")
	assert.Less(t, order.Interval.Low, 0., "topic q says the opposite")
	assert.InDelta(t, 1, order.Interval.High, 1e-12, "topic r says the same")
	_, err = llmjudge.SystemOrder(human, human, runs[:1], m, measure.Options{}, stats.Sampling{})
	require.ErrorIs(t, err, stats.ErrTooFew)
	_, err = llmjudge.SystemOrder(human, qrels(map[string]int{"q a": 1}), runs, m, measure.Options{}, stats.Sampling{})
	require.ErrorIs(t, err, stats.ErrTooFew, "one topic has no interval")
	_, err = llmjudge.SystemOrder(human, human, nil, m, measure.Options{}, stats.Sampling{})
	require.ErrorIs(t, err, stats.ErrTooFew)
}

func TestN23IntervalsOfKappaCoverWhatTheTopicsSay(t *testing.T) {
	t.Parallel()
	human, model := map[string]int{}, map[string]int{}
	r := rand.New(rand.NewPCG(5, 6))
	for topic := range 40 {
		for d := range 10 {
			pair := fmt.Sprintf("q%02d d%d", topic, d)
			human[pair] = r.IntN(3)
			model[pair] = human[pair]
			if r.IntN(4) == 0 {
				model[pair] = r.IntN(3)
			}
		}
	}
	people, machine := qrels(human), qrels(model)
	a, err := llmjudge.Agree(people, machine, stats.Sampling{Samples: 2000, Seed: 1})
	require.NoError(t, err)
	assert.InDelta(t, .75, a.Kappa, .1, "a quarter of the grades is drawn anew")
	assert.True(t, a.KappaInterval.Low < a.Kappa && a.Kappa < a.KappaInterval.High, "%v %v", a.Kappa, a.KappaInterval)
	assert.Less(t, a.KappaInterval.High-a.KappaInterval.Low, .2)
	assert.True(t, a.BinaryInterval.Low < a.BinaryKappa && a.BinaryKappa < a.BinaryInterval.High, "%v %v", a.BinaryKappa, a.BinaryInterval)
	assert.False(t, a.Interval.Excludes(a.Shift))
	again, err := llmjudge.Agree(people, machine, stats.Sampling{Samples: 2000, Seed: 1, Workers: 1})
	require.NoError(t, err)
	assert.Equal(t, a.KappaInterval, again.KappaInterval)
}

func TestAJournalPaysForNothingTwice(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "answers.jsonl")
	var calls atomic.Int64
	model := pipeline.GeneratorFunc(func(context.Context, string) (string, error) {
		n := calls.Add(1)
		if n == 3 {
			return "", errors.New("out of credit")
		}
		return strconv.Itoa(int(n)), nil
	})
	ask := func(j *llmjudge.Journal, prompt, want string) {
		t.Helper()
		got, err := j.Generate(t.Context(), prompt)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	j, err := llmjudge.OpenJournal(path, model, "m")
	require.NoError(t, err)
	assert.Zero(t, j.Kept())
	ask(j, "p", "1")
	ask(j, "p", "2") // a second vote is asked anew
	_, err = j.Generate(t.Context(), "q")
	require.ErrorContains(t, err, "out of credit")
	require.NoError(t, j.Close())

	cut, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	_, err = cut.WriteString(`{"prompt":"ab`)
	require.NoError(t, err)
	require.NoError(t, cut.Close())
	j, err = llmjudge.OpenJournal(path, model, "m")
	require.NoError(t, err)
	assert.Equal(t, 2, j.Kept())
	ask(j, "p", "1")
	ask(j, "p", "2")
	ask(j, "p", "4")
	ask(j, "q", "5")
	require.NoError(t, j.Close())
	assert.EqualValues(t, 5, calls.Load())

	j, err = llmjudge.OpenJournal(path, model, "another")
	require.NoError(t, err)
	assert.Equal(t, 4, j.Kept())
	ask(j, "p", "6")
	require.NoError(t, j.Close())
	_, err = j.Generate(t.Context(), "new")
	require.ErrorIs(t, err, os.ErrClosed, "an answer that cannot be kept is said")

	require.NoError(t, os.WriteFile(path, []byte("what?\n"), 0o600))
	_, err = llmjudge.OpenJournal(path, model, "m")
	require.ErrorContains(t, err, "byte 0")
	_, err = llmjudge.OpenJournal(t.TempDir(), model, "m")
	require.Error(t, err)
}

func ExampleJudge() {
	model := pipeline.GeneratorFunc(func(_ context.Context, prompt string) (string, error) {
		if strings.Contains(prompt, "Ice forms") {
			return "3", nil
		}
		return "0", nil
	})
	judge := llmjudge.Judge{Model: model, Name: "scripted"}
	texts := llmjudge.Texts{
		Query: func(string) (string, bool) { return "how do rivers freeze?", true },
		Document: func(id string) (string, bool) {
			return map[string]string{"a": "Ice forms at the banks.", "b": "Bread."}[id], true
		},
	}
	grades, err := judge.Grade(context.Background(), []llmjudge.Pair{{"q", "a"}, {"q", "b"}}, texts)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(grades.Qrels.Topics[0].Judged)
	// Output: [{a 3} {b 0}]
}

package llm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/llm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scripted is a model behind HTTP that answers by a function of the prompt, as an
// OpenAI-compatible server does.
func scripted(t *testing.T, answer func(prompt string) string) pipeline.Generator {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Messages    []struct{ Content string }
			Temperature *float64
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Temperature == nil || *in.Temperature != 0 {
			http.Error(w, "bad request", http.StatusBadRequest)
			return
		}
		said := answer(in.Messages[0].Content)
		if said == "FAIL" {
			http.Error(w, "overloaded", http.StatusServiceUnavailable)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"choices": []any{map[string]any{"message": map[string]any{"content": said}}}})
	}))
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(func() { client.CloseIdleConnections(); s.Close() })
	return pipeline.GeneratorFunc(func(ctx context.Context, prompt string) (string, error) {
		body, _ := json.Marshal(map[string]any{"model": "m", "temperature": 0, "messages": []any{map[string]any{"role": "user", "content": prompt}}})
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/v1/chat/completions", strings.NewReader(string(body)))
		if err != nil {
			return "", err
		}
		res, err := client.Do(r)
		if err != nil {
			return "", err
		}
		defer func() { _ = res.Body.Close() }()
		raw, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			return "", errors.Join(err, fmt.Errorf("status %d", res.StatusCode))
		}
		var out struct {
			Choices []struct{ Message struct{ Content string } }
		}
		if err := json.Unmarshal(raw, &out); err != nil {
			return "", err
		}
		return out.Choices[0].Message.Content, nil
	})
}

// sorting is a model that puts documents that are numbers into falling order.
func sorting(prompt string) string {
	var numbers []string
	value := map[string]int{}
	for line := range strings.Lines(prompt) {
		if n, rest, ok := strings.Cut(strings.TrimPrefix(line, "["), "] "); ok && strings.HasPrefix(line, "[") {
			v, err := strconv.Atoi(strings.TrimSpace(rest))
			if err == nil {
				numbers, value[n] = append(numbers, n), v
			}
		}
	}
	slices.SortStableFunc(numbers, func(a, b string) int { return value[b] - value[a] })
	return "[" + strings.Join(numbers, "] > [") + "]"
}

func ExampleNewListwise() {
	model := pipeline.GeneratorFunc(func(context.Context, string) (string, error) { return "[2] > [3] > [1]", nil })
	scorer, err := llm.NewListwise(model, llm.Options{Model: "scripted"})
	if err != nil {
		panic(err)
	}
	s, err := scorer.Score(context.Background(), "panda", []string{"a tree", "a panda", "a bear"})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%.2f %s\n", s.Values, s.Scale)
	// Output: [0.33 1.00 0.50] rank only
}

func ExampleNewPointwise() {
	model := pipeline.GeneratorFunc(func(_ context.Context, prompt string) (string, error) {
		if strings.Contains(prompt, "Document: a panda") {
			return "It answers completely: 3", nil
		}
		return "0", nil
	})
	scorer, err := llm.NewPointwise(model, llm.Options{})
	if err != nil {
		panic(err)
	}
	s, err := scorer.Score(context.Background(), "panda", []string{"a tree", "a panda"})
	if err != nil {
		panic(err)
	}
	fmt.Println(s.Values)
	// Output: [0 1]
}

func numbers(n int) []string {
	d := make([]string, n)
	for i := range d {
		d[i] = strconv.Itoa((i*37 + 11) % n)
	}
	return d
}

func TestListwiseSlidesItsWindow(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var sizes []int
	model := scripted(t, func(prompt string) string {
		mu.Lock()
		sizes = append(sizes, strings.Count(prompt, "\n["))
		mu.Unlock()
		return sorting(prompt)
	})
	scorer, err := llm.NewListwise(model, llm.Options{})
	require.NoError(t, err)
	documents := numbers(45)
	s, err := scorer.Score(t.Context(), "largest", documents)
	require.NoError(t, err)
	assert.Equal(t, []int{20, 20, 20, 15}, sizes, "places 26-45, 16-35, 6-25, 1-15")
	order := make([]int, 45)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return int(1e6 * (s.Values[b] - s.Values[a])) })
	for rank, i := range order[:10] {
		assert.Equal(t, strconv.Itoa(44-rank), documents[i], "the best ten climb to the top")
		assert.InDelta(t, 1/float64(rank+1), s.Values[i], 1e-15)
	}
	assert.True(t, scorer.Describe().Facts.Listwise)
	assert.Equal(t, 4, s.Usage.Calls)
	sharded := reranker.Shard(scorer, reranker.ShardOptions{Documents: 5})
	_, err = sharded.Score(t.Context(), "q", documents)
	require.Error(t, err, "an order is not put together of pieces")
}

func TestListwiseRepairsAndCountsBadAnswers(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]struct {
		order    string
		repaired bool
	}{
		"[3] > [1] > [2]":                            {"cab", false},
		"Sure! Here is the order: [2], [3], [1].":    {"bca", false},
		"2 > 1 > 3":                                  {"bac", false},
		"<think>[1] > [2] > [3]?</think>[3] [2] [1]": {"cba", false},
		"[3] > [3] > [1]":                            {"cab", true},
		"[9] > [3] > [0] > [2]":                      {"cba", true},
		"[2] > [3]":                                  {"bca", true},
		"[ 3 ] > [ 2 ] > [ 1 ]":                      {"cba", false},
	} {
		scorer, err := llm.NewListwise(pipeline.GeneratorFunc(func(context.Context, string) (string, error) { return said, nil }), llm.Options{})
		require.NoError(t, err)
		s, err := scorer.Score(t.Context(), "q", []string{"a", "b", "c"})
		require.NoError(t, err)
		got := []byte("   ")
		for i, v := range s.Values {
			got[int(1/v+.5)-1] = "abc"[i]
		}
		assert.Equal(t, want.order, string(got), said)
		assert.Equal(t, want.repaired, len(s.Warnings) == 1, said)
	}
	for _, said := range []string{"", "I cannot rank these.", "[7] > [8]", "[1]", "{}"} {
		scorer, err := llm.NewListwise(pipeline.GeneratorFunc(func(context.Context, string) (string, error) { return said, nil }), llm.Options{})
		require.NoError(t, err)
		_, err = scorer.Score(t.Context(), "q", []string{"a", "b", "c"})
		var e *reranker.Error
		require.ErrorAs(t, err, &e, said)
		assert.Equal(t, reranker.KindProtocol, e.Kind)
		if said != "" {
			assert.NotContains(t, err.Error(), said, "an answer may repeat a document")
		}
	}
}

func TestListwiseBadWindowKeepsItsOrder(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"FAIL", "no idea"} {
		calls := 0
		scorer, err := llm.NewListwise(scripted(t, func(prompt string) string {
			if calls++; calls == 1 {
				return bad
			}
			return sorting(prompt)
		}), llm.Options{Window: 4, Step: 2})
		require.NoError(t, err)
		s, err := scorer.Score(t.Context(), "q", []string{"1", "2", "3", "4", "5", "6"})
		require.NoError(t, err)
		assert.Equal(t, []pipeline.Reason{"", "", "", ""}, s.Unscored[:4])
		assert.NotEmpty(t, s.Unscored[4], "judged by no window")
		assert.Greater(t, s.Values[3], s.Values[0])
		assert.Len(t, s.Causes, 1)
	}
}

func TestListwiseEndsWithItsContextAndItsBudget(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	calls := 0
	scorer, err := llm.NewListwise(pipeline.GeneratorFunc(func(ctx context.Context, prompt string) (string, error) {
		if calls++; calls == 2 {
			cancel(gone)
			return "", context.Cause(ctx)
		}
		return sorting(prompt), nil
	}), llm.Options{Window: 4, Step: 2})
	require.NoError(t, err)
	s, err := scorer.Score(ctx, "q", numbers(8))
	require.NoError(t, err)
	assert.Equal(t, 2, calls)
	assert.False(t, s.Scored(0), "the head was not judged")
	require.ErrorIs(t, s.Causes[0], gone)
	_, err = scorer.Score(ctx, "q", numbers(8))
	require.ErrorIs(t, err, gone)

	calls = 10
	tight, err := llm.NewListwise(pipeline.GeneratorFunc(func(_ context.Context, prompt string) (string, error) { calls++; return sorting(prompt), nil }), llm.Options{Window: 4, Step: 2, Tokens: 100})
	require.NoError(t, err)
	s, err = tight.Score(t.Context(), "q", numbers(8))
	require.NoError(t, err)
	assert.Equal(t, 11, calls, "one prompt is all that the tokens pay for")
	assert.Equal(t, pipeline.ReasonNotSent, s.Unscored[0])
}

// choosing is a model with probabilities.
type choosing struct{ chances []float64 }

func (choosing) Generate(context.Context, string) (string, error) { return "", errors.New("not asked") }

func (c choosing) Choose(_ context.Context, prompt string, answers []string) ([]float64, error) {
	if strings.Contains(prompt, "Document: bad") {
		return nil, errors.New("no")
	}
	if slices.Equal(answers, []string{"yes", "no"}) {
		return c.chances, nil
	}
	return nil, nil
}

func TestPointwiseTakesProbabilitiesWhereThereAreSome(t *testing.T) {
	t.Parallel()
	scorer, err := llm.NewPointwise(choosing{[]float64{.6, .2}}, llm.Options{Model: "m"})
	require.NoError(t, err)
	s, err := scorer.Score(t.Context(), "q", []string{"a", "bad", " "})
	require.NoError(t, err)
	assert.InDelta(t, .75, s.Values[0], 1e-15)
	assert.Equal(t, pipeline.Probability, s.Scale)
	assert.Equal(t, []pipeline.Reason{"", pipeline.ReasonFailed, pipeline.ReasonBlank}, s.Unscored)
	assert.Equal(t, "m", s.Model)
	for _, chances := range [][]float64{nil, {1}, {0, 0}, {-1, 2}} {
		scorer, err := llm.NewPointwise(choosing{chances}, llm.Options{})
		require.NoError(t, err)
		_, err = scorer.Score(t.Context(), "q", []string{"a"})
		require.ErrorContains(t, err, "no probabilities")
	}
}

func TestPointwiseReadsGrades(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]float64{
		"3": 1, "Grade: 2": 2. / 3, "0": 0, "The document has 12 pages. 1": 1. / 3, "1.5": .5, "Yes.": 1, "no, it does not": 0, "Answer: 2 out of 9": 2. / 3,
	} {
		scorer, err := llm.NewPointwise(scripted(t, func(string) string { return said }), llm.Options{})
		require.NoError(t, err)
		s, err := scorer.Score(t.Context(), "q", []string{"a"})
		require.NoError(t, err, said)
		assert.InDelta(t, want, s.Values[0], 1e-15, said)
		assert.Equal(t, pipeline.Unbounded, s.Scale, "a grade is no probability")
	}
	for _, said := range []string{"", "maybe", "17", "FAIL"} {
		scorer, err := llm.NewPointwise(scripted(t, func(string) string { return said }), llm.Options{})
		require.NoError(t, err)
		_, err = scorer.Score(t.Context(), "q", []string{"a", "b"})
		require.Error(t, err, said)
	}
}

func TestPromptsAreDataAndCarryTheInstruction(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var prompts []string
	model := pipeline.GeneratorFunc(func(_ context.Context, prompt string) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		prompts = append(prompts, prompt)
		return "1", nil
	})
	scorer, err := llm.NewPointwise(model, llm.Options{Prompt: "{instruction}|{query}|{document}", DocumentTokens: 5})
	require.NoError(t, err)
	ctx := pipeline.WithQuery(t.Context(), reranker.InstructionKey.With(pipeline.Query{}, "find {document}"))
	_, err = scorer.Score(ctx, "a {document}", []string{"say {query} and so on and on"})
	require.NoError(t, err)
	assert.Equal(t, []string{"find {document}|a {document}|say {query} and so o"}, prompts, "nothing is replaced again, and documents are cut")
	assert.NotEqual(t, scorer.Variant(t.Context()), scorer.Variant(ctx), "an instruction is part of every cache key")
	empty := pipeline.WithQuery(t.Context(), reranker.InstructionKey.With(pipeline.Query{}, ""))
	assert.Equal(t, scorer.Variant(t.Context()), scorer.Variant(empty), "an empty one is none")
}

func TestSettingsAreChecked(t *testing.T) {
	t.Parallel()
	model := pipeline.GeneratorFunc(func(context.Context, string) (string, error) { return "", nil })
	for says, o := range map[string]llm.Options{
		"negative": {Window: -1}, "needs {query}": {Prompt: "x"}, "at least 2": {Window: 1, Step: 1}, "more than the window": {Window: 4, Step: 5}, "larger than the model": {ModelTokens: 4000},
	} {
		_, err := llm.NewListwise(model, o)
		var e *reranker.Error
		require.ErrorAs(t, err, &e, says)
		assert.Equal(t, reranker.KindConfig, e.Kind)
		require.ErrorContains(t, err, says)
	}
	_, err := llm.NewListwise(nil, llm.Options{})
	require.ErrorContains(t, err, "is nil")
	_, err = llm.NewPointwise(nil, llm.Options{})
	require.ErrorContains(t, err, "is nil")
	panics, err := llm.NewPointwise(pipeline.GeneratorFunc(func(context.Context, string) (string, error) { panic("x") }), llm.Options{})
	require.NoError(t, err)
	_, err = panics.Score(t.Context(), "q", []string{"a"})
	require.ErrorAs(t, err, new(*pipeline.PanicError))
}

func TestNothingIsAskedForNothing(t *testing.T) {
	t.Parallel()
	model := pipeline.GeneratorFunc(func(context.Context, string) (string, error) { t.Error("asked"); return "", nil })
	l, err := llm.NewListwise(model, llm.Options{})
	require.NoError(t, err)
	p, err := llm.NewPointwise(model, llm.Options{})
	require.NoError(t, err)
	for _, s := range []reranker.Scorer{l, p} {
		for _, documents := range [][]string{nil, {" ", "\n"}} {
			scores, err := s.Score(t.Context(), "q", documents)
			require.NoError(t, err)
			assert.Len(t, scores.Values, len(documents))
		}
	}
	one, err := l.Score(t.Context(), "q", []string{"alone"})
	require.NoError(t, err)
	assert.Equal(t, []float64{1}, one.Values, "one document needs no order")
}

func FuzzAnswers(f *testing.F) {
	for _, s := range []string{"[1] > [2]", "", "3", "[99999999999]", "<think>", "yes no", "1.2.3", "[1]]["} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, said string) {
		model := pipeline.GeneratorFunc(func(context.Context, string) (string, error) { return said, nil })
		l, _ := llm.NewListwise(model, llm.Options{})
		p, _ := llm.NewPointwise(model, llm.Options{})
		for _, s := range []reranker.Scorer{l, p} {
			scores, err := s.Score(context.Background(), "q", []string{"a", "b", "c"})
			if err != nil {
				continue
			}
			seen := map[float64]bool{}
			for _, v := range scores.Values {
				require.True(t, v >= 0 && v <= 1)
				if s == l {
					require.False(t, seen[v], "an order has no ties")
					seen[v] = true
				}
			}
		}
	})
}

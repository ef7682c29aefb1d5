package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/trec"
)

// gradingServer answers in OpenAI's form: with the digit that the passage names, and
// "who knows" where it names none. It notes the temperatures.
func gradingServer(t *testing.T, calls *atomic.Int64, failAfter int64) (url string, temperatures *atomic.Value) {
	t.Helper()
	temperatures = &atomic.Value{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := calls.Add(1); failAfter > 0 && n > failAfter {
			http.Error(w, `{"error":{"message":"out of credit"}}`, http.StatusPaymentRequired)
			return
		}
		var body struct {
			Temperature float64
			Messages    []struct{ Content any }
		}
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&body))
		temperatures.Store(body.Temperature)
		_, passage, _ := strings.Cut(fmt.Sprint(body.Messages[0].Content), "Passage: ")
		answer := "who knows"
		if _, digit, found := strings.Cut(passage, "worth "); found {
			answer = "I give it a " + digit[:1] + "."
		}
		assert.NoError(t, json.NewEncoder(w).Encode(map[string]any{"choices": []any{map[string]any{"message": map[string]any{"role": "assistant", "content": answer}}}}))
	}))
	t.Cleanup(s.Close)
	return s.URL + "/v1", temperatures
}

// judged are files of a small collection: twelve topics, whose first document is
// worth 3, whose second is worth 1, whose third is worth 0 and whose fourth says
// nothing, and two runs, the second of them upside down.
type judged struct{ corpus, topics, human, good, bad, out string }

func newJudged(t *testing.T) judged {
	t.Helper()
	dir := t.TempDir()
	var corpus, topics, human, good, bad strings.Builder
	for q := range 12 {
		fmt.Fprintf(&topics, `{"_id":"q%d","text":"what is number %d?"}`+"\n", q, q)
		for d, worth := range []string{"worth 3", "worth 1", "worth 0", "nothing"} {
			fmt.Fprintf(&corpus, `{"_id":"d%d-%d","title":"of %d","text":"%s"}`+"\n", q, d, q, worth)
			fmt.Fprintf(&good, "q%d Q0 d%d-%d %d %d good\n", q, q, d, d+1, 9-d)
			fmt.Fprintf(&bad, "q%d Q0 d%d-%d %d %d bad\n", q, q, 3-d, d+1, 9-d)
		}
		fmt.Fprintf(&human, "q%d 0 d%d-0 3\nq%d 0 d%d-1 %d\nq%d 0 d%d-2 0\n", q, q, q, q, q%2, q, q)
	}
	j := judged{out: filepath.Join(dir, "out", "judged.qrels")}
	for name, text := range map[*string]string{&j.corpus: corpus.String(), &j.topics: topics.String(), &j.human: human.String(), &j.good: good.String(), &j.bad: bad.String()} {
		*name = filepath.Join(dir, fmt.Sprint(len(text)%997)+fmt.Sprint(text[:3] == "q0 ")+text[len(text)-5:len(text)-1])
		require.NoError(t, os.WriteFile(*name, []byte(text), 0o600))
	}
	return j
}

func (j judged) args(url string, more ...string) []string {
	return append([]string{"judge", "-runs", j.good + "," + j.bad, "-corpus", j.corpus, "-topics", j.topics, "-url", url, "-model", "grader", "-out", j.out}, more...)
}

func TestN23AModelJudgesAPoolAndIsComparedWithPeople(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	url, temperatures := gradingServer(t, &calls, 0)
	j := newJudged(t)
	code, out, errs := do(t, j.args(url, "-estimate", "-price", "1000", "-votes", "3")...)
	require.Equal(t, 0, code, errs)
	assert.Regexp(t, `estimate: about 144 calls for 48 pairs, \d+ tokens of prompts, price of the prompts \d+\.\d+`, errs)
	assert.Empty(t, out)
	assert.Zero(t, calls.Load())

	code, out, errs = do(t, j.args(url, "-votes", "3", "-human", j.human, "-measures", "nDCG@10,AP")...)
	require.Equal(t, 0, code, errs)
	assert.EqualValues(t, 144, calls.Load())
	assert.InDelta(t, .7, temperatures.Load(), 1e-9, "several votes at temperature 0 would be one")
	assert.Regexp(t, `equal grades +0\.8333 +36 documents of 12 topics`, out)
	assert.Regexp(t, `kappa of grades +0\.\d+ +0\.\d+ +0\.\d+ `, out)
	assert.Regexp(t, `mean grade, model - people +0\.1667 +0\.0\d+ +0\.2\d+ `, out)
	assert.Regexp(t, `tau of the runs by nDCG@10 +1\.0000 +1\.0000 +1\.0000 +2 runs, 12 topics`, out)
	assert.Contains(t, out, "tau of the runs by AP")
	assert.Contains(t, out, "synthetic: no human gave them")
	assert.Contains(t, out, "36 documents of 12 topics graded by grader, 3 votes each; votes differ in 0; no answer could be read of 12; 0 without a text")
	assert.Contains(t, out, "no grade could be read from the answers to 12 of 48 questions")
	qrels, err := trec.ReadQrelsFile(j.out, trec.Options{})
	require.NoError(t, err)
	assert.True(t, qrels.Synthetic)
	got, _ := qrels.Topic("q3")
	assert.Equal(t, []trec.Judgement{{Document: "d3-0", Grade: 3}, {Document: "d3-1", Grade: 1}, {Document: "d3-2", Grade: 0}}, got)
	_, out, _ = do(t, "evaluate", "-qrels", j.out, "-runs", j.good)
	assert.Contains(t, out, "synthetic: no human gave them")

	_, out, errs = do(t, j.args(url, "-votes", "3", "-format", "csv")...)
	assert.EqualValues(t, 144, calls.Load(), "nothing is asked twice")
	assert.Contains(t, errs, "144 answers of an earlier judging")
	assert.Contains(t, out, "grade,documents\n0,12\n1,12\n2,0\n3,12\n")
	assert.Contains(t, out, "# ! the judgements "+j.out+" are synthetic")
	code, _, errs = do(t, j.args(url, "-human", j.out)...)
	require.Equal(t, 2, code)
	assert.Contains(t, errs, "it would be lost")
}

func TestN23JudgingThatWasStoppedGoesOn(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	j := newJudged(t)
	url, _ := gradingServer(t, &calls, 20)
	code, _, errs := do(t, j.args(url, "-concurrency", "1")...)
	require.Equal(t, 1, code)
	assert.Contains(t, errs, "out of credit")
	assert.NoFileExists(t, j.out, "half of the grades are no judgements")
	var more atomic.Int64
	url, temperatures := gradingServer(t, &more, 0)
	code, _, errs = do(t, j.args(url)...)
	require.Equal(t, 0, code, errs)
	assert.EqualValues(t, 28, more.Load())
	assert.InDelta(t, 0, temperatures.Load(), 0)
	more.Store(0)
	code, _, errs = do(t, j.args(url, "-model", "other")...)
	require.Equal(t, 0, code, errs)
	assert.EqualValues(t, 48, more.Load(), "another model is asked anew")
}

func TestN23MistakesInJudgingTeach(t *testing.T) {
	t.Parallel()
	j := newJudged(t)
	far := "https://models.example/v1"
	plain := filepath.Join(t.TempDir(), "prompt")
	require.NoError(t, os.WriteFile(plain, []byte("Is {document} good?"), 0o600))
	foreign := filepath.Join(t.TempDir(), "foreign.jsonl")
	require.NoError(t, os.WriteFile(foreign, []byte(`{"_id":"x","text":"y"}`), 0o600))
	for want, c := range map[string]struct {
		code int
		args []string
	}{
		"-runs, -corpus, -topics, -out, -url and -model are all needed": {2, []string{"judge", "-runs", j.good}},
		"nothing was sent: run it again with -yes":                      {1, j.args(far)},
		"it would prefer its own order":                                 {1, j.args(far, "-yes", "-ranked", "a,Grader")},
		"names the model org/GOOD, which would grade its own order":     {1, j.args(far, "-yes", "-model", "org/GOOD")},
		"more than the budget of 7 calls, and nothing was sent":         {1, j.args(far, "-yes", "-budget", "7")},
		"the prompt must hold {query} and {document}":                   {1, j.args(far, "-yes", "-prompt", plain)},
		"NO_SUCH_KEY, which keyEnv names, holds no key":                 {1, j.args(far, "-yes", "-key-env", "NO_SUCH_KEY")},
		"both begin at 1": {2, j.args(far, "-votes", "0")},
		"-measures":       {2, j.args(far, "-measures", "what")},
		"-format":         {2, j.args(far, "-format", "what")},
		"the highest grade -1 is not between 1 and 10000":                        {1, j.args(far, "-yes", "-highest", "-1")},
		"none of the documents of the runs is in the corpus " + foreign + ": do": {1, j.args(far, "-corpus", foreign)},
	} {
		code, _, errs := do(t, c.args...)
		assert.Equal(t, c.code, code, want)
		assert.Contains(t, errs, want)
	}
	assert.NoFileExists(t, j.out)
}

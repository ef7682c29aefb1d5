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
)

// chatServer answers in OpenAI's form: a question about the last word of the prompt,
// yes to a check.
func chatServer(t *testing.T) (url string, calls *atomic.Int64) {
	t.Helper()
	calls = &atomic.Int64{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		var body struct {
			Model    string
			Messages []struct{ Content any }
		}
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&body))
		prompt := strings.TrimRight(fmt.Sprint(body.Messages[0].Content), "]}")
		answer := "What could be said of " + prompt[strings.LastIndex(prompt, " ")+1:] + "?"
		if body.Model == "checker" {
			answer = "yes"
		}
		assert.NoError(t, json.NewEncoder(w).Encode(map[string]any{"choices": []any{map[string]any{"message": map[string]any{"role": "assistant", "content": answer}}}}))
	}))
	t.Cleanup(s.Close)
	return s.URL + "/v1", calls
}

func TestQuestionsMakeACollectionThatEveryTableCallsSynthetic(t *testing.T) {
	t.Parallel()
	url, calls := chatServer(t)
	corpus, dir := filepath.Join(t.TempDir(), "corpus.jsonl"), filepath.Join(t.TempDir(), "made")
	var text strings.Builder
	for i, word := range []string{"bread", "rivers", "violins", "copper"} {
		fmt.Fprintf(&text, `{"_id":"d%d","text":"something about %s"}`+"\n", i, word)
	}
	require.NoError(t, os.WriteFile(corpus, []byte(text.String()), 0o600))
	args := []string{"questions", "-corpus", corpus, "-out", dir, "-url", url, "-model", "writer", "-check-model", "checker", "-price", "1000"}

	code, out, errs := do(t, append(args, "-estimate")...)
	require.Equal(t, 0, code, errs)
	assert.Regexp(t, `estimate: about 8 calls for 4 documents, \d+ tokens of prompts, price of the prompts 0\.[1-9]`, out)
	assert.Zero(t, calls.Load())
	code, out, errs = do(t, args...)
	require.Equal(t, 0, code, errs)
	assert.EqualValues(t, 8, calls.Load())
	assert.Contains(t, out, "4 questions of 4 documents (4 for testing, 0 for tuning); dropped: none dropped; in "+dir)

	run := filepath.Join(t.TempDir(), "run.txt")
	require.NoError(t, os.WriteFile(run, []byte("made-d0-1 Q0 d0 1 1 me\n"), 0o600))
	_, out, _ = do(t, "evaluate", "-qrels", filepath.Join(dir, "qrels.tsv"), "-runs", run)
	assert.Contains(t, out, "synthetic: no human gave them")
}

func TestMistakesInMakingQuestionsTeach(t *testing.T) {
	t.Parallel()
	corpus := filepath.Join(t.TempDir(), "corpus.jsonl")
	require.NoError(t, os.WriteFile(corpus, []byte(`{"_id":"a","text":"x y z"}`), 0o600))
	whole := []string{"questions", "-corpus", corpus, "-out", t.TempDir(), "-url", "https://models.example/v1", "-model", "m"}
	for want, c := range map[string]struct {
		code int
		args []string
	}{
		"-corpus, -out, -url and -model are all needed": {2, whole[:3]},
		"nothing was sent: run it again with -yes":      {1, whole},
		"it would find its own questions too easily":    {1, append(whole, "-yes", "-ranked", "other,M")},
		"NO_SUCH_KEY, which keyEnv names, holds no key": {1, append(whole, "-key-env", "NO_SUCH_KEY")},
	} {
		code, _, errs := do(t, c.args...)
		assert.Equal(t, c.code, code, want)
		assert.Contains(t, errs, want)
	}
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The program is run as it stands, with a server that speaks the OpenAI protocol.
func TestQuestionsAreAnswered(t *testing.T) {
	var prompts []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		prompts = append(prompts, string(body))
		if !strings.Contains(string(body), `"stream":true`) {
			_ = json.NewEncoder(w).Encode(map[string]any{"choices": []any{map[string]any{"message": map[string]any{"content": "Does the vault open on Sundays?"}}}})
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for _, piece := range []string{"At nine ", "[1]. ", "Ask [7]."} {
			chunk, _ := json.Marshal(map[string]any{"choices": []any{map[string]any{"delta": map[string]any{"content": piece}}}})
			fmt.Fprintf(w, "data: %s\n\n", chunk)
		}
		fmt.Fprint(w, "data: [DONE]\n\n")
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "vault.md")
	require.NoError(t, os.WriteFile(file, []byte("The vault opens at nine.\n\nOn Sundays the vault stays closed."), 0o600))
	t.Setenv("NEBIUS_API_KEY", "test")
	said := with(t, []string{"chatbot", server.URL, "test", file}, "When does the vault open?\nAnd on Sundays?\n", main)
	assert.Equal(t, 2, strings.Count(said, "At nine [1]. Ask [7].\ncited but not there: [7] degraded: []"))
	require.Len(t, prompts, 3)
	assert.Contains(t, prompts[1], "When does the vault open?", "the follow-up is condensed with the turn before it")
	assert.Contains(t, prompts[2], "On Sundays the vault stays closed.")
}

// with runs a program with arguments and input and returns what it printed.
func with(t *testing.T, args []string, input string, program func()) string {
	t.Helper()
	in, out := filepath.Join(t.TempDir(), "in"), filepath.Join(t.TempDir(), "out")
	require.NoError(t, os.WriteFile(in, []byte(input), 0o600))
	stdin, err := os.Open(in)
	require.NoError(t, err)
	defer stdin.Close()
	stdout, err := os.Create(out)
	require.NoError(t, err)
	before := []any{os.Args, os.Stdin, os.Stdout}
	os.Args, os.Stdin, os.Stdout = args, stdin, stdout
	defer func() {
		os.Args, os.Stdin, os.Stdout = before[0].([]string), before[1].(*os.File), before[2].(*os.File)
	}()
	program()
	require.NoError(t, stdout.Close())
	text, err := os.ReadFile(out)
	require.NoError(t, err)
	return string(text)
}

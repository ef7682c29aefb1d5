package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sourcegraph/conc"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline/config"
)

// heard is what the program says while it serves.
type heard struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.Write(p)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.String()
}

// fileFolder has a file of documents and a pipeline over it.
func fileFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "corpus.jsonl"), []byte(
		`{"_id": "1", "text": "Bread needs an oven and some time to rise before it is baked.", "metadata": {"source": "baking", "position": 0}}
{"_id": "2", "text": "An oven is heated with dry wood for two hours.", "metadata": {"source": "baking", "position": 1}}
{"_id": "3", "text": "The river carries stones down to the sea.", "metadata": {"source": "rivers", "position": 0}}
`), 0o600))
	replaceFile(t, filepath.Join(folder, "search.yaml"), "chain: [{bm25: {documents: corpus.jsonl}}, topk: 5]")
	return folder
}

func replaceFile(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path+".new", []byte(text), 0o600))
	require.NoError(t, os.Rename(path+".new", path))
}

// serveFile serves a bot over a file and returns its address.
func serveFile(t *testing.T, path string, out *heard) string {
	t.Helper()
	o, err := parse([]string{"-config", path, "-watch", "2ms"}, "", out)
	require.NoError(t, err)
	b, err := newBot(t.Context(), o)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var wg conc.WaitGroup
	wg.Go(func() { assert.NoError(t, serve(ctx, listener, b)) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		assert.NoError(t, b.close())
	})
	return "http://" + listener.Addr().String()
}

// A browser opens connections ahead; one that asks nothing does not make the end of
// the program a failure.
func TestAnOpenConnectionDoesNotSpoilTheEnd(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	silent, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	defer silent.Close()
	ctx, cancel := context.WithCancel(t.Context())
	b := testBot(t, options{})
	var wg conc.WaitGroup
	wg.Go(func() { assert.NoError(t, serve(ctx, listener, b)) })
	response, err := http.Get("http://" + listener.Addr().String())
	require.NoError(t, err, "the connection before is accepted by now")
	require.NoError(t, response.Body.Close())
	cancel()
	wg.Wait()
}

// answered asks one question in a new session and returns the events.
func answered(t *testing.T, url, question string) []event {
	t.Helper()
	begun, err := http.Post(url+"/api/session", "application/json", nil)
	require.NoError(t, err)
	defer begun.Body.Close()
	var s struct{ Session string }
	require.NoError(t, json.NewDecoder(begun.Body).Decode(&s))
	body, err := json.Marshal(map[string]string{"question": question})
	require.NoError(t, err)
	request, err := http.NewRequest(http.MethodPost, url+"/api/ask", bytes.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("X-Session", s.Session)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
	var events []event
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e event
		require.NoError(t, json.Unmarshal(lines.Bytes(), &e))
		events = append(events, e)
	}
	require.NoError(t, lines.Err())
	return events
}

func ends(events []event) string {
	if len(events) == 0 {
		return ""
	}
	return events[len(events)-1].Kind
}

func TestAChatOverAFileFollowsIt(t *testing.T) {
	t.Parallel()
	folder, out := fileFolder(t), &heard{}
	path := filepath.Join(folder, "search.yaml")
	url := serveFile(t, path, out)
	events := answered(t, url, "How is bread baked?")
	assert.Equal(t, "done", ends(events))
	text, err := json.Marshal(events)
	require.NoError(t, err)
	assert.Contains(t, string(text), "Bread needs an oven")

	replaceFile(t, path, "chain: [{bm25: {documents: corpus.jsonl}}, topq: 5]")
	require.Eventually(t, func() bool { return strings.Contains(out.String(), `did you mean "topk"?`) }, 10*time.Second, time.Millisecond)
	assert.Equal(t, "done", ends(answered(t, url, "How is bread baked?")), "the old pipeline goes on")

	replaceFile(t, path, "chain: [{bm25: {documents: corpus.jsonl}}, {rerank: {model: lexical}}, topk: 2]")
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "the file is in use") }, 10*time.Second, time.Millisecond)
	assert.Equal(t, "done", ends(answered(t, url, "How is bread baked?")))
}

func TestNoQuestionIsLostWhileTheFileChanges(t *testing.T) {
	t.Parallel()
	folder, out := fileFolder(t), &heard{}
	path := filepath.Join(folder, "search.yaml")
	url := serveFile(t, path, out)
	ctx, cancel := context.WithCancel(t.Context())
	var asked atomic.Int64
	var wg conc.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				assert.Equal(t, "done", ends(answered(t, url, "How is bread baked?")))
				asked.Add(1)
			}
		})
	}
	for i := range 10 {
		before := out.String()
		replaceFile(t, path, "chain: [{bm25: {documents: corpus.jsonl}}, topk: "+[]string{"3", "4"}[i%2]+"]")
		require.Eventually(t, func() bool { return len(out.String()) > len(before) }, 10*time.Second, time.Millisecond)
	}
	cancel()
	wg.Wait()
	assert.GreaterOrEqual(t, asked.Load(), int64(4))
	assert.NotContains(t, out.String(), "refused")
}

func TestWhatAFileSaysIsNotSaidTwice(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"-docs, -model cannot stand beside -config": {"-config", "x.yaml", "-docs", "x", "-model", "none"},
		"-goroot cannot stand beside":               {"-config", "x.yaml", "-goroot", "x"},
		"-watch is 0s: set a time above 0":          {"-watch", "0s"},
		"belong together: set both":                 {"-llm-url", "x"},
		"flags begin with a dash":                   {"x"},
	} {
		_, err := parse(args, "", &heard{})
		require.ErrorContains(t, err, want)
	}
	_, err := newBot(t.Context(), options{config: "none.yaml"})
	require.ErrorContains(t, err, "none.yaml")
	var e *config.Error
	path := filepath.Join(t.TempDir(), "x.yaml")
	replaceFile(t, path, "bm52: x")
	_, err = newBot(t.Context(), options{config: path})
	require.ErrorAs(t, err, &e)
	out := &heard{}
	require.NoError(t, run(t.Context(), []string{"-version"}, "", out))
	assert.Contains(t, out.String(), "chat ")
	require.NoError(t, run(t.Context(), []string{"-schema"}, "", out))
	assert.Contains(t, out.String(), `"$schema"`)
}

package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sourcegraph/conc"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// serveFile runs a gateway over a file.
func serveFile(t *testing.T, path string, args ...string) (string, *output) {
	t.Helper()
	out := &output{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, append([]string{"-listen", "127.0.0.1:0", "-config", path, "-watch", "2ms"}, args...), func(string) string { return "" }, out)
	}()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-done)
	})
	return address(t, out, done), out
}

// replaceFile writes beside the file and renames, so that nobody reads half of it.
func replaceFile(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path+".new", []byte(text), 0o600))
	require.NoError(t, os.Rename(path+".new", path))
}

func TestTheGatewayServesTheScorerOfASearchFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "search.yaml")
	replaceFile(t, path, "chain: [{bm25: index}, {rerank: {model: {lexical: {bounded: true}}}}]")
	url, out := serveFile(t, path)
	r := rerank(t, url, "", []string{"a tree", "a secret question", "nothing"})
	require.Equal(t, http.StatusOK, r.status, r.body)
	assert.Equal(t, 1, r.results[0].Index)
	assert.Greater(t, r.results[0].Score, 0.0)

	// A mistake leaves the old scorer in use and says where it is.
	replaceFile(t, path, "chain: [{bm25: index}, {rerank: {model: {lexical: {bonded: true}}}}]")
	require.Eventually(t, func() bool { return strings.Contains(out.String(), `1:52: chain[1].rerank.model.lexical.bonded`) }, 10*time.Second, time.Millisecond)
	assert.Equal(t, http.StatusOK, rerank(t, url, "", []string{"a tree"}).status)
	replaceFile(t, path, "chain: [{bm25: index}, {rerank: {model: lexical}}]")
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "the file is in use") }, 10*time.Second, time.Millisecond)
	assert.Equal(t, http.StatusOK, rerank(t, url, "", []string{"a tree"}).status)
}

func TestNoRequestIsLostWhileTheFileChanges(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "search.yaml")
	files := []string{"rerank: lexical", "rerank: {model: {passages: lexical}}", "rerank: {model: {passages: {model: lexical, tokens: 64}}}", "rerank: {model: {first-scorer: [lexical, {lexical: {mu: 5}}]}}"}
	write := func(i int) { replaceFile(t, path, "chain: [{bm25: index}, {"+files[i%len(files)]+"}]") }
	write(0)
	url, out := serveFile(t, path, "-model", "m")
	ctx, cancel := context.WithCancel(t.Context())
	var asked atomic.Int64
	var wg conc.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				r := rerank(t, url, "", []string{"a tree", "a secret question"})
				assert.Equal(t, http.StatusOK, r.status, r.body)
				asked.Add(1)
			}
		})
	}
	for i := range 12 {
		before := out.String()
		write(i + 1)
		require.Eventually(t, func() bool { return len(out.String()) > len(before) }, 10*time.Second, time.Millisecond)
	}
	cancel()
	wg.Wait()
	assert.Greater(t, asked.Load(), int64(12))
	assert.NotContains(t, out.String(), "refused")

}

func TestPartsOfAFileAreChosenAndRefusedByName(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "search.yaml")
	for text, want := range map[string]string{
		"bm25: index": "1:1: the file has no scorer, which is needed here: name one of bi-encoder, cached",
		"chain: [{bm25: index}, {rerank: lexical}, {rerank: {model: {passages: lexical}}}]": `1:60: chain[2].rerank.model.passages: this is the second scorer of the file, and one is needed: say which by its path, there is chain[1].rerank.lexical at 1:33`,
		"chain: [{bm25: index}, {rerank: {model: {nebius: {key: abc}}}}]":                   "a secret does not stand in a file",
	} {
		replaceFile(t, path, text)
		err := run(t.Context(), []string{"-listen", "127.0.0.1:0", "-config", path}, func(string) string { return "" }, &output{})
		require.ErrorContains(t, err, want, text)
	}
	replaceFile(t, path, "chain: [{bm25: index}, {rerank: lexical}, {rerank: {model: {passages: lexical}}}]")
	url, _ := serveFile(t, path, "-part", "chain[2].rerank.model.passages", "-model", "m")
	assert.Equal(t, http.StatusOK, rerank(t, url, "", []string{"a tree"}).status)
	err := run(t.Context(), []string{"-config", path, "-part", "chain[9]"}, func(string) string { return "" }, &output{})
	require.ErrorContains(t, err, `there is no scorer at "chain[9]": there is chain[1].rerank.lexical at 1:33, chain[2].rerank.model.passages at 1:60`)
}

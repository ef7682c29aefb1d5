package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/rankcascade/cascade/retriever/qdrant/qdranttest"
)

// program runs the program with an environment and returns what it wrote.
func program(t *testing.T, env map[string]string, args ...string) (status int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	status = run(t.Context(), args, func(name string) string { return env[name] }, &o, &e)
	return status, o.String(), e.String()
}

func TestWithoutAServerItSaysWhatToDo(t *testing.T) {
	t.Parallel()
	status, out, errs := program(t, nil, "a question")
	assert.Zero(t, status)
	assert.Contains(t, out, "QDRANT_URL is not set")
	assert.Empty(t, errs)
}

func TestTheSampleIsIndexedOnceAndSearched(t *testing.T) {
	t.Parallel()
	server := qdranttest.Listen(t)
	env := map[string]string{"QDRANT_URL": server.URL(), "QDRANT_API_KEY": "not-a-real-key"}
	for _, fuse := range []string{"client", "server"} {
		status, out, errs := program(t, env, "-fuse", fuse, "-k", "2")
		require.Zero(t, status, errs)
		assert.Equal(t, 24, server.Points("cascade-sample"))
		for question, best := range map[string]string{
			"how do whales breathe": "whale-sleep",
			"why is bread left":     "bread-rise",
			"oldest bridges made":   "iron-bridge",
		} {
			assert.Equal(t, best, firstAnswer(out, question), "%s: %s", fuse, question)
		}
		if fuse == "client" {
			assert.Contains(t, out, "dense #1 (")
			assert.Contains(t, out, "terms #1 (")
			assert.Contains(t, errs, "24 stored, 0 there already")
			continue
		}
		assert.Contains(t, errs, "0 stored, 24 there already", "the second run stores nothing again")
	}
	assert.Equal(t, 1, server.Count("Upsert"))
	assert.Equal(t, []string{"not-a-real-key"}, server.Requests()[0].Metadata.Get("api-key"))
}

// firstAnswer returns the id of the first hit below the question.
func firstAnswer(out, question string) string {
	_, after, _ := strings.Cut(out, question)
	lines := strings.SplitN(after, "\n", 3)
	fields := strings.Fields(lines[1])
	return fields[len(fields)-1]
}

func TestACorpusOfOnesOwn(t *testing.T) {
	t.Parallel()
	server := qdranttest.Listen(t)
	file := filepath.Join(t.TempDir(), "birds.jsonl.gz")
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write([]byte(`{"_id": "b/1", "title": "Owls", "text": "owls hunt at night", "metadata": {"year": 2020, "tags": ["night"]}}
{"_id": "b/2", "title": "", "text": "storks fly south"}
`))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	require.NoError(t, os.WriteFile(file, packed.Bytes(), 0o600))
	status, out, errs := program(t, map[string]string{"QDRANT_URL": server.URL()}, "-fresh", "-corpus", file, "which", "birds", "hunt", "at", "night?")
	require.Zero(t, status, errs)
	assert.Equal(t, "b/1", firstAnswer(out, "which birds hunt"))
	assert.Contains(t, out, "Owls owls hunt at night")
	assert.Equal(t, 2, server.Points("cascade-birds"))

	status, _, errs = program(t, map[string]string{"QDRANT_URL": server.URL()}, "-corpus", file, "-fresh", "owls")
	require.Zero(t, status, errs)
	assert.Contains(t, errs, "2 stored, 0 there already")
}

func TestWrongFlagsAreStatus2(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-fuse", "both"}, {"-k", "0"}, {"-nosuch"}, {"-corpus", "x.jsonl"}, {"-timeout", "-1s", "q"}} {
		status, _, errs := program(t, nil, args...)
		assert.Equal(t, 2, status, args)
		assert.NotEmpty(t, errs)
	}
}

func TestFailuresAreStatus1AndSaySo(t *testing.T) {
	t.Parallel()
	server := qdranttest.Listen(t)
	env := map[string]string{"QDRANT_URL": server.URL()}
	status, _, errs := program(t, env, "-corpus", filepath.Join(t.TempDir(), "none.jsonl"), "q")
	assert.Equal(t, 1, status)
	assert.Contains(t, errs, "none.jsonl")

	server.Fail("Upsert", 1, codes.Internal, "disk is full")
	status, _, errs = program(t, env, "q")
	assert.Equal(t, 1, status)
	assert.Contains(t, errs, "disk is full")
	assert.Contains(t, errs, "run again to go on")

	status, _, errs = program(t, map[string]string{"QDRANT_URL": "http://127.0.0.1:1"}, "-timeout", "2s", "q")
	assert.Equal(t, 1, status)
	assert.Contains(t, errs, "qdrant: check server: unavailable")

	status, _, errs = program(t, map[string]string{"QDRANT_URL": "http://qdrant.example:6334", "QDRANT_API_KEY": "not-a-real-key"}, "q")
	assert.Equal(t, 1, status)
	assert.Contains(t, errs, "unencrypted")
	assert.NotContains(t, errs, "not-a-real-key")

	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	var out, e bytes.Buffer
	assert.Equal(t, 1, run(ctx, []string{"q"}, func(string) string { return server.URL() }, &out, &e))
}

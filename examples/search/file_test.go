package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ask runs the program without the flags that a file takes the place of.
func (p *program) ask(flags ...string) int {
	p.stdout.Reset()
	p.stderr.Reset()
	return run(p.t.Context(), append([]string{"-queries", p.path("queries.jsonl"), "-out", p.path("run.txt")}, flags...), &p.stdout, &screen{out: &p.stderr})
}

func TestAFileIsAskedAsTheFlagsAre(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	require.Equal(t, done, p.run("-model", "none", "-tag", "x"), p.stderr.String())
	byFlags := p.written()
	require.NoError(t, os.Remove(p.path("run.txt")))
	file := p.path("search.yaml")
	require.NoError(t, os.WriteFile(file, []byte("chain: [{bm25: {documents: corpus.jsonl, limit: 101}}]"), 0o600))
	require.Equal(t, done, p.ask("-config", file, "-tag", "x"), p.stderr.String())
	assert.Equal(t, byFlags, p.written())
	assert.Contains(t, p.stdout.String(), "search.yaml built in ")

	require.NoError(t, os.Remove(p.path("run.txt")))
	require.Equal(t, done, p.ask("-config", file, "-k", "1"), p.stderr.String())
	assert.Regexp(t, ` search-[0-9a-f]{8}-k1\n`, p.written())
	require.NoError(t, os.WriteFile(file, []byte("chain: [{bm25: {documents: corpus.jsonl, limit: 7}}]"), 0o600))
	assert.Equal(t, broken, p.ask("-config", file, "-k", "1"), "another file is another run")
	assert.Contains(t, p.stderr.String(), "remove it, or choose another -out")
}

func TestWhatAFileSaysIsNotSaidTwice(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	file := filepath.Join(p.dir, "search.yaml")
	require.NoError(t, os.WriteFile(file, []byte("chain: [{bm52: {documents: corpus.jsonl}}]"), 0o600))
	for says, c := range map[string]struct {
		status int
		flags  []string
	}{
		"-corpus, -fuse cannot stand beside -config":                                {misused, []string{"-config", file, "-corpus", "x", "-fuse", "rrf"}},
		`search.yaml:1:10: chain[0]: there is no kind "bm52"; did you mean "bm25"?`: {broken, []string{"-config", file}},
		"-config: open ":           {misused, []string{"-config", file + "x"}},
		"-k is 0: set 1 or more":   {misused, []string{"-config", file, "-k", "0"}},
		"-tag \"a b\" holds white": {misused, []string{"-config", file, "-tag", "a b"}},
	} {
		assert.Equal(t, c.status, p.ask(c.flags...), says)
		assert.Contains(t, p.stderr.String(), says)
	}
	require.Equal(t, done, p.ask("-version"))
	assert.Contains(t, p.stdout.String(), "search ")
	require.Equal(t, done, p.ask("-schema"))
	assert.Contains(t, p.stdout.String(), `"$schema"`)
}

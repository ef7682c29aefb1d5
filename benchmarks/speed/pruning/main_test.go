package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRunSaysWhatIsNotHere(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-collections", t.TempDir()}, &out))
	assert.Contains(t, out.String(), "set CASCADE_COLLECTIONS or -collections")
	assert.NotContains(t, out.String(), "waves")
	require.Error(t, run(t.Context(), []string{"-k", "0"}, &out))
}

func TestRunMeasures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	small(t, filepath.Join(dir, "scifact"), 40)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-collections", dir, "-k", "2"}, &out))
	lines := regexp.MustCompile(`scifact +(lexical|simulated) .* %  +[0-9.]+ +0\n`).FindAllString(out.String(), -1)
	assert.Len(t, lines, 10, "no line may show a difference:\n%s", out.String())
}

// small writes a collection of n documents and one query.
func small(t *testing.T, dir string, n int) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "runs"), 0o755))
	var corpus, ranking bytes.Buffer
	for i := range n {
		fmt.Fprintf(&corpus, "{\"_id\":\"d%d\",\"title\":\"\",\"text\":\"wing number %d\"}\n", i, i%7)
		fmt.Fprintf(&ranking, "q Q0 d%d %d %d bm25\n", i, i+1, 100-i)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "corpus.jsonl"), corpus.Bytes(), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "queries.jsonl"), []byte("{\"_id\":\"q\",\"text\":\"wing 3\"}\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "qrels.tsv"), []byte("q\t0\td3\t1\n"), 0o600))
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write(ranking.Bytes())
	require.NoError(t, err)
	require.NoError(t, z.Close())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "runs", "bm25-k0.9-b0.4.txt.gz"), packed.Bytes(), 0o600))
}

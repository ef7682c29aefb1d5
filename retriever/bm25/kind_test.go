package bm25_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/config"
	"github.com/rankcascade/cascade/retriever/bm25"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAConfigurationFileIndexesAFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	write("corpus.jsonl", `{"_id": "a", "title": "Bread", "text": "How to bake."}`+"\n"+`{"_id": "b", "text": "A river."}`+"\n")
	built, err := config.Load(t.Context(), write("search.yaml", "bm25-memory: {documents: corpus.jsonl, name: words, fields: [title], limit: 7, k1: 0, b: 1}\n"), bm25.Kind)
	require.NoError(t, err)
	assert.Equal(t, []string{"a"}, ids(t, built, "bread"))
	tree := pipeline.String(built)
	for _, want := range []string{"words", "limit 7", "k1 0,", "b 1"} {
		assert.Contains(t, tree, want)
	}
	require.NoError(t, built.Close())
	for says, text := range map[string]string{
		"no such file":    "bm25-memory: none.jsonl\n",
		"documents":       "bm25-memory: {limit: 3}\n",
		"limit is -1":     "bm25-memory: {documents: corpus.jsonl, limit: -1}\n",
		"k1 is -0.5":      "bm25-memory: {documents: corpus.jsonl, k1: -0.5}\n",
		"search.yaml:1:1": "bm25-memory: none.jsonl\n",
	} {
		_, err := config.Load(t.Context(), write("search.yaml", text), bm25.Kind)
		assert.ErrorContains(t, err, says)
	}
}

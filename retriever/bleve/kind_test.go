package bleve_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/config"
	"github.com/rankcascade/cascade/retriever/bleve"
)

// A configuration file names the folder of an index, beside the file.
func TestKindOpensAnIndex(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	index, err := bleve.Create(t.Context(), filepath.Join(folder, "index"), pipeline.Documents(
		pipeline.Document{ID: "a", Text: "cold water"}, pipeline.Document{ID: "b", Text: "warm bread"}), bleve.Options{})
	require.NoError(t, err)
	require.NoError(t, index.Close())
	file := filepath.Join(folder, "search.yaml")
	require.NoError(t, os.WriteFile(file, []byte("chain: [bm25: index, topk: 1]"), 0o600))
	search, err := config.Load(t.Context(), file, bleve.Kind)
	require.NoError(t, err)
	ranking, err := search.Retrieve(t.Context(), pipeline.Query{Text: "bread"})
	require.NoError(t, err)
	assert.Equal(t, []string{"b"}, ranking.IDs())
	require.NoError(t, search.Close())
	require.NoError(t, os.WriteFile(file, []byte("bm25: {folder: none}"), 0o600))
	_, err = config.Load(t.Context(), file, bleve.Kind)
	require.ErrorContains(t, err, "1:1: bm25: ")
}

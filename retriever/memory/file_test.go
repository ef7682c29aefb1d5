package memory_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func saved(t testing.TB, o memory.Options, entries ...memory.Entry) (path string, x *memory.Index) {
	t.Helper()
	x, err := memory.FromVectors(t.Context(), nil, memory.Entries(entries...), o)
	require.NoError(t, err)
	path = filepath.Join(t.TempDir(), "vectors")
	require.NoError(t, x.Save(path))
	return path, x
}

func TestAnIndexComesBackFromItsFile(t *testing.T) {
	t.Parallel()
	for _, metric := range []memory.Metric{memory.Cosine, memory.Dot, memory.Euclid} {
		entries := []memory.Entry{entry("a", 1, 0), entry("b", .1, float32(math.Pi)), {Document: pipeline.Document{ID: "c", Text: "bytes \xff\x00"}, Vector: []float32{-1, 1e-40}}}
		entries[0].Document.Metadata = map[string]any{"n": int64(1)<<53 + 1, "list": []any{"x", 2.5}}
		path, x := saved(t, memory.Options{Metric: metric}, append(entries, entry("gone", 3, 3))...)
		require.NoError(t, x.Delete(t.Context(), "gone"))
		require.NoError(t, x.Save(path), "over the one before")
		for _, quantized := range []bool{false, true} {
			y, err := memory.Open(t.Context(), path, nil, memory.Options{Quantized: quantized})
			require.NoError(t, err)
			q := memory.Vector.With(pipeline.Query{}, []float32{.5, .5})
			want, err := x.Retrieve(t.Context(), q)
			require.NoError(t, err)
			got, err := y.Retrieve(t.Context(), q)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		}
		files, err := os.ReadDir(filepath.Dir(path))
		require.NoError(t, err)
		assert.Len(t, files, 1, "nothing is left beside it")
	}
}

func TestAnEmptyIndexComesBackToo(t *testing.T) {
	t.Parallel()
	path, _ := saved(t, memory.Options{})
	x, err := memory.Open(t.Context(), path, memory.HashEmbedder{}, memory.Options{})
	require.NoError(t, err)
	assert.Zero(t, x.Len())
	require.NoError(t, x.Add(t.Context(), pipeline.Documents(pipeline.Document{ID: "a", Text: "bread"})))
}

func TestATornFileIsAnError(t *testing.T) {
	t.Parallel()
	path, _ := saved(t, memory.Options{}, entry("a", 1, 0), entry("b", 0, 1))
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	open := func(b []byte) error {
		other := filepath.Join(t.TempDir(), "torn")
		require.NoError(t, os.WriteFile(other, b, 0o600))
		_, err := memory.Open(t.Context(), other, nil, memory.Options{})
		if err != nil {
			assert.ErrorContains(t, err, other)
		}
		return err
	}
	require.NoError(t, open(whole))
	for n := range whole {
		require.ErrorIs(t, open(whole[:n]), memory.ErrDamaged, "the first %d bytes", n)
		flipped := append([]byte{}, whole...)
		flipped[n] ^= 1
		require.Error(t, open(flipped), "byte %d", n)
	}
	require.ErrorIs(t, open(append(whole, 0)), memory.ErrDamaged)
	newer := append([]byte{}, whole...)
	newer[16]++
	require.ErrorContains(t, open(newer), "format 2")
}

func TestWhatCannotBeSavedOrOpenedSaysSo(t *testing.T) {
	t.Parallel()
	path, x := saved(t, memory.Options{Metric: memory.Dot}, entry("a", 1, 0))
	require.Error(t, x.Save(filepath.Join(path, "below a file")))
	_, err := memory.Open(t.Context(), path, nil, memory.Options{Metric: memory.Euclid})
	require.ErrorContains(t, err, "made for the metric dot product, not euclid")
	_, err = memory.Open(t.Context(), path, nil, memory.Options{Limit: -1})
	require.ErrorContains(t, err, "limit is -1")
	_, err = memory.Open(t.Context(), path+" which is not there", nil, memory.Options{})
	require.ErrorIs(t, err, os.ErrNotExist)
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	bad := entry("nan", 1, 1)
	bad.Document.Metadata = map[string]any{"n": math.NaN()}
	require.NoError(t, x.AddVectors(t.Context(), memory.Entries(bad)))
	require.ErrorContains(t, x.Save(path), `metadata of document "nan"`)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, before, after, "the old file stays")
	files, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, files, 1)
}

func FuzzOpen(f *testing.F) {
	path, _ := saved(f, memory.Options{}, entry("a", 1, 0), entry("b", 0, 1))
	whole, err := os.ReadFile(path)
	require.NoError(f, err)
	f.Add(whole)
	f.Add(whole[:40])
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "vectors")
		require.NoError(t, os.WriteFile(path, b, 0o600))
		x, err := memory.Open(t.Context(), path, nil, memory.Options{})
		if err == nil {
			require.NoError(t, x.Save(path))
		}
	})
}

package embed_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/embeddings"
	"go.uber.org/goleak"

	"github.com/rankcascade/cascade/reranker/local/minilm"
	"github.com/rankcascade/cascade/retriever/embed"
	"github.com/rankcascade/cascade/retriever/memory"
)

// bleve keeps workers for the whole process.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }

var (
	_ embeddings.Embedder = (*embed.Model)(nil)
	_ memory.Embedder     = (*embed.Model)(nil)
)

func open(t testing.TB, o embed.Options) *embed.Model {
	m, err := embed.Open(minilm.Files(), o)
	require.NoError(t, err)
	return m
}

func ExampleOpen() {
	model, err := embed.Open(minilm.Files(), embed.Options{})
	if err != nil {
		panic(err)
	}
	v, err := model.EmbedDocuments(context.Background(), []string{"a cat sleeps", "a kitten naps", "tax law of 1974"})
	if err != nil {
		panic(err)
	}
	fmt.Println(len(v[0]), cosine(v[0], v[1]) > .6, cosine(v[0], v[2]) < .2)
	// Output: 384 true true
}

func cosine(a, b []float32) (s float32) {
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}

func TestPrefixesOfQueriesAndPassagesAreApart(t *testing.T) {
	t.Parallel()
	plain := open(t, embed.Options{})
	m := open(t, embed.Options{QueryPrefix: "query: ", PassagePrefix: "passage: "})
	want, err := plain.EmbedDocuments(t.Context(), []string{"query: wing", "passage: wing"})
	require.NoError(t, err)
	q, err := m.EmbedQuery(t.Context(), "wing")
	require.NoError(t, err)
	p, err := m.EmbedDocuments(t.Context(), []string{"wing"})
	require.NoError(t, err)
	assert.Equal(t, want, [][]float32{q, p[0]})
	assert.NotEqual(t, plain.Identity(), m.Identity())
	assert.Equal(t, 384, m.Dimensions())
	assert.Equal(t, 256, m.MaxTokens())
	assert.True(t, m.Normalised())
	assert.NotEmpty(t, m.Kernel())
}

func TestEqualTextsAreComputedOnce(t *testing.T) {
	t.Parallel()
	c, err := embed.NewCache(embed.CacheOptions{Vectors: 2})
	require.NoError(t, err)
	var seen []int
	m := open(t, embed.Options{Cache: c, Progress: func(done, total int) { seen = append(seen, done, total) }})
	v, err := m.EmbedDocuments(t.Context(), []string{"a", "b", "a", "a"})
	require.NoError(t, err)
	assert.Equal(t, v[0], v[3])
	assert.Equal(t, 2, c.Len())
	assert.Equal(t, []int{4, 4}, seen[len(seen)-2:])
	seen = nil
	again, err := m.EmbedDocuments(t.Context(), []string{"b"})
	require.NoError(t, err)
	assert.Equal(t, v[1], again[0])
	assert.Equal(t, []int{1, 1}, seen, "it was there")
	none, err := m.EmbedDocuments(t.Context(), nil)
	require.NoError(t, err)
	assert.Empty(t, none)
	require.NoError(t, c.Close())
}

// TestTheFileOfVectorsIsReadAgain cuts, damages and replaces the file.
func TestTheFileOfVectorsIsReadAgain(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "deep", "vectors.bin")
	texts := []string{"wing", "lift", "drag"}
	var want [][]float32
	use := func(says string, known int) {
		c, err := embed.OpenCache(name, embed.CacheOptions{Vectors: 1})
		require.NoError(t, err, says)
		assert.Equal(t, known, c.Len(), says)
		got, err := open(t, embed.Options{Cache: c}).EmbedDocuments(t.Context(), texts)
		require.NoError(t, err, says)
		if want == nil {
			want = got
		}
		assert.Equal(t, want, got, says)
		assert.Equal(t, 3, c.Len(), says)
		require.NoError(t, c.Close())
		require.NoError(t, c.Close(), "twice")
	}
	use("new", 0)
	use("as it was", 3)
	raw, err := os.ReadFile(name)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(name, raw[:len(raw)-5], 0o600))
	use("cut", 2)
	raw, err = os.ReadFile(name)
	require.NoError(t, err)
	raw[100]++
	require.NoError(t, os.WriteFile(name, raw, 0o600))
	use("damaged in the first entry", 0)
	require.NoError(t, os.WriteFile(name, raw[:7], 0o600))
	use("cut in the first line", 0)
	for _, other := range []string{"something else that is long enough", "some"} {
		require.NoError(t, os.WriteFile(name, []byte(other), 0o600))
		_, err = embed.OpenCache(name, embed.CacheOptions{})
		assert.ErrorIs(t, err, os.ErrInvalid, "another file is left alone")
	}
	_, err = embed.OpenCache(t.TempDir(), embed.CacheOptions{})
	assert.Error(t, err)
	_, err = embed.NewCache(embed.CacheOptions{Vectors: -1})
	assert.ErrorContains(t, err, "Vectors is -1")
}

func TestEachIsToldWhatIsDoneInTime(t *testing.T) {
	t.Parallel()
	m := open(t, embed.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	texts := make([]string, 2000)
	for i := range texts {
		texts[i] = fmt.Sprint(i, strings.Repeat(" wing", 200))
	}
	told := map[int]bool{}
	err := m.EmbedEach(ctx, texts, func(i int, v []float32) {
		assert.Len(t, v, 384)
		told[i] = true
		cancel()
	})
	assert.ErrorIs(t, err, context.Canceled)
	assert.NotEmpty(t, told)
	assert.Less(t, len(told), 100)
	_, err = m.EmbedDocuments(ctx, texts)
	assert.ErrorIs(t, err, context.Canceled)
	_, err = m.EmbedQuery(ctx, "wing")
	assert.ErrorIs(t, err, context.Canceled)
}

func TestADirectoryThatIsNoModel(t *testing.T) {
	t.Parallel()
	_, err := embed.Open(fstest.MapFS{"config.json": {Data: []byte(`{"model_type": "t5"}`)}}, embed.Options{})
	var typed *embed.ModelError
	require.ErrorAs(t, err, &typed)
	assert.Equal(t, embed.ModelUnsupported, typed.Kind)
	_, err = embed.Open(fstest.MapFS{}, embed.Options{})
	require.ErrorAs(t, err, &typed)
	assert.Equal(t, embed.ModelMissing, typed.Kind)
	_, err = embed.Open(broken{}, embed.Options{})
	assert.ErrorIs(t, err, fs.ErrPermission)
}

type broken struct{}

func (broken) Open(string) (fs.File, error) { return nil, fs.ErrPermission }

package embed_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/embeddings"
	"go.uber.org/goleak"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker/local/minilm"
	"github.com/rankcascade/cascade/retriever/embed"
	"github.com/rankcascade/cascade/retriever/memory"
)

// bleve keeps workers for the whole process.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }

var (
	_ embeddings.Embedder = (*embed.Model)(nil)
	_ embeddings.Embedder = (*embed.Client)(nil)
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

// server answers each text with its length, unless answer does something else.
func server(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, input []string) bool) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Model  string   `json:"model"`
			Input  []string `json:"input"`
			Format string   `json:"encoding_format"`
		}
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&body))
		assert.Equal(t, "m", body.Model)
		assert.Equal(t, "float", body.Format)
		assert.Equal(t, "/v1/embeddings", r.URL.Path)
		if answer != nil && answer(w, r, body.Input) {
			return
		}
		var data []string
		for i := len(body.Input) - 1; i >= 0; i-- { // the order is not the index
			data = append(data, fmt.Sprintf(`{"index": %d, "embedding": [%d, 1]}`, i, len(body.Input[i])))
		}
		fmt.Fprintf(w, `{"data": [%s]}`, strings.Join(data, ","))
	}))
	t.Cleanup(s.Close)
	return s
}

func client(t *testing.T, s *httptest.Server, o embed.HTTPOptions) *embed.Client {
	o.BaseURL = s.URL + "/v1/"
	c, err := embed.HTTP("secret-key", "m", o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, c.Close()) })
	return c
}

func TestAnEndpointIsAskedInBatches(t *testing.T) {
	t.Parallel()
	var calls, most atomic.Int64
	s := server(t, func(_ http.ResponseWriter, r *http.Request, input []string) bool {
		calls.Add(1)
		most.Store(max(most.Load(), int64(len(input))))
		assert.Equal(t, "Bearer secret-key", r.Header.Get("Authorization"))
		return false
	})
	c := client(t, s, embed.HTTPOptions{Batch: 3, BatchBytes: 20, PassagePrefix: "p:", QueryPrefix: "query:"})
	v, err := c.EmbedDocuments(t.Context(), []string{"a", "bb", "ccc", "dddd", "", strings.Repeat("e", 50), "f"})
	require.NoError(t, err)
	assert.Equal(t, [][]float32{{3, 1}, {4, 1}, {5, 1}, {6, 1}, {2, 1}, {52, 1}, {3, 1}}, v)
	assert.Equal(t, int64(4), calls.Load())
	assert.Equal(t, int64(3), most.Load())
	q, err := c.EmbedQuery(t.Context(), "x")
	require.NoError(t, err)
	assert.Equal(t, []float32{7, 1}, q)
}

func TestWhatMayPassIsTriedAgain(t *testing.T) {
	t.Parallel()
	for _, status := range []int{429, 500, 503} {
		var calls atomic.Int64
		s := server(t, func(w http.ResponseWriter, _ *http.Request, _ []string) bool {
			if calls.Add(1) > 1 {
				return false
			}
			w.WriteHeader(status)
			return true
		})
		_, err := client(t, s, embed.HTTPOptions{}).EmbedQuery(t.Context(), "a")
		assert.NoError(t, err)
		assert.Equal(t, int64(2), calls.Load())
	}
}

func TestALargeCallIsDivided(t *testing.T) {
	t.Parallel()
	s := server(t, func(w http.ResponseWriter, _ *http.Request, input []string) bool {
		if len(input) > 2 {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}
		return len(input) > 2
	})
	v, err := client(t, s, embed.HTTPOptions{}).EmbedDocuments(t.Context(), []string{"a", "bb", "ccc", "dddd", "eeeee"})
	require.NoError(t, err)
	assert.Equal(t, [][]float32{{1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}}, v)
}

// TestNoAnswerIsBelieved has one sentence for each way to answer badly.
func TestNoAnswerIsBelieved(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct {
		status int
		body   string
		reason pipeline.Reason
		says   string
	}{
		"no JSON":            {200, "<html>", pipeline.ReasonBadResponse, "OpenAI"},
		"a list":             {200, "[]", pipeline.ReasonBadResponse, "OpenAI"},
		"too few":            {200, `{"data": []}`, pipeline.ReasonBadResponse, "0 vectors"},
		"no index":           {200, `{"data": [{"embedding": [1]}]}`, pipeline.ReasonBadResponse, "index"},
		"an index beyond":    {200, `{"data": [{"index": 1, "embedding": [1]}]}`, pipeline.ReasonBadResponse, "index"},
		"an empty vector":    {200, `{"data": [{"index": 0, "embedding": []}]}`, pipeline.ReasonBadResponse, "0 dimensions"},
		"a number too large": {200, `{"data": [{"index": 0, "embedding": [1e99]}]}`, pipeline.ReasonBadResponse, "OpenAI"},
		"a redirect":         {307, "", pipeline.ReasonClientError, "307"},
		"a wrong key":        {401, `{"error": {"message": "key secret-key is wrong"}}`, pipeline.ReasonClientError, "[redacted]"},
		"a text repeated":    {400, `{"error": {"message": "cannot embed a private text of mine"}}`, pipeline.ReasonClientError, "repeats"},
		"a cut answer":       {200, `{"data": [{"index": 0, "embe`, pipeline.ReasonTransport, ""},
	} {
		s := server(t, func(w http.ResponseWriter, _ *http.Request, _ []string) bool {
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.body)
			return true
		})
		_, err := client(t, s, embed.HTTPOptions{Attempts: 1}).EmbedQuery(t.Context(), "a private text of mine")
		var typed *embed.Error
		if assert.ErrorAs(t, err, &typed, sentence) {
			assert.Equal(t, c.reason, pipeline.ReasonOf(err), sentence)
			assert.ErrorContains(t, err, c.says, sentence)
			assert.NotContains(t, err.Error(), "secret-key", sentence)
			assert.NotContains(t, err.Error(), "private", sentence)
		}
	}
}

func TestAWaitEndsWithTheContext(t *testing.T) {
	t.Parallel()
	s := server(t, func(w http.ResponseWriter, _ *http.Request, _ []string) bool {
		w.Header().Set("Retry-After", "50")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := client(t, s, embed.HTTPOptions{}).EmbedDocuments(ctx, []string{"a", "b"})
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Equal(t, pipeline.ReasonDeadline, pipeline.ReasonOf(err))
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	c, err := embed.HTTP("", "m", embed.HTTPOptions{BaseURL: "http://127.0.0.1:1/v1", NoKey: true, Attempts: 1})
	require.NoError(t, err)
	_, err = c.EmbedQuery(t.Context(), "a")
	assert.Equal(t, pipeline.ReasonTransport, pipeline.ReasonOf(err))
	require.NoError(t, c.Close())
}

func TestVectorsOfTwoLengthsAreRefused(t *testing.T) {
	t.Parallel()
	s := server(t, func(w http.ResponseWriter, _ *http.Request, input []string) bool {
		fmt.Fprintf(w, `{"data": [{"index": 0, "embedding": [1%s]}]}`, strings.Repeat(",1", len(input[0])))
		return true
	})
	_, err := client(t, s, embed.HTTPOptions{Batch: 1}).EmbedDocuments(t.Context(), []string{"a", "bb"})
	assert.ErrorContains(t, err, "different lengths")
}

func TestSettingsOfAClientAreChecked(t *testing.T) {
	t.Parallel()
	for says, make := range map[string]func() error{
		"model is empty": func() error { _, err := embed.HTTP("k", "", embed.HTTPOptions{}); return err },
		"key is empty":   func() error { _, err := embed.HTTP("", "m", embed.HTTPOptions{}); return err },
		"line break":     func() error { _, err := embed.HTTP("k\n", "m", embed.HTTPOptions{}); return err },
		"no http":        func() error { _, err := embed.HTTP("k", "m", embed.HTTPOptions{BaseURL: "ftp://a"}); return err },
		"plain http": func() error {
			_, err := embed.HTTP("k", "m", embed.HTTPOptions{BaseURL: "http://a.example"})
			return err
		},
		"Batch is -1":      func() error { _, err := embed.HTTP("k", "m", embed.HTTPOptions{Batch: -1}); return err },
		"Dimensions is -2": func() error { _, err := embed.HTTP("k", "m", embed.HTTPOptions{Dimensions: -2}); return err },
	} {
		err := make()
		assert.ErrorContains(t, err, says)
		assert.NotErrorAs(t, err, new(*embed.Error), says)
	}
	c, err := embed.HTTP("k", "m", embed.HTTPOptions{})
	require.NoError(t, err)
	assert.Contains(t, c.Identity(), "api.tokenfactory.nebius.com")
}

package endpoint_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/embeddings"
	"go.uber.org/goleak"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/embed/endpoint"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var _ embeddings.Embedder = (*endpoint.Client)(nil)

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

func client(t *testing.T, s *httptest.Server, o endpoint.Options) *endpoint.Client {
	o.BaseURL = s.URL + "/v1/"
	c, err := endpoint.New("secret-key", "m", o)
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
	c := client(t, s, endpoint.Options{Batch: 3, BatchBytes: 20, PassagePrefix: "p:", QueryPrefix: "query:"})
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
		_, err := client(t, s, endpoint.Options{}).EmbedQuery(t.Context(), "a")
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
	v, err := client(t, s, endpoint.Options{}).EmbedDocuments(t.Context(), []string{"a", "bb", "ccc", "dddd", "eeeee"})
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
		_, err := client(t, s, endpoint.Options{Attempts: 1}).EmbedQuery(t.Context(), "a private text of mine")
		var typed *endpoint.Error
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
	_, err := client(t, s, endpoint.Options{}).EmbedDocuments(ctx, []string{"a", "b"})
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Equal(t, pipeline.ReasonDeadline, pipeline.ReasonOf(err))
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	c, err := endpoint.New("", "m", endpoint.Options{BaseURL: "http://127.0.0.1:1/v1", NoKey: true, Attempts: 1})
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
	_, err := client(t, s, endpoint.Options{Batch: 1}).EmbedDocuments(t.Context(), []string{"a", "bb"})
	assert.ErrorContains(t, err, "different lengths")
}

func TestSettingsOfAClientAreChecked(t *testing.T) {
	t.Parallel()
	for says, make := range map[string]func() error{
		"model is empty": func() error { _, err := endpoint.New("k", "", endpoint.Options{}); return err },
		"key is empty":   func() error { _, err := endpoint.New("", "m", endpoint.Options{}); return err },
		"line break":     func() error { _, err := endpoint.New("k\n", "m", endpoint.Options{}); return err },
		"no http":        func() error { _, err := endpoint.New("k", "m", endpoint.Options{BaseURL: "ftp://a"}); return err },
		"plain http": func() error {
			_, err := endpoint.New("k", "m", endpoint.Options{BaseURL: "http://a.example"})
			return err
		},
		"Batch is -1":      func() error { _, err := endpoint.New("k", "m", endpoint.Options{Batch: -1}); return err },
		"Dimensions is -2": func() error { _, err := endpoint.New("k", "m", endpoint.Options{Dimensions: -2}); return err },
	} {
		err := make()
		assert.ErrorContains(t, err, says)
		assert.NotErrorAs(t, err, new(*endpoint.Error), says)
	}
	c, err := endpoint.New("k", "m", endpoint.Options{})
	require.NoError(t, err)
	assert.Contains(t, c.Identity(), "api.tokenfactory.nebius.com")
}

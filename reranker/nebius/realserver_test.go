package nebius_test

import (
	"context"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

// llama makes a client of a scripted llama.cpp server.
func llama(t *testing.T, script rerankertest.Script) *nebius.Client {
	t.Helper()
	s := rerankertest.NewServer(t, script)
	c, err := nebius.New(testKey, "rr", nebius.Options{BaseURL: s.URL, Dialect: nebius.LlamaCpp})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestRealServerAnswers replays, in small, what llama.cpp's server was seen to
// answer (builds b10573 of August 2026 and b4747 of February 2025).
func TestRealServerAnswers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer string
		n      int
		values []float64
		lost   []int
	}{
		"no id and no document, sorted by score": {
			`{"model":"rr","object":"list","usage":{"prompt_tokens":47,"total_tokens":47},"results":[{"index":2,"relevance_score":-2.458526372909546},{"index":0,"relevance_score":-2.544471263885498},{"index":1,"relevance_score":-2.9952211380004883}]}`,
			3, []float64{-2.544471263885498, -2.9952211380004883, -2.458526372909546}, nil,
		},
		"index order of the old build": {
			`{"model":"rr","object":"list","usage":{"prompt_tokens":53,"total_tokens":53},"results":[{"index":0,"relevance_score":-0.19},{"index":1,"relevance_score":0.72}]}`,
			2, []float64{-0.19, 0.72}, nil,
		},
		"null for NaN costs that document its score only": {
			`{"model":"rr","object":"list","usage":{"prompt_tokens":15,"total_tokens":15},"results":[{"index":2,"relevance_score":1.0814467668533325},{"index":0,"relevance_score":-0.20551392436027527},{"index":1,"relevance_score":null}]}`,
			3, []float64{-0.20551392436027527, 0, 1.0814467668533325}, []int{1},
		},
		"finite scores out of order around nulls": {
			`{"model":"rr","results":[{"index":1,"relevance_score":null},{"index":0,"relevance_score":-3.5},{"index":3,"relevance_score":null},{"index":2,"relevance_score":2.25}]}`,
			4, []float64{-3.5, 0, 2.25, 0}, []int{1, 3},
		},
		"ties in any order": {
			`{"model":"rr","results":[{"index":2,"relevance_score":-3.5},{"index":0,"relevance_score":-3.5},{"index":1,"relevance_score":-3.5}]}`,
			3, []float64{-3.5, -3.5, -3.5}, nil,
		},
		"another model's name": {
			`{"model":"rr-minilm6.gguf","results":[{"index":0,"relevance_score":1.25}]}`, 1, []float64{1.25}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scores, err := llama(t, body(test.answer)).Score(t.Context(), "q", texts(test.n))
			require.NoError(t, err)
			assert.Equal(t, test.values, scores.Values)
			assert.Equal(t, pipeline.Logit, scores.Scale)
			assert.Equal(t, len(test.lost) == 0, scores.Complete())
			for _, i := range test.lost {
				assert.Equal(t, pipeline.ReasonBadResponse, scores.Unscored[i], "never a score of 0")
			}
		})
	}
}

// TestRealServerFailures has the errors that were seen, each with what a caller
// can do about it.
func TestRealServerFailures(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		answer string
		kind   reranker.ErrorKind
		retry  bool
	}{
		"an empty 200, for text the old build could not read": {200, ``, reranker.KindProtocol, true},
		"all scores are null":                        {200, `{"model":"rr","results":[{"index":0,"relevance_score":null}]}`, reranker.KindProtocol, true},
		"no documents":                               {400, `{"error":{"code":400,"message":"\"documents\" must be a non-empty string array","type":"invalid_request_error"}}`, reranker.KindValidation, false},
		"a document over the batch":                  {500, `{"error":{"code":500,"message":"input (603 tokens) is too large to process. increase the physical batch size (current batch size: 512)","type":"server_error"}}`, reranker.KindTooLarge, false},
		"a document over the batch of the old build": {500, `{"error":{"code":500,"message":"input is too large to process. increase the physical batch size","type":"server_error"}}`, reranker.KindTooLarge, false},
		"a body that is too large, without a word":   {413, ``, reranker.KindTooLarge, false},
		"a client's fault as 500":                    {500, `{"error":{"code":500,"message":"[json.exception.parse_error.101] parse error at line 1, column 32: syntax error while parsing value","type":"server_error"}}`, reranker.KindServer, true},
		"a wrong key":                                {401, `{"error":{"message":"Invalid API Key","type":"authentication_error","code":401}}`, reranker.KindAuth, false},
		"a wrong path":                               {404, `{"error":{"message":"File Not Found","type":"not_found_error","code":404}}`, reranker.KindRouteNotFound, false},
		"loading":                                    {503, `{"error":{"message":"Loading model","type":"unavailable_error","code":503}}`, reranker.KindOverloaded, true},
		"not started for reranking":                  {501, `{"error":{"code":501,"message":"This server does not support reranking. Start it with ` + "`--reranking`" + `","type":"not_supported_error"}}`, reranker.KindRouteNotFound, false},
		"a compressed request, without a word":       {415, ``, reranker.KindValidation, false},
		"a header that is too large, without a word": {400, ``, reranker.KindValidation, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := llama(t, rerankertest.Always(rerankertest.Reply{Status: test.status, Body: []byte(test.answer), Close: test.status >= 400})).Score(t.Context(), "q", texts(1))
			e := kind(t, err, test.kind)
			assert.Equal(t, test.retry, e.Retryable())
			assert.NotEmpty(t, e.Error())
		})
	}
}

// TestEqualTextsShareOneScore: a server that batches gives equal texts scores
// that differ by up to 0.01; sent once, they cannot.
func TestEqualTextsShareOneScore(t *testing.T) {
	t.Parallel()
	n := 0.0
	drifting := func(c rerankertest.Call) rerankertest.Reply {
		return rerankertest.Judge(c, func(string, string) float64 { n += 0.01; return n }).LlamaServer()
	}
	scores, err := llama(t, drifting).Score(t.Context(), "q", []string{"same", "other", "same", "same"})
	require.NoError(t, err)
	assert.InDelta(t, scores.Values[0], scores.Values[2], 0)
	assert.InDelta(t, scores.Values[0], scores.Values[3], 0)
	assert.Equal(t, 2, scores.Usage.Documents)
}

// TestKeepAliveEdge: a server that closes idle connections at 5 s meets a client
// that closes them at 4 s, and a request that comes too late is sent again.
func TestKeepAliveEdge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// The handler's server has the timeout; the network is in memory.
		s := rerankertest.NewMemory(t, rerankertest.Honest(rerankertest.Hash))
		transport := s.Transport()
		transport.IdleConnTimeout = 4 * time.Second
		c, err := nebius.New(testKey, "m", nebius.Options{BaseURL: s.URL, HTTPClient: &http.Client{Transport: transport}})
		require.NoError(t, err)
		for i, pause := range []time.Duration{0, 3 * time.Second, 4500 * time.Millisecond} {
			time.Sleep(pause)
			_, err := c.Score(t.Context(), "q", texts(1))
			require.NoError(t, err)
			want := []int{1, 1, 2}[i]
			assert.Equal(t, want, s.Connections(), "after a pause of %v", pause)
		}
		transport.CloseIdleConnections()
	})
}

// TestHangingServer: a server that was told to stop keeps the connection and
// never answers. The deadline ends the call; a server that was killed ends it
// at once.
func TestHangingServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _ := memory(t, rerankertest.Fails(rerankertest.Hang), nebius.Options{})
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := c.Score(ctx, "q", texts(1))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 300*time.Millisecond, time.Since(start))
		start = time.Now()
		_, err = c.Score(t.Context(), "q", texts(1))
		kind(t, err, reranker.KindTransport)
		assert.NotErrorIs(t, err, context.DeadlineExceeded, "it is not the caller's deadline that passed")
		assert.Equal(t, time.Minute, time.Since(start), "a call without a deadline does not hang for ever")
		c, _ = memory(t, rerankertest.Fails(rerankertest.Hangup), nebius.Options{})
		start = time.Now()
		_, err = c.Score(t.Context(), "q", texts(1))
		require.ErrorIs(t, err, io.EOF)
		assert.Zero(t, time.Since(start))
	})
}

// TestFewConnectionsToOneServer: bursts of new connections above a server's
// workers cost 5 s each; the default keeps to 8.
func TestFewConnectionsToOneServer(t *testing.T) {
	t.Parallel()
	s := rerankertest.NewServer(t, rerankertest.Slow(5*time.Millisecond, rerankertest.Honest(rerankertest.Hash)))
	c := ownClient(t, s.URL, nebius.Options{})
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			_, err := c.Score(t.Context(), "q", texts(1))
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	assert.LessOrEqual(t, s.Connections(), 8)
}

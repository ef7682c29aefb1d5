package rerankertest_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/reranker/rerankertest"
)

const page = `{"model":"m","query":"apple","documents":["apple pie","banana"]}`

func post(ctx context.Context, t *testing.T, c *http.Client, url string) (*http.Response, []byte, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/rerank", strings.NewReader(page))
	require.NoError(t, err)
	res, err := c.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return res, body, err
}

func TestReplies(t *testing.T) {
	t.Parallel()
	honest := rerankertest.Honest(rerankertest.Overlap)
	tests := map[string]struct {
		script rerankertest.Script
		check  func(t *testing.T, res *http.Response, body []byte, err error)
	}{
		"an honest answer has the shape of the hosted service": {honest, func(t *testing.T, res *http.Response, body []byte, err error) {
			require.NoError(t, err)
			var a struct {
				ID      string
				Results []struct {
					Index    int
					Score    float64 `json:"relevance_score"`
					Document struct{ Text string }
				}
			}
			require.NoError(t, json.Unmarshal(body, &a))
			require.Len(t, a.Results, 2)
			assert.Equal(t, "apple pie", a.Results[0].Document.Text)
			assert.Greater(t, a.Results[0].Score, a.Results[1].Score)
		}},
		"a limit has its header": {rerankertest.RateLimited("2"), func(t *testing.T, res *http.Response, _ []byte, err error) {
			require.NoError(t, err)
			assert.Equal(t, 429, res.StatusCode)
			assert.Equal(t, "2", res.Header.Get("Retry-After"))
		}},
		"a reset is a reset": {rerankertest.Fails(rerankertest.Reset), func(t *testing.T, _ *http.Response, _ []byte, err error) {
			assert.ErrorIs(t, err, syscall.ECONNRESET)
		}},
		"an orderly end is EOF": {rerankertest.Fails(rerankertest.Hangup), func(t *testing.T, _ *http.Response, _ []byte, err error) {
			assert.ErrorIs(t, err, io.EOF)
		}},
		"a body ends early": {rerankertest.Cut(rerankertest.HangupBody, 10, honest), func(t *testing.T, _ *http.Response, body []byte, err error) {
			assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
			assert.Len(t, body, 10)
		}},
		"a body is reset": {rerankertest.Cut(rerankertest.ResetBody, 10, honest), func(t *testing.T, _ *http.Response, _ []byte, err error) {
			assert.ErrorIs(t, err, syscall.ECONNRESET)
		}},
		"a body is smaller than declared": {rerankertest.Always(rerankertest.Reply{Body: []byte("{}"), Length: 5}), func(t *testing.T, res *http.Response, _ []byte, err error) {
			assert.Equal(t, int64(5), res.ContentLength)
			assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
		}},
		"a body is larger than declared": {rerankertest.Always(rerankertest.Reply{Body: []byte("{}{}"), Length: 2}), func(t *testing.T, _ *http.Response, body []byte, err error) {
			require.NoError(t, err)
			assert.Equal(t, "{}", string(body))
		}},
		"a body is compressed": {rerankertest.Always(rerankertest.Reply{Body: []byte("{}"), Gzip: true}), func(t *testing.T, res *http.Response, body []byte, err error) {
			require.NoError(t, err)
			assert.True(t, res.Uncompressed)
			assert.Equal(t, "{}", string(body))
		}},
		"a body comes in chunks": {rerankertest.Trickle(3, time.Microsecond, honest), func(t *testing.T, _ *http.Response, body []byte, err error) {
			require.NoError(t, err)
			assert.True(t, json.Valid(body))
		}},
		"bytes that are not HTTP": {rerankertest.Always(rerankertest.Reply{Fault: rerankertest.Garbage, Body: []byte("hello\r\n\r\n")}), func(t *testing.T, _ *http.Response, _ []byte, err error) {
			assert.ErrorContains(t, err, "malformed HTTP")
		}},
	}
	kinds := map[string]func(testing.TB, rerankertest.Script) *rerankertest.Server{"socket": rerankertest.NewServer, "memory": rerankertest.NewMemory}
	for kind, start := range kinds {
		for name, test := range tests {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				s := start(t, test.script)
				res, body, err := post(t.Context(), t, s.Client(), s.URL)
				test.check(t, res, body, err)
				require.Equal(t, 1, s.Count())
				assert.Equal(t, []string{"apple pie", "banana"}, s.Last().Documents)
				assert.Equal(t, []byte(page), s.Last().Body)
			})
		}
	}
}

func TestMemoryServerLivesInFakeTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := rerankertest.NewMemory(t, rerankertest.Sequence(
			rerankertest.Slow(time.Hour, rerankertest.Honest(rerankertest.Hash)),
			rerankertest.Fails(rerankertest.Hang),
		))
		client := s.Client()
		defer client.CloseIdleConnections()
		start := time.Now()
		_, _, err := post(t.Context(), t, client, s.URL)
		require.NoError(t, err)
		assert.Equal(t, time.Hour, time.Since(start))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, _, err = post(ctx, t, client, s.URL)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Hour+time.Minute, time.Since(start))
		synctest.Wait()
		now, most := s.InFlight()
		assert.Zero(t, now)
		assert.Equal(t, 1, most)
	})
}

func TestDialsDecidesOverConnections(t *testing.T) {
	t.Parallel()
	s := rerankertest.NewMemory(t, rerankertest.Honest(rerankertest.Hash))
	s.Dials(func(_ context.Context, n int) error {
		if n == 1 {
			return syscall.ECONNREFUSED
		}
		return nil
	})
	client := s.Client()
	_, _, err := post(t.Context(), t, client, s.URL)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	_, _, err = post(t.Context(), t, client, s.URL)
	require.NoError(t, err)
	assert.Equal(t, 1, s.Connections())
}

func TestTLSServerSpeaksHTTP2AndSaysGoAway(t *testing.T) {
	t.Parallel()
	s := rerankertest.NewTLS(t, true, rerankertest.Change(rerankertest.Honest(rerankertest.Hash), func(c rerankertest.Call, r rerankertest.Reply) rerankertest.Reply {
		r.Close = c.N == 1
		return r
	}))
	client := s.Client()
	for range 2 {
		res, _, err := post(t.Context(), t, client, s.URL)
		require.NoError(t, err)
		assert.Equal(t, 2, res.ProtoMajor)
	}
	assert.Equal(t, 2, s.Connections(), "the first connection was given up after GOAWAY")
}

func TestNetworkKeepsServersApart(t *testing.T) {
	t.Parallel()
	n := rerankertest.NewNetwork(t)
	a, b := n.Server(rerankertest.Status(200, `"a"`)), n.Server(rerankertest.Status(200, `"b"`))
	client := a.Client()
	for _, s := range []*rerankertest.Server{a, b} {
		_, _, err := post(t.Context(), t, client, s.URL)
		require.NoError(t, err)
		assert.Equal(t, 1, s.Count())
	}
	_, _, err := post(t.Context(), t, client, "http://127.0.0.1:9999")
	assert.Error(t, err)
	assert.NotErrorIs(t, err, io.EOF)
}

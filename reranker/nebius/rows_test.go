package nebius_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

// raw is a server that writes the bytes to every request and then holds the
// connection open.
func raw(t *testing.T, answer string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	over := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				r, err := http.ReadRequest(bufio.NewReader(conn))
				if err == nil {
					_, _ = io.Copy(io.Discard, r.Body)
					_, _ = io.WriteString(conn, answer)
				}
				<-over
			}()
		}
	}()
	t.Cleanup(func() { close(over); _ = l.Close(); <-ended })
	return "http://" + l.Addr().String()
}

func TestO5StatusThatIsNoAnswer(t *testing.T) {
	t.Parallel()
	for _, status := range []int{101, 104, 110, 150, 199} {
		for _, headers := range []string{"Connection: Upgrade\r\nUpgrade: websocket\r\n", "", "Content-Length: 2\r\n"} {
			t.Run(fmt.Sprint(status, headers), func(t *testing.T) {
				t.Parallel()
				c := ownClient(t, raw(t, fmt.Sprintf("HTTP/1.1 %d X\r\n%s\r\n", status, headers)), nebius.Options{})
				// The context has no end: what does not return at once never does.
				_, err := c.Score(context.Background(), "q", []string{"a"})
				e := kind(t, err, reranker.KindProtocol)
				assert.Equal(t, status, e.Status)
				assert.Contains(t, e.Message, fmt.Sprint("status ", status))
				_, err = c.Models(context.Background())
				kind(t, err, reranker.KindProtocol)
			})
		}
	}
	for _, status := range []int{100, 102, 103} {
		t.Run(fmt.Sprint(status, " before the answer"), func(t *testing.T) {
			t.Parallel()
			answer := `{"results":[{"index":0,"relevance_score":0.5}]}`
			c := ownClient(t, raw(t, fmt.Sprintf("HTTP/1.1 %d X\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", status, len(answer), answer)), nebius.Options{})
			scores, err := c.Score(t.Context(), "q", []string{"a"})
			require.NoError(t, err)
			assert.Equal(t, []float64{0.5}, scores.Values)
		})
	}
	own := &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusSwitchingProtocols, Body: io.NopCloser(forever{})}, nil
	})}
	_, err := ownClient(t, "http://127.0.0.1:1", nebius.Options{HTTPClient: own}).Score(context.Background(), "q", []string{"a"})
	kind(t, err, reranker.KindProtocol)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// forever is a body that never ends and never gives anything.
type forever struct{}

func (forever) Read([]byte) (int, error) { select {} }

func TestO8WrongIndexRefusesTheAnswer(t *testing.T) {
	t.Parallel()
	for sentence, indices := range map[string][]string{
		"counted from one":       {"1", "2", "3", "4"},
		"one twice":              {"0", "1", "1", "3"},
		"one far out":            {"0", "1", "2", "1000000"},
		"one below zero":         {"0", "-1", "2", "3"},
		"one missing":            {"0", "", "2", "3"},
		"one a fraction":         {"0", "1.5", "2", "3"},
		"one a string":           {"0", `"1"`, "2", "3"},
		"one null":               {"0", "null", "2", "3"},
		"too many":               {"0", "1", "2", "3", "4"},
		"too few and out of it":  {"4"},
		"twice and too few":      {"2", "2"},
		"one twice, one missing": {"0", "0", "", "3"},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			var items []string
			for i, index := range indices {
				if index != "" {
					index = `"index":` + index + `,`
				}
				items = append(items, fmt.Sprintf(`{%s"relevance_score":0.%d}`, index, i+1))
			}
			_, err := ask(t, body(`{"results":[`+strings.Join(items, ",")+`]}`), nebius.Options{}, "a", "b", "c", "d")
			kind(t, err, reranker.KindProtocol)
		})
	}
}

func TestO14MissingResultCostsItsDocument(t *testing.T) {
	t.Parallel()
	documents := make([]string, 24)
	for i := range documents {
		documents[i] = fmt.Sprint("document ", i)
	}
	scores, err := ask(t, rerankertest.Partial(rerankertest.Hash, func(i int) bool { return i == 7 }), nebius.Options{}, documents...)
	require.NoError(t, err)
	for i := range documents {
		assert.Equal(t, i != 7, scores.Scored(i))
	}
	assert.Equal(t, pipeline.ReasonBadResponse, scores.Unscored[7])
	require.Len(t, scores.Causes, 1)
	assert.True(t, kind(t, scores.Causes[0], reranker.KindProtocol).Retryable(), "it may be asked again")
}

func TestO20RouteIsUsedAsItIsGiven(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		dialect     nebius.Dialect
		given, want string
	}{
		{nebius.Nebius, "/v1/rerank/", "/v1/rerank/"}, {nebius.VLLM, "/rerank/", "/rerank/"}, {nebius.Infinity, "/v1/rerank", "/v1/rerank"},
		{nebius.TEI, "/team/rerank/", "/team/rerank/"}, {nebius.NIM, "/v1/ranking/", "/v1/ranking/"}, {nebius.NIM, "/v1/reranking", "/v1/reranking"},
		{nebius.DashScope, "/compatible-api/v1/reranks", "/compatible-api/v1/reranks"}, {nebius.DashScope, "/compatible-api/v1", "/compatible-api/v1/compatible-api/v1/reranks"},
		{nebius.Nebius, "/v1/rerank//", "/v1/rerank//"}, {nebius.Nebius, "/a%2Fb/v1/rerank", "/a%2Fb/v1/rerank"}, {nebius.Nebius, "/a%2Fb/", "/a%2Fb/v1/rerank"},
		{nebius.DeepInfra, "/v1/inference/m/", "/v1/inference/m/"},
	} {
		t.Run(string(c.dialect)+c.given, func(t *testing.T) {
			t.Parallel()
			var asked []string
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = append(asked, r.URL.EscapedPath())
				w.WriteHeader(http.StatusTeapot)
			}))
			t.Cleanup(s.Close)
			cl, err := nebius.New("", "m", nebius.Options{BaseURL: s.URL + c.given, Dialect: c.dialect, NoKey: true})
			require.NoError(t, err)
			t.Cleanup(func() { _ = cl.Close() })
			_, _ = cl.Score(t.Context(), "q", []string{"a"})
			assert.Equal(t, []string{c.want}, asked)
		})
	}
}

func TestO20RedirectNamesItsPlace(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 307, 308} {
		s := rerankertest.NewServer(t, rerankertest.Always(rerankertest.Text(status, "text/plain", "").With("Location", "/v1/rerank/?token=x")))
		_, err := client(t, s, nebius.Options{}).Score(t.Context(), "q", []string{"a"})
		e := kind(t, err, reranker.KindRouteNotFound)
		assert.Contains(t, e.Message, "/v1/rerank/;", "the difference is visible")
		assert.NotContains(t, e.Message, "token")
		assert.True(t, e.Permanent)
		assert.Equal(t, 1, s.Count(), "it is not followed")
	}
}

func TestClientEndsWithItsContext(t *testing.T) {
	t.Parallel()
	c := ownClient(t, raw(t, ""), nebius.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := c.Score(ctx, "q", []string{"a"})
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestRefusalKeepsItsStatusWhenItsBodyIsCut(t *testing.T) {
	t.Parallel()
	reply := rerankertest.JSON(503, `{"detail":"busy"}`)
	reply.Length = len(reply.Body) + 10
	_, err := ask(t, rerankertest.Always(reply), nebius.Options{}, "a")
	assert.Equal(t, 503, kind(t, err, reranker.KindOverloaded).Status)
}

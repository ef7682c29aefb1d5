package nebius_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// heardBy serves a handler behind a ServeMux and returns the address and what is
// told, by ID.
func heardBy(t *testing.T) (address string, told func() map[string][]nebius.Served) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var mu sync.Mutex
	heard := map[string][]nebius.Served{}
	hear := func(s nebius.Served) {
		mu.Lock()
		defer mu.Unlock()
		heard[s.ID] = append(heard[s.ID], s)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	mux.HandleFunc("GET /early", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusTeapot)
	})
	mux.Handle("/", nebius.Handler(hashing, nebius.HandlerOptions{OnCall: hear}))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- nebius.Serve(ctx, l, mux, nebius.ServeOptions{OnRefused: hear}) }()
	t.Cleanup(func() { cancel(); assert.NoError(t, <-ended) })
	return l.Addr().String(), func() map[string][]nebius.Served {
		mu.Lock()
		defer mu.Unlock()
		return heard
	}
}

// rawly sends bytes and returns the answer to them.
func rawly(t *testing.T, address, request string) *http.Response {
	t.Helper()
	c, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	go func() { _, _ = io.WriteString(c, request) }()
	return read(t, c)
}

func read(t *testing.T, c net.Conn) *http.Response {
	t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	res.Body = io.NopCloser(strings.NewReader(string(body)))
	return res
}

// C6: every answer has an id and is told, also what net/http refuses by itself.
func TestC6AnswersThatNoHandlerGaveAreToldToo(t *testing.T) {
	t.Parallel()
	post := "POST /v1/rerank HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
	body := `{"model":"m","query":"q","documents":["a"]}`
	length := "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
	for name, c := range map[string]struct {
		request string
		status  int
		text    string
		told    bool
	}{
		"headers that are too large":           {"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + strings.Repeat("x", 32<<10) + "\r\n\r\n", 431, "431 Request Header Fields Too Large", true},
		"what is no request":                   {"hello\r\n\r\n", 400, "400 Bad Request", true},
		"no host":                              {"GET / HTTP/1.1\r\n\r\n", 400, "400 Bad Request: missing required Host header", true},
		"a name of a header that is none":      {"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nbad name: 1\r\n\r\n", 400, "400 Bad Request", true},
		"a version that does not exist":        {"GET / HTTP/3.7\r\nHost: 127.0.0.1\r\n\r\n", 505, "HTTP Version Not Supported: unsupported protocol version", true},
		"a transfer coding that nobody speaks": {post + "Transfer-Encoding: gzip\r\n\r\n", 501, "Unsupported transfer encoding", true},
		"an expectation that nobody meets":     {post + "Expect: miracles\r\n" + length, 417, "", true},
		"what a mux redirects":                 {"GET //healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 307, "", true},
		"a question about the server":          {"OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400, "", true},
		"an early hint before the answer":      {"GET /early HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 103, "", true},
		"what the handler refuses":             {"GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 404, `{"detail":"Not Found"}`, true},
		"what the handler answers":             {post + length, 200, "relevance_score", true},
		"what others answer well":              {"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 200, "ok", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, told := heardBy(t)
			res := rawly(t, address, c.request)
			assert.Equal(t, c.status, res.StatusCode)
			text, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			assert.Contains(t, string(text), c.text)
			if c.status == 103 {
				require.Eventually(t, func() bool { return len(told()) == 1 }, 5*time.Second, time.Millisecond)
				return
			}
			id := res.Header.Get("X-Request-Id")
			assert.NotEmpty(t, id)
			if !c.told {
				assert.Empty(t, told())
				return
			}
			require.Len(t, told(), 1)
			require.Len(t, told()[id], 1, "once, under the id of the answer")
			s := told()[id][0]
			assert.Equal(t, c.status, s.Status)
			assert.Equal(t, c.status != 200, s.Refused)
		})
	}
}

func TestARequestAfterAnotherIsRefusedWithAnIdToo(t *testing.T) {
	t.Parallel()
	address, told := heardBy(t)
	c, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	_, err = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nhello\r\n\r\n")
	require.NoError(t, err)
	answers := bufio.NewReader(c)
	for _, status := range []int{200, 400} {
		res, err := http.ReadResponse(answers, nil)
		require.NoError(t, err)
		_, _ = io.ReadAll(res.Body)
		assert.Equal(t, status, res.StatusCode)
		assert.NotEmpty(t, res.Header.Get("X-Request-Id"))
	}
	assert.Len(t, told(), 1)
}

// onePipe is a listener for one connection in this process, so that its time can be
// that of a test.
type onePipe struct{ conns chan net.Conn }

func (p onePipe) Accept() (net.Conn, error) {
	c, ok := <-p.conns
	if !ok {
		return nil, errors.New("closed")
	}
	return c, nil
}

func (onePipe) Close() error   { return nil }
func (onePipe) Addr() net.Addr { return &net.TCPAddr{} }

func TestASlowCallerIsToldSoAndCounted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		send   string
		status int // 0 for a connection that ends without a word
	}{
		"in the middle of the headers":       {"GET / HTTP/1.1\r\nHost: a\r\n", 408},
		"before anything":                    {"", 0},
		"in the middle of the body":          {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{", 418},
		"after an answer":                    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 418},
		"after an answer, between two words": {"GET / HTTP/1.1\r\nHost: a\r\n\r\n|GET / HTTP/1.1\r\n", 418},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := onePipe{make(chan net.Conn, 1)}
				here, there := net.Pipe()
				l.conns <- there
				var told []int
				h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.ReadAll(r.Body)
					w.WriteHeader(http.StatusTeapot)
				})
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() {
					ended <- nebius.Serve(ctx, l, h, nebius.ServeOptions{OnRefused: func(s nebius.Served) { told = append(told, s.Status) }})
				}()
				go func() {
					for part := range strings.SplitSeq(c.send, "|") {
						_, _ = io.WriteString(here, part)
						time.Sleep(time.Second)
					}
				}()
				answer, err := io.ReadAll(here)
				require.NoError(t, err)
				_ = here.Close()
				time.Sleep(time.Hour)
				cancel()
				close(l.conns)
				<-ended
				if c.status == 0 {
					assert.Empty(t, answer)
					assert.Empty(t, told)
					return
				}
				assert.Contains(t, string(answer), "HTTP/1.1 "+strconv.Itoa(c.status))
				assert.Contains(t, string(answer), "X-Request-Id: ")
				assert.Equal(t, c.status, told[0])
				late := strings.Count(string(answer), "408 Request Timeout")
				if c.status == 408 || strings.HasSuffix(name, "two words") {
					assert.Equal(t, 2, late, "in the first line and in the body")
					assert.Equal(t, 408, told[len(told)-1])
				} else {
					assert.Zero(t, late)
					assert.Len(t, told, 1)
				}
			})
		})
	}
}

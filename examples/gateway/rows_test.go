package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/reranker/rerankertest"
)

func TestContractFieldByField(t *testing.T) {
	t.Parallel()
	s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
	url, _ := start(t, "-upstream", s.URL)
	rerankertest.RunContract(t, rerankertest.Served{URL: url, Model: "m"})
}

func TestC8GatewayAndTheExtrasOfOtherVendors(t *testing.T) {
	t.Parallel()
	instruction := []string{"instruction", "instruct"}
	for sentence, test := range map[string]struct{ args, heedless []string }{
		"the hosted service":     {nil, instruction},
		"vLLM":                   {[]string{"-dialect", "vllm"}, nil},
		"nothing may pass":       {[]string{"-dialect", "vllm", "-pass", "none"}, append(instruction, "max_tokens_per_doc")},
		"llama.cpp, with hedges": {[]string{"-dialect", "llama.cpp", "-hedge", "on"}, instruction},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
			url, _ := start(t, append(test.args, "-upstream", s.URL, "-allow-extra")...)
			rerankertest.RunExtras(t, rerankertest.Served{URL: url, Model: "m"}, test.heedless...)
		})
	}
}

// post sends a JSON body and returns status, headers and answer.
func post(t *testing.T, url, path, body string) (int, http.Header, string) {
	t.Helper()
	status, header, answer := rerankertest.Served{URL: url}.Post(t, path, body, nil)
	return status, header, string(answer)
}

func TestC1GatewayPassesAttributesOn(t *testing.T) {
	t.Parallel()
	const call = `{"model":"m","query":"q","documents":["a"],"user":"ann","service_tier":"flex"}`
	for sentence, test := range map[string]struct {
		args        []string
		body, query string
	}{
		"what the dialect knows":       {nil, `"user":"ann","service_tier":"flex"`, "ai_project_id=p"},
		"what may pass":                {[]string{"-pass", "service_tier"}, `"service_tier":"flex"`, ""},
		"nothing":                      {[]string{"-pass", "none"}, "", ""},
		"what the dialect has none of": {[]string{"-dialect", "llama.cpp"}, "", ""},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
			url, _ := start(t, append(test.args, "-upstream", s.URL)...)
			status, _, answer := post(t, url, "/v1/rerank?ai_project_id=p", call)
			require.Equal(t, 200, status, answer)
			want := `{"model":"m","query":"q","documents":["a"]`
			if test.body != "" {
				want += "," + test.body
			}
			assert.JSONEq(t, want+"}", string(s.Last().Body))
			assert.Equal(t, test.query, s.Last().URL.RawQuery)
		})
	}
	for says, args := range map[string][]string{
		"does not know": {"-dialect", "llama.cpp", "-pass", "user"}, "must be among": {"-pass", "shoe_size"}, "omit, refuse or score": {"-blank", "maybe"},
	} {
		err := run(t.Context(), append(args, "-upstream", "http://127.0.0.1:1", "-model", "m", "-listen", "127.0.0.1:0"), func(string) string { return "" }, io.Discard)
		assert.ErrorContains(t, err, says)
	}
}

func TestC3C4GatewayTellsModelAndUsageOfTheUpstream(t *testing.T) {
	t.Parallel()
	s := rerankertest.NewServer(t, rerankertest.Status(200, `{"id":"up-1","model":"m-v2","usage":{"prompt_tokens":7,"total_tokens":9},"results":[{"index":0,"relevance_score":0.5}]}`))
	url, out := start(t, "-upstream", s.URL, "-log")
	status, header, answer := post(t, url, "/v1/rerank", `{"model":"m","query":"SECRET","documents":["SECRET too"]}`)
	require.Equal(t, 200, status)
	assert.Contains(t, answer, `"model":"m-v2","usage":{"prompt_tokens":7,"total_tokens":9}`)
	for _, says := range []string{header.Get("X-Request-Id"), "up-1", "status=200", "tokens=7"} {
		assert.Contains(t, out.String(), says, "one line has all of them")
	}
	assert.NotContains(t, out.String(), "SECRET")
}

func TestC5GatewayAndDocumentsWithoutText(t *testing.T) {
	t.Parallel()
	const call = `{"model":"m","query":"q","documents":["a"," ","b",""," "]}`
	for policy, test := range map[string]struct{ status, results, calls int }{"omit": {200, 2, 1}, "refuse": {422, 0, 0}, "score": {200, 5, 2}} {
		s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
		url, _ := start(t, "-upstream", s.URL, "-blank", policy)
		status, _, answer := post(t, url, "/v1/rerank", call)
		assert.Equal(t, test.status, status, answer)
		assert.Equal(t, test.results, strings.Count(answer, `"relevance_score"`), policy)
		assert.Equal(t, test.calls, s.Count(), policy)
	}
}

func TestC6GatewayCountsRefusals(t *testing.T) {
	t.Parallel()
	s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
	url, _ := start(t, "-upstream", s.URL, "-max-bytes", "200", "-client-key-env", "CALLER_KEYS")
	server := rerankertest.Served{URL: url, Key: callerKey}
	for _, c := range []struct {
		path, body string
		header     http.Header
		status     int
	}{
		{"/v1/rerank", `{}`, http.Header{"Authorization": {"Bearer no"}}, 401},
		{"/v1/rerank", `{"model":"x","query":"q","documents":["a"]}`, nil, 404},
		{"/nowhere", `{}`, nil, 404},
		{"/v1/models", `{}`, nil, 405},
		{"/v1/rerank", `{"model":"m","x":"` + strings.Repeat("x", 300) + `"}`, nil, 413},
		{"/v1/rerank", `{}`, http.Header{"Content-Type": {"text/plain"}}, 415},
		{"/v1/rerank", `{}`, nil, 422},
	} {
		status, header, _ := server.Post(t, c.path, c.body, c.header)
		assert.Equal(t, c.status, status, c.path+c.body)
		assert.NotEmpty(t, header.Get("X-Request-Id"))
	}
	_, metrics := get(t, url+"/metrics")
	for status, n := range map[int]int{401: 1, 404: 2, 405: 1, 413: 1, 415: 1, 422: 1} {
		assert.Contains(t, metrics, fmt.Sprintf("rerank_requests_total{status=%q} %d\n", fmt.Sprint(status), n))
	}
	assert.NotContains(t, metrics, `rerank_modes_total{`, "a refusal is no rerank")
}

func TestO8O9GatewayBelievesNoWrongNumbers(t *testing.T) {
	t.Parallel()
	docs := documents(40)
	for sentence, script := range map[string]rerankertest.Script{
		"one twice": rerankertest.Duplicated(rerankertest.Hash),
		"counted from one": rerankertest.Altered(rerankertest.Hash, func(a *rerankertest.Answer) {
			for i := range a.Results {
				a.Results[i].Index++
			}
		}),
		"shifted, with a true echo": rerankertest.Altered(rerankertest.Hash, func(a *rerankertest.Answer) {
			for i := range a.Results {
				a.Results[i].Index = (a.Results[i].Index + 1) % len(a.Results)
			}
		}),
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			s := rerankertest.NewServer(t, script)
			url, _ := start(t, "-upstream", s.URL, "-partial", "omit", "-timeout", "2s", "-shard-docs", "20")
			r := rerank(t, url, "", docs)
			if r.status == 200 {
				right(t, docs, r.results) // whatever is scored has its own score
			}
		})
	}
}

func TestO5GatewayOutlivesNoUpstream(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	over := make(chan struct{})
	t.Cleanup(func() { close(over); _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				if r, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					_, _ = io.Copy(io.Discard, r.Body)
					_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
				}
				<-over
			}()
		}
	}()
	out := &output{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"-listen", "127.0.0.1:0", "-model", "m", "-upstream", "http://" + l.Addr().String(), "-grace", "5s"}, func(string) string { return "" }, out)
	}()
	url := address(t, out, done)
	status, _, answer := post(t, url, "/v1/rerank", `{"model":"m","query":"q","documents":["a"]}`)
	assert.Equal(t, 502, status, answer)
	cancel()
	select {
	case err := <-done:
		require.NoError(t, err)
	case <-time.After(30 * time.Second):
		t.Fatal("the gateway does not end")
	}
}

func TestLongDocumentsAreCutWithAWarningThatMetricsCount(t *testing.T) {
	t.Parallel()
	s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
	url, _ := start(t, "-upstream", s.URL, "-pair-tokens", "64")
	answer := rerank(t, url, "", []string{strings.Repeat("word ", 1000), "short"})
	assert.Equal(t, 200, answer.status)
	assert.Len(t, answer.results, 2)
	for _, r := range s.Calls() {
		for _, d := range r.Documents {
			assert.LessOrEqual(t, len(d), 4*60)
		}
	}
	_, body := get(t, url+"/metrics")
	assert.Contains(t, body, `rerank_warnings_total{kind="truncated"} 1`)
}

// C6: what net/http refuses before the handler is counted and has an id.
func TestC6RefusalsBeforeTheHandlerAreCounted(t *testing.T) {
	t.Parallel()
	s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
	url, out := start(t, "-upstream", s.URL, "-log")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/v1/models", nil)
	require.NoError(t, err)
	req.Header.Set("X-Long", strings.Repeat("x", 32<<10))
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	assert.Equal(t, http.StatusRequestHeaderFieldsTooLarge, res.StatusCode)
	id := res.Header.Get("X-Request-Id")
	require.NotEmpty(t, id)
	assert.Contains(t, out.String(), "id="+id+" status=431")
	_, body := get(t, url+"/metrics")
	assert.Contains(t, body, `rerank_requests_total{status="431"} 1`)
}

// Spans of the calls go to the receiver that a flag names, under the caller's own.
func TestSpansOfCallsAreSentWhereAFlagSays(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var sent []byte
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		sent = append(sent, body...)
	}))
	t.Cleanup(receiver.Close)
	s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
	url, _ := start(t, "-upstream", s.URL, "-otlp", receiver.URL)
	assert.Equal(t, 200, rerank(t, url, "", documents(2)).status)
	require.Eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		for _, name := range []string{"serve rerank", "attempt shard", "call rerank", "cascade-gateway"} {
			if !bytes.Contains(sent, []byte(name)) {
				return false
			}
		}
		return !bytes.Contains(sent, []byte("secret question"))
	}, 20*time.Second, 10*time.Millisecond)
	err := run(t.Context(), []string{"-upstream", s.URL, "-model", "m", "-otlp", "localhost"}, func(string) string { return "" }, io.Discard)
	require.ErrorContains(t, err, "is no URL")
}

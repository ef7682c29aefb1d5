package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

const (
	canary    = "v1.canary-key-5f3a9b7e1d2c4860"
	callerKey = "caller-key-0123456789"
)

// TestMain makes the test binary the gateway itself when it is asked to, so
// that tests can start a real process.
func TestMain(m *testing.M) {
	if os.Getenv("GATEWAY_TEST_CHILD") == "1" {
		main()
		return
	}
	os.Exit(m.Run())
}

type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// start runs a gateway in this process and returns its address and its output.
func start(t *testing.T, args ...string) (string, *output) {
	t.Helper()
	out := &output{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	getenv := func(name string) string {
		return map[string]string{"UPSTREAM_KEY": canary, "CALLER_KEYS": callerKey + ",other"}[name]
	}
	go func() {
		done <- run(ctx, append([]string{"-listen", "127.0.0.1:0", "-model", "m", "-key-env", "UPSTREAM_KEY"}, args...), getenv, out)
	}()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-done)
	})
	return address(t, out, done), out
}

func address(t testing.TB, out *output, done chan error) string {
	t.Helper()
	var url string
	require.Eventually(t, func() bool {
		select {
		case err := <-done:
			done <- err // for the cleanup, which waits for it
			t.Errorf("gateway ended: %v", err)
			return true
		default:
		}
		_, rest, ok := strings.Cut(out.String(), " on ")
		url, _, _ = strings.Cut(rest, "\n")
		return ok && url != ""
	}, 10*time.Second, time.Millisecond)
	return url
}

type result struct {
	Index    int
	Score    float64 `json:"relevance_score"`
	Document struct{ Text string }
}

type reply struct {
	status  int
	header  http.Header
	body    string
	results []result
}

func rerank(t *testing.T, url, key string, documents []string) reply {
	t.Helper()
	body, err := json.Marshal(map[string]any{"model": "m", "query": "secret question", "documents": documents})
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/rerank", bytes.NewReader(body))
	require.NoError(t, err)
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	r := reply{status: res.StatusCode, header: res.Header, body: string(raw)}
	if res.StatusCode == http.StatusOK {
		var parsed struct{ Results []result }
		require.NoError(t, json.Unmarshal(raw, &parsed))
		r.results = parsed.Results
	}
	return r
}

func documents(n int) []string {
	d := make([]string, n)
	for i := range d {
		d[i] = "confidential document " + strconv.Itoa(i)
	}
	return d
}

// right demands the scores of the model, best first, each document once.
func right(t *testing.T, docs []string, results []result) {
	t.Helper()
	seen := map[int]bool{}
	for i, r := range results {
		require.False(t, seen[r.Index])
		seen[r.Index] = true
		assert.Equal(t, docs[r.Index], r.Document.Text)
		assert.InDelta(t, rerankertest.Hash("secret question", docs[r.Index]), r.Score, 0)
		if i > 0 {
			assert.GreaterOrEqual(t, results[i-1].Score, r.Score)
		}
	}
}

func TestGatewayBeforeServersThatBehave(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]rerankertest.Script{
		"in order":       rerankertest.Honest(rerankertest.Hash),
		"out of order":   rerankertest.Reversed(rerankertest.Hash),
		"in input order": rerankertest.InInputOrder(rerankertest.Hash),
		"byte by byte":   rerankertest.Trickle(64, 0, rerankertest.Honest(rerankertest.Hash)),
		"without echo": func(c rerankertest.Call) rerankertest.Reply {
			return rerankertest.Judge(c, rerankertest.Hash).LlamaServer()
		},
		"small batches": rerankertest.MaxDocuments(7, 422, rerankertest.Honest(rerankertest.Hash)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := rerankertest.NewServer(t, script)
			url, _ := start(t, "-upstream", s.URL, "-shard-docs", "16")
			docs := documents(50)
			r := rerank(t, url, "", docs)
			require.Equal(t, 200, r.status, r.body)
			require.Len(t, r.results, 50)
			right(t, docs, r.results)
			assert.Equal(t, "full", r.header.Get("X-Rerank-Mode"))
			assert.Equal(t, "0", r.header.Get("X-Rerank-Unscored"))
			assert.Equal(t, strconv.Itoa(s.Count()), r.header.Get("X-Rerank-Attempts"))
			assert.Equal(t, "Bearer "+canary, s.Last().Header.Get("Authorization"))
			_, most := s.InFlight()
			assert.LessOrEqual(t, most, 8)
		})
	}
}

// hostile are servers that no answer can be had from, and the statuses that
// tell so under -partial fail.
func hostile() map[string]struct {
	script rerankertest.Script
	status []int
} {
	honest := rerankertest.Honest(rerankertest.Hash)
	echo := func(status int) rerankertest.Script {
		return func(c rerankertest.Call) rerankertest.Reply {
			return rerankertest.JSON(status, `{"error":{"message":"bad key `+c.Header.Get("Authorization")+` for `+c.Query+` and `+c.Documents[0]+`"}}`)
		}
	}
	return map[string]struct {
		script rerankertest.Script
		status []int
	}{
		"partial":            {rerankertest.Partial(rerankertest.Hash, func(i int) bool { return i == 0 }), []int{502}},
		"duplicates":         {rerankertest.Duplicated(rerankertest.Hash), []int{502}},
		"indices shifted":    {rerankertest.Misindexed(rerankertest.Hash, 1), []int{502}},
		"limited":            {rerankertest.RateLimited(""), []int{429, 503}},
		"limited for long":   {rerankertest.RateLimited("3600"), []int{429, 503}},
		"broken":             {echo(500), []int{502, 503}},
		"bad key":            {echo(401), []int{502, 503}},
		"refusal that tells": {echo(400), []int{422, 502}},
		"web page":           {rerankertest.Always(rerankertest.Page(502)), []int{502, 503}},
		"web page with 200":  {rerankertest.Always(rerankertest.Page(200)), []int{502}},
		"not JSON":           {rerankertest.Status(200, `{"results":[{"index":0,"relevance_score":NaN}]}`), []int{502}},
		"empty":              {rerankertest.Status(200, ``), []int{502}},
		"reset":              {rerankertest.Fails(rerankertest.Reset), []int{502, 503}},
		"cut body":           {rerankertest.Cut(rerankertest.ResetBody, 30, honest), []int{502, 503}},
		"too slow":           {rerankertest.Slow(time.Minute, honest), []int{504}},
		"slow body":          {rerankertest.Trickle(1, time.Second, honest), []int{504}},
		"hangs":              {rerankertest.Fails(rerankertest.Hang), []int{504}},
		"redirects":          {rerankertest.Redirect(307, "http://169.254.169.254/latest"), []int{502}},
	}
}

func TestGatewayBeforeHostileServersFailsInTheContractsForm(t *testing.T) {
	t.Parallel()
	for name, test := range hostile() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := rerankertest.NewServer(t, test.script)
			timeout := "20s"
			if slices.Contains(test.status, 504) {
				timeout = "300ms"
			}
			url, out := start(t, "-upstream", s.URL, "-timeout", timeout, "-shard-docs", "4")
			r := rerank(t, url, "", documents(8))
			assert.Contains(t, test.status, r.status, r.body)
			var parsed struct{ Detail any }
			require.NoError(t, json.Unmarshal([]byte(r.body), &parsed), r.body)
			assert.NotNil(t, parsed.Detail)
			assert.Equal(t, "failed", r.header.Get("X-Rerank-Mode"))
			for _, secret := range []string{canary, canary[:12], "confidential", "secret question", "<html", "nginx"} {
				assert.NotContains(t, r.body, secret)
				assert.NotContains(t, out.String(), secret)
			}
			// A server that may be restarting is asked until the time is over, each of
			// the two shards about once a second.
			assert.Less(t, s.Count(), 60, "no storm")
		})
	}
}

func TestGatewayOmitsWhatCannotBeScored(t *testing.T) {
	t.Parallel()
	honest := rerankertest.Honest(rerankertest.Hash)
	holds := func(what string) func(rerankertest.Call) bool {
		return func(c rerankertest.Call) bool { return strings.Contains(string(c.Body), what+`"`) }
	}
	for name, test := range map[string]struct {
		script rerankertest.Script
		most   int
	}{
		"a shard that always fails":   {rerankertest.On(holds("document 5"), rerankertest.Status(500, `{"detail":"no"}`), honest), 4},
		"a shard that is never ready": {rerankertest.On(holds("document 5"), rerankertest.Fails(rerankertest.Hang), honest), 4},
		"a document that is too long": {rerankertest.On(holds("document 5"), rerankertest.Status(400, `{"error":{"message":"maximum context length is 512 tokens"}}`), honest), 1},
		"answers that leave one out":  {rerankertest.Partial(rerankertest.Hash, func(i int) bool { return i == 0 }), 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := rerankertest.NewServer(t, test.script)
			url, _ := start(t, "-upstream", s.URL, "-partial", "omit", "-timeout", "700ms", "-shard-docs", "4")
			docs := documents(20)
			r := rerank(t, url, "", docs)
			require.Equal(t, 200, r.status, r.body)
			right(t, docs, r.results)
			unscored, err := strconv.Atoi(r.header.Get("X-Rerank-Unscored"))
			require.NoError(t, err)
			assert.Len(t, r.results, 20-unscored)
			assert.LessOrEqual(t, unscored, test.most)
			if test.most > 0 {
				assert.Positive(t, unscored)
				assert.Equal(t, "partial", r.header.Get("X-Rerank-Mode"))
			}
		})
	}
}

func TestGatewayHealsPassingFaults(t *testing.T) {
	t.Parallel()
	honest := rerankertest.Honest(rerankertest.Hash)
	for name, script := range map[string]rerankertest.Script{
		"one limit":         rerankertest.Times(1, rerankertest.RateLimited("1"), honest),
		"one reset":         rerankertest.Times(1, rerankertest.Fails(rerankertest.Reset), honest),
		"one broken answer": rerankertest.Times(1, rerankertest.Status(500, ``), honest),
		"one web page":      rerankertest.Times(1, rerankertest.Always(rerankertest.Page(503)), honest),
		"one half answer":   rerankertest.Times(1, rerankertest.Cut(rerankertest.HangupBody, 40, honest), honest),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := rerankertest.NewServer(t, script)
			url, _ := start(t, "-upstream", s.URL, "-shard-docs", "8")
			docs := documents(16)
			r := rerank(t, url, "", docs)
			require.Equal(t, 200, r.status, r.body)
			require.Len(t, r.results, 16)
			right(t, docs, r.results)
		})
	}
}

func TestGatewaySpreadsOverUpstreams(t *testing.T) {
	t.Parallel()
	a := rerankertest.NewServer(t, rerankertest.Slow(5*time.Millisecond, rerankertest.Honest(rerankertest.Hash)))
	b := rerankertest.NewServer(t, rerankertest.Slow(5*time.Millisecond, rerankertest.Honest(rerankertest.Hash)))
	dead := rerankertest.NewServer(t, rerankertest.Fails(rerankertest.Reset))
	url, _ := start(t, "-upstream", a.URL+", "+b.URL+","+dead.URL, "-shard-docs", "4", "-attempts", "4")
	docs := documents(40)
	for range 3 {
		r := rerank(t, url, "", docs)
		require.Equal(t, 200, r.status, r.body)
		right(t, docs, r.results)
	}
	assert.Positive(t, a.Count())
	assert.Positive(t, b.Count())
}

func TestGatewayChecksCallersKeys(t *testing.T) {
	t.Parallel()
	s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
	url, _ := start(t, "-upstream", s.URL, "-client-key-env", "CALLER_KEYS")
	assert.Equal(t, 401, rerank(t, url, "", documents(1)).status)
	assert.Equal(t, 401, rerank(t, url, "wrong", documents(1)).status)
	assert.Equal(t, 200, rerank(t, url, callerKey, documents(1)).status)
	assert.Equal(t, "Bearer "+canary, s.Last().Header.Get("Authorization"), "the caller's key does not travel on")
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(body)
}

func TestGatewayTellsHowItIs(t *testing.T) {
	t.Parallel()
	s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
	url, _ := start(t, "-upstream", s.URL, "-shard-docs", "4")
	rerank(t, url, "", documents(8))
	status, body := get(t, url+"/healthz")
	assert.Equal(t, 200, status)
	assert.JSONEq(t, `{"status":"ok"}`, body)
	status, body = get(t, url+"/metrics")
	assert.Equal(t, 200, status)
	for _, line := range []string{
		`rerank_requests_total{status="200"} 1`, `rerank_documents_total{state="scored"} 8`,
		`rerank_upstream_calls_total{kind="first"} 2`, `rerank_modes_total{mode="full"} 1`,
		`cascade_part_duration_seconds_count{kind="attempt"} 2`, `cascade_part_duration_seconds_count{kind="call"} 2`,
		`cascade_endpoint_breaker_ratio{endpoint="upstream",state="healthy"} 1`, `cascade_endpoint_in_flight{endpoint="upstream"} 0`,
	} {
		assert.Contains(t, body, line)
	}
	status, body = get(t, url+"/v1/models")
	assert.Equal(t, 200, status)
	assert.Contains(t, body, `"id":"m"`)
}

func TestMetricsTellWhyUpstreamCallsFail(t *testing.T) {
	t.Parallel()
	s := rerankertest.NewServer(t, rerankertest.Status(500, `{"detail":"SECRET"}`))
	url, _ := start(t, "-upstream", s.URL, "-attempts", "1", "-hedge", "off")
	for range 3 {
		rerank(t, url, "", documents(2))
	}
	_, body := get(t, url+"/metrics")
	for _, kind := range []string{"attempt", "call"} {
		assert.Regexp(t, `cascade_part_duration_seconds_count\{error_type="http_5xx",kind="`+kind+`"\} [1-9]`, body)
	}
	assert.NotContains(t, body, "SECRET")
}

func TestMetricsAreOffWhereNobodyWantsThem(t *testing.T) {
	t.Parallel()
	s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
	url, _ := start(t, "-upstream", s.URL, "-metrics=false")
	rerank(t, url, "", documents(2))
	status, _ := get(t, url+"/metrics")
	assert.Equal(t, 404, status)
}

func TestCallersDisconnectionCancelsUpstreamCalls(t *testing.T) {
	t.Parallel()
	s := rerankertest.NewServer(t, rerankertest.Fails(rerankertest.Hang))
	url, _ := start(t, "-upstream", s.URL)
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/rerank", strings.NewReader(`{"model":"m","query":"q","documents":["d"]}`))
	require.NoError(t, err)
	go func() {
		for s.Count() == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	_, err = http.DefaultClient.Do(req)
	require.ErrorIs(t, err, context.Canceled)
	require.Eventually(t, func() bool { now, _ := s.InFlight(); return now == 0 }, 5*time.Second, time.Millisecond)
}

func TestFlagsAreChecked(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		says string
	}{
		"no upstream":         {[]string{"-model", "m"}, "-upstream"},
		"no model":            {[]string{"-upstream", "http://127.0.0.1:1"}, "-model"},
		"unknown policy":      {[]string{"-upstream", "http://127.0.0.1:1", "-model", "m", "-partial", "some"}, "fail or omit"},
		"unknown hedging":     {[]string{"-upstream", "http://127.0.0.1:1", "-model", "m", "-hedge", "maybe"}, "auto, on or off"},
		"unknown dialect":     {[]string{"-upstream", "http://127.0.0.1:1", "-model", "m", "-dialect", "klingon"}, "known are nebius"},
		"plain http far away": {[]string{"-upstream", "http://192.0.2.1", "-model", "m"}, "unencrypted"},
		"empty key":           {[]string{"-upstream", "http://127.0.0.1:1", "-model", "m", "-key-env", "NOTHING"}, "holds no key"},
		"stray argument":      {[]string{"-upstream", "http://127.0.0.1:1", "-model", "m", "more"}, "unexpected"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := run(t.Context(), append(test.args, "-listen", "127.0.0.1:0"), func(string) string { return "" }, io.Discard)
			assert.ErrorContains(t, err, test.says)
		})
	}
}

func TestProcessFinishesCallsAfterSIGTERM(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := rerankertest.NewServer(t, rerankertest.Change(rerankertest.Honest(rerankertest.Hash), func(_ rerankertest.Call, r rerankertest.Reply) rerankertest.Reply {
		r.Until = release
		return r
	}))
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), exe, "-listen", "127.0.0.1:0", "-model", "m", "-upstream", s.URL, "-key-env", "UPSTREAM_KEY")
	cmd.Env = append(os.Environ(), "GATEWAY_TEST_CHILD=1", "UPSTREAM_KEY="+canary)
	pipe, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	out := &output{}
	read := make(chan struct{})
	go func() {
		defer close(read)
		lines := bufio.NewScanner(pipe)
		for lines.Scan() {
			_, _ = out.Write(append(lines.Bytes(), '\n'))
		}
	}()
	url := address(t, out, nil)
	answered := make(chan reply, 1)
	go func() { answered <- rerank(t, url, "", documents(3)) }() //nolint:testifylint // a failure ends the test all the same, for want of an answer
	require.Eventually(t, func() bool { return s.Count() > 0 }, 10*time.Second, time.Millisecond)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.Eventually(t, func() bool {
		_, err := http.Get(url + "/healthz")
		return err != nil
	}, 10*time.Second, time.Millisecond, "new calls are not accepted")
	close(release)
	r := <-answered
	assert.Equal(t, 200, r.status, r.body)
	<-read
	require.NoError(t, cmd.Wait(), out.String())
	assert.NotContains(t, out.String(), canary)
}

func TestO6CloseEndsWithinItsGrace(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	e, err := reranker.NewEndpoint([]reranker.Scorer{reranker.ScorerFunc(func(context.Context, string, []string) (reranker.Scores, error) {
		<-over
		return reranker.Scores{}, nil
	})}, reranker.EndpointOptions{})
	require.NoError(t, err)
	_, err = reranker.Shard(e, reranker.ShardOptions{Timeout: 50 * time.Millisecond}).Score(t.Context(), "q", []string{"a"})
	require.ErrorAs(t, err, new(*pipeline.StrayError))
	g := &gateway{closers: []func() error{e.Close}}
	require.ErrorContains(t, g.close(10*time.Millisecond), "something still runs after 10ms")
	close(over)
	require.NoError(t, g.close(time.Minute))
}

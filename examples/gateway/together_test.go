package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/internal/redistest"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
)

// metered is an upstream that serves so many calls in any minute and refuses the
// others. 0 serves all.
type metered struct {
	*httptest.Server
	limit int
	takes time.Duration

	mu      sync.Mutex
	served  []time.Time
	refused int
}

func newMetered(t testing.TB, limit int, takes time.Duration) *metered {
	t.Helper()
	m := &metered{limit: limit, takes: takes}
	m.Server = httptest.NewServer(nebius.Handler(m, nebius.HandlerOptions{Models: []string{"m"}}))
	t.Cleanup(m.Close)
	return m
}

// Score implements reranker.Scorer.
func (m *metered) Score(ctx context.Context, _ string, documents []string) (reranker.Scores, error) {
	m.mu.Lock()
	n, now := len(m.served), time.Now()
	if m.limit > 0 && n >= m.limit && now.Sub(m.served[n-m.limit]) < time.Minute {
		m.refused++
		m.mu.Unlock()
		return reranker.Scores{}, &reranker.Error{Kind: reranker.KindRateLimited, Op: "upstream", Status: http.StatusTooManyRequests, RetryAfter: time.Second}
	}
	m.served = append(m.served, now)
	m.mu.Unlock()
	select {
	case <-ctx.Done():
		return reranker.Scores{}, context.Cause(ctx)
	case <-time.After(m.takes):
	}
	scores := reranker.Scores{Values: make([]float64, len(documents)), Scale: pipeline.Probability}
	for i := range scores.Values {
		scores.Values[i] = 1 / float64(i+2)
	}
	return scores, nil
}

func (m *metered) counts() (served, refused int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.served), m.refused
}

// ask posts one document, which is new, and returns the status, 0 where nobody
// listens.
func ask(t testing.TB, url, question string) int {
	t.Helper()
	body := fmt.Sprintf(`{"model":"m","query":%q,"documents":["a bear"]}`, question)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/rerank", strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res.StatusCode
}

// child is a gateway in a process of its own.
type child struct {
	url string
	cmd *exec.Cmd
	out *output
}

func startProcess(t testing.TB, args ...string) *child {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	c := &child{cmd: exec.Command(exe, append([]string{"-listen", "127.0.0.1:0", "-model", "m"}, args...)...), out: &output{}}
	c.cmd.Env = append(os.Environ(), "GATEWAY_TEST_CHILD=1")
	pipe, err := c.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, c.cmd.Start())
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(pipe); lines.Scan(); {
			_, _ = c.out.Write(append(lines.Bytes(), '\n'))
		}
	}()
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		<-read
		_ = c.cmd.Wait()
	})
	c.url = address(t, c.out, nil)
	return c
}

func TestFourProcessesKeepToOneQuotaAndOneIsKilled(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes 70 seconds: a minute of quota is a minute")
	}
	server := redistest.Start(t)
	up := newMetered(t, 60, 100*time.Millisecond)
	const lasts = 70 * time.Second
	began := time.Now()
	var fleet []*child
	for range 4 {
		fleet = append(fleet, startProcess(t, "-upstream", up.URL, "-redis", server.URL(), "-rpm", "60"))
	}
	var answered, failed atomic.Int64
	var all sync.WaitGroup
	for client := range 8 {
		all.Go(func() {
			for n := 0; time.Since(began) < lasts; n++ { // a balancer that takes turns
				switch ask(t, fleet[(client+n)%4].url, fmt.Sprint("question ", client, " ", n)) {
				case http.StatusOK:
					answered.Add(1)
				case 0:
					time.Sleep(10 * time.Millisecond)
				default:
					failed.Add(1)
				}
			}
		})
	}
	time.Sleep(20 * time.Second)
	require.NoError(t, fleet[2].cmd.Process.Kill())
	all.Wait()
	took := time.Since(began)
	served, refused := up.counts()
	t.Logf("in %v the upstream served %d and refused %d; %d answered, %d failed", took.Round(time.Second), served, refused, answered.Load(), failed.Load())
	assert.Zero(t, refused)
	assert.GreaterOrEqual(t, served, int(.95*60*lasts.Minutes()))
}

func TestGatewaysShareScoresAndRedisMayGo(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	up := newMetered(t, 0, 0)
	first, _ := start(t, "-upstream", up.URL, "-redis", server.URL(), "-allow-plain-http")
	second, _ := start(t, "-upstream", up.URL, "-redis", server.URL(), "-cache-for", "1h")
	other, _ := start(t, "-upstream", up.URL, "-redis", server.URL(), "-cache-for", "0")
	require.Equal(t, 200, ask(t, first, "panda"))
	require.Eventually(t, func() bool {
		before, _ := up.counts()
		require.Equal(t, 200, ask(t, second, "panda"))
		after, _ := up.counts()
		return before == after
	}, 10*time.Second, 10*time.Millisecond, "the second gateway knows what the first one asked")
	before, _ := up.counts()
	require.Equal(t, 200, ask(t, other, "panda"))
	after, _ := up.counts()
	assert.Equal(t, before+1, after, "one that keeps no scores asks")
	status, body := get(t, second+"/readyz")
	assert.Equal(t, 200, status)
	assert.Regexp(t, `^{"status":"ready","upstreams":"healthy","redis":"ok","processes":[123]}`, body)

	server.Kill()
	for i := range 20 {
		require.Equal(t, 200, ask(t, second, fmt.Sprint("bear ", i)))
	}
	status, body = get(t, second+"/readyz")
	assert.Equal(t, 200, status, "it answers, so a balancer may ask it")
	assert.Contains(t, body, `"redis":"away"`)
	server.Restart()
	require.Eventually(t, func() bool {
		_, body := get(t, second+"/readyz")
		return strings.Contains(body, `"redis":"ok"`)
	}, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, 200, ask(t, second, "panda"))
}

func TestReadinessEndsBeforeTheCallsDo(t *testing.T) {
	t.Parallel()
	up := newMetered(t, 0, 0)
	out := &output{}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"-listen", "127.0.0.1:0", "-model", "m", "-upstream", up.URL, "-drain", "300ms"}, func(string) string { return "" }, out)
	}()
	url := address(t, out, done)
	status, body := get(t, url+"/readyz")
	assert.Equal(t, 200, status)
	assert.JSONEq(t, `{"status":"ready","upstreams":"healthy","redis":"none"}`, body)
	cancel()
	require.Eventually(t, func() bool {
		status, body = get(t, url+"/readyz")
		return status == http.StatusServiceUnavailable
	}, 10*time.Second, time.Millisecond)
	assert.Contains(t, body, `"status":"leaving"`)
	status, _ = get(t, url+"/healthz")
	assert.Equal(t, 200, status, "it still runs")
	assert.Equal(t, 200, ask(t, url, "panda"), "and still answers")
	require.NoError(t, <-done)
}

func TestRedisFlagsAreChecked(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--requirepass", "hunter2")
	base := []string{"-upstream", "http://127.0.0.1:1", "-model", "m", "-listen", "127.0.0.1:0"}
	for sentence, row := range map[string]struct {
		args []string
		says string
	}{
		"no URL in the environment": {[]string{"-redis-env", "NOTHING"}, "NOTHING of -redis-env holds no URL"},
		"both":                      {[]string{"-redis", "redis://a", "-redis-env", "B"}, "keep one"},
		"no scheme":                 {[]string{"-redis", "127.0.0.1:6379"}, "address"},
		"another password":          {[]string{"-redis", "redis://:s3cret@" + server.Addr()}, "auth"},
		"no such database":          {[]string{"-redis", "redis://:hunter2@" + server.Addr() + "/99"}, "database"},
		"a negative time":           {[]string{"-cache-for", "-1s"}, "-cache-for is -1s"},
		"a negative drain":          {[]string{"-drain", "-1s"}, "-drain is -1s"},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			err := run(t.Context(), append(append([]string{}, base...), row.args...), func(string) string { return "" }, io.Discard)
			require.ErrorContains(t, err, row.says)
			assert.NotContains(t, err.Error(), "s3cret")
			assert.NotContains(t, err.Error(), "hunter2")
		})
	}
}

func TestAFileSharesOverTheRedisOfTheFlag(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	up := newMetered(t, 0, 0)
	file := filepath.Join(t.TempDir(), "scorer.yaml")
	text := `cached:
  model:
    sharded:
      endpoint:
        upstreams: [{nebius: {url: "` + up.URL + `", model: m}}]
        requests: 60
        shared: {redis-quotas: upstream-a}
  store: redis-scores
  tenant: gateway
  endpoint: upstream-a
  name: m
`
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	first, _ := serveFile(t, file, "-redis", server.URL())
	second, _ := serveFile(t, file, "-redis", server.URL())
	require.Equal(t, 200, ask(t, first, "panda"))
	require.Eventually(t, func() bool {
		before, _ := up.counts()
		require.Equal(t, 200, ask(t, second, "panda"))
		after, _ := up.counts()
		return before == after
	}, 10*time.Second, 10*time.Millisecond, "the second gateway knows what the first one asked")
	require.Eventually(t, func() bool { return ask(t, first, "some bear") == 200 && ask(t, second, "another bear") == 200 }, 10*time.Second, time.Millisecond)
	c, err := net.Dial("tcp", server.Addr())
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Write([]byte("KEYS cascade:quota:*:processes\r\n"))
	require.NoError(t, err)
	reply := make([]byte, 4)
	_, err = io.ReadFull(c, reply)
	require.NoError(t, err)
	assert.Equal(t, "*1\r\n", string(reply), "one quota for both")
	_, body := get(t, second+"/readyz")
	assert.JSONEq(t, `{"status":"ready","redis":"ok"}`, body)

	without := run(t.Context(), []string{"-listen", "127.0.0.1:0", "-config", file}, func(string) string { return "" }, io.Discard)
	require.ErrorContains(t, without, "the URL is empty", "no flag, and none in the file")
	for sentence, url := range map[string]string{"no Redis is there": "127.0.0.1:1", "an empty variable": ""} {
		args := []string{"-listen", "127.0.0.1:0", "-config", file, "-redis-env", "R"}
		require.Error(t, run(t.Context(), args, func(string) string { return url }, io.Discard), sentence)
	}
}

func TestAGatewayStartsWithoutItsRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Kill()
	up := newMetered(t, 0, 0)
	url, out := start(t, "-upstream", up.URL, "-redis", server.URL())
	assert.Contains(t, out.String(), "Redis does not answer yet")
	assert.Equal(t, 200, ask(t, url, "panda"))
}

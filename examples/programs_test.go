// Package examples_test starts the programs of this module as their users do.
package examples_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/sourcegraph/conc"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// programs are what "go install" installs, with the folder of each.
func programs() map[string]string {
	return map[string]string{
		"gateway": "./gateway", "mcp": "./mcp", "chat": "./chat", "search": "./search", "quickstart": "./quickstart", "quality": "../benchmarks/quality",
	}
}

// binaries builds all programs once, into a folder of its own.
var binaries = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "programs")
	if err != nil {
		return "", err
	}
	args := []string{"build", "-buildvcs=false", "-o", folder}
	for _, path := range programs() {
		args = append(args, path)
	}
	out, err := exec.Command("go", args...).CombinedOutput()
	if err != nil {
		os.RemoveAll(folder)
		return "", &exec.Error{Name: "go build: " + string(out), Err: err}
	}
	return folder, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if folder, err := binaries(); err == nil {
		_ = os.RemoveAll(folder)
	}
	os.Exit(code)
}

func binary(t *testing.T, name string) string {
	t.Helper()
	folder, err := binaries()
	require.NoError(t, err)
	return filepath.Join(folder, name)
}

// Every program says which build it is, and teaches: -h shows whole commands before
// its flags.
func TestEveryProgramHasAVersionAndTeaches(t *testing.T) {
	t.Parallel()
	for name := range programs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := binary(t, name)
			out, err := exec.Command(program, "-version").Output()
			require.NoError(t, err)
			assert.Regexp(t, `^`+name+` \S+.* `+runtime.Version()+`\n$`, string(out))
			help, err := exec.Command(program, "-h").CombinedOutput()
			require.NoError(t, err, "-h is no mistake")
			assert.GreaterOrEqual(t, strings.Count(string(help), name+" "), 3, "three commands to copy: %s", help)
			first, _, _ := strings.Cut(string(help), "\n")
			assert.NotContains(t, first, "Usage of", "the first line says what the program does")
		})
	}
}

// folder is a copy of examples/config, which a test may change.
func folder(t *testing.T) string {
	t.Helper()
	copied := t.TempDir()
	require.NoError(t, os.CopyFS(copied, os.DirFS("config")))
	return copied
}

// served is a program that serves.
type served struct {
	url string
	mu  sync.Mutex
	log bytes.Buffer
}

func (s *served) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// Write implements io.Writer.
func (s *served) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}

// serve starts a program and waits until it says its address.
func serve(t *testing.T, name string, args ...string) *served {
	t.Helper()
	s := &served{}
	command := exec.Command(binary(t, name), args...)
	command.Stdout, command.Stderr = s, s
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		require.NoError(t, command.Process.Signal(syscall.SIGTERM))
		assert.NoError(t, command.Wait(), s.said())
	})
	require.Eventually(t, func() bool {
		_, rest, ok := strings.Cut(s.said(), "http://127.0.0.1:")
		port, _, whole := strings.Cut(rest, "\n")
		s.url = "http://127.0.0.1:" + strings.TrimSpace(port)
		return ok && whole
	}, 30*time.Second, 5*time.Millisecond, "%s says no address", name)
	return s
}

// asker asks a program that serves and returns the text of what came back.
type asker func(t *testing.T, s *served) string

func post(t *testing.T, url, body string, header ...string) string {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, "%s", text)
	return string(text)
}

func askGateway(t *testing.T, s *served) string {
	return post(t, s.url+"/v1/rerank", `{"model": "any", "query": "strings of a violin", "documents": ["a river", "The four strings of a violin"]}`)
}

func askChat(t *testing.T, s *served) string {
	var session struct{ Session string }
	require.NoError(t, json.Unmarshal([]byte(post(t, s.url+"/api/session", "")), &session))
	text := post(t, s.url+"/api/ask", `{"question": "How are the strings of a violin tuned?"}`, "X-Session", session.Session)
	assert.Contains(t, text, `"done"`)
	return text
}

func askAgent(t *testing.T, s *served) string {
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: s.url}, nil)
	require.NoError(t, err)
	defer session.Close()
	result, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "search", Arguments: map[string]any{"query": "strings of a violin"}})
	require.NoError(t, err)
	require.False(t, result.IsError)
	text, err := json.Marshal(result.StructuredContent)
	require.NoError(t, err)
	return string(text)
}

// One file of the tree goes through every program that serves. While questions are
// under way it becomes another pipeline, and none of them is lost; a file with a
// mistake is refused with its place, and the old pipeline goes on.
func TestOneFileIsServedAndFollowed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ask  asker
		args []string
		want string
	}{
		"gateway": {askGateway, []string{"-listen", "127.0.0.1:0"}, `"index":1`},
		"chat":    {askChat, []string{"-addr", "127.0.0.1:0"}, "tuned in fifths"},
		"mcp":     {askAgent, []string{"-listen", "127.0.0.1:0"}, "violin-1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(folder(t), "search.yaml")
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			s := serve(t, name, append(c.args, "-config", path, "-watch", "5ms")...)
			require.Contains(t, c.ask(t, s), c.want)
			follow(t, s, path, string(text), c.ask)
			assert.Contains(t, c.ask(t, s), c.want)
		})
	}
}

// follow changes the file under questions, and breaks it in the end.
func follow(t *testing.T, s *served, path, text string, ask asker) {
	t.Helper()
	done := make(chan struct{})
	var wg conc.WaitGroup
	defer wg.Wait()
	defer close(done)
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					ask(t, s)
				}
			}
		})
	}
	for i := range 6 {
		swaps := strings.Count(s.said(), "the file is in use")
		replace(t, path, strings.ReplaceAll(text, "depth: 20", "depth: "+[]string{"5", "6"}[i%2]))
		require.Eventually(t, func() bool { return strings.Count(s.said(), "the file is in use") > swaps }, 30*time.Second, 2*time.Millisecond, s.said())
	}
	assert.NotContains(t, s.said(), "refused")
	replace(t, path, strings.ReplaceAll(text, "depth: 20", "dept: 20"))
	require.Eventually(t, func() bool {
		return strings.Contains(s.said(), "search.yaml:19:40: chain[1].within.stage.blend.stages[1].rerank.dept: there is no such setting")
	}, 30*time.Second, 2*time.Millisecond, s.said())
	assert.Contains(t, s.said(), "the file is refused, the old")
}

// replace writes beside the file and renames, so that nobody reads half of it.
func replace(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path+".new", []byte(text), 0o600))
	require.NoError(t, os.Rename(path+".new", path))
}

// The programs that measure take the same file.
func TestOneFileIsMeasured(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	out, err := exec.Command(binary(t, "search"), "-config", at("search.yaml"), "-queries", at("queries.jsonl"), "-out", at("run.txt")).CombinedOutput()
	require.NoError(t, err, "%s", out)
	run, err := os.Open(at("run.txt"))
	require.NoError(t, err)
	defer run.Close()
	best := map[string]string{}
	for lines := bufio.NewScanner(run); lines.Scan(); {
		if f := strings.Fields(lines.Text()); f[3] == "1" {
			best[f[0]] = f[2]
		}
	}
	assert.Equal(t, map[string]string{"1": "bread-1", "2": "river-2", "3": "violin-1", "4": "bread-2"}, best)
	out, err = exec.Command(binary(t, "quality"), "run", "-config", at("search.yaml"), "-on", dir, "-measures", "RR@10", "-out", at("out")).CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Regexp(t, `search\s+RR@10\s+1\.0000`, string(out))
}

// What does not apply to a program is refused by name.
func TestWhatDoesNotApplyIsRefusedByName(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	path := filepath.Join(dir, "search.yaml")
	for want, command := range map[string][]string{
		"-rpm cannot stand beside -config":      {"gateway", "-config", path, "-rpm", "60"},
		"-docs cannot stand beside -config":     {"chat", "-config", path, "-docs", dir},
		"-language cannot stand beside -config": {"search", "-config", path, "-language", "de", "-queries", "q", "-out", "o"},
		"name the collections to measure it on": {"quality", "run", "-config", path},
		"the file has no scorer":                {"gateway", "-config", plain(t, dir)},
	} {
		out, err := exec.Command(binary(t, command[0]), command[1:]...).CombinedOutput()
		require.Error(t, err, want)
		assert.Contains(t, string(out), want)
	}
}

func plain(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "plain.yaml")
	require.NoError(t, os.WriteFile(path, []byte("bm25: {documents: corpus.jsonl}\n"), 0o600))
	return path
}

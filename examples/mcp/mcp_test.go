package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/bleve"
)

// library is an index with two sources and two languages, and a file over it.
func library(t *testing.T) (file string) {
	t.Helper()
	folder := t.TempDir()
	var documents []pipeline.Document
	for i, text := range []string{"Cold water from the river.", "The river carries stones.", "Bread needs an oven.", "An oven needs wood."} {
		documents = append(documents, pipeline.Document{ID: fmt.Sprint("p", i), Text: text, Metadata: map[string]any{
			pipeline.SourceKey: []string{"rivers", "baking"}[i/2], pipeline.PositionKey: i, "tenant": []string{"a", "b"}[i%2],
		}})
	}
	index, err := bleve.Create(t.Context(), filepath.Join(folder, "index"), pipeline.Documents(documents...), bleve.Options{})
	require.NoError(t, err)
	require.NoError(t, index.Close())
	file = filepath.Join(folder, "search.yaml")
	require.NoError(t, os.WriteFile(file, []byte("chain: [bm25: index, topk: 10]\n"), 0o600))
	return file
}

// program builds the program once.
var program = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "mcp")
	if err != nil {
		return "", err
	}
	built := filepath.Join(folder, "mcp")
	out, err := exec.Command("go", "build", "-o", built, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return built, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if built, err := program(); err == nil {
		_ = os.RemoveAll(filepath.Dir(built))
	}
	os.Exit(code)
}

// connect starts the program as an agent would, over standard input and output.
func connect(t *testing.T, args ...string) *mcp.ClientSession {
	t.Helper()
	program, err := program()
	require.NoError(t, err)
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), &mcp.CommandTransport{Command: exec.Command(program, args...)}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = session.Close() })
	return session
}

func call(t *testing.T, s *mcp.ClientSession, tool string, arguments map[string]any, into any) string {
	t.Helper()
	result, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		return err.Error()
	}
	text := result.Content[0].(*mcp.TextContent).Text
	if result.IsError {
		return text
	}
	require.NoError(t, json.Unmarshal([]byte(text), into))
	structured, err := json.Marshal(result.StructuredContent)
	require.NoError(t, err)
	assert.JSONEq(t, text, string(structured), "text and structure say the same")
	return ""
}

func TestAnAgentSearchesAndReads(t *testing.T) {
	t.Parallel()
	session := connect(t, "-config", library(t))
	tools, err := session.ListTools(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, tools.Tools, 2)

	var found searchOutput
	require.Empty(t, call(t, session, "search", map[string]any{"query": "river water"}, &found))
	require.Len(t, found.Results, 2)
	assert.Equal(t, result{1, "p0", found.Results[0].Score, "Cold water from the river.", found.Results[0].Metadata}, found.Results[0])
	assert.Equal(t, "BM25", found.Scale)
	assert.False(t, found.Degraded)

	var filtered searchOutput
	require.Empty(t, call(t, session, "search", map[string]any{"query": "river", "filter": map[string]any{"eq": map[string]any{"path": "tenant", "value": "b"}}}, &filtered))
	require.Len(t, filtered.Results, 1)
	assert.Equal(t, "p1", filtered.Results[0].ID)

	var around readOutput
	require.Empty(t, call(t, session, "read", map[string]any{"id": "p0", "after": 3}, &around))
	require.Len(t, around.Passages, 2)
	assert.Equal(t, "p1", around.Passages[1].ID)

	assert.Equal(t, []int{1, 2}, []int{around.Passages[0].Citation, around.Passages[1].Citation}, "the numbers of the search")
	require.Empty(t, call(t, session, "search", map[string]any{"query": "oven river"}, &found))
	cited := map[int]string{}
	for _, r := range found.Results {
		cited[r.Citation] = r.ID
	}
	assert.Equal(t, map[int]string{1: "p0", 2: "p1", 3: cited[3], 4: cited[4]}, cited, "a document keeps its number, and no other one gets it")

	resource, err := session.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: scheme + "p2"})
	require.NoError(t, err)
	assert.Equal(t, "Bread needs an oven.", resource.Contents[0].Text)
	_, err = session.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: scheme + "none"})
	require.Error(t, err)

	for want, arguments := range map[string]map[string]any{
		"query is empty":        {"query": "  "},
		"between 1 and 50":      {"query": "x", "k": 51},
		"has 16385 bytes":       {"query": strings.Repeat("x", 16<<10+1)},
		"filter: ":              {"query": "x", "filter": map[string]any{"like": 1}},
		"required":              {},
		"unexpected additional": {"query": "x", "limit": 3},
	} {
		assert.Contains(t, call(t, session, "search", arguments, &found), want)
	}
	assert.Contains(t, call(t, session, "read", map[string]any{"id": "none"}, &around), "take an id of a search result")
	assert.Contains(t, call(t, session, "read", map[string]any{"id": "p0", "before": 99}, &around), "between 0 and 20")
}

// The filter of the command line holds whatever an agent asks for.
func TestAnAgentCannotWidenTheGuard(t *testing.T) {
	t.Parallel()
	session := connect(t, "-config", library(t), "-only", `{"eq": {"path": "tenant", "value": "a"}}`)
	for _, filter := range []map[string]any{
		nil,
		{"eq": map[string]any{"path": "tenant", "value": "b"}},
		{"or": []any{map[string]any{"eq": map[string]any{"path": "tenant", "value": "b"}}, map[string]any{"exists": map[string]any{"path": "tenant"}}}},
		{"not": map[string]any{"eq": map[string]any{"path": "tenant", "value": "a"}}},
	} {
		var found searchOutput
		arguments := map[string]any{"query": "river oven"}
		if filter != nil {
			arguments["filter"] = filter
		}
		require.Empty(t, call(t, session, "search", arguments, &found))
		for _, r := range found.Results {
			assert.Equal(t, "a", r.Metadata["tenant"])
		}
	}
	var around readOutput
	require.Empty(t, call(t, session, "read", map[string]any{"id": "p0", "after": 5}, &around))
	assert.Len(t, around.Passages, 1)
	assert.Contains(t, call(t, session, "read", map[string]any{"id": "p1"}, &around), "there is no document")
	_, err := session.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: scheme + "p1"})
	require.Error(t, err)
}

// half is a search of which a part failed.
func half() pipeline.Retriever {
	broken := pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) {
		return pipeline.Ranking{}, errors.New("server is down")
	})
	whole := pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) {
		return pipeline.NewRanking("whole", pipeline.Cosine, []pipeline.Hit{{Document: pipeline.Document{ID: "x", Text: "text"}, Score: .5}})
	})
	return pipeline.Fan(pipeline.FuserFunc(func(in []pipeline.Ranking) (pipeline.Ranking, error) { return in[0], nil }), whole, broken)
}

func TestADegradedSearchSaysSo(t *testing.T) {
	t.Parallel()
	tools, err := newTools(half(), nil, settings{limit: 5, concurrent: 2, timeout: time.Second})
	require.NoError(t, err)
	_, out, err := newSession(tools).doSearch(t.Context(), nil, searchInput{Query: "x"})
	require.NoError(t, err)
	assert.True(t, out.Degraded)
	require.Len(t, out.Gaps, 1)
	assert.Equal(t, "failed", out.Gaps[0].Reason)
	assert.Contains(t, out.Gaps[0].Cause, "server is down")
}

// held is a search that waits for the end of its context, and says so.
func held(began, ended chan struct{}) pipeline.Retriever {
	return pipeline.RetrieverFunc(func(ctx context.Context, _ pipeline.Query) (pipeline.Ranking, error) {
		began <- struct{}{}
		<-ctx.Done()
		ended <- struct{}{}
		return pipeline.Ranking{}, context.Cause(ctx)
	})
}

func TestACallThatTheAgentCancelsEnds(t *testing.T) {
	t.Parallel()
	began, ended := make(chan struct{}), make(chan struct{})
	tools, err := newTools(held(began, ended), nil, settings{limit: 5, concurrent: 1, timeout: time.Minute})
	require.NoError(t, err)
	here, there := mcp.NewInMemoryTransports()
	_, err = tools.server().Connect(t.Context(), there, nil)
	require.NoError(t, err)
	session, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(), here, nil)
	require.NoError(t, err)
	defer session.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "search", Arguments: map[string]any{"query": "x"}})
		done <- err
	}()
	<-began
	cancel()
	<-ended
	require.Error(t, <-done)
}

func TestCallsBeyondTheLimitWaitAndAreRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began, ended := make(chan struct{}, 1), make(chan struct{}, 1)
		tools, err := newTools(held(began, ended), nil, settings{limit: 5, concurrent: 1, timeout: time.Second})
		require.NoError(t, err)
		client := newSession(tools)
		first := make(chan error, 1)
		go func() {
			_, _, err := client.doSearch(t.Context(), nil, searchInput{Query: "x"})
			first <- err
		}()
		<-began
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, _, err = client.doSearch(ctx, nil, searchInput{Query: "y"})
		require.ErrorContains(t, err, "1 calls are running already")
		require.ErrorIs(t, <-first, context.DeadlineExceeded, "the time of one call")
		go func() { _, _, _ = client.doSearch(t.Context(), nil, searchInput{Query: "z"}) }()
		<-began // the slot is free again
		<-ended
		synctest.Wait()
		time.Sleep(2 * time.Second) // of the bubble, so that the last call ends
	})
}

func TestWebPagesAreRefused(t *testing.T) {
	t.Parallel()
	tools, err := newTools(half(), nil, settings{limit: 5, concurrent: 2, timeout: time.Second})
	require.NoError(t, err)
	server := httptest.NewServer(handler(tools))
	defer server.Close()
	for header, value := range map[string]string{"Origin": "https://example.com", "Sec-Fetch-Site": "cross-site"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader("{}"))
		require.NoError(t, err)
		request.Header.Set(header, value)
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		answer.Body.Close()
		assert.Equal(t, http.StatusForbidden, answer.StatusCode, header)
	}
}

func TestHTTPNeedsTheKey(t *testing.T) {
	t.Parallel()
	tools, err := newTools(half(), nil, settings{limit: 5, concurrent: 2, timeout: time.Second})
	require.NoError(t, err)
	keyed := withKey("example-key", handler(tools))
	server := httptest.NewServer(keyed)
	defer server.Close()
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	for key, ok := range map[string]bool{"": false, "wrong": false, "example-key": true} {
		session, err := client.Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: server.URL, HTTPClient: &http.Client{Transport: bearer(key)}, MaxRetries: -1}, nil)
		if !ok {
			require.Error(t, err, key)
			continue
		}
		require.NoError(t, err)
		var found searchOutput
		require.Empty(t, call(t, session, "search", map[string]any{"query": "x"}, &found))
		assert.True(t, found.Degraded)
		require.NoError(t, session.Close())
	}
}

type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if b != "" {
		r.Header.Set("Authorization", "Bearer "+string(b))
	}
	return http.DefaultTransport.RoundTrip(r)
}

func TestTheCommandLineIsChecked(t *testing.T) {
	file := library(t)
	for want, args := range map[string][]string{
		"-config names no file":      {},
		"unexpected argument":        {"-config", file, "x"},
		"set 1 or more":              {"-config", file, "-limit", "0"},
		"no such file":               {"-config", filepath.Join(t.TempDir(), "none.yaml")},
		"-only: ":                    {"-config", file, "-only", "{}"},
		"the environment has no":     {"-config", file, "-listen", "127.0.0.1:0", "-key-env", "CASCADE_NO_SUCH_KEY"},
		"not on this machine":        {"-config", file, "-listen", "0.0.0.0:0"},
		"provided but not defined: ": {"-colour"},
	} {
		require.ErrorContains(t, run(t.Context(), args), strings.TrimSpace(want), "%v", args)
	}
	require.NoError(t, run(t.Context(), []string{"-version"}))
	require.NoError(t, run(t.Context(), []string{"-schema"}))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx, []string{"-config", file, "-listen", "127.0.0.1:0"}) }()
	time.Sleep(100 * time.Millisecond)
	cancel()
	select {
	case err := <-done:
		require.NoError(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("the server does not end")
	}
}

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

	resource, err := session.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: scheme + "p2"})
	require.NoError(t, err)
	assert.Equal(t, "Bread needs an oven.", resource.Contents[0].Text)
	_, err = session.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: scheme + "none"})
	require.Error(t, err)

	for want, arguments := range map[string]map[string]any{
		"query is empty":        {"query": "  "},
		"between 1 and 50":      {"query": "x", "k": 51},
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
	tools, err := newTools(half(), nil, settings{limit: 5, timeout: time.Second})
	require.NoError(t, err)
	_, out, err := tools.doSearch(t.Context(), nil, searchInput{Query: "x"})
	require.NoError(t, err)
	assert.True(t, out.Degraded)
	require.Len(t, out.Gaps, 1)
	assert.Contains(t, out.Gaps[0], "server is down")
}

func TestHTTPNeedsTheKey(t *testing.T) {
	t.Parallel()
	tools, err := newTools(half(), nil, settings{limit: 5, timeout: time.Second})
	require.NoError(t, err)
	handler := withKey("example-key", mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return tools.server() }, nil))
	server := httptest.NewServer(handler)
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

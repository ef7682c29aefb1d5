package rerankertest

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Served is a server that RunContract asks.
type Served struct {
	// URL is its address, Model a name that it serves, and Key a key that it takes;
	// an empty Key means that it takes none.
	URL, Model, Key string
}

// contractCase is one question to a server of the rerank contract.
type contractCase struct {
	sentence string
	body     string // $model stands for the model
	change   func(*http.Request)
	status   int
	// says are words that the answer must have, and check looks at a success.
	says  []string
	check func(t *testing.T, a map[string]json.RawMessage, results []contractResult)
}

type contractResult struct {
	Index    *int             `json:"index"`
	Score    *float64         `json:"relevance_score"`
	Document *json.RawMessage `json:"document"`
}

// RunContract holds a server of POST /v1/rerank to the contract of the hosted
// service, field by field, over its socket: what a request may say, what the
// answer has, and in which form it is refused.
func RunContract(t *testing.T, s Served) {
	t.Helper()
	for _, c := range contractCases() {
		t.Run(c.sentence, func(t *testing.T) {
			t.Parallel()
			s.ask(t, c)
		})
	}
	t.Run("a HEAD asks for what a GET would say", func(t *testing.T) {
		t.Parallel()
		status, header, body := s.do(t, http.MethodHead, "/v1/models", "", func(*http.Request) {})
		assert.Equal(t, http.StatusOK, status)
		assert.NotEmpty(t, header.Get("X-Request-Id"))
		assert.Empty(t, body)
		status, header, _ = s.do(t, http.MethodHead, "/v1/rerank", "", func(*http.Request) {})
		assert.Equal(t, http.StatusMethodNotAllowed, status)
		assert.NotEmpty(t, header.Get("X-Request-Id"))
	})
	t.Run("the list of models has the model", func(t *testing.T) {
		t.Parallel()
		status, header, body := s.do(t, http.MethodGet, "/v1/models", "", func(*http.Request) {})
		require.Equal(t, http.StatusOK, status, string(body))
		assert.NotEmpty(t, header.Get("X-Request-Id"))
		var list struct {
			Object string
			Data   []struct{ ID, Object string }
		}
		require.NoError(t, json.Unmarshal(body, &list))
		assert.Equal(t, "list", list.Object)
		require.NotEmpty(t, list.Data)
		assert.Equal(t, s.Model, list.Data[0].ID)
	})
}

func (s Served) do(t *testing.T, method, path, body string, change func(*http.Request)) (int, http.Header, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	if s.Key != "" {
		r.Header.Set("Authorization", "Bearer "+s.Key)
	}
	change(r)
	res, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	all, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, res.Header, all
}

func (s Served) ask(t *testing.T, c contractCase) {
	t.Helper()
	change := c.change
	if change == nil {
		change = func(*http.Request) {}
	}
	status, header, body := s.do(t, http.MethodPost, "/v1/rerank", strings.ReplaceAll(c.body, "$model", s.Model), change)
	require.Equal(t, c.status, status, string(body))
	assert.NotEmpty(t, header.Get("X-Request-Id"), "every answer has an id")
	assert.Equal(t, "application/json", header.Get("Content-Type"))
	require.True(t, json.Valid(body), string(body))
	for _, w := range c.says {
		assert.Contains(t, string(body), w)
	}
	var a map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(body, &a))
	if status != http.StatusOK {
		assert.Equal(t, []string{"detail"}, slices.Collect(maps.Keys(a)))
		assert.NotContains(t, string(body), "SECRET", "what was sent is not repeated")
		return
	}
	var results []contractResult
	require.NoError(t, json.Unmarshal(a["results"], &results))
	wellOrdered(t, results)
	if c.check != nil {
		c.check(t, a, results)
	}
}

// wellOrdered demands results with all members, best first, no index twice.
func wellOrdered(t *testing.T, results []contractResult) {
	t.Helper()
	seen := map[int]bool{}
	last := math.Inf(1)
	for _, r := range results {
		require.NotNil(t, r.Index)
		require.NotNil(t, r.Score)
		assert.False(t, seen[*r.Index])
		seen[*r.Index] = true
		assert.LessOrEqual(t, *r.Score, last)
		last = *r.Score
	}
}

func contractCases() []contractCase {
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	const good = `{"model":"$model","query":"panda","documents":["a bear","a tree","a bear"]}`
	with := func(members string) string {
		return strings.TrimSuffix(good, "}") + "," + members + "}"
	}
	cases := []contractCase{
		{"the answer has id, model, usage and results", good, nil, 200, nil, func(t *testing.T, a map[string]json.RawMessage, results []contractResult) {
			assert.ElementsMatch(t, []string{"id", "model", "usage", "results"}, slices.Collect(maps.Keys(a)))
			var usage map[string]int
			require.NoError(t, json.Unmarshal(a["usage"], &usage))
			assert.Contains(t, usage, "prompt_tokens")
			assert.Contains(t, usage, "total_tokens")
			require.Len(t, results, 3)
			var echo struct{ Text string }
			require.NoError(t, json.Unmarshal(*results[0].Document, &echo))
			assert.Contains(t, []string{"a bear", "a tree"}, echo.Text)
		}},
		{"user", with(`"user":"ann"`), nil, 200, nil, nil},
		{"user null", with(`"user":null`), nil, 200, nil, nil},
		{"user of another type", with(`"user":7`), nil, 422, []string{`["body","user"]`}, nil},
		{"user too long", with(`"user":"` + strings.Repeat("u", 600) + `"`), nil, 422, []string{`["body","user"]`}, nil},
		{"service_tier null", with(`"service_tier":null`), nil, 200, nil, nil},
		{"service_tier unknown", with(`"service_tier":"gold"`), nil, 422, []string{`["body","service_tier"]`, "'flex'"}, nil},
		{"service_tier of another type", with(`"service_tier":[]`), nil, 422, []string{`["body","service_tier"]`}, nil},
		{"ai_project_id", good, func(r *http.Request) { r.URL.RawQuery = "ai_project_id=p%2F1" }, 200, nil, nil},
		{"ai_project_id that is no name", good, func(r *http.Request) { r.URL.RawQuery = "ai_project_id=a%0Ab" }, 422, []string{`["query","ai_project_id"]`}, nil},
		{"model missing", `{"query":"q","documents":["SECRET"]}`, nil, 422, []string{`["body","model"]`, "Field required"}, nil},
		{"model unknown", `{"model":"no-such-model","query":"q","documents":["SECRET"]}`, nil, 404, []string{"no-such-model"}, nil},
		{"query missing", `{"model":"$model","documents":["SECRET"]}`, nil, 422, []string{`["body","query"]`}, nil},
		{"query blank", `{"model":"$model","query":" ","documents":["SECRET"]}`, nil, 422, []string{`["body","query"]`}, nil},
		{"query of another type", `{"model":"$model","query":{},"documents":["SECRET"]}`, nil, 422, []string{`["body","query"]`}, nil},
		{"documents missing", `{"model":"$model","query":"SECRET"}`, nil, 422, []string{`["body","documents"]`}, nil},
		{"documents empty", `{"model":"$model","query":"SECRET","documents":[]}`, nil, 422, []string{`["body","documents"]`, "too_short"}, nil},
		{"documents a string", `{"model":"$model","query":"q","documents":"SECRET"}`, nil, 422, []string{`["body","documents"]`}, nil},
		{"one document an object", `{"model":"$model","query":"q","documents":["a",{"text":"SECRET"}]}`, nil, 422, []string{`["body","documents",1]`}, nil},
		{"one document null", `{"model":"$model","query":"q","documents":[null,"SECRET"]}`, nil, 422, []string{`["body","documents",0]`}, nil},
		{"all faults at once", `{"documents":"x","user":1}`, nil, 422, []string{`["body","model"]`, `["body","query"]`, `["body","documents"]`, `["body","user"]`}, nil},
		{"a member twice", `{"model":"$model","query":"q","query":"SECRET","documents":["a"]}`, nil, 422, []string{`["body","query"]`}, nil},
		{"no JSON", `{"model":`, nil, 422, []string{"json_invalid"}, nil},
		{"trailing bytes", good + "x", nil, 422, []string{"json_invalid"}, nil},
		{"no object", `["SECRET"]`, nil, 422, []string{"model_attributes_type"}, nil},
		{"a text that is no JSON for its content type", good, header("Content-Type", "text/plain"), 415, nil, nil},
		{"a form", good, header("Content-Type", "application/x-www-form-urlencoded"), 415, nil, nil},
		{"JSON with a charset", good, header("Content-Type", "application/json; charset=utf-8"), 200, nil, nil},
		{"a compressed body", good, header("Content-Encoding", "gzip"), 415, nil, nil},
		{"a web page of another origin", good, header("Origin", "https://evil.example"), 403, nil, nil},
		{"a name that was made to point here", good, func(r *http.Request) { r.Host = "evil.example" }, 403, nil, nil},
		{"a wrong method", good, func(r *http.Request) { r.Method = http.MethodPut }, 405, nil, nil},
		{"a wrong route", good, func(r *http.Request) { r.URL.Path = "/v1/rank" }, 404, []string{"Not Found"}, nil},
		{"unusual texts", `{"model":"$model","query":"\u0041 \ud83d\ude00 \u2028","documents":["` + "\xff" + `","\ud800","<&>\"\\\/\b\f\n\r\t"]}`, nil, 200, nil, func(t *testing.T, _ map[string]json.RawMessage, results []contractResult) {
			assert.Len(t, results, 3)
		}},
	}
	return slices.Concat(cases, tiersAndExtras(with), absurdCases(good, with))
}

// absurdCases are what no caller should send.
func absurdCases(good string, with func(members string) string) []contractCase {
	query := func(raw string) func(*http.Request) { return func(r *http.Request) { r.URL.RawQuery = raw } }
	project := []string{`["query","ai_project_id"]`}
	return []contractCase{
		{"user empty", with(`"user":""`), nil, 422, []string{`["body","user"]`}, nil},
		{"user blank", with(`"user":" \t"`), nil, 422, []string{`["body","user"]`}, nil},
		{"user with a control character", with(`"user":"a\u0000b"`), nil, 422, []string{`["body","user"]`}, nil},
		{"user twice", with(`"user":"a","user":"SECRET"`), nil, 422, []string{`["body","user"]`, "twice"}, nil},
		{"service_tier empty", with(`"service_tier":""`), nil, 422, []string{`["body","service_tier"]`}, nil},
		{"service_tier twice", with(`"service_tier":"flex","service_tier":null`), nil, 422, []string{`["body","service_tier"]`, "twice"}, nil},
		{"model empty", `{"model":"","query":"q","documents":["SECRET"]}`, nil, 422, []string{`["body","model"]`}, nil},
		{"model blank", `{"model":" ","query":"q","documents":["SECRET"]}`, nil, 422, []string{`["body","model"]`}, nil},
		{"a number without end", with(`"user":` + strings.Repeat("9", 4000)), nil, 422, []string{`["body","user"]`}, nil},
		{"an unknown number without end", with(`"seed":` + strings.Repeat("9", 4000)), nil, 422, []string{`["body","seed"]`}, nil},
		{"a list of numbers without end", with(`"seeds":[1,` + strings.Repeat("9", 4000) + `,"SECRET"]`), nil, 422, []string{`["body","seeds"]`}, nil},
		{"a name without end", with(`"` + strings.Repeat("n", 9000) + `":1`), nil, 422, []string{`["body","nnnnn`, "extra_forbidden"}, nil},
		{"a name that begins like a known one", with(`"user` + strings.Repeat("r", 9000) + `":"SECRET"`), nil, 422, []string{"extra_forbidden"}, nil},
		{"ai_project_id empty", good, query("ai_project_id="), 422, project, nil},
		{"ai_project_id without a value", good, query("ai_project_id"), 422, project, nil},
		{"ai_project_id twice", good, query("ai_project_id=a&ai_project_id=SECRET"), 422, append(project, "twice"), nil},
		{"ai_project_id very long", good, query("ai_project_id=" + strings.Repeat("p", 4000)), 422, project, nil},
		{"ai_project_id in no encoding", good, query("ai_project_id=%zz"), 422, []string{`["query"]`}, nil},
		{"ai_project_id of bad UTF-8", good, query("ai_project_id=%ff"), 422, project, nil},
		{"members in the query of the URL", good, query("user=SECRET&service_tier=flex"), 422, []string{`["query","user"]`, `["query","service_tier"]`}, nil},
		{"a key in the query of the URL", good, query("api_key=SECRET"), 422, []string{`["query","api_key"]`}, nil},
		{"ai_project_id in the body", with(`"ai_project_id":"SECRET"`), nil, 422, []string{`["body","ai_project_id"]`}, nil},
		{"a body in pieces", good, func(r *http.Request) { r.ContentLength = -1 }, 200, nil, nil},
		{"a slash behind the route", good, func(r *http.Request) { r.URL.Path = "/v1/rerank/" }, 200, nil, nil},
		{"JSON in UTF-16", good, func(r *http.Request) { r.Header.Set("Content-Type", "application/json; charset=utf-16") }, 415, nil, nil},
		{"two content types", good, func(r *http.Request) { r.Header.Set("Content-Type", "application/json, text/plain") }, 415, nil, nil},
	}
}

// tiersAndExtras asks for every tier, and for what the contract does not have.
func tiersAndExtras(with func(members string) string) []contractCase {
	var cases []contractCase
	for _, tier := range []string{"auto", "default", "over-limit", "flex", "no-limit"} {
		cases = append(cases, contractCase{"service_tier " + tier, with(`"service_tier":"` + tier + `"`), nil, 200, nil, nil})
	}
	for _, extra := range []string{"top_n", "top_k", "return_documents", "instruction", "truncate", "max_tokens_per_doc", "raw_scores", "rank_fields", "Model"} {
		cases = append(cases, contractCase{"extra member " + extra, with(`"` + extra + `":1`), nil, 422, []string{`["body","` + extra + `"]`, "extra_forbidden"}, nil})
	}
	return cases
}

// Post sends a JSON body to a server and returns status, headers and the answer,
// for tests that look at more than RunContract does.
func (s Served) Post(t *testing.T, path, body string, header http.Header) (int, http.Header, []byte) {
	t.Helper()
	status, h, answer := s.do(t, http.MethodPost, path, body, func(r *http.Request) {
		for name, values := range header {
			r.Header[name] = values
		}
	})
	return status, h, bytes.TrimSpace(answer)
}

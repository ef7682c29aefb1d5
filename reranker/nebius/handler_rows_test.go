package nebius_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/lexical"
	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

// listen serves a handler on a socket of loopback, whose host name is checked.
func listen(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func TestContractFieldByField(t *testing.T) {
	t.Parallel()
	rerankertest.RunContract(t, rerankertest.Served{URL: listen(t, nebius.Handler(hashing, nebius.HandlerOptions{Models: []string{testModel}})), Model: testModel})
}

func TestC8ExtrasFieldByField(t *testing.T) {
	t.Parallel()
	o := nebius.HandlerOptions{Models: []string{testModel}, AllowExtra: true}
	t.Run("a scorer that tells nothing of itself", func(t *testing.T) {
		t.Parallel()
		rerankertest.RunExtras(t, rerankertest.Served{URL: listen(t, nebius.Handler(hashing, o)), Model: testModel})
	})
	t.Run("a scorer that heeds no instruction", func(t *testing.T) {
		t.Parallel()
		h := nebius.Handler(lexical.New(lexical.Options{}), o)
		rerankertest.RunExtras(t, rerankertest.Served{URL: listen(t, h), Model: testModel}, "instruction", "instruct", "max_tokens_per_doc")
	})
	t.Run("a server that hands nothing on", func(t *testing.T) {
		t.Parallel()
		o := o
		o.Attributes = []string{}
		rerankertest.RunExtras(t, rerankertest.Served{URL: listen(t, nebius.Handler(hashing, o)), Model: testModel}, "instruction", "instruct", "max_tokens_per_doc")
	})
	for dialect, heedless := range map[nebius.Dialect][]string{nebius.VLLM: nil, nebius.Nebius: {"instruction", "instruct"}, nebius.TEI: {"instruction", "instruct"}} {
		t.Run("a client of "+string(dialect), func(t *testing.T) {
			t.Parallel()
			up := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
			if dialect == nebius.TEI {
				up = rerankertest.NewServer(t, teiAnswers)
			}
			h := nebius.Handler(reranker.Shard(client(t, up, nebius.Options{Dialect: dialect}), reranker.ShardOptions{}), o)
			rerankertest.RunExtras(t, rerankertest.Served{URL: listen(t, h), Model: testModel}, heedless...)
		})
	}
}

// teiAnswers answers three documents in the words of TEI.
var teiAnswers = body(`[{"index":2,"score":0.9},{"index":0,"score":0.5},{"index":1,"score":0.1}]`)

// overhearing is a scorer that keeps the attributes of its calls.
type overhearing struct {
	mu   sync.Mutex
	seen []string
}

func (o *overhearing) Score(ctx context.Context, q string, d []string) (reranker.Scores, error) {
	user, _ := nebius.UserKey.From(ctx)
	tier, _ := nebius.TierKey.From(ctx)
	project, _ := nebius.ProjectKey.From(ctx)
	instruction, _ := nebius.InstructionKey.From(ctx)
	tokens, _ := nebius.DocumentTokensKey.From(ctx)
	o.mu.Lock()
	o.seen = append(o.seen, fmt.Sprintf("user=%s tier=%s project=%s instruction=%s tokens=%d", user, tier, project, instruction, tokens))
	o.mu.Unlock()
	return hashing(ctx, q, d)
}

func TestC1RequestsHandTheirAttributesOn(t *testing.T) {
	t.Parallel()
	const body = `{"model":"m","query":"q","documents":["a"],"user":"ann","service_tier":"flex","instruction":"find bugs","max_tokens_per_doc":9}`
	const plain = `{"model":"m","query":"q","documents":["a"],"user":"ann","service_tier":"flex"}`
	for sentence, test := range map[string]struct {
		names []string
		body  string
		want  string
	}{
		"all by default":     {nil, body, "user=ann tier=flex project=p instruction=find bugs tokens=9"},
		"those that may":     {[]string{"service_tier"}, plain, "user= tier=flex project= instruction= tokens=0"},
		"none":               {[]string{}, plain, "user= tier= project= instruction= tokens=0"},
		"null is a tier too": {nil, `{"model":"m","query":"q","documents":["a"],"service_tier":null}`, "user= tier=null project=p instruction= tokens=0"},
	} {
		var o overhearing
		w := serve(t, nebius.Handler(&o, nebius.HandlerOptions{Attributes: test.names, AllowExtra: true}), "POST", "/v1/rerank?ai_project_id=p", test.body)
		require.Equal(t, 200, w.Code, w.Body)
		assert.Equal(t, []string{test.want}, o.seen, sentence)
		warned := map[string]string{"those that may": "not_sent", "none": "not_sent"}[sentence]
		assert.Equal(t, warned, w.Header().Get("X-Rerank-Warnings"), "what is not handed on is said")
	}
	var told nebius.Served
	w0 := serve(t, nebius.Handler(hashing, nebius.HandlerOptions{Attributes: []string{"service_tier"}, OnCall: func(s nebius.Served) { told = s }}), "POST", "/v1/rerank?ai_project_id=p", plain)
	require.Equal(t, 200, w0.Code)
	require.Len(t, told.Scores.Warnings, 1)
	assert.Contains(t, told.Scores.Warnings[0].Detail, "ai_project_id, user")
	var o overhearing
	w1 := serve(t, nebius.Handler(&o, nebius.HandlerOptions{Attributes: []string{"service_tier"}, AllowExtra: true}), "POST", "/v1/rerank", body)
	assert.Equal(t, 422, w1.Code, "what would change scores is refused")
	assert.Contains(t, w1.Body.String(), `["body","instruction"]`)
	assert.Contains(t, w1.Body.String(), `["body","max_tokens_per_doc"]`)
	assert.Empty(t, o.seen)
	w := serve(t, nebius.Handler(hashing, nebius.HandlerOptions{Attributes: []string{"shoe_size"}}), "POST", "/v1/rerank", body)
	assert.Equal(t, 500, w.Code)
	assert.Contains(t, w.Body.String(), "shoe_size")
}

func TestC1AttributesPassFromHandlerToUpstream(t *testing.T) {
	t.Parallel()
	up := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
	h := nebius.Handler(reranker.Shard(client(t, up, nebius.Options{}), reranker.ShardOptions{}), nebius.HandlerOptions{AllowExtra: true})
	w := serve(t, h, "POST", "/v1/rerank?ai_project_id=p", `{"model":"m","query":"q","documents":["a"],"user":"ann","service_tier":"no-limit"}`)
	require.Equal(t, 200, w.Code, w.Body)
	assert.JSONEq(t, `{"model":"`+testModel+`","query":"q","documents":["a"],"user":"ann","service_tier":"no-limit"}`, string(up.Last().Body))
	assert.Equal(t, "ai_project_id=p", up.Last().URL.RawQuery)
	w = serve(t, h, "POST", "/v1/rerank", `{"model":"m","query":"q","documents":["a"],"instruction":"find bugs"}`)
	assert.Equal(t, 422, w.Code, "what cannot reach the model is refused by name")
	assert.Contains(t, w.Body.String(), `["body","instruction"]`)
}

func TestC3C4AnswerIsOfTheModelAndTheCountersBehindIt(t *testing.T) {
	t.Parallel()
	answered := reranker.ScorerFunc(func(ctx context.Context, q string, d []string) (reranker.Scores, error) {
		s, err := hashing(ctx, q, d)
		s.Model, s.Usage.Tokens, s.Usage.TotalTokens = "the/model-that-answered", 7, 9
		return s, err
	})
	w := serve(t, nebius.Handler(answered, nebius.HandlerOptions{}), "POST", "/v1/rerank", `{"model":"asked","query":"q","documents":["a"]}`)
	assert.Contains(t, w.Body.String(), `"model":"the/model-that-answered"`)
	assert.Contains(t, w.Body.String(), `"usage":{"prompt_tokens":7,"total_tokens":9}`)
	up := rerankertest.NewServer(t, body(`{"id":"up-1","model":"`+testModel+`-v2","usage":{"prompt_tokens":7,"total_tokens":9},"results":[{"index":0,"relevance_score":0.5}]}`))
	var told nebius.Served
	h := nebius.Handler(reranker.Shard(client(t, up, nebius.Options{}), reranker.ShardOptions{}), nebius.HandlerOptions{OnCall: func(s nebius.Served) { told = s }})
	w = serve(t, h, "POST", "/v1/rerank", `{"model":"asked","query":"q","documents":["a"]}`)
	assert.Contains(t, w.Body.String(), `"model":"`+testModel+`-v2","usage":{"prompt_tokens":7,"total_tokens":9}`, "through the shards as well")
	assert.Equal(t, "model_mismatch, missing_template", w.Header().Get("X-Rerank-Warnings"))
	assert.Contains(t, told.Scores.RequestIDs, "up-1", "the upstream's id stands beside ours")
	assert.Equal(t, w.Header().Get("X-Request-Id"), told.ID)
}

func TestC5BlankDocumentsCostThemselves(t *testing.T) {
	t.Parallel()
	var sent [][]string
	scorer := reranker.ScorerFunc(func(ctx context.Context, q string, d []string) (reranker.Scores, error) {
		sent = append(sent, d)
		return hashing(ctx, q, d)
	})
	const call = `{"model":"m","query":"q","documents":["a"," \n\t","b","\u0000"]}`
	for policy, test := range map[nebius.Blank]struct {
		status  int
		sent    [][]string
		results int
	}{
		nebius.OmitBlank:   {200, [][]string{{"a", "b"}}, 2},
		nebius.RefuseBlank: {422, nil, 0},
		nebius.ScoreBlank:  {200, [][]string{{"a", " \n\t", "b", "\x00"}}, 4},
	} {
		sent = nil
		w := serve(t, nebius.Handler(scorer, nebius.HandlerOptions{Blank: policy}), "POST", "/v1/rerank", call)
		require.Equal(t, test.status, w.Code, policy)
		assert.Equal(t, test.sent, sent, policy)
		assert.Equal(t, test.results, strings.Count(w.Body.String(), `"relevance_score"`), policy)
		if policy == nebius.RefuseBlank {
			assert.JSONEq(t, `{"detail":[{"type":"value_error","loc":["body","documents",1],"msg":"Document has no text"},{"type":"value_error","loc":["body","documents",3],"msg":"Document has no text"}]}`, w.Body.String())
		}
		if policy == nebius.OmitBlank {
			assert.Equal(t, "2", w.Header().Get("X-Rerank-Unscored"))
			assert.Equal(t, "partial", w.Header().Get("X-Rerank-Mode"))
			assert.Contains(t, w.Body.String(), `{"index":2,"document":{"text":"b"}`, "in their places")
		}
	}
	sent = nil
	w := serve(t, nebius.Handler(scorer, nebius.HandlerOptions{}), "POST", "/v1/rerank", `{"model":"m","query":"q","documents":[" "]}`)
	assert.Equal(t, 200, w.Code)
	assert.Empty(t, sent, "nothing is asked for nothing")
	assert.Contains(t, w.Body.String(), `"results":[]`)
}

func TestC6EveryAnswerIsToldAndHasAnID(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	told := map[string]nebius.Served{}
	h := nebius.Handler(hashing, nebius.HandlerOptions{Models: []string{"m"}, Keys: []string{"k"}, MaxBytes: 400, OnCall: func(s nebius.Served) {
		mu.Lock()
		told[s.ID] = s
		mu.Unlock()
	}})
	for sentence, test := range map[string]struct {
		method, path, body string
		header             http.Header
		status             int
	}{
		"a success":         {"POST", "/v1/rerank", `{"model":"m","query":"q","documents":["a"]}`, nil, 200},
		"no key":            {"POST", "/v1/rerank", `{}`, http.Header{"Authorization": {""}}, 401},
		"no model":          {"POST", "/v1/rerank", `{"model":"x","query":"q","documents":["a"]}`, nil, 404},
		"no route":          {"GET", "/", "", nil, 404},
		"wrong method":      {"DELETE", "/v1/rerank", "", nil, 405},
		"too large":         {"POST", "/v1/rerank", `{"model":"` + strings.Repeat("m", 300) + `","query":"` + strings.Repeat("q", 300) + `"}`, nil, 413},
		"wrong type":        {"POST", "/v1/rerank", `{}`, http.Header{"Content-Type": {"text/plain"}}, 415},
		"faults":            {"POST", "/v1/rerank", `{}`, nil, 422},
		"another origin":    {"POST", "/v1/rerank", `{}`, http.Header{"Origin": {"null"}}, 403},
		"the list":          {"GET", "/v1/models", "", nil, 200},
		"another dialect's": {"POST", "/v2/rerank", `{}`, nil, 422},
	} {
		r := httptest.NewRequestWithContext(t.Context(), test.method, test.path, strings.NewReader(test.body))
		r.Header.Set("Authorization", "Bearer k")
		for name, values := range test.header {
			r.Header[name] = values
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		assert.Equal(t, test.status, w.Code, sentence)
		s, ok := told[w.Header().Get("X-Request-Id")]
		require.True(t, ok, sentence)
		assert.Equal(t, test.status, s.Status, sentence)
		assert.Equal(t, sentence != "a success", s.Refused, sentence)
		assert.GreaterOrEqual(t, s.Latency, time.Duration(0))
	}
}

func TestC7WebPagesAreRefused(t *testing.T) {
	t.Parallel()
	for sentence, test := range map[string]struct {
		o       nebius.HandlerOptions
		host    string
		header  http.Header
		status  int
		allowed string
	}{
		"localhost":                        {nebius.HandlerOptions{}, "localhost:9", nil, 200, ""},
		"a name of it":                     {nebius.HandlerOptions{}, "app.localhost:9", nil, 200, ""},
		"IPv6":                             {nebius.HandlerOptions{}, "[::1]:9", nil, 200, ""},
		"a name that points here":          {nebius.HandlerOptions{}, "rebound.example", nil, 403, ""},
		"with a key it does not matter":    {nebius.HandlerOptions{Keys: []string{"k"}}, "rebound.example", nil, 200, ""},
		"a name of ours":                   {nebius.HandlerOptions{Hosts: []string{"rerank.example"}}, "Rerank.example:443", nil, 200, ""},
		"not a name of ours":               {nebius.HandlerOptions{Hosts: []string{"rerank.example"}, Keys: []string{"k"}}, "localhost", nil, 403, ""},
		"any name":                         {nebius.HandlerOptions{Hosts: []string{"*"}}, "rebound.example", nil, 200, ""},
		"a page of its own":                {nebius.HandlerOptions{}, "localhost:9", http.Header{"Origin": {"http://localhost:9"}}, 200, ""},
		"a page of another port":           {nebius.HandlerOptions{}, "localhost:9", http.Header{"Origin": {"http://localhost:8"}}, 403, ""},
		"a page of nowhere":                {nebius.HandlerOptions{}, "localhost:9", http.Header{"Origin": {"null"}}, 403, ""},
		"a page that may":                  {nebius.HandlerOptions{Origins: []string{"https://a.example"}}, "localhost:9", http.Header{"Origin": {"https://a.example"}}, 200, "https://a.example"},
		"a page without content type":      {nebius.HandlerOptions{Origins: []string{"*"}}, "localhost:9", http.Header{"Origin": {"https://a.example"}, "Content-Type": nil}, 415, "https://a.example"},
		"a program without content type":   {nebius.HandlerOptions{}, "localhost:9", http.Header{"Content-Type": nil}, 200, ""},
		"JSON of a vendor":                 {nebius.HandlerOptions{}, "localhost:9", http.Header{"Content-Type": {"application/vnd.api+json"}}, 200, ""},
		"JSON in another encoding of text": {nebius.HandlerOptions{}, "localhost:9", http.Header{"Content-Type": {"application/json; charset=utf-16"}}, 415, ""},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, listen(t, nebius.Handler(hashing, test.o))+"/v1/rerank", strings.NewReader(`{"model":"m","query":"q","documents":["a"]}`))
			require.NoError(t, err)
			r.Host = test.host
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer k")
			for name, values := range test.header {
				r.Header[name] = values
			}
			res, err := http.DefaultClient.Do(r)
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			assert.Equal(t, test.status, res.StatusCode)
			assert.Equal(t, test.allowed, res.Header.Get("Access-Control-Allow-Origin"))
		})
	}
	ask := httptest.NewRequestWithContext(t.Context(), http.MethodOptions, "/v1/rerank", nil)
	ask.Header.Set("Origin", "https://a.example")
	ask.Header.Set("Access-Control-Request-Method", "POST")
	w := httptest.NewRecorder()
	nebius.Handler(hashing, nebius.HandlerOptions{Origins: []string{"https://a.example"}}).ServeHTTP(w, ask)
	assert.Equal(t, 204, w.Code)
	assert.Contains(t, w.Header().Get("Access-Control-Allow-Headers"), "Authorization")
	w = httptest.NewRecorder()
	nebius.Handler(hashing, nebius.HandlerOptions{}).ServeHTTP(w, ask)
	assert.Equal(t, 403, w.Code)
	assert.Equal(t, 500, serve(t, nebius.Handler(hashing, nebius.HandlerOptions{Origins: []string{"a.example"}}), "POST", "/v1/rerank", `{}`).Code)
}

func TestC8ExtrasAreHonouredOrRefusedByName(t *testing.T) {
	t.Parallel()
	h := nebius.Handler(hashing, nebius.HandlerOptions{AllowExtra: true})
	for member, want := range map[string]int{
		`"top_n":2`: 200, `"top_k":2`: 200, `"top_n":0`: 422, `"top_n":"2"`: 422, `"top_n":1.5`: 422, `"top_n":null`: 200,
		`"return_documents":false`: 200, `"return_documents":"no"`: 422, `"return_text":true`: 200, `"return_input":true`: 200,
		`"instruction":"x"`: 200, `"instruct":"x"`: 200, `"instruction":7`: 422, `"max_tokens_per_doc":100`: 200, `"max_tokens_per_doc":-1`: 422,
		`"truncation_side":"right"`: 200, `"truncation_side":"left"`: 422, `"raw_scores":false`: 200, `"raw_scores":true`: 422, `"raw_scores":"x"`: 422, `"truncate":false`: 200, `"truncate":true`: 422,
		`"rank_fields":["a"]`: 422, `"max_chunks_per_doc":1`: 422, `"priority":1`: 422, `"truncate_prompt_tokens":4`: 422, `"x":{"y":[1,{"z":null}]}`: 422,
	} {
		w := serve(t, h, "POST", "/v1/rerank", `{"model":"m","query":"q","documents":["a","b","c"],`+member+`}`)
		assert.Equal(t, want, w.Code, member)
		name, _, _ := strings.Cut(member, ":")
		if want == 422 {
			assert.Contains(t, w.Body.String(), `["body",`+name+`]`)
		}
	}
	w := serve(t, h, "POST", "/v1/rerank", `{"model":"m","query":"q","documents":["a","b","c"],"top_k":1,"return_documents":true}`)
	assert.Equal(t, 1, strings.Count(w.Body.String(), `"relevance_score"`))
}

func TestOtherDialectsAreServedAtTheirPaths(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		sentence, path, body string
		status               int
		want                 string // JSON, $ standing for a number or an id
	}{
		{"Cohere v2", "/v2/rerank", `{"model":"m","query":"q","documents":["a"],"top_n":1,"max_tokens_per_doc":100}`, 200, `{"id":"$","results":[{"index":0,"relevance_score":$}],"meta":{"api_version":{"version":"2"},"billed_units":{"search_units":1},"tokens":{"input_tokens":7}}}`},
		{"Cohere v2, refused", "/v2/rerank", `{"model":"m","query":"q","documents":[1]}`, 422, `{"message":"body.documents.0: Input should be a valid string"}`},
		{"Cohere v2, a member of the hosted form", "/v2/rerank", `{"model":"m","query":"q","documents":["a"],"user":"x"}`, 422, `{"message":"body.user: Extra inputs are not permitted"}`},
		{"TEI", "/rerank", `{"query":"q","texts":["a"],"raw_scores":false,"truncate":false}`, 200, `[{"index":0,"score":$}]`},
		{"TEI with texts", "/rerank", `{"query":"q","texts":["a"],"return_text":true}`, 200, `[{"index":0,"text":"a","score":$}]`},
		{"TEI, raw scores", "/rerank", `{"query":"q","texts":["a"],"raw_scores":true}`, 422, `{"error":"body.raw_scores: Input should be false: this server does nothing else","error_type":"Validation"}`},
		{"TEI, members of the hosted form", "/rerank", `{"model":"m","query":"q","texts":["a"],"user":"x"}`, 422, `{"error":"body.model: Extra inputs are not permitted beside texts; body.user: Extra inputs are not permitted beside texts","error_type":"Validation"}`},
		{"the hosted form at the short path", "/rerank", `{"model":"m","query":"q","documents":["a"]}`, 200, `{"id":"$","model":"m","usage":{"prompt_tokens":7,"total_tokens":7},"results":[{"index":0,"document":{"text":"a"},"relevance_score":$}]}`},
		{"no documents at the short path", "/rerank/", `{"model":"m","query":"q"}`, 422, `{"detail":[{"type":"missing","loc":["body","documents"],"msg":"Field required"}]}`},
		{"DashScope, asked for", "/compatible-api/v1/reranks", `{"model":"m","query":"q","documents":["a"],"instruct":"x"}`, 200, `{"id":"$","model":"m","usage":{"prompt_tokens":7,"total_tokens":7},"results":[{"index":0,"document":{"text":"a"},"relevance_score":$}]}`},
		{"Mixedbread, asked for", "/v1/reranking", `{"model":"m","query":"q","input":["a"],"top_k":3}`, 200, `{"id":"$","model":"m","usage":{"prompt_tokens":7,"total_tokens":7},"data":[{"index":0,"score":$}]}`},
	} {
		o := nebius.HandlerOptions{}
		if strings.Contains(test.sentence, "asked for") {
			o.Dialects = []nebius.Dialect{nebius.DashScope, nebius.Mixedbread}
		}
		w := serve(t, nebius.Handler(hashing, o), "POST", test.path, test.body)
		require.Equal(t, test.status, w.Code, test.sentence+w.Body.String())
		want := strings.ReplaceAll(strings.ReplaceAll(test.want, `"$"`, fmt.Sprintf("%q", w.Header().Get("X-Request-Id"))), "$", fmt.Sprint(rerankertest.Hash("q", "a")))
		assert.JSONEq(t, want, w.Body.String(), test.sentence)
	}
	for d, says := range map[nebius.Dialect]string{nebius.Jina: "already taken", nebius.NIM: "cannot be served", nebius.DeepInfra: "cannot be served", "klingon": "not known"} {
		w := serve(t, nebius.Handler(hashing, nebius.HandlerOptions{Dialects: []nebius.Dialect{d}}), "POST", "/v1/rerank", `{}`)
		assert.Equal(t, 500, w.Code)
		assert.Contains(t, w.Body.String(), says)
	}
}

// TestClientsOfOtherDialectsMeetTheHandler asks the handler with the client's
// own rows: both halves read the same table.
func TestClientsOfOtherDialectsMeetTheHandler(t *testing.T) {
	t.Parallel()
	url := listen(t, nebius.Handler(hashing, nebius.HandlerOptions{Dialects: []nebius.Dialect{nebius.CohereV2, nebius.TEI, nebius.Mixedbread, nebius.DashScope}}))
	for _, d := range []nebius.Dialect{nebius.Nebius, nebius.CohereV2, nebius.TEI, nebius.Mixedbread, nebius.DashScope} {
		c, err := nebius.New("", "m", nebius.Options{BaseURL: url, Dialect: d, NoKey: true})
		require.NoError(t, err)
		scores, err := c.Score(t.Context(), "q", []string{"a", "b \"\\\n", "c"})
		require.NoError(t, err, d)
		assert.InDelta(t, rerankertest.Hash("q", "b \"\\\n"), scores.Values[1], 0)
		require.NoError(t, c.Close())
	}
}

// heapDuring returns how much the heap grows at most while f runs.
func heapDuring(f func()) int64 {
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	done := make(chan struct{})
	most := make(chan int64)
	go func() {
		var peak int64
		for {
			runtime.ReadMemStats(&now)
			peak = max(peak, int64(now.HeapInuse)-int64(before.HeapInuse))
			select {
			case <-done:
				most <- peak
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	f()
	close(done)
	return <-most
}

// TestO13HostileBodiesCostLittle runs alone, because it looks at the heap.
func TestO13HostileBodiesCostLittle(t *testing.T) {
	// Bodies of 8 MiB tell as much as larger ones and take a quarter of the time.
	const hostile = 8 << 20
	h := nebius.Handler(hashing, nebius.HandlerOptions{AllowExtra: true})
	repeat := func(before, unit, after string) func() io.Reader {
		return func() io.Reader {
			n := (hostile - len(before)) / len(unit)
			return io.MultiReader(strings.NewReader(before), &repeated{unit: unit, n: n}, strings.NewReader(after))
		}
	}
	for sentence, test := range map[string]struct {
		body   func() io.Reader
		status int
	}{
		"numbers for documents":  {repeat(`{"documents":[1`, `,1`, `]}`), 422},
		"nulls for documents":    {repeat(`{"documents":[null`, `,null`, `]}`), 422},
		"empty texts":            {repeat(`{"documents":[""`, `,""`, `]}`), 422},
		"objects for documents":  {repeat(`{"documents":[{}`, `,{"text":"a"}`, `]}`), 422},
		"an extra list":          {repeat(`{"x":[1`, `,1`, `]}`), 422},
		"an extra text":          {repeat(`{"x":"`, `a`, `"}`), 422},
		"depth":                  {repeat(`{"x":`, `[`, ``), 422},
		"depth in the documents": {repeat(`{"documents":`, `[`, ``), 422},
		"many members":           {repeat(`{"x":1`, `,"x":1`, `}`), 422},
		"a long name":            {repeat(`{"`, `a`, `":1}`), 422},
		"a long number":          {repeat(`{"x":`, `1`, `}`), 422},
		"a long query":           {repeat(`{"query":"`, `q`, `"}`), 422},
		"a long model":           {repeat(`{"model":"`, `q`, `"}`), 422},
		"space":                  {repeat(``, ` `, ``), 422},
		"space behind":           {repeat(`{}`, ` `, ``), 422},
		"escapes in the query":   {repeat(`{"query":"`, `\u0041`, `"}`), 422},
		"more than the server takes": {func() io.Reader {
			return io.MultiReader(strings.NewReader(`{"x":"`), &repeated{unit: strings.Repeat("a", 1<<16), n: 513})
		}, 413},
	} {
		t.Run(sentence, func(t *testing.T) {
			w := httptest.NewRecorder()
			grown := heapDuring(func() {
				h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", "/v1/rerank", test.body()))
			})
			assert.Equal(t, test.status, w.Code, w.Body)
			assert.Less(t, grown, int64(6<<20), "bytes of heap")
		})
	}
	t.Run("one text of 31 MB is served", func(t *testing.T) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", "/v1/rerank", io.MultiReader(strings.NewReader(`{"model":"m","query":"q","return_documents":false,"documents":["`), &repeated{unit: "a", n: 31 << 20}, strings.NewReader(`"]}`))))
		assert.Equal(t, 200, w.Code)
	})
}

// repeated is a text n times over.
type repeated struct {
	unit string
	n    int
	rest string
}

// Read implements io.Reader.
func (r *repeated) Read(p []byte) (int, error) {
	total := 0
	for len(p) > 0 {
		if r.rest == "" {
			if r.n == 0 {
				break
			}
			r.n--
			r.rest = r.unit
		}
		k := copy(p, r.rest)
		p, r.rest, total = p[k:], r.rest[k:], total+k
	}
	if total == 0 {
		return 0, io.EOF
	}
	return total, nil
}

func TestBytesHeldAreBounded(t *testing.T) {
	t.Parallel()
	reading, release := make(chan struct{}), make(chan struct{})
	h := nebius.Handler(hashing, nebius.HandlerOptions{MaxBytes: 1 << 20, MaxHeld: 1 << 20})
	first := make(chan int, 1)
	go func() {
		w := httptest.NewRecorder()
		slow := io.MultiReader(strings.NewReader(`{"model":"m","query":"q","documents":["`), &repeated{unit: "a", n: 900 << 10}, readerFunc(func([]byte) (int, error) {
			close(reading)
			<-release
			return 0, io.EOF
		}), strings.NewReader(`"]}`))
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", "/v1/rerank", slow))
		first <- w.Code
	}()
	<-reading
	big := `{"model":"m","query":"q","documents":["` + strings.Repeat("b", 300<<10) + `"]}`
	w := serve(t, h, "POST", "/v1/rerank", big)
	assert.Equal(t, 503, w.Code)
	assert.Equal(t, "1", w.Header().Get("Retry-After"))
	assert.Equal(t, 200, serve(t, h, "POST", "/v1/rerank", `{"model":"m","query":"q","documents":["small"]}`).Code)
	close(release)
	assert.Equal(t, 200, <-first)
	assert.Equal(t, 200, serve(t, h, "POST", "/v1/rerank", big).Code, "what was answered is let go")
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestSlowReaderIsLeft(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	h := nebius.Handler(hashing, nebius.HandlerOptions{WriteTimeout: 50 * time.Millisecond, MaxInFlight: 1})
	url := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		h.ServeHTTP(w, r)
	}))
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	body := `{"model":"m","query":"q","documents":["` + strings.Repeat("b", 16<<20) + `"]}`
	_, err = fmt.Fprintf(conn, "POST /v1/rerank HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	require.NoError(t, err)
	<-ended // although nobody has read a byte
}

// FuzzRequest holds the streaming reader of requests to encoding/json: what it
// takes is JSON and means the same.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		`{"model":"m","query":"q","documents":["a","b"]}`, `{"model":"m","query":"\u0041\ud83d\ude00\ud800x\udc00\n","documents":["\\\"\/"],"user":null,"service_tier":"auto"}`,
		`{"documents":[1,null,{},"a"]}`, `{}`, `[]`, `null`, ``, ` {"a":1e5,"b":-0.1E+2,"c":[true,false,null,{"d":[]}]} `, `{"model":"\ud83d\n"}`, `{"model":"\ud83d\ud83d\ude00"}`, "{\"model\":\"\xff\"}", `{"model":01}`, `{"query":"` + "\x01" + `"}`, `{"model":"\ud83d\u0041"}`,
	} {
		f.Add([]byte(s))
	}
	var got *called
	h := nebius.Handler(reranker.ScorerFunc(func(ctx context.Context, q string, d []string) (reranker.Scores, error) {
		got = &called{q, d}
		return hashing(ctx, q, d)
	}), nebius.HandlerOptions{Blank: nebius.ScoreBlank, AllowExtra: true})
	f.Fuzz(func(t *testing.T, body []byte) {
		got = nil
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", "/v1/rerank", bytes.NewReader(body)))
		require.True(t, json.Valid(w.Body.Bytes()), w.Body.String())
		if got == nil {
			require.NotEqual(t, 200, w.Code)
			return
		}
		var want map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(body, &want))
		var query string
		var documents []string
		require.NoError(t, json.Unmarshal(want["query"], &query))
		require.NoError(t, json.Unmarshal(want["documents"], &documents))
		require.Equal(t, query, strings.ToValidUTF8(got.query, "\ufffd"))
		require.Len(t, got.documents, len(documents))
	})
}

type called struct {
	query     string
	documents []string
}

func TestO6AScorerThatIgnoresItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		h := nebius.Handler(reranker.ScorerFunc(func(context.Context, string, []string) (reranker.Scores, error) {
			calls.Add(1)
			time.Sleep(time.Hour)
			return reranker.Scores{}, nil
		}), nebius.HandlerOptions{Timeout: 300 * time.Millisecond})
		for i := range 70 {
			r := httptest.NewRequest(http.MethodPost, "/v1/rerank", strings.NewReader(`{"model":"m","query":"q","documents":["a"]}`))
			r.Header.Set("Content-Type", "application/json")
			w, start := httptest.NewRecorder(), time.Now()
			h.ServeHTTP(w, r)
			if i < 64 {
				assert.Equal(t, http.StatusGatewayTimeout, w.Code)
				assert.LessOrEqual(t, time.Since(start), 320*time.Millisecond)
				continue
			}
			assert.Equal(t, http.StatusServiceUnavailable, w.Code, w.Body)
			assert.Zero(t, time.Since(start), "it is not called")
		}
		assert.EqualValues(t, 64, calls.Load())
		time.Sleep(2 * time.Hour)
	})
}

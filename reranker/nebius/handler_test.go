package nebius_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

// hashing is a scorer without a server.
var hashing = reranker.ScorerFunc(func(_ context.Context, query string, documents []string) (reranker.Scores, error) {
	s := reranker.Scores{Values: make([]float64, len(documents)), Scale: pipeline.Probability, Usage: reranker.Usage{Calls: 1, Documents: len(documents), Tokens: 7}}
	for i, d := range documents {
		s.Values[i] = rerankertest.Hash(query, d)
	}
	return s, nil
})

func fails(err error) reranker.Scorer {
	return reranker.ScorerFunc(func(context.Context, string, []string) (reranker.Scores, error) { return reranker.Scores{}, err })
}

func serve(t *testing.T, h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body)))
	return w
}

func TestHandlerMeetsTheClient(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(nebius.Handler(hashing, nebius.HandlerOptions{Models: []string{testModel}, Keys: []string{testKey}}))
	t.Cleanup(server.Close)
	c := ownClient(t, server.URL, nebius.Options{})
	require.NoError(t, c.Check(t.Context()))
	scores, err := c.Score(t.Context(), "q <&>", []string{"a", "b\xff", "\u2028 c", "a"})
	require.NoError(t, err)
	assert.InDelta(t, rerankertest.Hash("q <&>", "\u2028 c"), scores.Values[2], 0)
	assert.Equal(t, 7, scores.Usage.Tokens)
	assert.True(t, strings.HasPrefix(scores.RequestIDs[0], "rerank-"))
}

func TestClientAndHandlerTogetherKeepTheContract(t *testing.T) {
	t.Parallel()
	rerankertest.Run(t, func(t *testing.T) reranker.Scorer {
		server := httptest.NewServer(nebius.Handler(hashing, nebius.HandlerOptions{Keys: []string{testKey}}))
		t.Cleanup(server.Close)
		return ownClient(t, server.URL, nebius.Options{})
	})
}

func TestHandlerAnswersAsTheContractSays(t *testing.T) {
	t.Parallel()
	h := nebius.Handler(hashing, nebius.HandlerOptions{})
	w := serve(t, h, "POST", "/v1/rerank", `{"model":"m","query":"q","documents":["a","b","c","a"],"user":null,"service_tier":"auto"}`)
	require.Equal(t, 200, w.Code, w.Body)
	var got struct {
		ID, Model string
		Usage     map[string]int
		Results   []struct {
			Index    int
			Document struct{ Text string }
			Score    float64 `json:"relevance_score"`
		}
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
	assert.True(t, strings.HasPrefix(got.ID, "rerank-"))
	assert.Equal(t, "m", got.Model)
	assert.Equal(t, map[string]int{"prompt_tokens": 7, "total_tokens": 7}, got.Usage)
	require.Len(t, got.Results, 4)
	for i, r := range got.Results {
		assert.Equal(t, []string{"a", "b", "c", "a"}[r.Index], r.Document.Text)
		assert.InDelta(t, rerankertest.Hash("q", r.Document.Text), r.Score, 0)
		if i > 0 {
			before := got.Results[i-1]
			assert.True(t, before.Score > r.Score || before.Score == r.Score && before.Index < r.Index)
		}
	}
	assert.Equal(t, "full", w.Header().Get("X-Rerank-Mode"))
	assert.Equal(t, "1", w.Header().Get("X-Rerank-Attempts"))
	assert.Equal(t, "0", w.Header().Get("X-Rerank-Unscored"))
	assert.Equal(t, got.ID, w.Header().Get("X-Request-Id"))
	assert.Equal(t, 200, serve(t, h, "POST", "/rerank", `{"model":"m","query":"q","documents":["a"]}`).Code)
}

func TestHandlerRefusesInTheContractsForm(t *testing.T) {
	t.Parallel()
	h := nebius.Handler(hashing, nebius.HandlerOptions{Models: []string{"m"}, MaxDocuments: 3, MaxBytes: 500})
	for name, test := range map[string]struct {
		method, path, body string
		status             int
		detail             string
	}{
		"not JSON":           {"POST", "/v1/rerank", `{"model":`, 422, `[{"type":"json_invalid","loc":["body",9],"msg":"JSON decode error"}]`},
		"empty":              {"POST", "/v1/rerank", ``, 422, `[{"type":"json_invalid","loc":["body",0],"msg":"JSON decode error"}]`},
		"a list":             {"POST", "/v1/rerank", `[]`, 422, `[{"type":"model_attributes_type","loc":["body"],"msg":"Input should be a valid dictionary or object to extract fields from"}]`},
		"null":               {"POST", "/v1/rerank", `null`, 422, `[{"type":"model_attributes_type","loc":["body"],"msg":"Input should be a valid dictionary or object to extract fields from"}]`},
		"nothing":            {"POST", "/v1/rerank", `{}`, 422, `[{"type":"missing","loc":["body","model"],"msg":"Field required"},{"type":"missing","loc":["body","query"],"msg":"Field required"},{"type":"missing","loc":["body","documents"],"msg":"Field required"}]`},
		"wrong types":        {"POST", "/v1/rerank", `{"model":1,"query":null,"documents":"secret"}`, 422, `[{"type":"string_type","loc":["body","model"],"msg":"Input should be a valid string"},{"type":"string_type","loc":["body","query"],"msg":"Input should be a valid string"},{"type":"list_type","loc":["body","documents"],"msg":"Input should be a valid list"}]`},
		"one wrong document": {"POST", "/v1/rerank", `{"model":"m","query":"q","documents":["a",{"text":"secret"}]}`, 422, `[{"type":"string_type","loc":["body","documents",1],"msg":"Input should be a valid string"}]`},
		"no documents":       {"POST", "/v1/rerank", `{"model":"m","query":"q","documents":[]}`, 422, `[{"type":"too_short","loc":["body","documents"],"msg":"List should have at least 1 item after validation, not 0"}]`},
		"too many documents": {"POST", "/v1/rerank", `{"model":"m","query":"q","documents":["","","",""]}`, 422, `[{"type":"too_long","loc":["body","documents"],"msg":"List should have at most 3 items after validation, not 4"}]`},
		"blank query":        {"POST", "/v1/rerank", `{"model":"m","query":" ","documents":["a"]}`, 422, `[{"type":"string_too_short","loc":["body","query"],"msg":"String should have at least 1 character"}]`},
		"unknown member":     {"POST", "/v1/rerank", `{"model":"m","query":"q","documents":["a"],"top_n":1}`, 422, `[{"type":"extra_forbidden","loc":["body","top_n"],"msg":"Extra inputs are not permitted"}]`},
		"unknown tier":       {"POST", "/v1/rerank", `{"model":"m","query":"q","documents":["a"],"service_tier":"gold"}`, 422, `[{"type":"enum","loc":["body","service_tier"],"msg":"Input should be 'auto', 'default', 'over-limit', 'flex' or 'no-limit'"}]`},
		"unknown model":      {"POST", "/v1/rerank", `{"model":"M","query":"q","documents":["a"]}`, 404, "\"The model `M` does not exist\""},
		"too large":          {"POST", "/v1/rerank", `{"model":"` + strings.Repeat("x", 600) + `"}`, 413, `"The body is larger than 500 bytes"`},
		"unknown route":      {"POST", "/v1/rank", `{}`, 404, `"Not Found"`},
		"wrong method":       {"GET", "/v1/rerank", ``, 405, `"Method Not Allowed"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := serve(t, h, test.method, test.path, test.body)
			assert.Equal(t, test.status, w.Code)
			assert.JSONEq(t, `{"detail":`+test.detail+`}`, w.Body.String())
			assert.NotContains(t, w.Body.String(), "secret")
			assert.Equal(t, "application/json", w.Header().Get("Content-Type"))
		})
	}
	r := httptest.NewRequest(http.MethodPost, "/v1/rerank", strings.NewReader("x"))
	r.Header.Set("Content-Encoding", "gzip")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	assert.Equal(t, 415, w.Code)
}

func TestHandlerHonoursExtrasWhenAllowed(t *testing.T) {
	t.Parallel()
	h := nebius.Handler(hashing, nebius.HandlerOptions{AllowExtra: true})
	w := serve(t, h, "POST", "/v1/rerank", `{"model":"m","query":"q","documents":["a","b","c"],"top_n":2,"return_documents":false}`)
	require.Equal(t, 200, w.Code)
	assert.Equal(t, 2, strings.Count(w.Body.String(), "index"))
	assert.NotContains(t, w.Body.String(), "document")
	assert.Equal(t, 422, serve(t, h, "POST", "/v1/rerank", `{"model":"m","query":"q","documents":["a"],"top_n":0}`).Code)
}

func TestHandlerTurnsErrorsIntoStatuses(t *testing.T) {
	t.Parallel()
	typed := func(k reranker.ErrorKind) error {
		return fmt.Errorf("shard 3: %w", &reranker.Error{Kind: k, Op: "x", Message: "words", RetryAfter: 1500 * time.Millisecond, Attempts: 3})
	}
	for k, want := range map[reranker.ErrorKind]int{
		reranker.KindAuth: 502, reranker.KindModelNotFound: 404, reranker.KindRouteNotFound: 502, reranker.KindValidation: 422, reranker.KindTooLarge: 413,
		reranker.KindRateLimited: 429, reranker.KindOverloaded: 503, reranker.KindBreakerOpen: 503, reranker.KindServer: 502, reranker.KindProtocol: 502,
		reranker.KindTransport: 502, reranker.KindCanceled: 504, reranker.KindPanic: 500, reranker.KindConfig: 500,
	} {
		w := serve(t, nebius.Handler(fails(typed(k)), nebius.HandlerOptions{}), "POST", "/v1/rerank", `{"model":"m","query":"q","documents":["a"]}`)
		assert.Equal(t, want, w.Code, k)
		assert.Contains(t, w.Body.String(), `"detail"`)
		assert.Equal(t, "failed", w.Header().Get("X-Rerank-Mode"))
		assert.Equal(t, "3", w.Header().Get("X-Rerank-Attempts"))
		if want == 429 || want == 503 {
			assert.Equal(t, "2", w.Header().Get("Retry-After"), "rounded up")
		}
	}
	for err, want := range map[error]int{errors.New("secret path /x"): 500, context.DeadlineExceeded: 504} {
		w := serve(t, nebius.Handler(fails(err), nebius.HandlerOptions{}), "POST", "/v1/rerank", `{"model":"m","query":"q","documents":["a"]}`)
		assert.Equal(t, want, w.Code)
		assert.NotContains(t, w.Body.String(), "secret")
	}
	panics := reranker.ScorerFunc(func(context.Context, string, []string) (reranker.Scores, error) { panic("secret") })
	w := serve(t, nebius.Handler(panics, nebius.HandlerOptions{}), "POST", "/v1/rerank", `{"model":"m","query":"q","documents":["a"]}`)
	assert.Equal(t, 500, w.Code)
	assert.JSONEq(t, `{"detail":"Internal Server Error"}`, w.Body.String())
}

func TestHandlerAndDocumentsWithoutAScore(t *testing.T) {
	t.Parallel()
	partial := func(reasons ...pipeline.Reason) reranker.Scorer {
		return reranker.ScorerFunc(func(ctx context.Context, q string, d []string) (reranker.Scores, error) {
			s, err := hashing(ctx, q, d)
			s.Unscored = reasons
			for i, r := range reasons {
				if r != "" {
					s.Values[i] = 0
				}
			}
			s.Report = &reranker.Report{Mode: reranker.Partial, Attempts: 5}
			s.Causes = []error{&reranker.Error{Kind: reranker.KindRateLimited, Message: "slow down", RetryAfter: 7 * time.Second}}
			return s, err
		})
	}
	const call = `{"model":"m","query":"q","documents":["a","b","c"]}`
	for reason, want := range map[pipeline.Reason]int{
		pipeline.ReasonRateLimit: 429, pipeline.ReasonBreaker: 503, pipeline.ReasonServerError: 502, pipeline.ReasonBadResponse: 502, pipeline.ReasonTransport: 502,
		pipeline.ReasonDeadline: 504, pipeline.ReasonTooLong: 413, pipeline.ReasonClientError: 502, pipeline.ReasonBlank: 200, pipeline.ReasonPanic: 500, pipeline.ReasonFailed: 502,
	} {
		w := serve(t, nebius.Handler(partial("", reason, ""), nebius.HandlerOptions{}), "POST", "/v1/rerank", call)
		assert.Equal(t, want, w.Code, reason)
		assert.Equal(t, "1", w.Header().Get("X-Rerank-Unscored"))
		if reason == pipeline.ReasonBlank {
			assert.Equal(t, "partial", w.Header().Get("X-Rerank-Mode"), "it costs itself")
		} else {
			assert.Equal(t, "failed", w.Header().Get("X-Rerank-Mode"))
			assert.Contains(t, w.Body.String(), "1 of 3 documents")
		}
	}
	var served []nebius.Served
	h := nebius.Handler(partial("", pipeline.ReasonDeadline, ""), nebius.HandlerOptions{Partial: nebius.OmitPartial, OnCall: func(s nebius.Served) { served = append(served, s) }})
	w := serve(t, h, "POST", "/v1/rerank", call)
	require.Equal(t, 200, w.Code)
	assert.NotContains(t, w.Body.String(), `"index":1`)
	assert.Contains(t, w.Body.String(), `"index":2`)
	assert.Equal(t, "1", w.Header().Get("X-Rerank-Unscored"))
	assert.Equal(t, "partial", w.Header().Get("X-Rerank-Mode"))
	assert.Equal(t, "5", w.Header().Get("X-Rerank-Attempts"))
	require.Len(t, served, 1)
	assert.Equal(t, 1, served[0].Unscored)
	assert.Equal(t, reranker.Partial, served[0].Mode)
	assert.Equal(t, 200, served[0].Status)
}

func TestHandlerLimitsCallsAndTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		started := make(chan struct{}, 1)
		slow := reranker.ScorerFunc(func(ctx context.Context, _ string, _ []string) (reranker.Scores, error) {
			started <- struct{}{}
			<-ctx.Done()
			return reranker.Scores{}, ctx.Err()
		})
		h := nebius.Handler(slow, nebius.HandlerOptions{MaxInFlight: 1, Timeout: 50 * time.Millisecond})
		const call = `{"model":"m","query":"q","documents":["a"]}`
		first := make(chan int, 1)
		go func() { first <- serve(t, h, "POST", "/v1/rerank", call).Code }()
		<-started
		w := serve(t, h, "POST", "/v1/rerank", call)
		assert.Equal(t, 503, w.Code)
		assert.Equal(t, "1", w.Header().Get("Retry-After"))
		assert.Equal(t, 504, <-first)
	})
}

func TestHandlerSaysWhatIsWrongWithItsOptions(t *testing.T) {
	t.Parallel()
	for says, h := range map[string]http.Handler{
		"no scorer": nebius.Handler(nil, nebius.HandlerOptions{}), "negative": nebius.Handler(hashing, nebius.HandlerOptions{MaxDocuments: -1}),
		"keys is empty": nebius.Handler(hashing, nebius.HandlerOptions{Keys: []string{" "}}), "policy": nebius.Handler(hashing, nebius.HandlerOptions{Partial: 9}),
	} {
		w := serve(t, h, "POST", "/v1/rerank", `{}`)
		assert.Equal(t, 500, w.Code)
		assert.Contains(t, w.Body.String(), says)
	}
}

func TestServeFinishesCallsUnderWay(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	started, release := make(chan struct{}), make(chan struct{})
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(started)
		<-release
		_, _ = io.WriteString(w, "done")
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended, answered := make(chan error, 1), make(chan string, 1)
	go func() { ended <- nebius.Serve(ctx, l, h, nebius.ServeOptions{Grace: time.Minute}) }()
	go func() {
		res, err := http.Get("http://" + l.Addr().String())
		if assert.NoError(t, err) {
			b, _ := io.ReadAll(res.Body)
			_ = res.Body.Close()
			answered <- string(b)
		}
	}()
	<-started
	cancel()
	close(release)
	assert.Equal(t, "done", <-answered)
	require.NoError(t, <-ended)
}

func TestServeCutsOffAfterTheGrace(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	started := make(chan struct{})
	h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(started)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- nebius.Serve(ctx, l, h, nebius.ServeOptions{Grace: 20 * time.Millisecond}) }()
	go func() {
		res, err := http.Get("http://" + l.Addr().String())
		if err == nil {
			_ = res.Body.Close()
		}
	}()
	<-started
	cancel()
	require.ErrorIs(t, <-ended, context.DeadlineExceeded)
}

func TestHandlerTellsNobodyWhereItsUpstreamIs(t *testing.T) {
	t.Parallel()
	for sentence, answer := range map[string]http.HandlerFunc{
		"a route that is missing": http.NotFound,
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://inner.example:8443/v1/rerank", http.StatusTemporaryRedirect)
		},
		"a connection that is cut": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			upstream := httptest.NewServer(answer)
			t.Cleanup(upstream.Close)
			c, err := nebius.New("", "m", nebius.Options{BaseURL: upstream.URL, NoKey: true})
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, c.Close()) })
			partly := reranker.ScorerFunc(func(ctx context.Context, q string, d []string) (reranker.Scores, error) {
				_, err := c.Score(ctx, q, d)
				return reranker.Scores{Values: []float64{0, 0.5}, Unscored: []pipeline.Reason{pipeline.ReasonServerError, ""}, Causes: []error{err}}, nil
			})
			for _, scorer := range []reranker.Scorer{c, partly} {
				w := serve(t, nebius.Handler(scorer, nebius.HandlerOptions{}), "POST", "/v1/rerank", `{"model":"m","query":"q","documents":["a","b"]}`)
				assert.Equal(t, 502, w.Code)
				assert.Contains(t, w.Body.String(), `"detail"`)
				for _, address := range []string{"127.0.0.1", "inner.example", "BaseURL"} {
					assert.NotContains(t, w.Body.String(), address)
				}
			}
		})
	}
}

package nebius_test

import (
	"fmt"
	"net/http"
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

func errorCases() []conformanceCase {
	return []conformanceCase{
		{"39_unauthorized", func(t *testing.T) {
			for _, said := range []string{"Not authenticated", "Invalid token"} {
				_, err := ask(t, rerankertest.Status(401, `{"detail":"`+said+`"}`), nebius.Options{}, "a")
				e := kind(t, err, reranker.KindAuth)
				assert.False(t, e.Retryable())
				assert.Contains(t, e.Message, said)
				assert.Equal(t, 401, e.Status)
			}
			for _, status := range []int{402, 403} {
				_, err := ask(t, rerankertest.Status(status, ``), nebius.Options{}, "a")
				assert.False(t, kind(t, err, reranker.KindAuth).Retryable())
			}
			t.Run("stops the other shards", unauthorizedStops)
		}},
		{"40_not_found", func(t *testing.T) {
			_, err := ask(t, rerankertest.Status(404, `{"detail":"The model `+"`Qwen/Qwen3-Reranker-8B`"+` does not exist."}`), nebius.Options{}, "a")
			e := kind(t, err, reranker.KindModelNotFound)
			assert.Contains(t, e.Message, "Models lists")
			assert.False(t, e.Retryable())
			s := rerankertest.NewServer(t, rerankertest.Status(404, `{"detail":"Not Found"}`))
			_, err = client(t, s, nebius.Options{BaseURL: s.URL + "?token=abc"}).Score(t.Context(), "q", []string{"a"})
			e = kind(t, err, reranker.KindRouteNotFound)
			assert.Contains(t, e.Message, s.URL+"/v1/rerank")
			assert.NotContains(t, e.Error(), "abc")
			_, err = ask(t, rerankertest.Status(404, `{"detail":"no such model"}`), nebius.Options{MayWake: true}, "a")
			assert.True(t, kind(t, err, reranker.KindOverloaded).Retryable())
		}},
		{"41_validation", func(t *testing.T) {
			_, err := ask(t, rerankertest.Status(422, `{"detail":[{"type":"missing","loc":["body","query"],"msg":"Field required","input":{"documents":["very secret text"]}},`+
				`{"type":"list_type","loc":["body","documents",3],"msg":"Input should be a valid list","input":"very secret text"}]}`), nebius.Options{}, "very secret text")
			e := kind(t, err, reranker.KindValidation)
			assert.Equal(t, "body.query: Field required; body.documents.3: Input should be a valid list", e.Message)
			assert.False(t, e.Retryable())
		}},
		{"42_one_document_too_long", fake(tooLong)},
		{"43_too_many_documents", fake(tooMany)},
		{"44_retry_after", retryAfterCases},
		{"45_reset_headers", func(t *testing.T) {
			for value, want := range map[string]time.Duration{"1s": time.Second, "1": time.Second, "900s": 900 * time.Second, "6ms": 6 * time.Millisecond, "1m0s": time.Minute, "soon": 0, "": 0, "5%": 0} {
				_, err := ask(t, rerankertest.Always(rerankertest.JSON(429, `{}`).With("x-ratelimit-reset-requests", value)), nebius.Options{}, "a")
				assert.Equal(t, want, kind(t, err, reranker.KindRateLimited).RetryAfter, value)
			}
			_, err := ask(t, rerankertest.Always(rerankertest.JSON(429, ``).With("x-ratelimit-reset-requests", "1s").With("x-ratelimit-remaining-requests", "3").
				With("x-ratelimit-reset-tokens", "20s").With("x-ratelimit-remaining-tokens", "0")), nebius.Options{}, "a")
			e := kind(t, err, reranker.KindRateLimited)
			assert.Equal(t, 20*time.Second, e.RetryAfter, "of the budget that is used up")
			assert.Equal(t, reranker.Limits{Known: true, Requests: -1, Tokens: -1, RemainingRequests: 3, ResetRequests: time.Second, ResetTokens: 20 * time.Second}, e.Limits)
		}},
		{"46_one_refusal_holds_all_shards", fake(refusalHolds)},
		{"47_server_errors", func(t *testing.T) {
			for status, want := range map[int]reranker.ErrorKind{500: reranker.KindServer, 502: reranker.KindServer, 504: reranker.KindServer, 503: reranker.KindOverloaded, 529: reranker.KindOverloaded, 520: reranker.KindServer} {
				_, err := ask(t, rerankertest.Always(rerankertest.Page(status)), nebius.Options{}, "a")
				e := kind(t, err, want)
				assert.True(t, e.Retryable())
				assert.Contains(t, e.Error(), fmt.Sprint(status))
				assert.NotContains(t, e.Error(), "<")
				assert.NotContains(t, e.Error(), "nginx")
			}
		}},
		{"48_never_retried", func(t *testing.T) {
			for status, want := range map[int]reranker.ErrorKind{501: reranker.KindRouteNotFound, 405: reranker.KindRouteNotFound, 424: reranker.KindValidation, 415: reranker.KindValidation, 400: reranker.KindValidation, 422: reranker.KindValidation, 418: reranker.KindValidation} {
				_, err := ask(t, rerankertest.Status(status, ``), nebius.Options{}, "a")
				assert.False(t, kind(t, err, want).Retryable())
			}
			for _, status := range []int{408, 409, 425} {
				_, err := ask(t, rerankertest.Status(status, ``), nebius.Options{}, "a")
				assert.True(t, kind(t, err, reranker.KindValidation).Retryable())
			}
		}},
		{"49_bodies_of_errors", errorBodies},
		{"50_redirects", redirects},
	}
}

func unauthorizedStops(t *testing.T) {
	s := rerankertest.NewServer(t, rerankertest.Status(401, `{"detail":"Invalid token"}`))
	_, err := reranker.Shard(client(t, s, nebius.Options{}), reranker.ShardOptions{Documents: 1, Concurrency: 2, Top: -1}).Score(t.Context(), "q", texts(40))
	kind(t, err, reranker.KindAuth)
	assert.LessOrEqual(t, s.Count(), 4, "no call follows the refusal of a key")
}

func texts(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprint("document number ", i)
	}
	return all
}

// memory makes a client of a scripted server in fake time.
func memory(t *testing.T, script rerankertest.Script, o nebius.Options) (*nebius.Client, *rerankertest.Server) {
	t.Helper()
	s := rerankertest.NewMemory(t, script)
	return client(t, s, o), s
}

func tooLong(t *testing.T) {
	documents := texts(16)
	documents[11] = strings.Repeat("long ", 200)
	for _, status := range []int{400, 500} {
		c, s := memory(t, rerankertest.MaxBytes(500, status, rerankertest.Honest(rerankertest.Hash)), nebius.Options{})
		scores, err := reranker.Shard(c, reranker.ShardOptions{Documents: 16, Timeout: time.Minute}).Score(t.Context(), "panda", documents)
		require.NoError(t, err)
		for i, d := range documents {
			if i == 11 {
				assert.Equal(t, pipeline.ReasonTooLong, scores.Unscored[i])
			} else {
				assert.InDelta(t, rerankertest.Hash("panda", d), scores.Values[i], 0)
			}
		}
		assert.LessOrEqual(t, s.Count(), 2+2*5, "bisected")
	}
	// The client itself names the refusal, whatever words the server has for it.
	for _, said := range []string{
		`{"error":{"message":"This model's maximum context length is 40960 tokens. However, you requested 40961 tokens","type":"BadRequestError","param":"input_tokens","code":400}}`,
		`{"error":{"code":500,"message":"input (603 tokens) is too large to process. increase the physical batch size (current batch size: 512)","type":"server_error"}}`,
		`{"error":{"code":400,"message":"request (700 tokens) exceeds the available context size","type":"exceed_context_size_error"}}`,
		`{"error":"Input validation error: ` + "`inputs`" + ` must have less than 512 tokens. Given: 600","error_type":"Validation"}`,
	} {
		c, _ := memory(t, rerankertest.Status(400, said), nebius.Options{})
		_, err := c.Score(t.Context(), "q", []string{"a"})
		kind(t, err, reranker.KindTooLarge)
	}
}

func tooMany(t *testing.T) {
	for _, status := range []int{413, 422} {
		c, s := memory(t, rerankertest.MaxDocuments(32, status, rerankertest.Honest(rerankertest.Hash)), nebius.Options{})
		shard := reranker.Shard(c, reranker.ShardOptions{Documents: 200, Calls: 1, Timeout: time.Minute, Top: -1})
		for range 2 {
			scores, err := shard.Score(t.Context(), "panda", texts(100))
			require.NoError(t, err)
			assert.True(t, scores.Complete())
		}
		refused, late := 0, 0
		for i, call := range s.Calls() {
			if len(call.Documents) > 32 {
				refused++
				if i > s.Count()/2 {
					late++
				}
			}
		}
		assert.LessOrEqual(t, refused, 4)
		assert.Zero(t, late, "the limit is kept in mind")
	}
}

func retryAfterCases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
		for value, want := range map[string]time.Duration{
			"2": 2 * time.Second, "0.5": 500 * time.Millisecond, at(2 * time.Second): 2 * time.Second, at(-time.Hour): 0, "soon": 0, "-5": 0, "NaN": 0, "": 0,
			"1s": time.Second, "86400": 24 * time.Hour, "1e999": 0, "99999999999999": 30 * 24 * time.Hour,
			time.Now().Add(3 * time.Second).UTC().Format("Monday, 02-Jan-06 15:04:05 GMT"): 3 * time.Second,
			time.Now().Add(4 * time.Second).UTC().Format(time.ANSIC):                       4 * time.Second,
		} {
			c, _ := memory(t, rerankertest.RateLimited(value), nebius.Options{})
			_, err := c.Score(t.Context(), "q", []string{"a"})
			assert.Equal(t, want, kind(t, err, reranker.KindRateLimited).RetryAfter, value)
		}
		// A wait that fits is kept, one that does not fails at once.
		c, s := memory(t, rerankertest.Times(1, rerankertest.RateLimited("2"), rerankertest.Honest(rerankertest.Hash)), nebius.Options{})
		start := time.Now()
		scores, err := reranker.Shard(c, reranker.ShardOptions{Timeout: time.Minute}).Score(t.Context(), "q", []string{"a"})
		require.NoError(t, err)
		assert.True(t, scores.Complete())
		assert.GreaterOrEqual(t, time.Since(start), 2*time.Second)
		assert.Less(t, time.Since(start), 8*time.Second)
		assert.Equal(t, 2, s.Count())
		c, s = memory(t, rerankertest.RateLimited("86400"), nebius.Options{})
		start = time.Now()
		_, err = reranker.Shard(c, reranker.ShardOptions{Timeout: time.Minute}).Score(t.Context(), "q", []string{"a"})
		kind(t, err, reranker.KindRateLimited)
		assert.Less(t, time.Since(start), time.Second)
		assert.Equal(t, 1, s.Count())
	})
}

func refusalHolds(t *testing.T) {
	var refusedAt time.Time
	c, s := memory(t, rerankertest.Change(rerankertest.Honest(rerankertest.Hash), func(call rerankertest.Call, r rerankertest.Reply) rerankertest.Reply {
		if call.N == 3 {
			refusedAt = call.At
			return rerankertest.JSON(429, `{"detail":"slow down"}`).With("Retry-After", "2")
		}
		r.Delay = 50 * time.Millisecond
		return r
	}), nebius.Options{})
	scores, err := reranker.Shard(c, reranker.ShardOptions{Documents: 2, Concurrency: 4, Top: -1, Timeout: time.Minute, NoHedge: true, Wait: true}).Score(t.Context(), "q", texts(16))
	require.NoError(t, err)
	assert.True(t, scores.Complete())
	assert.LessOrEqual(t, s.Count(), 9, "eight shards and one repetition")
	for _, call := range s.Calls() {
		since := call.At.Sub(refusedAt)
		assert.False(t, since > 60*time.Millisecond && since < 2*time.Second, "a call %v after the refusal", since)
	}
}

func errorBodies(t *testing.T) {
	for answer, want := range map[string]string{
		`"top_n must be at least 1"`: "top_n must be at least 1",
		`{"error":"text"}`:           "text",
		`{"error":{"message":"broken","type":"t","param":"top"}}`:                              "broken (top)",
		`{"error":{"type":"only_type"}}`:                                                       "only_type",
		`{"message":"m"}`:                                                                      "m",
		`{"code":20015,"message":"bad value","data":null}`:                                     "bad value",
		`{"error":{"code":"X","message":"pine"},"status":400}`:                                 "pine",
		`{"object":"error","message":"flat","type":"BadRequestError","param":null,"code":400}`: "flat",
		`{"detail":"d","error":"e"}`:                                                           "d",
		`{"detail":{"msg":"inner"}}`:                                                           "inner",
		`{"detail":["a","b"]}`:                                                                 "a; b",
		``:                                                                                     "bad request",
		`{}`:                                                                                   "bad request",
		`null`:                                                                                 "bad request",
		"\x00\xff":                                                                             "bad request",
		"no healthy upstream":                                                                  "no healthy upstream",
		"{\"detail\":\"two\\nlines\\u0007 and \\u001b[31m red\\u202e\"}": "two lines and [31m red",
	} {
		_, err := ask(t, rerankertest.Status(400, answer), nebius.Options{}, "a")
		e := kind(t, err, reranker.KindValidation)
		assert.Equal(t, want, e.Message, answer)
	}
	_, err := ask(t, rerankertest.Status(400, `{"detail":"`+strings.Repeat("ä", 5000)+`"}`), nebius.Options{}, "a")
	assert.LessOrEqual(t, len(kind(t, err, reranker.KindValidation).Message), 300)
}

func redirects(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		other := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
		for _, target := range []string{other.URL + "/v1/rerank?x=1", "/elsewhere", "http://169.254.169.254/latest"} {
			for _, own := range []*http.Client{nil, {}} {
				s := rerankertest.NewServer(t, rerankertest.Redirect(status, target))
				c, err := nebius.New(testKey, testModel, nebius.Options{BaseURL: s.URL, HTTPClient: own})
				require.NoError(t, err)
				_, err = c.Score(t.Context(), "q", []string{"a"})
				e := kind(t, err, reranker.KindRouteNotFound)
				assert.Contains(t, e.Message, "redirects are not followed")
				assert.False(t, e.Retryable())
				assert.Equal(t, 1, s.Count())
				require.NoError(t, c.Close())
			}
		}
		assert.Zero(t, other.Count(), "neither key nor texts leave the host")
	}
}

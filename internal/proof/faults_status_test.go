package proof_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

// statusFaults are the rows 31 to 41: refusals, and what to make of them.
func statusFaults() []row {
	return []row{
		{"31_one_bad_document", fake(oneBadDocument)},
		{"32_key_refused", fake(func(t *testing.T) {
			for _, status := range []int{401, 403} {
				r := memory(t, rerankertest.Status(status, `{"detail":"Invalid token `+testKey+`"}`), setup{shard: single})
				g := r.ask().nothing(pipeline.ReasonClientError).because(fmt.Sprint(status), "Invalid token")
				assert.Equal(t, 1, g.report.Attempts, "never repeated")
				assert.Equal(t, reranker.Open, r.endpoint.State().Breaker)
				g = r.ask().nothing(pipeline.ReasonBreaker)
				assert.Zero(t, g.report.Attempts)
				assert.Zero(t, g.took)
				assert.Equal(t, 1, r.server.Count())
			}
		})},
		{"33_no_such_route", fake(func(t *testing.T) {
			for _, status := range []int{404, 405} {
				r := memory(t, rerankertest.Status(status, `{"detail":"Not Found"}`), setup{shard: single})
				g := r.ask().nothing(pipeline.ReasonClientError).because("check BaseURL", r.server.URL+"/v1/rerank")
				assert.Equal(t, 1, g.report.Attempts)
			}
		})},
		{"34_try_again", fake(func(t *testing.T) {
			for _, status := range []int{408, 409, 425} {
				r := memory(t, rerankertest.Times(1, rerankertest.Status(status, ``), honest), setup{shard: single})
				assert.Equal(t, 1, r.ask().full().report.Retries)
				r = memory(t, rerankertest.Status(status, ``), setup{shard: single})
				assert.Equal(t, 2, r.ask().nothing(pipeline.ReasonClientError).report.Attempts, "once")
			}
		})},
		{"35_call_too_large", fake(callTooLarge)},
		{"36_server_fails", fake(serverFails)},
		{"37_retry_after_forms", fake(retryAfterForms)},
		{"38_refused_for_a_minute", fake(refusedForAMinute)},
		{"39_no_tokens_left", fake(func(t *testing.T) {
			r := memory(t, limited("60000", "0", "30s"), setup{shard: single})
			r.ask().full()
			g := r.ask().nothing(pipeline.ReasonRateLimit)
			assert.Zero(t, g.report.Attempts)
			assert.Zero(t, g.took, "it is not waited for, either")
			assert.Equal(t, 1, r.server.Count())
			// With a little left the candidates are cut from the end.
			r = memory(t, limited("60000", "300", "30s"), setup{shard: single})
			r.ask().full()
			g = r.ask()
			assert.Equal(t, reranker.Partial, g.report.Mode)
			assert.Equal(t, g.report.Unscored, g.report.Reasons[pipeline.ReasonRateLimit])
			for i, h := range g.ranking.Hits {
				assert.Equal(t, i >= g.report.Scored, !h.Judged(), "the head of the retrieval ranking is sent")
			}
		})},
		{"40_limits_change", fake(func(t *testing.T) {
			r := memory(t, honest, setup{})
			for _, limit := range []string{"60", "1200", "80"} {
				r.server.SetScript(rerankertest.Change(honest, func(_ rerankertest.Call, r rerankertest.Reply) rerankertest.Reply {
					return r.With("x-ratelimit-limit-requests", limit).With("x-ratelimit-remaining-requests", limit)
				}))
				r.ask().full()
				assert.Equal(t, limit, fmt.Sprint(r.endpoint.State().Requests))
			}
		})},
		{"41_redirects", redirected},
	}
}

func oneBadDocument(t *testing.T) {
	texts := func(bad string) []string {
		all := make([]string, 16)
		for i := range all {
			all[i] = fmt.Sprint("document number ", i)
		}
		all[11] = bad
		return all
	}
	for _, status := range []int{400, 422, 500} {
		r := memory(t, rerankertest.MaxBytes(500, status, honest), setup{shard: reranker.ShardOptions{Documents: 16, Calls: 1, Top: -1}})
		r.in = ranked(t, texts(strings.Repeat("long ", 200))...)
		g := r.ask().lost(reasons{pipeline.ReasonTooLong: 1}).honest()
		assert.Equal(t, []string{"d00011"}, g.ranking.Gaps[0].IDs, "the guilty one is named")
	}
	// A refusal without a word about size is split twice and no further.
	r := memory(t, rerankertest.On(func(c rerankertest.Call) bool { return strings.Contains(string(c.Body), "cursed") },
		rerankertest.Status(400, `{"detail":"cannot process"}`), honest), setup{shard: reranker.ShardOptions{Documents: 16, Calls: 1, Top: -1}})
	r.in = ranked(t, texts("cursed document")...)
	g := r.ask().lost(reasons{pipeline.ReasonClientError: 4}).honest()
	assert.Contains(t, g.ranking.Gaps[0].IDs, "d00011")
	assert.Equal(t, 5, g.report.Attempts)
	r = memory(t, rerankertest.Status(400, `{"detail":"cannot process"}`), setup{endpoint: reranker.EndpointOptions{ExtraShare: -1}})
	assert.Equal(t, 4, r.ask().nothing(pipeline.ReasonClientError).report.Attempts, "nor without a budget")
}

func callTooLarge(t *testing.T) {
	for _, status := range []int{413, 422} {
		r := memory(t, rerankertest.MaxDocuments(8, status, honest), setup{shard: reranker.ShardOptions{Calls: 1, Top: -1}, documents: 32})
		r.ask().full()
		most := r.endpoint.State().MaxDocuments
		assert.LessOrEqual(t, most, 8, "halved until it passed, and remembered")
		n := r.server.Count()
		g := r.ask().full()
		for _, c := range r.server.Calls()[n:] {
			assert.LessOrEqual(t, len(c.Documents), 8)
		}
		assert.Equal(t, g.report.Attempts, g.report.Answered, "no second refusal")
	}
}

// serverFails: 424 is what servers say about one document of a call, so it is
// split and never repeated (case 48 of the contract).
func serverFails(t *testing.T) {
	for _, status := range []int{500, 502, 503, 504, 529} {
		r := memory(t, rerankertest.Times(1, rerankertest.Always(rerankertest.Page(status)), honest), setup{shard: single})
		assert.Equal(t, 1, r.ask().full().report.Retries, "%d", status)
		limit := r.endpoint.State().Limit
		assert.Equal(t, status == 503 || status == 504 || status == 529, limit < 32, "%d asks for less: %v", status, limit)
		r = memory(t, rerankertest.Always(rerankertest.Page(status)), setup{shard: single})
		want := 2 // once more as it is
		if status != 503 && status != 529 {
			want += 18 // then in parts, as far as the budget goes: a document may be at fault
		}
		assert.Equal(t, want, r.ask().nothing(pipeline.ReasonServerError).report.Attempts, "%d", status)
		// Without a budget there is no repetition, nor without the time for one.
		r = memory(t, rerankertest.Always(rerankertest.Page(status)), setup{shard: single, endpoint: reranker.EndpointOptions{ExtraShare: -1}})
		assert.Equal(t, 1, r.ask().nothing(pipeline.ReasonServerError).report.Attempts)
	}
	r := memory(t, rerankertest.Slow(500*time.Millisecond, honest), setup{shard: single})
	r.ask().full()
	r.server.SetScript(rerankertest.Slow(500*time.Millisecond, rerankertest.Status(500, ``)))
	assert.Equal(t, 1, r.ask().nothing(pipeline.ReasonServerError).report.Attempts, "a repetition would come too late")
	r = memory(t, rerankertest.Status(424, `{"detail":"backend"}`), setup{shard: single, documents: 1})
	assert.Equal(t, 1, r.ask().nothing(pipeline.ReasonClientError).report.Attempts)
}

func retryAfterForms(t *testing.T) {
	// Dates are written when the row is run, in whole seconds as the server's own.
	in := func(d time.Duration) func() string {
		return func() string { return time.Now().UTC().Add(d).Format(http.TimeFormat) }
	}
	is := func(value string) func() string { return func() string { return value } }
	for name, test := range map[string]struct {
		header      string
		value       func() string
		least, most time.Duration // until the answer
		shed        bool
	}{
		"seconds":                {"Retry-After", is("1"), time.Second, 1100 * time.Millisecond, false},
		"seconds with fraction":  {"Retry-After", is("0.7"), 700 * time.Millisecond, 800 * time.Millisecond, false},
		"a date":                 {"Retry-After", in(2 * time.Second), 2 * time.Second, 2100 * time.Millisecond, false},
		"milliseconds":           {"Retry-After-Ms", is("300"), 300 * time.Millisecond, 400 * time.Millisecond, false},
		"a date in the past":     {"Retry-After", in(-time.Hour), 0, 1100 * time.Millisecond, false},
		"invalid":                {"Retry-After", is("soon"), 0, 1100 * time.Millisecond, false},
		"negative":               {"Retry-After", is("-3"), 0, 1100 * time.Millisecond, false},
		"a day":                  {"Retry-After", is("86400"), 0, 0, true},
		"beyond the deadline":    {"Retry-After", is("10"), 0, 0, true},
		"a date beyond all days": {"Retry-After", is("Fri, 31 Dec 9999 23:59:59 GMT"), 0, 0, true},
	} {
		refused := rerankertest.Always(rerankertest.JSON(429, `{}`).With(test.header, test.value()))
		r := memory(t, rerankertest.Times(1, refused, honest), setup{shard: single, deadline: 4 * time.Second})
		g := r.ask()
		assert.GreaterOrEqual(t, g.took, test.least, name)
		assert.LessOrEqual(t, g.took, test.most, name)
		if !test.shed {
			g.full()
			continue
		}
		g.nothing(pipeline.ReasonRateLimit)
		// The pause is everybody's, and no server can ask for more than a minute.
		r.ask().nothing(pipeline.ReasonRateLimit)
		assert.Equal(t, 1, r.server.Count(), name)
		assert.LessOrEqual(t, r.endpoint.State().GateWait, time.Minute, name)
		time.Sleep(61 * time.Second)
		r.ask().full()
	}
}

func refusedForAMinute(t *testing.T) {
	r := memory(t, rerankertest.RateLimited(""), setup{shard: single})
	start := time.Now()
	queries := 0
	for time.Since(start) < time.Minute {
		before := r.server.Count()
		g := r.ask()
		queries++
		assert.Equal(t, reranker.RetrievalOnly, g.report.Mode)
		if g.report.Attempts == 0 {
			assert.Less(t, g.took, time.Millisecond, "a query that is not sent costs nothing")
			assert.Equal(t, before, r.server.Count())
		}
		time.Sleep(max(0, 100*time.Millisecond-g.took))
	}
	assert.Greater(t, queries, 500)
	assert.Less(t, r.server.Count(), 30, "%d queries", queries)
	r.server.SetScript(honest)
	time.Sleep(time.Minute)
	r.ask().full()
}

// limited answers well and declares the tokens of a minute.
func limited(limit, remaining, reset string) rerankertest.Script {
	return rerankertest.Change(honest, func(_ rerankertest.Call, r rerankertest.Reply) rerankertest.Reply {
		return r.With("x-ratelimit-limit-tokens", limit).With("x-ratelimit-remaining-tokens", remaining).With("x-ratelimit-reset-tokens", reset)
	})
}

func redirected(t *testing.T) {
	other := rerankertest.NewServer(t, honest)
	for _, status := range []int{301, 302, 303, 307, 308} {
		for name, target := range map[string]func(self string) string{
			"the same host":  func(self string) string { return self + "/elsewhere" },
			"another host":   func(string) string { return other.URL + "/v1/rerank" },
			"a relative one": func(string) string { return "/v2/rerank" },
		} {
			s := rerankertest.NewServer(t, nil)
			s.SetScript(rerankertest.Redirect(status, target(s.URL)))
			for _, own := range []*http.Client{nil, s.Client()} {
				n := s.Count()
				c, err := nebius.New(testKey, testModel, nebius.Options{BaseURL: s.URL, HTTPClient: own})
				require.NoError(t, err)
				r := scorers(t, setup{shard: single, deadline: 10 * time.Second}, c)
				g := r.ask().nothing(pipeline.ReasonClientError).because("redirects are not followed")
				assert.Equal(t, 1, g.report.Attempts, name)
				assert.Equal(t, n+1, s.Count(), "%d to %s was followed", status, name)
				require.NoError(t, c.Close())
				if own != nil {
					own.CloseIdleConnections()
				}
			}
		}
		// From https down to plain http.
		s := rerankertest.NewTLS(t, false, rerankertest.Redirect(status, other.URL))
		newRig(t, s, setup{shard: single, deadline: 10 * time.Second}).ask().nothing(pipeline.ReasonClientError)
	}
	assert.Zero(t, other.Connections(), "neither key nor texts leave the host")
}

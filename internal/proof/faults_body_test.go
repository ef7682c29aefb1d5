package proof_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

// bodyFaults are the rows 11 to 20: how an answer arrives and what it is written in.
func bodyFaults() []row {
	return []row{
		{"11_body_trickles", fake(trickles)},
		{"12_body_in_single_bytes", fake(func(t *testing.T) {
			texts := []string{"größe 熊猫 🐼", "e\u0301 und ü", "a\u2028b"}
			whole, sliced := memory(t, honest, setup{}), memory(t, rerankertest.Trickle(1, 0, honest), setup{})
			whole.in, sliced.in = ranked(t, texts...), ranked(t, texts...)
			a, b := whole.ask().full(), sliced.ask().full()
			assert.Equal(t, a.ranking.Hits, b.ranking.Hits)
		})},
		{"13_endless_body", fake(endless)},
		{"14_gzip_bomb", fake(func(t *testing.T) {
			for name, reply := range map[string]rerankertest.Reply{
				"bomb":     {Body: []byte(strings.Repeat(" ", 8<<20)), Gzip: true},
				"not gzip": rerankertest.JSON(200, `{"results":[]}`).With("Content-Encoding", "gzip"),
				"brotli":   rerankertest.JSON(200, `{"results":[]}`).With("Content-Encoding", "br"),
			} {
				var most atomic.Int64
				r := memory(t, rerankertest.On(seventh, rerankertest.Always(reply), honest), setup{
					shard:  reranker.ShardOptions{Documents: 5, Concurrency: 1, Top: -1},
					client: nebius.Options{OnCall: func(c nebius.Call) { most.Store(max(most.Load(), int64(c.ResponseBytes))) }},
				})
				r.ask().lost(reasons{pipeline.ReasonBadResponse: 1}).honest()
				assert.LessOrEqual(t, most.Load(), int64(2<<20), name)
			}
		})},
		{"15_false_content_length", fake(func(t *testing.T) {
			for extra, why := range map[int]pipeline.Reason{50: pipeline.ReasonTransport, -50: pipeline.ReasonBadResponse} {
				r := memory(t, rerankertest.Change(honest, func(_ rerankertest.Call, r rerankertest.Reply) rerankertest.Reply {
					r.Length = len(r.Body) + extra
					return r
				}), setup{shard: single})
				g := r.ask().nothing(why)
				assert.LessOrEqual(t, g.report.Attempts, 1+2*10, "asked again in halves, as far as the budget of extra calls goes")
				assert.GreaterOrEqual(t, r.server.Connections(), g.report.Attempts, "no connection is used again")
			}
		})},
		{"16_web_page", fake(func(t *testing.T) {
			r := memory(t, rerankertest.Always(rerankertest.Page(200)), setup{shard: single})
			g := r.ask().nothing(pipeline.ReasonBadResponse)
			var e *reranker.Error
			require.True(t, anyAs(g.report.Causes, &e))
			assert.LessOrEqual(t, len(e.Message), 200)
			assert.Contains(t, e.Message, "web page")
			assert.NotContains(t, e.Error(), "nginx")
			assert.NotContains(t, e.Error(), "<")
		})},
		{"17_success_without_results", fake(func(t *testing.T) {
			for _, body := range []string{`null`, `{}`, `[]`, ``, `{"error":"model is busy"}`, `{"detail":"no"}`, `{"results":null}`, `{"results":[]}`, `{"results":{}}`} {
				r := memory(t, spoilt(body), setup{})
				r.ask().lost(reasons{pipeline.ReasonBadResponse: 1}).honest()
			}
		})},
		{"18_another_dialect", fake(anotherDialect)},
		{"19_garbage_behind_the_answer", fake(func(t *testing.T) {
			for _, tail := range []string{"garbage", "{}", " null", "]", "\x00"} {
				r := memory(t, rerankertest.On(seventh, rerankertest.Change(honest, func(_ rerankertest.Call, r rerankertest.Reply) rerankertest.Reply {
					r.Body = append(r.Body, tail...)
					return r
				}), honest), setup{})
				r.ask().lost(reasons{pipeline.ReasonBadResponse: 1}).honest()
			}
			r := memory(t, rerankertest.Change(honest, func(_ rerankertest.Call, r rerankertest.Reply) rerankertest.Reply {
				r.Body = append([]byte("\ufeff \n"), append(r.Body, " \r\n\t"...)...)
				return r
			}), setup{})
			r.ask().full()
		})},
		{"20_keys", fake(func(t *testing.T) {
			for body, refused := range map[string]bool{
				`{"results":[{"index":0,"relevance_score":0.5}],"results":[{"index":0,"relevance_score":0.9}]}`: true,
				`{"results":[{"index":0,"index":0,"relevance_score":0.5}]}`:                                     true,
				`{"results":[{"index":0,"relevance_score":0.5,"relevance_score":0.9}]}`:                         true,
				`{"RESULTS":[{"index":0,"relevance_score":0.5}],"Results":[]}`:                                  true,
				`{"RESULTS":[{"INDEX":0,"relevance_score":0.5}]}`:                                               false,
				`{"x":{"results":[]},"results":[{"index":0,"relevance_score":0.5,"y":[1,{}]}],"z":null}`:        false,
				`{"results":[{"index":0,"relevance_score":0.5,"Index":7,"Relevance_Score":9}],"Results":[]}`:    false,
			} {
				r := memory(t, rerankertest.Status(200, body), setup{documents: 1})
				g := r.ask()
				if refused {
					g.nothing(pipeline.ReasonBadResponse)
					continue
				}
				g.lost(nil)
				assert.Equal(t, 0.5, g.ranking.Hits[0].Score, body)
			}
		})},
	}
}

func trickles(t *testing.T) {
	slow := rerankertest.Trickle(1, time.Second, honest)
	r := memory(t, rerankertest.On(seventh, slow, honest), setup{})
	g := r.ask().lost(reasons{pipeline.ReasonDeadline: 5}).honest()
	assert.GreaterOrEqual(t, g.took, 900*time.Millisecond)
	// Once latencies are known, another call overtakes the one that trickles.
	warm := rerankertest.Slow(50*time.Millisecond, honest)
	r = memory(t, warm, setup{shard: single})
	for range 65 {
		r.ask().full()
	}
	n := r.server.Count()
	r.server.SetScript(rerankertest.On(func(c rerankertest.Call) bool { return c.N == n+1 }, slow, warm))
	g = r.ask().full()
	assert.Equal(t, 1, g.report.HedgesWon)
	assert.Less(t, g.took, 200*time.Millisecond)
}

func endless(t *testing.T) {
	var mu sync.Mutex
	var calls []nebius.Call
	r := memory(t, rerankertest.Always(rerankertest.Reply{Body: []byte(strings.Repeat(" ", 3<<20)), Chunked: true, Chunk: 64 << 10}),
		setup{shard: single, client: nebius.Options{OnCall: func(c nebius.Call) {
			mu.Lock()
			defer mu.Unlock()
			calls = append(calls, c)
		}}})
	r.ask().nothing(pipeline.ReasonBadResponse).because("larger than", "too much for an answer")
	require.NoError(t, r.endpoint.Close(), "what was cut off is joined")
	require.NotEmpty(t, calls)
	for _, c := range calls {
		assert.LessOrEqual(t, c.ResponseBytes, 1<<20+8*c.RequestBytes+1)
	}
}

func anotherDialect(t *testing.T) {
	bare := func(c rerankertest.Call) rerankertest.Reply { return rerankertest.Judge(c, rerankertest.Hash).Bare() }
	enveloped := func(c rerankertest.Call) rerankertest.Reply {
		return rerankertest.Judge(c, rerankertest.Hash).In("data", "relevance_score")
	}
	memory(t, bare, setup{}).ask().nothing(pipeline.ReasonBadResponse).because("bare list", `dialect "tei"`)
	memory(t, enveloped, setup{}).ask().nothing(pipeline.ReasonBadResponse).because(`"data"`, `"results"`, "dialect")
	memory(t, bare, setup{client: nebius.Options{Dialect: nebius.TEI}}).ask().full()
	memory(t, enveloped, setup{client: nebius.Options{Dialect: nebius.Voyage}}).ask().full()
}

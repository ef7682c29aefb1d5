package proof_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime/pprof"
	"slices"
	"strings"
	"sync/atomic"
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

const (
	testKey   = "v1.test-key-0123456789abcdef"
	testModel = "Qwen/Qwen3-Reranker-8B"
	question  = "panda"

	// slack is how much later than its deadline an answer may come.
	slack = 20 * time.Millisecond
)

// setup is what a fault is met with. The zero value asks for 20 documents in four
// shards with a second to answer.
type setup struct {
	documents int
	deadline  time.Duration
	shard     reranker.ShardOptions
	stage     reranker.StageOptions
	endpoint  reranker.EndpointOptions
	client    nebius.Options
}

// rig is a server and everything in front of it.
type rig struct {
	t        *testing.T
	server   *rerankertest.Server
	client   *nebius.Client
	endpoint *reranker.Endpoint
	stage    *reranker.Staged
	in       pipeline.Ranking
	deadline time.Duration
	bodies   *bodies
}

// newRig puts a stage in front of a server.
func newRig(t *testing.T, server *rerankertest.Server, s setup) *rig {
	t.Helper()
	r := &rig{t: t, server: server, deadline: or(s.deadline, time.Second), in: retrieved(t, or(s.documents, 20))}
	o := s.client
	if o.BaseURL == "" {
		o.BaseURL = server.URL
	}
	if o.HTTPClient == nil && o.TLS == nil {
		o.HTTPClient = server.Client()
	}
	if o.HTTPClient != nil {
		t.Cleanup(o.HTTPClient.CloseIdleConnections)
		r.bodies = &bodies{next: o.HTTPClient.Transport}
		o.HTTPClient = &http.Client{Transport: r.bodies}
	}
	var err error
	r.client, err = nebius.New(testKey, testModel, o)
	require.NoError(t, err)
	r.over(s, r.client)
	return r
}

// over puts a stage in front of scorers.
func (r *rig) over(s setup, upstreams ...reranker.Scorer) {
	r.t.Helper()
	r.endpoint, r.stage = stack(r.t, s, upstreams...)
	r.t.Cleanup(r.end)
}

// scorers is a rig without a server.
func scorers(t *testing.T, s setup, upstreams ...reranker.Scorer) *rig {
	t.Helper()
	r := &rig{t: t, deadline: or(s.deadline, time.Second), in: retrieved(t, or(s.documents, 20))}
	r.over(s, upstreams...)
	return r
}

func stack(t *testing.T, s setup, upstreams ...reranker.Scorer) (*reranker.Endpoint, *reranker.Staged) {
	t.Helper()
	if s.endpoint.Rand == nil {
		s.endpoint.Rand = rand.New(rand.NewPCG(1, 2))
	}
	if s.shard == (reranker.ShardOptions{}) {
		s.shard = reranker.ShardOptions{Documents: 5, Top: -1}
	}
	endpoint, err := reranker.NewEndpoint(upstreams, s.endpoint)
	require.NoError(t, err)
	if s.stage.Unscored == 0 {
		s.stage.Unscored = reranker.KeepPosition
	}
	if s.stage.Timeout == 0 {
		s.stage.Timeout = reranker.Chat().Timeout
	}
	return endpoint, reranker.Stage(reranker.Shard(endpoint, s.shard), s.stage)
}

// end demands that nothing is left over.
func (r *rig) end() {
	state := r.endpoint.State()
	assert.Zero(r.t, state.InFlight, "calls are left")
	assert.Zero(r.t, state.BytesInFlight, "bytes are left")
	assert.Zero(r.t, state.Queries, "queries are left")
	assert.Zero(r.t, state.Waiting, "waiters are left")
	assert.NoError(r.t, r.endpoint.Close())
	if r.client != nil {
		assert.NoError(r.t, r.client.Close())
	}
	if r.bodies != nil {
		assert.Equal(r.t, r.bodies.opened.Load(), r.bodies.closed.Load(), "response bodies are left open")
	}
}

// got is what a caller got.
type got struct {
	t       *testing.T
	in      pipeline.Ranking
	ranking pipeline.Ranking
	report  reranker.Report
	took    time.Duration
}

// ask asks within the rig's deadline.
func (r *rig) ask() got {
	r.t.Helper()
	return r.askWithin(r.deadline)
}

// askWithin asks and holds the answer to what every answer must keep.
func (r *rig) askWithin(deadline time.Duration) got {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	start := time.Now()
	ranking, err := r.stage.Apply(ctx, pipeline.Query{Text: question}, r.in)
	g := got{t: r.t, in: r.in, ranking: ranking, took: time.Since(start)}
	require.NoError(r.t, err, "the chat profile never fails")
	assert.LessOrEqual(r.t, g.took, max(deadline, 0)+slack, "late")
	var told bool
	g.report, told = reranker.ReportKey.Noted(ranking)
	require.True(r.t, told, "every ranking has a report")
	g.agrees()
	return g
}

// agrees holds ranking, gaps, marks and report against each other.
func (g got) agrees() {
	g.t.Helper()
	require.NoError(g.t, g.ranking.Validate())
	r := g.report
	assert.Equal(g.t, r.Candidates, r.Scored+r.Cached+r.Unscored, "the counts of %+v", r)
	assert.LessOrEqual(g.t, r.Retries+r.Hedges, r.Attempts)
	lost := map[pipeline.Reason]int{}
	for _, gap := range g.ranking.Gaps {
		lost[gap.Reason] += len(gap.IDs)
	}
	assert.Len(g.t, lost, len(r.Reasons), "gaps %v, report %v", lost, r.Reasons)
	for reason, n := range r.Reasons {
		assert.Equal(g.t, n, lost[reason], "gaps and report disagree about %s", reason)
	}
	assert.True(g.t, slices.Equal(slices.Sorted(slices.Values(g.in.IDs())), slices.Sorted(slices.Values(g.ranking.IDs()))), "documents are neither lost nor made up")
	if r.Mode == reranker.RetrievalOnly {
		assert.Equal(g.t, g.in.IDs(), g.ranking.IDs(), "without scores the retrieval order stands")
		return
	}
	for i, h := range g.ranking.Hits {
		mark, marked := h.Mark("rerank")
		require.True(g.t, marked)
		if !mark.Status.Judged() {
			assert.Positive(g.t, r.Reasons[mark.Reason], "a mark has the reason %q, the report does not", mark.Reason)
			assert.Equal(g.t, g.in.Hits[i].Document.ID, h.Document.ID, "an unscored document keeps its position")
		}
	}
}

// reasons are how many documents were lost to what.
type reasons = map[pipeline.Reason]int

// lost demands the mode that fits and exactly these losses.
func (g got) lost(want reasons) got {
	g.t.Helper()
	mode, n := reranker.Full, 0
	for _, lost := range want {
		n += lost
	}
	switch {
	case n > 0 && n == g.report.Candidates:
		mode = reranker.RetrievalOnly
	case n > 0:
		mode = reranker.Partial
	}
	if len(want) == 0 {
		want = nil
	}
	assert.Equal(g.t, mode, g.report.Mode, "%v, causes %v", g.report.Reasons, g.report.Causes)
	assert.Equal(g.t, want, g.report.Reasons, "causes %v", g.report.Causes)
	return g
}

// full demands that every document has the score that the server computed.
func (g got) full() got {
	g.t.Helper()
	g.lost(nil)
	assert.Empty(g.t, g.ranking.Gaps)
	return g.honest()
}

// honest demands that each judged score is the server's own for that document.
func (g got) honest() got {
	g.t.Helper()
	if g.report.Mode == reranker.RetrievalOnly {
		return g
	}
	for _, h := range g.ranking.Hits {
		if h.Judged() {
			assert.Equal(g.t, rerankertest.Hash(question, h.Document.Text), h.Score, "%s has another document's score", h.Document.ID)
		}
	}
	return g
}

// nothing demands that no document was scored, all for one reason.
func (g got) nothing(why pipeline.Reason) got {
	g.t.Helper()
	return g.lost(reasons{why: g.report.Candidates})
}

// because demands that a cause says so.
func (g got) because(words ...string) got {
	g.t.Helper()
	said := fmt.Sprint(g.report.Causes)
	for _, w := range words {
		assert.Contains(g.t, said, w)
	}
	assert.NotContains(g.t, said, testKey)
	return g
}

// cause finds a cause of the type in report and gaps.
func cause[E error](g got) E {
	g.t.Helper()
	var found, gap E
	require.True(g.t, anyAs(g.report.Causes, &found), "no such cause in %v", g.report.Causes)
	require.ErrorAs(g.t, g.ranking.Err(), &gap, "the gaps have the cause, too")
	return found
}

// retrieved is a ranking as a retriever gives it.
func retrieved(t *testing.T, n int) pipeline.Ranking {
	t.Helper()
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprint("document number ", i)
	}
	return ranked(t, texts...)
}

// ranked is a ranking of the texts, best first.
func ranked(t *testing.T, texts ...string) pipeline.Ranking {
	t.Helper()
	hits := make([]pipeline.Hit, len(texts))
	for i, text := range texts {
		hits[i] = pipeline.Hit{Document: pipeline.Document{ID: fmt.Sprintf("d%05d", i), Text: text}, Score: float64(len(texts) - i)}
	}
	r, err := pipeline.NewRanking("retrieval", pipeline.BM25, hits)
	require.NoError(t, err)
	return r
}

// row is one numbered case.
type row struct {
	name string
	run  func(t *testing.T)
}

// run runs rows side by side, each under a profiler label, which goroutines hand
// on to those that they start: so what a row leaves behind is known to be its.
func run(t *testing.T, rows ...[]row) {
	for _, r := range slices.Concat(rows...) {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			pprof.Do(context.Background(), pprof.Labels("row", t.Name()), func(context.Context) {
				r.run(t)
				left := leftBehind(t.Name())
				for range 100 {
					if len(left) == 0 {
						return
					}
					time.Sleep(10 * time.Millisecond) // the runtime has no event for the end of a goroutine
					left = leftBehind(t.Name())
				}
				t.Errorf("goroutines are left:\n%s", strings.Join(left, "\n\n"))
			})
		})
	}
}

// fake runs a case in fake time. When it has ended, every goroutine of its bubble
// is blocked or gone, and none of them may be the library's.
func fake(f func(t *testing.T)) func(t *testing.T) {
	return func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f(t)
			synctest.Wait()
			assert.Empty(t, leftBehind(t.Name()), "goroutines are left")
		})
	}
}

// leftBehind finds goroutines of a row that run code of the library.
func leftBehind(row string) []string {
	var dump bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&dump, 1)
	var found []string
	for block := range strings.SplitSeq(dump.String(), "\n\n") {
		if strings.Contains(block, `"`+row+`"`) && (strings.Contains(block, "cascade/reranker.") ||
			strings.Contains(block, "cascade/reranker/nebius.") || strings.Contains(block, "cascade/pipeline.")) {
			found = append(found, block)
		}
	}
	return found
}

// bodies counts the bodies of answers that are opened and closed.
type bodies struct {
	next           http.RoundTripper
	opened, closed atomic.Int64
}

// RoundTrip implements http.RoundTripper.
func (b *bodies) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := b.next.RoundTrip(req)
	if err == nil {
		b.opened.Add(1)
		res.Body = &body{ReadCloser: res.Body, closed: &b.closed}
	}
	return res, err
}

// CloseIdleConnections passes on.
func (b *bodies) CloseIdleConnections() {
	b.next.(interface{ CloseIdleConnections() }).CloseIdleConnections()
}

type body struct {
	io.ReadCloser
	once   atomic.Bool
	closed *atomic.Int64
}

// Close counts the first time.
func (b *body) Close() error {
	if b.once.CompareAndSwap(false, true) {
		b.closed.Add(1)
	}
	return b.ReadCloser.Close()
}

// memory is a server in fake time.
func memory(t *testing.T, script rerankertest.Script, s setup) *rig {
	t.Helper()
	return newRig(t, rerankertest.NewMemory(t, script), s)
}

// single sends all documents in one call.
var single = reranker.ShardOptions{Documents: 100, Calls: 1, Top: -1}

// honest answers as a good server does.
var honest = rerankertest.Honest(rerankertest.Hash)

// seventh is true of the call with document 7, one of four.
func seventh(c rerankertest.Call) bool { return slices.Contains(c.Documents, "document number 7") }

// spoilt gives the shard with document 7 a body and all others a good answer.
func spoilt(with string) rerankertest.Script {
	return rerankertest.On(seventh, rerankertest.Status(200, with), honest)
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

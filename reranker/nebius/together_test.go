package nebius_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/cache"
	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

// wish is what one of many callers of one client asks for. Its documents name it,
// so that whatever arrives upstream can be held to it.
type wish struct {
	n                          int
	user, project, instruction string
	tier                       nebius.ServiceTier
}

func wishOf(n int) wish {
	two := func(bit int, a, b string) string { return []string{a, b}[n>>bit&1] }
	return wish{n, two(0, "ann", "bob"), two(1, "p1", "p2"), two(2, "find bugs", "find birds"), nebius.ServiceTier(two(3, "flex", "default"))}
}

func (w wish) documents(count int) []string {
	documents := make([]string, count)
	for i := range documents {
		documents[i] = fmt.Sprintf("wish %d, document %d", w.n, i)
	}
	return append(documents, "a document of all") // that all ask about
}

func (w wish) query(ctx context.Context) context.Context {
	q := nebius.UserKey.With(pipeline.Query{}, w.user)
	q = nebius.ProjectKey.With(q, w.project)
	q = nebius.InstructionKey.With(q, w.instruction)
	return pipeline.WithQuery(ctx, nebius.TierKey.With(q, w.tier))
}

// recorder is an upstream that holds every request to the wish that its documents
// name, and fails, stalls or loses a document here and there. Its scores depend on
// the instruction.
type recorder struct {
	mu    sync.Mutex
	wrong []string
	heard map[int]int // requests of each wish
	calls atomic.Int64
}

func (r *recorder) answer(c rerankertest.Call) rerankertest.Reply {
	n := r.calls.Add(1)
	var in struct {
		User, Instruction string
		Tier              string `json:"service_tier"`
		Documents         []string
	}
	_ = json.Unmarshal(c.Body, &in)
	project := c.URL.Query().Get("ai_project_id")
	for _, d := range in.Documents {
		var k, i int
		if _, err := fmt.Sscanf(d, "wish %d, document %d", &k, &i); err != nil {
			continue
		}
		want := wishOf(k)
		r.mu.Lock()
		r.heard[k]++
		if got := (wish{k, in.User, project, in.Instruction, nebius.ServiceTier(in.Tier)}); got != want {
			r.wrong = append(r.wrong, fmt.Sprintf("%+v in place of %+v", got, want))
		}
		r.mu.Unlock()
	}
	if n%7 == 0 {
		return rerankertest.JSON(503, `{"detail":"come again"}`)
	}
	a := rerankertest.Judge(c, func(_, document string) float64 { return rerankertest.Hash(in.Instruction, document) })
	if n%13 == 0 && len(a.Results) > 1 {
		a.Results = a.Results[1:] // lost on the way: asked for again
	}
	reply := a.Nebius()
	if n%11 == 0 {
		reply.Delay = 30 * time.Millisecond
	}
	return reply
}

// Many people with users, tiers, projects and instructions of their own ask one
// client at once, through caches, shards, hedges, repeats and a fallback.
func TestEveryCallSaysWhatItsOwnQueryAsksFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, everyCallSaysWhatItsOwnQueryAsksFor) // stalls and waits cost no time of the machine
}

func everyCallSaysWhatItsOwnQueryAsksFor(t *testing.T) {
	up := &recorder{heard: map[int]int{}}
	wire, err := nebius.Nebius.Wire()
	require.NoError(t, err)
	wire.InstructionKey = "instruction"
	one, _ := memory(t, up.answer, nebius.Options{Wire: &wire, User: "the client's own", ServiceTier: nebius.TierAuto})
	endpoint, err := reranker.NewEndpoint([]reranker.Scorer{one, one}, reranker.EndpointOptions{Concurrency: 16, ExtraShare: 1})
	require.NoError(t, err)
	t.Cleanup(func() { _ = endpoint.Close() })
	store, err := cache.NewLRU(10_000, time.Hour)
	require.NoError(t, err)
	scorer := cache.New(reranker.Fallback(
		reranker.Shard(endpoint, reranker.ShardOptions{Documents: 4, Calls: 4, Attempts: 3, Timeout: time.Minute}),
		one,
	), store, cache.Options{Tenant: "t", Endpoint: "e", Model: testModel})

	const wishes, documents = 64, 11
	var wg sync.WaitGroup
	var retries, hedges, judged atomic.Int64
	for n := range wishes {
		wg.Go(func() {
			w := wishOf(n)
			for range 2 { // the second time from the cache, for what was scored
				scores, err := scorer.Score(w.query(t.Context()), "one question for all", w.documents(documents))
				if !assert.NoError(t, err) {
					return
				}
				if r := scores.Report; r != nil {
					retries.Add(int64(r.Retries))
					hedges.Add(int64(r.Hedges))
					assert.Equal(t, []pipeline.Setting{
						{Name: "user", Value: w.user}, {Name: "service_tier", Value: string(w.tier)}, {Name: "ai_project_id", Value: w.project}, {Name: "instruction", Value: w.instruction},
					}, scores.Attributes, "the answer says what was asked for")
				}
				for i, d := range w.documents(documents) {
					if scores.Scored(i) {
						judged.Add(1)
						assert.InDelta(t, rerankertest.Hash(w.instruction, d), scores.Values[i], 1e-9, "the score for its own instruction")
					}
				}
			}
		})
	}
	wg.Wait()
	assert.Empty(t, up.wrong)
	assert.Greater(t, judged.Load(), int64(wishes*documents), "most have a score, both times")
	assert.Positive(t, retries.Load(), "a refused call was repeated")
	t.Logf("%d calls, %d retries, %d hedges", up.calls.Load(), retries.Load(), hedges.Load())
	assert.Len(t, up.heard, wishes)
}

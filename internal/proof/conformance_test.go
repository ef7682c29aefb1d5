package proof_test

import (
	"context"
	"sync"
	"testing"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/schema"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/rerankertest"
	"github.com/rankcascade/cascade/retriever/langchain"
	"github.com/rankcascade/cascade/retriever/qdrant"
)

// TestConformance has the cases of the rerank contract that concern more than the
// client, whose own tests have the others.
func TestConformance(t *testing.T) {
	t.Parallel()
	run(t, []row{
		{"61_sharded_equals_unsharded", fake(shardedEqualsUnsharded)},
		{"68_late_answer_of_a_hedge", fake(lateHedge)},
		{"80_langchaingo_adapter", fake(langchaingoAdapter)},
		{"81_point_without_text", fake(pointWithoutText)},
	})
}

// shardedEqualsUnsharded compares whole rankings, bit for bit, whatever the order
// in which shards finish.
func shardedEqualsUnsharded(t *testing.T) {
	want := memory(t, honest, setup{documents: 60, shard: single}).ask().full().ranking
	for seed := range 4 {
		r := memory(t, rerankertest.Change(honest, func(c rerankertest.Call, r rerankertest.Reply) rerankertest.Reply {
			r.Delay = shuffledDelay(c, seed)
			return r
		}), setup{documents: 60, shard: reranker.ShardOptions{Documents: 7, Concurrency: 9, Top: -1}})
		got := r.ask().full().ranking
		assert.Equal(t, want.Hits, got.Hits)
		assert.Equal(t, want.Scale, got.Scale)
	}
}

// lateHedge lets both calls of a hedged pair answer, the loser with other scores.
func lateHedge(t *testing.T) {
	warm := rerankertest.Slow(base, honest)
	r := memory(t, warm, setup{shard: single})
	for range 65 {
		r.ask().full()
	}
	n := r.server.Count()
	r.server.SetScript(func(c rerankertest.Call) rerankertest.Reply {
		if c.N == n+1 {
			reply := rerankertest.Judge(c, rerankertest.Constant(0.123)).Nebius()
			reply.Delay = 4 * base
			return reply
		}
		return warm(c)
	})
	g := r.ask().full()
	assert.Equal(t, 1, g.report.Hedges)
	assert.Equal(t, 1, g.report.HedgesWon)
	assert.Equal(t, 1, g.report.Answered, "merged once")
	assert.Equal(t, 1, g.report.Useful.Calls)
}

// library is a langchaingo retriever over fixed documents.
type library []schema.Document

// GetRelevantDocuments implements schema.Retriever.
func (l library) GetRelevantDocuments(context.Context, string) ([]schema.Document, error) {
	return l, nil
}

func langchaingoAdapter(t *testing.T) {
	given := library{{PageContent: "b"}, {PageContent: "a", Metadata: map[string]any{"k": "v"}}, {PageContent: "c"}}
	r := memory(t, honest, setup{})
	docs, err := langchain.AsRetriever(pipeline.Chain(langchain.FromRetriever(given), r.stage, cut.TopK(3))).GetRelevantDocuments(t.Context(), question)
	require.NoError(t, err)
	require.Len(t, docs, 3)
	for i, d := range docs {
		want := rerankertest.Hash(question, d.PageContent)
		assert.Equal(t, float32(want), d.Score)
		assert.Equal(t, want, d.Metadata["cascade"].(map[string]any)["score"], "all 64 bits in the metadata")
		if i > 0 {
			assert.LessOrEqual(t, d.Score, docs[i-1].Score)
		}
		if d.PageContent == "a" {
			assert.Equal(t, "v", d.Metadata["k"])
		}
	}
	assert.Equal(t, library{{PageContent: "b"}, {PageContent: "a", Metadata: map[string]any{"k": "v"}}, {PageContent: "c"}}, given, "the input is not written to")
	n := r.server.Count()
	for _, none := range []library{nil, {}} {
		docs, err = langchain.AsRetriever(pipeline.Chain(langchain.FromRetriever(none), r.stage)).GetRelevantDocuments(t.Context(), question)
		require.NoError(t, err)
		assert.Empty(t, docs)
	}
	assert.Equal(t, n, r.server.Count(), "nothing to score, nothing to pay")
}

// points is a Qdrant that answers every query with the same points and keeps the
// requests.
type points struct {
	all   []*api.ScoredPoint
	mu    sync.Mutex
	asked []*api.QueryPoints
}

func (p *points) note(q *api.QueryPoints) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, q)
}

// Query implements qdrant.Client.
func (p *points) Query(_ context.Context, q *api.QueryPoints) ([]*api.ScoredPoint, error) {
	p.note(q)
	return p.all, nil
}

// QueryBatch implements qdrant.Client.
func (p *points) QueryBatch(_ context.Context, q *api.QueryBatchPoints) ([]*api.BatchResult, error) {
	out := make([]*api.BatchResult, len(q.GetQueryPoints()))
	for i, one := range q.GetQueryPoints() {
		p.note(one)
		out[i] = &api.BatchResult{Result: p.all}
	}
	return out, nil
}

// QueryGroups implements qdrant.Client.
func (p *points) QueryGroups(context.Context, *api.QueryPointGroups) ([]*api.PointGroup, error) {
	return nil, nil
}

// unit embeds everything alike.
type unit struct{}

// EmbedQuery implements qdrant.Embedder.
func (unit) EmbedQuery(context.Context, string) ([]float32, error) { return []float32{1, 0}, nil }

func pointWithoutText(t *testing.T) {
	store := &points{all: []*api.ScoredPoint{
		{Id: api.NewIDNum(16), Score: 0.9, Payload: map[string]*api.Value{"content": api.NewValueString("text")}},
		{Id: api.NewIDNum(17), Score: 0.8, Payload: map[string]*api.Value{"body": api.NewValueString("text")}},
	}}
	articles, err := qdrant.New(store, "articles", unit{}, qdrant.Options{Limit: 10, Scale: pipeline.Cosine})
	require.NoError(t, err)
	r := memory(t, honest, setup{})
	_, err = pipeline.Chain(articles, r.stage).Retrieve(t.Context(), pipeline.Query{Text: question})
	require.ErrorIs(t, err, qdrant.ErrNoText)
	assert.ErrorContains(t, err, "point 17")
	assert.ErrorContains(t, err, `"content"`)
	assert.Zero(t, r.server.Count(), "before any paid call")
}

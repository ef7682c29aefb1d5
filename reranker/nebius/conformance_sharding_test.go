package nebius_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

func shardingCases() []conformanceCase {
	return []conformanceCase{
		{"59_sizes", fake(shardSizes)},
		{"60_bytes_and_tokens", fake(func(t *testing.T) {
			documents := texts(12)
			documents[5] = strings.Repeat("long ", 400)
			for name, o := range map[string]reranker.ShardOptions{"bytes": {Bytes: 100, Top: -1, Timeout: time.Minute}, "tokens": {Tokens: 40, Top: -1, Timeout: time.Minute}} {
				c, s := memory(t, rerankertest.Honest(rerankertest.Hash), nebius.Options{})
				scores, err := reranker.Shard(c, o).Score(t.Context(), "q", documents)
				require.NoError(t, err, name)
				assert.True(t, scores.Complete())
				for _, call := range s.Calls() {
					if len(call.Documents) > 1 {
						assert.NotContains(t, call.Documents, documents[5], name)
						assert.Less(t, len(strings.Join(call.Documents, "")), 200, name)
					}
				}
			}
		})},
		{"61_sharded_equals_unsharded", fake(func(t *testing.T) {
			documents := texts(100)
			var want []float64
			for seed := range 5 {
				c, _ := memory(t, rerankertest.Change(rerankertest.Honest(rerankertest.Hash), func(call rerankertest.Call, r rerankertest.Reply) rerankertest.Reply {
					r.Delay = time.Duration(rerankertest.Hash(call.Documents[0], string(rune('a'+seed)))*500) * time.Millisecond
					return r
				}), nebius.Options{})
				scores, err := reranker.Shard(c, reranker.ShardOptions{Documents: 9, Timeout: time.Minute}).Score(t.Context(), "q", documents)
				require.NoError(t, err)
				if want == nil {
					whole, err := c.Score(t.Context(), "q", documents)
					require.NoError(t, err)
					want = whole.Values
				}
				assert.Equal(t, want, scores.Values)
			}
		})},
		{"62_concurrency", fake(func(t *testing.T) {
			for _, k := range []int{1, 3} {
				c, s := memory(t, rerankertest.Slow(time.Second, rerankertest.Honest(rerankertest.Hash)), nebius.Options{})
				endpoint, err := reranker.NewEndpoint([]reranker.Scorer{c}, reranker.EndpointOptions{Concurrency: k})
				require.NoError(t, err)
				shard := reranker.Shard(endpoint, reranker.ShardOptions{Documents: 2, Top: -1, Timeout: time.Hour, NoHedge: true})
				var wg sync.WaitGroup
				for range 3 {
					wg.Go(func() {
						_, err := shard.Score(t.Context(), "q", texts(10))
						assert.NoError(t, err)
					})
				}
				wg.Wait()
				_, most := s.InFlight()
				assert.LessOrEqual(t, most, k, "over all queries")
				require.NoError(t, endpoint.Close())
			}
		})},
		{"63_one_shard_fails_for_good", fake(oneShardFails)},
		{"64_every_shard_fails", fake(func(t *testing.T) {
			c, _ := memory(t, rerankertest.Status(500, ``), nebius.Options{})
			ranking, err := reranker.Stage(reranker.Shard(c, reranker.ShardOptions{Documents: 5}), reranker.Chat()).Apply(t.Context(), pipeline.Query{Text: "q"}, retrieved(t, 20))
			require.NoError(t, err)
			assert.Equal(t, retrieved(t, 20).IDs(), ranking.IDs(), "the retrieval order stands")
			report, ok := reranker.ReportKey.Noted(ranking)
			require.True(t, ok)
			assert.Equal(t, reranker.RetrievalOnly, report.Mode)
			assert.True(t, ranking.Degraded())
		})},
		{"65_listwise_in_shards", fake(func(t *testing.T) {
			c, s := memory(t, rerankertest.Listwise(rerankertest.Hash), nebius.Options{Listwise: true})
			_, err := reranker.Shard(c, reranker.ShardOptions{Documents: 5, Timeout: time.Minute}).Score(t.Context(), "q", texts(6))
			require.Error(t, err)
			assert.Zero(t, s.Count())
			_, err = reranker.Shard(c, reranker.ShardOptions{Documents: 6, Timeout: time.Minute}).Score(t.Context(), "q", texts(6))
			require.NoError(t, err)
			assert.Equal(t, 1, s.Count())
			_, err = reranker.Shard(c, reranker.ShardOptions{Documents: 5, AllowListwise: true, Timeout: time.Minute}).Score(t.Context(), "q", texts(6))
			require.NoError(t, err)
			assert.Equal(t, 3, s.Count())
		})},
		{"66_cut_after_the_merge", fake(func(t *testing.T) {
			c, _ := memory(t, rerankertest.Honest(rerankertest.Hash), nebius.Options{})
			ranking, err := reranker.Stage(reranker.Shard(c, reranker.ShardOptions{Documents: 3}), reranker.Evaluation()).Apply(t.Context(), pipeline.Query{Text: "q"}, retrieved(t, 20))
			require.NoError(t, err)
			require.Len(t, ranking.Hits, 20, "no shard cuts")
			require.NoError(t, ranking.Validate())
		})},
		{"67_usage_is_summed", fake(func(t *testing.T) {
			c, s := memory(t, rerankertest.Altered(rerankertest.Hash, func(a *rerankertest.Answer) {
				a.Tokens = 10
				if a.ID == "rerank-2" {
					a.Model = "another"
				}
			}), nebius.Options{})
			scores, err := reranker.Shard(c, reranker.ShardOptions{Documents: 4, Top: -1, NoHedge: true}).Score(t.Context(), "q", texts(12))
			require.NoError(t, err)
			assert.Equal(t, reranker.Usage{Calls: 3, Documents: 12, Tokens: 30, TotalTokens: 30}, scores.Usage)
			assert.Len(t, scores.RequestIDs, 3)
			assert.Equal(t, 3, s.Count())
			assert.Contains(t, kinds(scores), reranker.WarnModelMismatch)
		})},
		{"68_late_answers", fake(func(t *testing.T) {
			c, _ := memory(t, rerankertest.On(func(call rerankertest.Call) bool { return call.N == 2 }, rerankertest.Status(500, ``),
				rerankertest.Slow(50*time.Millisecond, rerankertest.Honest(rerankertest.Hash))), nebius.Options{})
			scores, err := reranker.Shard(c, reranker.ShardOptions{Documents: 4, Timeout: time.Minute}).Score(t.Context(), "q", texts(12))
			require.NoError(t, err)
			assert.True(t, scores.Complete())
			assert.Equal(t, 3, scores.Usage.Calls, "merged once each")
		})},
		{"69_panic_in_user_code", fake(func(t *testing.T) {
			c, _ := memory(t, rerankertest.Honest(rerankertest.Hash), nebius.Options{OnCall: func(nebius.Call) { panic("hook") }})
			_, err := c.Score(t.Context(), "q", texts(2))
			assert.Contains(t, kind(t, err, reranker.KindPanic).Error(), "hook")
			_, err = reranker.Shard(c, reranker.ShardOptions{Documents: 2}).Score(t.Context(), "q", texts(8))
			kind(t, err, reranker.KindPanic)
			broken := reranker.ScorerFunc(func(context.Context, string, []string) (reranker.Scores, error) { panic("scorer") })
			_, err = reranker.Shard(broken, reranker.ShardOptions{Documents: 2}).Score(t.Context(), "q", texts(8))
			kind(t, err, reranker.KindPanic)
		})},
	}
}

func shardSizes(t *testing.T) {
	const size = 32
	for _, n := range []int{0, 1, size - 1, size, size + 1, 10_000} {
		c, s := memory(t, rerankertest.Honest(rerankertest.Hash), nebius.Options{})
		documents := texts(n)
		scores, err := reranker.Shard(c, reranker.ShardOptions{Documents: size, Calls: 1, Top: -1, Timeout: time.Hour}).Score(t.Context(), "q", documents)
		require.NoError(t, err)
		assert.Equal(t, (n+size-1)/size, s.Count(), "n = %d", n)
		require.Len(t, scores.Values, n)
		for i, d := range documents {
			require.InDelta(t, rerankertest.Hash("q", d), scores.Values[i], 0)
		}
	}
}

// retrieved is a ranking as a retriever gives it.
func retrieved(t *testing.T, n int) pipeline.Ranking {
	t.Helper()
	hits := make([]pipeline.Hit, n)
	for i, text := range texts(n) {
		hits[i] = pipeline.Hit{Document: pipeline.Document{ID: text, Text: text}, Score: float64(n - i)}
	}
	r, err := pipeline.NewRanking("retrieval", pipeline.BM25, hits)
	require.NoError(t, err)
	return r
}

func oneShardFails(t *testing.T) {
	lost := func(c rerankertest.Call) bool { return strings.Contains(string(c.Body), `document number 7"`) }
	script := rerankertest.On(lost, rerankertest.Status(500, `{"detail":"no"}`), rerankertest.Honest(rerankertest.Hash))
	in := retrieved(t, 20)
	for policy, check := range map[reranker.Policy]func(r pipeline.Ranking, err error){
		reranker.AllOrNothing: func(_ pipeline.Ranking, err error) { require.Error(t, err) },
		reranker.KeepPosition: func(r pipeline.Ranking, err error) {
			require.NoError(t, err)
			assert.Len(t, r.Hits, 20)
			assert.Equal(t, "document number 7", r.Hits[7].Document.ID, "it keeps its position")
			assert.True(t, r.Degraded())
		},
		reranker.Drop: func(r pipeline.Ranking, err error) {
			require.NoError(t, err)
			assert.Less(t, len(r.Hits), 20)
			assert.NotContains(t, r.IDs(), "document number 7")
			require.NotEmpty(t, r.Gaps)
			assert.Contains(t, r.Gaps[0].IDs, "document number 7")
		},
		reranker.Below: func(r pipeline.Ranking, err error) {
			require.NoError(t, err)
			require.Len(t, r.Hits, 20)
			assert.Contains(t, r.IDs()[15:], "document number 7")
		},
	} {
		c, _ := memory(t, script, nebius.Options{})
		stage := reranker.Stage(reranker.Shard(c, reranker.ShardOptions{Documents: 5, Top: -1}), reranker.StageOptions{Unscored: policy})
		check(stage.Apply(t.Context(), pipeline.Query{Text: "q"}, in))
	}
}

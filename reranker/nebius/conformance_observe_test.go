package nebius_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

func observeCases() []conformanceCase {
	return []conformanceCase{
		{"77_one_event_for_each_attempt", oneEvent},
		{"78_over_limit", func(t *testing.T) {
			scores, err := ask(t, rerankertest.Change(rerankertest.Honest(rerankertest.Hash), func(_ rerankertest.Call, r rerankertest.Reply) rerankertest.Reply {
				return r.With("x-ratelimit-over-limit", "yes").With("x-ratelimit-limit-requests", "600").With("x-ratelimit-remaining-tokens", "398834").With("x-ratelimit-reset-tokens", "2s")
			}), nebius.Options{}, "a", "b")
			require.NoError(t, err)
			assert.Equal(t, reranker.Limits{Known: true, OverLimit: true, Requests: 600, Tokens: -1, RemainingRequests: -1, RemainingTokens: 398834, ResetTokens: 2e9}, scores.Limits)
			assert.Equal(t, []reranker.WarningKind{reranker.WarnOverLimit}, kinds(scores))
		}},
		{"79_missing_template", func(t *testing.T) {
			c := client(t, rerankertest.NewServer(t, rerankertest.Altered(rerankertest.Hash, func(a *rerankertest.Answer) { a.Tokens = 65 })), nebius.Options{})
			var found []reranker.WarningKind
			for range 3 {
				scores, err := c.Score(t.Context(), "ogre", []string{"swamp", "castle", "donkey"})
				require.NoError(t, err)
				found = append(found, kinds(scores)...)
			}
			assert.Equal(t, []reranker.WarningKind{reranker.WarnMissingTemplate}, found, "one warning")
			assert.True(t, nebius.TemplateMissing(testModel, 56, 2, 100))
			assert.False(t, nebius.TemplateMissing(testModel, 198, 2, 100))
			assert.False(t, nebius.TemplateMissing(testModel, 0, 2, 100))
			assert.False(t, nebius.TemplateMissing("bge-reranker", 56, 2, 100))
			assert.False(t, nebius.TemplateMissing(testModel, 2*330, 2, 2*1600), "long texts hide the template")
			for _, o := range []nebius.Options{{Qwen3: &nebius.Qwen3{}}, {}} {
				scores, err := ask(t, rerankertest.Honest(rerankertest.Hash), o, "a", "b")
				require.NoError(t, err)
				assert.Empty(t, scores.Warnings)
			}
		}},
		{"80_langchaingo_adapter", func(t *testing.T) {
			t.Skip("the adapter is retriever/langchain, whose own tests have the case; it does not meet this client")
		}},
		{"81_point_without_text", func(t *testing.T) {
			t.Skip("the refusal is the retriever's, retriever/qdrant; its own tests have the case, before anything reaches this client")
		}},
		{"82_hundred_goroutines", func(t *testing.T) {
			c := client(t, rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash)), nebius.Options{})
			var wg sync.WaitGroup
			for i := range 100 {
				wg.Go(func() {
					documents := []string{fmt.Sprint("a", i), fmt.Sprint("b", i), ""}
					scores, err := c.Score(t.Context(), fmt.Sprint("q", i), documents)
					if assert.NoError(t, err) {
						assert.Equal(t, []float64{rerankertest.Hash(fmt.Sprint("q", i), documents[0]), rerankertest.Hash(fmt.Sprint("q", i), documents[1]), 0}, scores.Values)
						assert.Equal(t, pipeline.ReasonBlank, scores.Unscored[2])
					}
				})
			}
			wg.Wait()
		}},
	}
}

func oneEvent(t *testing.T) {
	var events []nebius.Call
	c := client(t, rerankertest.NewServer(t, rerankertest.Sequence(
		rerankertest.Always(rerankertest.JSON(429, `{"detail":"slow"}`).With("X-Request-Id", "req-1").With("x-ratelimit-remaining-requests", "0")),
		rerankertest.Cut(rerankertest.HangupBody, 5, rerankertest.Honest(rerankertest.Hash)),
		rerankertest.Change(rerankertest.Honest(rerankertest.Hash), func(_ rerankertest.Call, r rerankertest.Reply) rerankertest.Reply {
			return r.With("X-Request-Id", "req-3").With("X-Inference-Id", "inf-3")
		}),
	)), nebius.Options{OnCall: func(c nebius.Call) { events = append(events, c) }})
	for range 3 {
		_, _ = c.Score(t.Context(), "secret query", []string{"secret document", "b"})
	}
	require.Len(t, events, 3)
	assert.Equal(t, 429, events[0].Status)
	assert.Equal(t, []string{"req-1"}, events[0].RequestIDs)
	assert.True(t, events[0].Limits.Known)
	assert.Equal(t, "req-1", kind(t, events[0].Err, reranker.KindRateLimited).RequestID)
	assert.Equal(t, 200, events[1].Status)
	kind(t, events[1].Err, reranker.KindTransport)
	require.NoError(t, events[2].Err)
	assert.Equal(t, []string{"req-3", "inf-3", "rerank-3"}, events[2].RequestIDs)
	assert.Positive(t, events[2].Usage.Tokens)
	assert.Positive(t, events[2].ResponseBytes)
	assert.Positive(t, events[2].Latency)
	for _, e := range events {
		assert.Equal(t, 2, e.Documents)
		assert.NotContains(t, fmt.Sprintf("%+v", e), "secret")
	}
}

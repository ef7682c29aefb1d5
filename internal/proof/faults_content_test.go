package proof_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/cache"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

// contentFaults are the rows 21 to 30: what an answer says.
func contentFaults() []row {
	return []row{
		{"21_index_out_of_range_or_no_index", fake(func(t *testing.T) {
			for _, index := range []string{"5", "-1", "1e9", "0.5", `"0"`, "true", "null", "[0]", "{}", "18446744073709551616"} {
				memory(t, spoilt(fiveResults(index, "0.5")), setup{}).ask().lost(reasons{pipeline.ReasonBadResponse: 1}).honest()
			}
			memory(t, rerankertest.On(seventh, rerankertest.Misindexed(rerankertest.Hash, 1), honest), setup{}).ask().lost(reasons{pipeline.ReasonBadResponse: 1}).honest()
		})},
		{"22_index_twice", fake(func(t *testing.T) {
			memory(t, rerankertest.On(seventh, rerankertest.Duplicated(rerankertest.Hash), honest), setup{}).ask().lost(reasons{pipeline.ReasonBadResponse: 1}).honest()
			memory(t, spoilt(fiveResults("1", "0.5")), setup{}).ask().lost(reasons{pipeline.ReasonBadResponse: 1}).honest()
		})},
		{"23_index_missing", fake(indexMissing)},
		{"24_unsorted_results", fake(func(t *testing.T) {
			want := memory(t, honest, setup{}).ask().full().ranking
			for _, script := range []rerankertest.Script{rerankertest.Reversed(rerankertest.Hash), rerankertest.InInputOrder(rerankertest.Hash)} {
				assert.Equal(t, want.Hits, memory(t, script, setup{}).ask().full().ranking.Hits)
			}
		})},
		{"25_echo_of_another_text", fake(func(t *testing.T) {
			check := setup{}
			swapped := rerankertest.Altered(rerankertest.Hash, func(a *rerankertest.Answer) {
				last := len(a.Results) - 1
				a.Results[0].Index, a.Results[last].Index = a.Results[last].Index, a.Results[0].Index
			})
			memory(t, rerankertest.On(seventh, swapped, honest), check).ask().lost(nil).honest() // found out, and asked again one by one
			cut := rerankertest.Altered(rerankertest.Hash, func(a *rerankertest.Answer) { a.Results[0].Text = a.Results[0].Text[:14] })
			g := memory(t, cut, check).ask().full()
			assert.Contains(t, warnings(g), reranker.WarnEchoMismatch, "what is merely cut short is told")
		})},
		{"26_score_is_no_number", fake(func(t *testing.T) {
			for _, score := range []string{"NaN", "Infinity", "-Infinity", "+1", ".5", "0x1"} {
				memory(t, spoilt(fiveResults("0", score)), setup{}).ask().lost(reasons{pipeline.ReasonBadResponse: 1}).honest()
			}
			for _, score := range []string{"1e400", "null", `"0.5"`, "true"} {
				memory(t, spoilt(fiveResults("0", score)), setup{}).ask().lost(nil) // its document is asked for again, alone
			}
		})},
		{"27_scores_all_equal", fake(func(t *testing.T) {
			var told []reranker.StateChange
			r := memory(t, rerankertest.Honest(rerankertest.Constant(0.5)), setup{stage: reranker.StageOptions{OnChange: func(c reranker.StateChange) { told = append(told, c) }}})
			for range 3 {
				g := r.ask().lost(nil)
				assert.Equal(t, r.in.IDs(), g.ranking.IDs(), "the retrieval order decides between equals")
				assert.Contains(t, warnings(g), reranker.WarnNoSignal)
			}
			require.Len(t, told, 1, "once, and not for each query")
			assert.Equal(t, reranker.WarnNoSignal, told[0].Kind)
		})},
		{"28_score_outside_of_the_scale", fake(func(t *testing.T) {
			r := memory(t, rerankertest.Honest(func(q, d string) float64 { return 4*rerankertest.Hash(q, d) - 2 }), setup{})
			g := r.ask().lost(nil)
			assert.Contains(t, warnings(g), reranker.WarnOutOfScale)
			for _, h := range g.ranking.Hits {
				assert.Equal(t, 4*rerankertest.Hash(question, h.Document.Text)-2, h.Score, "kept as it is")
			}
			_, err := fusion.Convex{Norm: fusion.TheoreticalMinMax{}}.Fuse([]pipeline.Ranking{g.ranking})
			assert.Error(t, err, "a normaliser that relies on the scale refuses")
		})},
		{"29_another_model_answers", fake(anotherModel)},
		{"30_usage_missing_or_absurd", fake(func(t *testing.T) {
			clean := memory(t, rerankertest.Altered(rerankertest.Hash, func(a *rerankertest.Answer) { a.Tokens = 0 }), setup{})
			clean.ask()
			rate := clean.endpoint.State().TokensPerByte
			for _, usage := range []string{``, `,"usage":null`, `,"usage":{"total_tokens":-5}`, `,"usage":{"total_tokens":1e300}`, `,"usage":{"total_tokens":"many"}`, `,"usage":7`, `,"usage":{"total_tokens":123456789012}`} {
				r := memory(t, rerankertest.Change(honest, func(c rerankertest.Call, reply rerankertest.Reply) rerankertest.Reply {
					return rerankertest.JSON(200, strings.TrimSuffix(allResults(len(c.Documents)), "}")+usage+"}")
				}), setup{})
				g := r.ask().lost(nil)
				assert.Equal(t, rate, r.endpoint.State().TokensPerByte, "%s teaches nothing", usage)
				if !strings.Contains(usage, "123456789012") {
					assert.Zero(t, g.report.Useful.Tokens, "%s says no cost", usage)
				}
				r.ask().lost(nil)
			}
		})},
	}
}

// allResults answers n documents with descending scores.
func allResults(n int) string {
	results := make([]string, n)
	for i := range results {
		results[i] = fmt.Sprintf(`{"index":%d,"relevance_score":%g}`, i, 0.9-0.01*float64(i))
	}
	return `{"results":[` + strings.Join(results, ",") + `]}`
}

// fiveResults answers five documents, the first of them with an index and a score
// of its own.
func fiveResults(index, score string) string {
	return strings.Replace(allResults(5), `{"index":0,"relevance_score":0.9}`, `{"index":`+index+`,"relevance_score":`+score+`}`, 1)
}

func warnings(g got) []reranker.WarningKind {
	var kinds []reranker.WarningKind
	for _, w := range g.report.Warnings {
		kinds = append(kinds, w.Kind)
	}
	return kinds
}

func indexMissing(t *testing.T) {
	var told []reranker.StateChange
	s := setup{stage: reranker.StageOptions{OnChange: func(c reranker.StateChange) { told = append(told, c) }}}
	r := memory(t, rerankertest.On(seventh, rerankertest.Partial(rerankertest.Hash, func(i int) bool { return i < 2 }), honest), s)
	g := r.ask().lost(nil).honest() // both are asked for again, alone
	assert.NotEmpty(t, g.report.Causes)
	assert.Empty(t, told, "nothing is degraded in the end")
}

func anotherModel(t *testing.T) {
	model := "another"
	r := memory(t, rerankertest.Altered(rerankertest.Hash, func(a *rerankertest.Answer) { a.Model = model }), setup{})
	store, err := cache.NewLRU(1000, 0)
	require.NoError(t, err)
	cached := cache.New(reranker.Shard(r.endpoint, reranker.ShardOptions{Documents: 5, Top: -1}), store, cache.Options{Model: testModel})
	stage := reranker.Stage(cached, reranker.Chat())
	ask := func() reranker.Report {
		ranking, err := stage.Apply(context.Background(), pipeline.Query{Text: question}, r.in)
		require.NoError(t, err)
		report, _ := reranker.ReportKey.Noted(ranking)
		return report
	}
	assert.Contains(t, fmt.Sprint(ask().Warnings), reranker.WarnModelMismatch)
	assert.Zero(t, ask().Cached, "nothing of it is kept")
	model = testModel
	assert.Zero(t, ask().Cached)
	assert.Equal(t, len(r.in.Hits), ask().Cached)
}

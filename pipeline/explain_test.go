package pipeline_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
)

func traced(t *testing.T, r pipeline.Retriever) pipeline.Ranking {
	t.Helper()
	out, err := r.Retrieve(t.Context(), pipeline.Query{Text: "q", Trace: true})
	require.NoError(t, err)
	return out
}

func TestExplainFindsWhereADocumentWasLost(t *testing.T) {
	t.Parallel()
	fan := pipeline.Fan(reciprocal{}, abcd(), dcba())
	for name, c := range map[string]struct {
		search pipeline.Retriever
		id     string
		want   string
	}{
		"never retrieved": {pipeline.Chain(fan, cut.TopK(2)), "z", "" +
			"document \"z\" is not among the 2 hits\n" +
			"  bm25 did not retrieve it\n" +
			"  dense did not retrieve it"},
		"cut by its score": {pipeline.Chain(abcd(), cut.TopK(2)), "d", "" +
			"document \"d\" is not among the 2 hits\n" +
			"  lost at top-k: rank 4 of 4 with score 2 (BM25); 4 below \"b\" at rank 2, the last of 2 kept"},
		"cut before it was reranked": {pipeline.Chain(abcd(), cut.TopK(3), reverse{}), "d", "" +
			"document \"d\" is not among the 3 hits\n" +
			"  lost at top-k: rank 4 of 4 with score 2 (BM25); 2 below \"c\" at rank 3, the last of 3 kept"},
		"lost on a tie": {
			pipeline.Chain(source("bm25", pipeline.BM25, hit("a", 2), hit("b", 1), hit("c", 1)), cut.TopK(2)), "c", "" +
				"document \"c\" is not among the 2 hits\n" +
				"  lost at top-k: rank 3 of 3 with score 1 (BM25); lost on a tie with \"b\" at rank 2, the last of 2 kept",
		},
		"passed over": {
			pipeline.Chain(abcd(), cut.Dedupe{Key: func(d pipeline.Document) string { return map[string]string{"b": "a", "a": "a"}[d.ID] }}), "b", "" +
				"document \"b\" is not among the 3 hits\n" +
				"  lost at dedupe: rank 2 of 4 with score 6 (BM25); passed over, while \"d\" at rank 4 was kept",
		},
		"nothing kept": {pipeline.Chain(abcd(), cut.AtLeast(pipeline.BM25, 9)), "a", "" +
			"document \"a\" is not among the 0 hits\n" +
			"  lost at at least: rank 1 of 4 with score 8 (BM25); nothing was kept"},
		"in both legs": {pipeline.Chain(pipeline.Fan(reciprocal{}, pipeline.Chain(abcd(), cut.TopK(1)), pipeline.Chain(dcba(), cut.TopK(1)))), "c", "" +
			"document \"c\" is not among the 2 hits\n" +
			"  lost at top-k: rank 3 of 4 with score 4 (BM25); 4 below \"a\" at rank 1, the last of 1 kept\n" +
			"  lost at top-k: rank 2 of 4 with score 0.7 (cosine); 0.20000000000000007 below \"d\" at rank 1, the last of 1 kept"},
		"a leg is missing": {pipeline.Fan(reciprocal{}, abcd(), failing("sparse", errFault)), "z", "" +
			"document \"z\" is not among the 4 hits\n" +
			"  bm25 did not retrieve it\n" +
			"  gap: sparse: failed: out of order"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, pipeline.Explain(traced(t, c.search), c.id).String())
		})
	}
}

func TestExplainSaysThatTracingWasOff(t *testing.T) {
	t.Parallel()
	r, err := pipeline.Chain(abcd(), cut.TopK(1)).Retrieve(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	e := pipeline.Explain(r, "d")
	assert.False(t, e.Traced)
	assert.Contains(t, e.String(), "tracing was off, set Query.Trace")
	assert.Nil(t, r.Trace)
}

func TestExplainShowsImputedMarksAndArithmeticThatDoesNotAddUp(t *testing.T) {
	t.Parallel()
	h := hit("a", 0.5)
	h.Trail = pipeline.TrailOf(
		pipeline.Mark{Stage: "model", Rank: 1, Score: 0.5, Scale: pipeline.Probability, Status: pipeline.Imputed, Reason: pipeline.ReasonRateLimit},
		pipeline.Mark{Stage: "old", Rank: 1, Score: 0.5, Scale: pipeline.Fused, Status: pipeline.Cached, Deriver: &pipeline.Derivation{
			Factor: 2, Divisor: 4, Terms: []pipeline.Term{{Source: "model", Score: 0.5, Normalised: 0.5, Weight: 1, Contribution: 0.5, Imputed: true}},
		}},
	)
	text := pipeline.Explain(pipeline.Ranking{Hits: []pipeline.Hit{h}, Scale: pipeline.Fused}, "a").String()
	assert.Contains(t, text, "model: rank 1, score 0.5 (probability), imputed: rate_limit")
	assert.Contains(t, text, "old: rank 1, score 0.5 (fused), cached")
	assert.Contains(t, text, "sum, times 2, divided by 4 = 0.25, which is NOT the score 0.5")
	assert.Contains(t, text, "weight 1, imputed")
}

func TestTheTraceOfNestedCombinatorsHasOneStepForEachPart(t *testing.T) {
	t.Parallel()
	search := pipeline.Chain(pipeline.Chain(abcd(), pipeline.Join(pipeline.Within(1e9, pipeline.Blend(reciprocal{}, pipeline.Keep(), reverse{})))), cut.TopK(2))
	var names []string
	var collect func(s *pipeline.Step)
	collect = func(s *pipeline.Step) {
		names = append(names, s.Name)
		for _, in := range s.Inputs {
			collect(in)
		}
	}
	collect(traced(t, search).Trace)
	assert.Equal(t, []string{"top-k", "reciprocal", "keep", "bm25", "reverse", "bm25"}, names)
	for r, err := range pipeline.Stream(context.Background(), search, pipeline.Query{Trace: true}) {
		require.NoError(t, err)
		names = nil
		collect(r.Trace)
	}
	assert.Equal(t, []string{"top-k", "reciprocal", "keep", "bm25", "reverse", "bm25"}, names)
}

func TestALossIsATieOnlyBehindTheLastHitThatWasKept(t *testing.T) {
	t.Parallel()
	all := source("bm25", pipeline.BM25, hit("a", 1), hit("b", 1), hit("c", 1))
	behind := pipeline.Explain(traced(t, pipeline.Chain(all, cut.TopK(2))), "c").Losses[0]
	assert.True(t, behind.Tie())
	assert.False(t, behind.Picked())
	second := pipeline.StageFunc(func(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
		return in.Derive(in.Hits[1:]), nil
	})
	before := pipeline.Explain(traced(t, pipeline.Chain(all, second)), "a").Losses[0]
	assert.False(t, before.Tie())
	assert.True(t, before.Picked())
	assert.InDelta(t, 0, before.Below(), 0)
}

package pipeline_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/retriever/cache"
)

// shelves is a store that ignores its filter: it finds the documents of everybody.
func shelves() pipeline.Retriever {
	return pipeline.Named("shelves", pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) {
		var hits []pipeline.Hit
		for i, tenant := range []string{"acme", "other", "acme", "other"} {
			h := hit(tenant+string(rune('1'+i)), float64(9-i))
			h.Document.Metadata = map[string]any{"tenant": tenant}
			hits = append(hits, h)
		}
		return pipeline.NewRanking("shelves", pipeline.BM25, hits)
	}))
}

// A rewriter inside a guard under a cache: nobody sees another's documents, asked
// first or second, whatever the rewriter, the hops or the alternative ask.
func TestNoForeignDocumentThroughRewritersHopsAndCaches(t *testing.T) {
	t.Parallel()
	tenant := pipeline.NewKey[string]("tenant")
	permission := func(_ context.Context, q pipeline.Query) (pipeline.Filter, error) {
		who, _ := tenant.Of(q)
		return pipeline.Eq("tenant", who), nil
	}
	wide := pipeline.Named("wide", pipeline.RewriterFunc(func(context.Context, pipeline.Query) ([]pipeline.Query, error) {
		return []pipeline.Query{tenant.With(pipeline.Query{Text: "everything"}, "other")}, nil
	}))
	on := pipeline.NextFunc(func(context.Context, pipeline.Query, pipeline.Ranking) (pipeline.Query, bool, error) {
		return tenant.With(pipeline.Query{Text: "more"}, "other"), true, nil
	})
	inner := func(r pipeline.Retriever) pipeline.Retriever {
		rerank := reranker.Stage(scoring{n: 9, value: .5}, reranker.Chat())
		return pipeline.Chain(r, pipeline.Blend(fusion.RRF{}, pipeline.Keep(), rerank), cut.TopK(4))
	}
	insufficient := func(pipeline.Query, pipeline.Ranking) bool { return false }
	for name, guarded := range map[string]pipeline.Retriever{
		"a rewriter":     pipeline.Guard(pipeline.Rewrite(wide, inner(shelves())), permission),
		"hops":           pipeline.Guard(inner(pipeline.Hops(3, on, shelves())), permission),
		"an alternative": pipeline.Guard(pipeline.Otherwise(insufficient, shelves(), pipeline.Rewrite(wide, shelves())), permission),
		"an expansion":   pipeline.Guard(pipeline.Expand(wide, fusion.RRF{}, pipeline.Hops(2, on, inner(shelves()))), permission),
		"a guard inside": pipeline.Rewrite(wide, pipeline.Guard(pipeline.Hops(2, on, shelves()), permission)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cached, err := cache.New(guarded, cache.Options{})
			require.NoError(t, err)
			for _, who := range []string{"other", "acme", "other", "acme"} {
				q := tenant.With(pipeline.Query{Text: "q", Trace: true}, who)
				r, err := cached.Retrieve(t.Context(), q)
				require.NoError(t, err)
				require.Len(t, r.Hits, 2)
				for _, h := range r.Hits {
					assert.Equal(t, who, h.Document.Metadata["tenant"])
				}
				for last, err := range pipeline.Stream(t.Context(), cached, q) {
					require.NoError(t, err)
					for _, h := range last.Hits {
						assert.Equal(t, who, h.Document.Metadata["tenant"])
					}
				}
			}
		})
	}
}

func TestAnExpansionFailsWithItsFuser(t *testing.T) {
	t.Parallel()
	refuses := pipeline.FuserFunc(func([]pipeline.Ranking) (pipeline.Ranking, error) { return pipeline.Ranking{}, errFault })
	_, err := pipeline.Expand(rewriter{twoQueries}, refuses, abcd()).Retrieve(t.Context(), pipeline.Query{Text: "q"})
	require.ErrorIs(t, err, errFault)
}

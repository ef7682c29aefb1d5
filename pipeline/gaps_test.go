package pipeline_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
)

var reports = pipeline.NewKey[string]("report")

// leg finds one document and leaves gaps and a report.
func leg(name string, gaps ...string) pipeline.Retriever {
	return pipeline.Named(name, pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) {
		r, err := pipeline.NewRanking(name, pipeline.BM25, []pipeline.Hit{hit("of "+name, 1)})
		for _, g := range gaps {
			r = r.WithGaps(pipeline.Gap{Stage: g, Reason: pipeline.ReasonDeadline})
		}
		return reports.Note(r, name), err
	}))
}

// noting is a stage that leaves a gap and a report, and may fail.
func noting(name string, gap bool) pipeline.Stage {
	return pipeline.Named(name, pipeline.StageFunc(func(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
		if gap {
			in = in.WithGaps(pipeline.Gap{Stage: "model", Reason: pipeline.ReasonDeadline})
		}
		return reports.Note(in, name), nil
	}))
}

func down(name string) pipeline.Retriever { return failing(name, errFault) }

func gapNames(r pipeline.Ranking) []string {
	var names []string
	for _, g := range r.Gaps {
		names = append(names, g.Stage)
	}
	return names
}

// forgetful is a fuser that passes on neither gaps nor notes.
func forgetful() pipeline.Fuser {
	return pipeline.Named("forgetful", pipeline.FuserFunc(func(inputs []pipeline.Ranking) (pipeline.Ranking, error) {
		out, err := reciprocal{}.Fuse(inputs)
		return pipeline.Ranking{Hits: out.Hits, Scale: out.Scale}, err
	}))
}

// P5: one gap for each part that failed, in the order of the parts; reports too.
func TestP5EachFailedPartLeavesOneGapInTheOrderOfTheParts(t *testing.T) {
	t.Parallel()
	all := pipeline.Parallel{Quorum: 1}
	broken := faultyStages()["fails"]
	for name, c := range map[string]struct {
		search        pipeline.Retriever
		gaps, reports []string
	}{
		"legs that fail with the same text": {pipeline.Fan(reciprocal{}, down("store"), leg("a"), down("store")), []string{"store", "store"}, []string{"a"}},
		"legs in their order": {
			pipeline.Fan(reciprocal{}, leg("a", "a1", "a2"), down("b"), leg("c", "c1"), down("d")), []string{"a1", "a2", "b", "c1", "d"}, []string{"a", "c"},
		},
		"a fuser that forgets": {pipeline.Fan(forgetful(), leg("a", "a1"), down("b"), leg("c", "c1")), []string{"a1", "b", "c1"}, []string{"a", "c"}},
		"fans in a fan": {
			pipeline.Fan(reciprocal{}, pipeline.Fan(reciprocal{}, leg("a"), down("x")), pipeline.Fan(reciprocal{}, down("x"), leg("b"))), []string{"x", "x"}, []string{"a", "b"},
		},
		"branches inherit a gap once and add their own": {
			pipeline.Chain(leg("a", "old"), pipeline.Blend(reciprocal{}, noting("one", true), pipeline.Keep(), noting("two", true))),
			[]string{"old", "model", "model"}, []string{"a", "one", "two"},
		},
		"branches that fail": {pipeline.Chain(leg("a"), all.Blend(reciprocal{}, broken, pipeline.Keep(), broken)), []string{"broken", "broken"}, []string{"a"}},
		"blends in a blend": {
			pipeline.Chain(leg("a", "old"), pipeline.Blend(reciprocal{}, noting("one", true), pipeline.Blend(reciprocal{}, noting("two", true), noting("three", false)))),
			[]string{"old", "model", "model"}, []string{"a", "one", "two", "three"},
		},
		"stages of one name, one after the other": {pipeline.Chain(leg("a"), noting("one", true), noting("two", true)), []string{"model", "model"}, []string{"a", "one", "two"}},
		"queries that fail alike": {
			pipeline.Expand(rewriteTo(pipeline.Query{Text: "1"}, pipeline.Query{Text: "2"}, pipeline.Query{Text: "3"}), reciprocal{}, failsOn(leg("a"), "1", "3")),
			[]string{"store", "store"}, []string{"a"},
		},
		"an alternative's own gap stands behind what it replaces": {
			pipeline.Chain(leg("a", "old"), pipeline.Else(broken, noting("spare", true))), []string{"old", "broken", "model"}, []string{"a", "spare"},
		},
		"retrievers that failed before the one that answered": {
			pipeline.Fallback(down("x"), down("x"), leg("a", "a1")), []string{"x", "x", "a1"}, []string{"a"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := c.search.Retrieve(t.Context(), pipeline.Query{Text: "q"})
			require.NoError(t, err)
			assert.Equal(t, c.gaps, gapNames(r))
			assert.Equal(t, c.reports, reports.NotedAll(r))
			var end pipeline.Ranking
			for end, err = range pipeline.Stream(t.Context(), c.search, pipeline.Query{Text: "q"}) {
				require.NoError(t, err)
			}
			assert.Equal(t, c.gaps, gapNames(end), "the stream ends in the same")
			assert.Equal(t, c.reports, reports.NotedAll(end))
		})
	}
}

// failsOn is the retriever, named "store", that fails on some queries.
func failsOn(r pipeline.Retriever, texts ...string) pipeline.Retriever {
	return pipeline.Named("store", pipeline.RetrieverFunc(func(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
		for _, text := range texts {
			if q.Text == text {
				return pipeline.Ranking{}, errFault
			}
		}
		return r.Retrieve(ctx, q)
	}))
}

func TestAGapOfTheQueryStandsOnceBeforeThoseOfTheParts(t *testing.T) {
	t.Parallel()
	q := pipeline.Query{}.WithGaps(pipeline.Gap{Stage: "condense", Reason: pipeline.ReasonDeadline})
	legs := []pipeline.Retriever{leg("a", "a1"), down("b"), leg("c", "a1")}
	for name, search := range map[string]pipeline.Retriever{
		"fan":      pipeline.Fan(reciprocal{}, legs...),
		"expand":   pipeline.Expand(rewriteTo(pipeline.Query{Text: "x"}), reciprocal{}, pipeline.Fan(reciprocal{}, legs...)),
		"fallback": pipeline.Fan(reciprocal{}, leg("a", "a1"), pipeline.Fallback(down("b"), leg("c", "a1"))),
	} {
		r, err := search.Retrieve(t.Context(), q)
		require.NoError(t, err)
		assert.Equal(t, []string{"condense", "a1", "b", "a1"}, gapNames(r), name)
	}
}

func TestMergeKeepsAnInheritedGapOnce(t *testing.T) {
	t.Parallel()
	gap := pipeline.Gap{Stage: "sparse", Reason: pipeline.ReasonFailed, Err: fmt.Errorf("no route")}
	from := pipeline.Ranking{Hits: []pipeline.Hit{}}.WithGaps(gap)
	out := pipeline.Merge([]pipeline.Ranking{from, from.WithGaps(pipeline.Gap{Stage: "x"}), from}, pipeline.Fused, nil)
	assert.Equal(t, []string{"sparse", "x"}, gapNames(out))
}

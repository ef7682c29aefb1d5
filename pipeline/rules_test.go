package pipeline_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/pipeline/pipelinetest"
)

// allStages has every stage of this package in every form that behaves
// differently, and every combinator around a part that refines.
func allStages() map[string]pipeline.Stage {
	return map[string]pipeline.Stage{
		"keep":               pipeline.Keep(),
		"join of nothing":    pipeline.Join(),
		"join":               pipeline.Join(reverse{}, first(5)),
		"blend":              pipeline.Blend(reciprocal{}, pipeline.Keep(), reverse{}),
		"blend in a blend":   pipeline.Blend(reciprocal{}, pipeline.Keep(), pipeline.Blend(reciprocal{}, reverse{}, pipeline.Keep())),
		"blend one by one":   pipeline.Parallel{Concurrency: 1}.Blend(reciprocal{}, reverse{}, pipeline.Keep(), reverse{}),
		"blend with a depth": pipeline.Parallel{Depth: 3}.Blend(reciprocal{}, pipeline.Keep(), reverse{}),
		"blends with depths": pipeline.Join(pipeline.Parallel{Depth: 5}.Blend(reciprocal{}, pipeline.Keep(), reverse{}), pipeline.Parallel{Depth: 3}.Blend(reciprocal{}, pipeline.Keep(), reverse{})),
		"blend with a gap":   pipeline.Parallel{Quorum: 1}.Blend(reciprocal{}, faultyStages()["fails"], reverse{}),
		"within":             pipeline.Within(time.Minute, reverse{}),
		"else":               pipeline.Else(reverse{}, pipeline.Keep()),
		"else, alternative":  pipeline.Else(faultyStages()["panics"], reverse{}),
		"gate, open":         pipeline.Gate(always, reverse{}),
		"gate, shut":         pipeline.Gate(never, reverse{}),
		"strict":             pipeline.Strict(reverse{}),
		"cascade of stages":  pipeline.Join(first(20), reverse{}, pipeline.Else(pipeline.Within(time.Minute, reverse{}), pipeline.Keep()), first(3)),
		"reranker":           reverse{},
		"gated within a cut": pipeline.Join(pipeline.Gate(always, pipeline.Within(time.Minute, first(4))), reverse{}),
	}
}

func allRetrievers() map[string]pipeline.Retriever {
	fails := asRetriever(faultyStages()["fails"])
	return map[string]pipeline.Retriever{
		"chain":                 pipeline.Chain(abcd(), reverse{}, first(3)),
		"chain without stages":  pipeline.Chain(abcd()),
		"fan":                   pipeline.Fan(reciprocal{}, abcd(), dcba()),
		"fan of one":            pipeline.Fan(reciprocal{}, abcd()),
		"fan with a gap":        pipeline.Fan(reciprocal{weights: []float64{1, 2, 3}}, abcd(), fails, dcba()),
		"fan one by one":        pipeline.Parallel{Concurrency: 1, Quorum: 2}.Fan(reciprocal{}, abcd(), dcba()),
		"fan of chains":         pipeline.Fan(reciprocal{}, pipeline.Chain(abcd(), reverse{}), pipeline.Chain(dcba(), first(2))),
		"expand":                pipeline.Expand(rewriter{twoQueries}, reciprocal{}, abcd()),
		"route":                 pipeline.Route(func(pipeline.Query) string { return "de" }, map[string]pipeline.Retriever{"de": abcd(), "": dcba()}),
		"route by default":      pipeline.Route(func(pipeline.Query) string { return "fr" }, map[string]pipeline.Retriever{"de": abcd(), "": pipeline.Chain(dcba(), reverse{})}),
		"within":                pipeline.RetrieveWithin(time.Minute, pipeline.Chain(abcd(), reverse{})),
		"fallback":              pipeline.Fallback(pipeline.Chain(abcd(), reverse{}), dcba()),
		"fallback, alternative": pipeline.Fallback(fails, fails, pipeline.Chain(dcba(), reverse{})),
		"rewrite":               pipeline.Rewrite(standalone(), pipeline.Chain(abcd(), reverse{})),
		"rewrite in an expand":  pipeline.Expand(rewriter{twoQueries}, reciprocal{}, pipeline.Rewrite(standalone(), abcd())),
		"hops":                  pipeline.Hops(3, following(), alphabet()),
		"hops over a chain":     pipeline.Hopping{Rounds: 2, Fuser: reciprocal{}}.Retriever(following(), pipeline.Chain(alphabet(), reverse{})),
		"hops that end badly": pipeline.Hops(3, pipeline.NextFunc(func(context.Context, pipeline.Query, pipeline.Ranking) (pipeline.Query, bool, error) {
			return pipeline.Query{}, false, errFault
		}), alphabet()),
		"otherwise":              pipeline.Otherwise(starting("z"), pipeline.Chain(abcd(), reverse{}), pipeline.Chain(dcba(), reverse{})),
		"otherwise, good":        pipeline.Otherwise(starting("d"), pipeline.Chain(abcd(), reverse{}), dcba()),
		"observe":                pipeline.Observe(pipeline.Chain(abcd(), reverse{}), pipeline.ObserverFunc(func(context.Context, pipeline.Event) {})),
		"blend in a chain":       pipeline.Chain(abcd(), pipeline.Blend(reciprocal{}, pipeline.Keep(), reverse{}), first(2)),
		"everything in a moment": pipeline.Observe(pipeline.RetrieveWithin(time.Minute, pipeline.Fallback(pipeline.Chain(pipeline.Fan(reciprocal{}, abcd(), dcba()), pipeline.Else(pipeline.Within(time.Second, reverse{}), pipeline.Keep()), first(3)), abcd())), pipeline.ObserverFunc(func(context.Context, pipeline.Event) {})),
	}
}

func TestEveryStageKeepsTheRules(t *testing.T) {
	for name, stage := range allStages() {
		t.Run(name, func(t *testing.T) {
			pipelinetest.Stage(t, stage, pipelinetest.StageOptions{Refuses: name == "strict"})
		})
	}
}

func TestEveryRetrieverKeepsTheRules(t *testing.T) {
	for name, retriever := range allRetrievers() {
		t.Run(name, func(t *testing.T) { pipelinetest.Retriever(t, retriever, pipelinetest.RetrieverOptions{}) })
	}
}

// Around every faulty part, every combinator returns an error that names it.
func TestFaultsOfPartsAreErrorsThatNameThem(t *testing.T) {
	stages := map[string]func(pipeline.Stage) pipeline.Stage{
		"join":   func(s pipeline.Stage) pipeline.Stage { return pipeline.Join(pipeline.Keep(), s) },
		"blend":  func(s pipeline.Stage) pipeline.Stage { return pipeline.Blend(reciprocal{}, pipeline.Keep(), s) },
		"within": func(s pipeline.Stage) pipeline.Stage { return pipeline.Within(time.Minute, s) },
		"else":   func(s pipeline.Stage) pipeline.Stage { return pipeline.Else(s, s) },
		"gate":   func(s pipeline.Stage) pipeline.Stage { return pipeline.Gate(always, s) },
		"strict": pipeline.Strict,
	}
	retrievers := map[string]func(pipeline.Stage) pipeline.Retriever{
		"chain, retriever": func(s pipeline.Stage) pipeline.Retriever { return pipeline.Chain(asRetriever(s)) },
		"fan": func(s pipeline.Stage) pipeline.Retriever {
			return pipeline.Fan(reciprocal{}, asRetriever(s), asRetriever(s))
		},
		"expand": func(s pipeline.Stage) pipeline.Retriever {
			return pipeline.Expand(rewriter{twoQueries}, reciprocal{}, asRetriever(s))
		},
		"route": func(s pipeline.Stage) pipeline.Retriever {
			return pipeline.Route(func(pipeline.Query) string { return "" }, map[string]pipeline.Retriever{"": asRetriever(s)})
		},
		"within":   func(s pipeline.Stage) pipeline.Retriever { return pipeline.RetrieveWithin(time.Minute, asRetriever(s)) },
		"fallback": func(s pipeline.Stage) pipeline.Retriever { return pipeline.Fallback(asRetriever(s), asRetriever(s)) },
		"observe": func(s pipeline.Stage) pipeline.Retriever {
			return pipeline.Observe(asRetriever(s), pipeline.ObserverFunc(func(context.Context, pipeline.Event) {}))
		},
	}
	for name, wrap := range stages {
		retrievers["stage "+name] = func(s pipeline.Stage) pipeline.Retriever { return pipeline.Chain(abcd(), wrap(s)) }
	}
	for name, wrap := range retrievers {
		for fault, stage := range faultyStages() {
			t.Run(name+" around a part that "+fault, func(t *testing.T) {
				t.Parallel()
				_, err := wrap(stage).Retrieve(t.Context(), pipeline.Query{Text: "q"})
				require.Error(t, err)
				assert.ErrorContains(t, err, "broken")
				for _, err := range pipeline.Stream(t.Context(), wrap(stage), pipeline.Query{Text: "q"}) {
					if err != nil {
						assert.ErrorContains(t, err, "broken")
						return
					}
				}
				t.Error("the stream ends without the error")
			})
		}
	}
}

func TestNilHitsBecomeAnEmptyRanking(t *testing.T) {
	t.Parallel()
	none := pipeline.StageFunc(func(context.Context, pipeline.Query, pipeline.Ranking) (pipeline.Ranking, error) {
		return pipeline.Ranking{}, nil
	})
	r, err := pipeline.Chain(abcd(), none).Retrieve(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	assert.NotNil(t, r.Hits)
	assert.Empty(t, r.Hits)
}

func TestAStageCannotHideGapsAndNotes(t *testing.T) {
	t.Parallel()
	key := pipeline.NewKey[string]("note")
	noting := pipeline.StageFunc(func(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
		return key.Note(in.WithGaps(pipeline.Gap{Stage: "x", Reason: pipeline.ReasonFailed}), "kept"), nil
	})
	forgetful := pipeline.StageFunc(func(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
		return pipeline.Ranking{Hits: in.Hits, Scale: in.Scale}, nil
	})
	r, err := pipeline.Chain(abcd(), noting, forgetful).Retrieve(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	assert.Len(t, r.Gaps, 1)
	note, ok := key.Noted(r)
	assert.True(t, ok)
	assert.Equal(t, "kept", note)
}

func TestWithoutAnObserverThePartsOfAChainAllocateNothing(t *testing.T) {
	search := pipeline.Chain(abcd(), pipeline.Keep(), cut.TopK(3), cut.TopK(2))
	ctx, q := context.Background(), pipeline.Query{Text: "q"}
	allocations := testing.AllocsPerRun(100, func() {
		if _, err := search.Retrieve(ctx, q); err != nil {
			t.Fatal(err)
		}
	})
	assert.LessOrEqual(t, allocations, 0.0)
}

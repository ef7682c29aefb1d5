package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
)

func failing(name string, err error) pipeline.Retriever {
	return asRetriever(named{name, pipeline.StageFunc(func(context.Context, pipeline.Query, pipeline.Ranking) (pipeline.Ranking, error) {
		return pipeline.Ranking{}, err
	})})
}

func TestAFailedLegIsAGapAndKeepsItsPlaceAmongTheWeights(t *testing.T) {
	t.Parallel()
	fan := pipeline.Fan(reciprocal{weights: []float64{1, 100, 3}}, abcd(), failing("sparse", errFault), dcba())
	r, err := fan.Retrieve(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	require.Len(t, r.Gaps, 1)
	assert.Equal(t, "sparse", r.Gaps[0].Stage)
	assert.ErrorIs(t, r.Gaps[0].Err, errFault)
	assert.Equal(t, "d", r.Hits[0].Document.ID, "3/1 + 1/4 of the third list's weight beats 1/1")
	assert.InDelta(t, 1.0/4+3.0/1, r.Hits[0].Score, 0)
}

// A fuser that refuses unlike scales must not refuse because a leg is missing.
func TestTheEmptyRankingOfAFailedLegHasTheScaleThatItsDescriptionNames(t *testing.T) {
	t.Parallel()
	var scales []pipeline.Scale
	look := pipeline.FuserFunc(func(inputs []pipeline.Ranking) (pipeline.Ranking, error) {
		for _, in := range inputs {
			scales = append(scales, in.Scale)
		}
		return pipeline.Merge(inputs, pipeline.Fused, inputs[0].Hits), nil
	})
	broken := pipeline.Chain(storeOf(10, pipeline.Dot), pipeline.Within(time.Minute, faultyStages()["fails"]), rerankOf(pipeline.Facts{Scale: pipeline.Logit}))
	_, err := pipeline.Fan(look, abcd(), broken).Retrieve(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	assert.Equal(t, []pipeline.Scale{pipeline.BM25, pipeline.Logit}, scales)
}

func TestAllLegsFailingJoinsTheirCauses(t *testing.T) {
	t.Parallel()
	one, two := errors.New("no route to host"), errors.New("quota exceeded")
	_, err := pipeline.Fan(reciprocal{}, failing("sparse", one), failing("dense", two)).Retrieve(t.Context(), pipeline.Query{})
	require.ErrorIs(t, err, one)
	require.ErrorIs(t, err, two)
	assert.ErrorContains(t, err, "sparse")
}

func TestAQuorum(t *testing.T) {
	t.Parallel()
	legs := []pipeline.Retriever{abcd(), dcba(), failing("sparse", errFault)}
	_, err := pipeline.Parallel{Quorum: 3}.Fan(reciprocal{}, legs...).Retrieve(t.Context(), pipeline.Query{})
	require.ErrorIs(t, err, errFault)
	_, err = pipeline.Parallel{Quorum: 2}.Fan(reciprocal{}, legs...).Retrieve(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	fails := faultyStages()["fails"]
	_, err = pipeline.Chain(abcd(), pipeline.Blend(reciprocal{}, pipeline.Keep(), fails)).Retrieve(t.Context(), pipeline.Query{})
	require.ErrorIs(t, err, errFault, "a branch of a blend has to succeed")
	r, err := pipeline.Chain(abcd(), pipeline.Parallel{Quorum: 1}.Blend(reciprocal{}, pipeline.Keep(), fails)).Retrieve(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	assert.Len(t, r.Gaps, 1)
}

func TestFallbackNamesWhatFailed(t *testing.T) {
	t.Parallel()
	r, err := pipeline.Fallback(failing("primary", errFault), abcd()).Retrieve(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	require.Len(t, r.Gaps, 1)
	assert.Equal(t, "primary", r.Gaps[0].Stage)
	r, err = pipeline.Fallback(abcd(), failing("spare", errFault)).Retrieve(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	assert.False(t, r.Degraded())
}

func TestStrictTurnsGapsIntoAnError(t *testing.T) {
	t.Parallel()
	search := pipeline.Chain(pipeline.Fan(reciprocal{}, abcd(), failing("sparse", errFault)), pipeline.Strict(pipeline.Keep()))
	_, err := search.Retrieve(t.Context(), pipeline.Query{})
	var gaps *pipeline.GapError
	require.ErrorAs(t, err, &gaps)
	assert.Len(t, gaps.Gaps, 1)
	assert.ErrorIs(t, err, errFault)
}

func TestRoute(t *testing.T) {
	t.Parallel()
	byText := func(q pipeline.Query) string { return q.Text }
	routes := map[string]pipeline.Retriever{"one": abcd(), "two": dcba()}
	r, err := pipeline.Route(byText, routes).Retrieve(t.Context(), pipeline.Query{Text: "two"})
	require.NoError(t, err)
	assert.Equal(t, "d", r.Hits[0].Document.ID)
	_, err = pipeline.Route(byText, routes).Retrieve(t.Context(), pipeline.Query{Text: "three"})
	assert.ErrorContains(t, err, `no route "three"`)
	assert.ErrorContains(t, err, "one, two")
	panics := pipeline.Route(func(pipeline.Query) string { panic("bad chooser") }, routes)
	_, err = panics.Retrieve(t.Context(), pipeline.Query{})
	assert.ErrorContains(t, err, "route: panic: bad chooser")
}

func TestExpandRefusesARewriterWithoutQueries(t *testing.T) {
	t.Parallel()
	none := rewriter{func(context.Context, pipeline.Query) ([]pipeline.Query, error) { return nil, nil }}
	_, err := pipeline.Expand(none, reciprocal{}, abcd()).Retrieve(t.Context(), pipeline.Query{})
	assert.ErrorContains(t, err, "twice: returned no query")
	panics := rewriter{func(context.Context, pipeline.Query) ([]pipeline.Query, error) { panic("bad rewriter") }}
	_, err = pipeline.Expand(panics, reciprocal{}, abcd()).Retrieve(t.Context(), pipeline.Query{})
	assert.ErrorContains(t, err, "twice: panic: bad rewriter")
}

func TestMistakesAreErrorsOfTheFirstCallAndOfTheDescription(t *testing.T) {
	t.Parallel()
	var none pipeline.Retriever
	for message, r := range map[string]pipeline.Retriever{
		"chain: retriever 1 of 1 is nil":                pipeline.Chain(nil),
		"chain: stage 2 of 2 is nil":                    pipeline.Chain(abcd(), pipeline.Keep(), nil),
		"fan: nothing to run":                           pipeline.Fan(reciprocal{}),
		"fan: fuser 1 of 1 is nil":                      pipeline.Fan(nil, abcd()),
		"fan: retriever 2 of 2 is nil":                  pipeline.Fan(reciprocal{}, abcd(), none),
		"fan: quorum 3 cannot be met by 1 parts":        pipeline.Parallel{Quorum: 3}.Fan(reciprocal{}, abcd()),
		"quorum -1, concurrency 0 and depth 0 must not": pipeline.Parallel{Quorum: -1}.Fan(reciprocal{}, abcd()),
		"expand: rewriter 1 of 1 is nil":                pipeline.Expand(nil, reciprocal{}, abcd()),
		"route: nothing to choose from":                 pipeline.Route(func(pipeline.Query) string { return "" }, nil),
		"route: the function that chooses is nil":       pipeline.Route(nil, map[string]pipeline.Retriever{"": abcd()}),
		"fallback: retriever 2 of 2 is nil":             pipeline.Fallback(abcd(), nil),
		"within: a budget of 0s leaves no time":         pipeline.RetrieveWithin(0, abcd()),
		"within: retriever 1 of 1 is nil":               pipeline.RetrieveWithin(time.Second, nil),
		"observe: the observer is nil":                  pipeline.Observe(abcd(), nil),
		"blend: nothing to run":                         pipeline.Chain(abcd(), pipeline.Blend(reciprocal{})),
		"gate: the predicate is nil":                    pipeline.Chain(abcd(), pipeline.Gate(nil, pipeline.Keep())),
		"strict: stage 1 of 1 is nil":                   pipeline.Chain(abcd(), pipeline.Strict(nil)),
		"else: stage 2 of 2 is nil":                     pipeline.Chain(abcd(), pipeline.Else(pipeline.Keep(), nil)),
		"join: stage 1 of 1 is nil":                     pipeline.Chain(abcd(), pipeline.Join(nil)),
		"within: a budget of -1s leaves no time: give ": pipeline.Chain(abcd(), pipeline.Within(-time.Second, pipeline.Keep())),
	} {
		_, err := r.Retrieve(t.Context(), pipeline.Query{})
		require.ErrorContains(t, err, message)
		found := false
		for _, f := range pipeline.Lint(r) {
			found = found || f.Rule == pipeline.LintMistake
		}
		assert.True(t, found, "lint reports: %s", message)
	}
}

func TestAnObserverHearsOfEveryPartWithItsDepth(t *testing.T) {
	t.Parallel()
	type seen struct {
		name, kind string
		in, out    int
		depth      int
	}
	var events []seen
	record := pipeline.ObserverFunc(func(_ context.Context, e pipeline.Event) {
		events = append(events, seen{e.Name, e.Kind, e.In, e.Out, e.Depth})
	})
	search := pipeline.Observe(pipeline.Chain(abcd(), pipeline.Parallel{Concurrency: 1}.Blend(reciprocal{}, pipeline.Keep(), reverse{}), first(2)), record)
	want := []seen{
		{"bm25", "retrieve", 0, 4, 1},
		{"keep", "apply", 4, 4, 2},
		{"reverse", "apply", 4, 4, 2},
		{"reciprocal", "fuse", 8, 4, 2},
		{"blend", "apply", 4, 4, 1},
		{"first", "apply", 4, 2, 1},
		{"chain", "retrieve", 0, 2, 0},
	}
	_, err := search.Retrieve(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	assert.ElementsMatch(t, want, events)
	assert.Equal(t, want[len(want)-1], events[len(events)-1], "the outermost part ends last")
	events = nil
	for range pipeline.Stream(t.Context(), search, pipeline.Query{}) { // only the events matter
	}
	assert.ElementsMatch(t, want, events, "early rankings of a stream are not observed")
}

func TestAnObserverHearsOfGapsAndErrorsAndMayPanic(t *testing.T) {
	t.Parallel()
	var gaps, errs int
	count := pipeline.ObserverFunc(func(_ context.Context, e pipeline.Event) {
		if e.Name == "else" || e.Name == "chain" {
			gaps += len(e.Gaps)
		}
		if e.Err != nil {
			errs++
		}
	})
	search := pipeline.Chain(abcd(), pipeline.Else(faultyStages()["fails"], pipeline.Keep()))
	_, err := pipeline.Observe(pipeline.Observe(search, count), count).Retrieve(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	assert.Equal(t, 4, gaps, "the else and the chain around it, twice")
	assert.Equal(t, 2, errs)
	bad := pipeline.ObserverFunc(func(context.Context, pipeline.Event) { panic("full disk") })
	_, err = pipeline.Observe(search, bad).Retrieve(t.Context(), pipeline.Query{})
	assert.ErrorContains(t, err, "full disk")
}

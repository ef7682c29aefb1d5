package pipeline_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
)

// shown collects the orders of a stream as strings, and its error.
func shown(ctx context.Context, r pipeline.Retriever) (orders []string, err error) {
	for ranking, failure := range pipeline.Stream(ctx, r, pipeline.Query{Text: "q"}) {
		if failure != nil {
			return orders, failure
		}
		orders = append(orders, strings.Join(ranking.IDs(), ""))
	}
	return orders, nil
}

func TestStreamShowsTheRetrievalOrderAndThenEveryRefinement(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		search pipeline.Retriever
		want   []string
	}{
		"chain":         {pipeline.Chain(abcd(), reverse{}), []string{"abcd", "dabc", "dcab", "dcba", "dcba"}},
		"cut":           {pipeline.Chain(abcd(), reverse{}, first(2)), []string{"ab", "da", "dc", "dc"}},
		"only cuts":     {pipeline.Chain(abcd(), first(2)), []string{"ab"}},
		"no combinator": {abcd(), []string{"abcd"}},
		"gate shut":     {pipeline.Chain(abcd(), pipeline.Gate(never, reverse{})), []string{"abcd", "abcd"}},
		"a step that is no refiner": {
			pipeline.Chain(abcd(), pipeline.StageFunc(reverse{}.Apply), pipeline.StageFunc(reverse{}.Apply)), []string{"abcd", "dcba", "abcd"},
		},
	} {
		orders, err := shown(t.Context(), c.search)
		require.NoError(t, err, name)
		assert.Equal(t, c.want, orders, name)
	}
}

func TestStreamPassesRefinementsThroughEveryCombinator(t *testing.T) {
	t.Parallel()
	watched := func(r pipeline.Retriever) pipeline.Retriever {
		return pipeline.Observe(r, pipeline.ObserverFunc(func(context.Context, pipeline.Event) {}))
	}
	inner := pipeline.Chain(abcd(), reverse{})
	for name, search := range map[string]pipeline.Retriever{
		"join":            pipeline.Chain(abcd(), pipeline.Join(reverse{})),
		"within":          pipeline.Chain(abcd(), pipeline.Within(time.Minute, reverse{})),
		"else":            pipeline.Chain(abcd(), pipeline.Else(reverse{}, pipeline.Keep())),
		"gate":            pipeline.Chain(abcd(), pipeline.Gate(always, reverse{})),
		"strict":          pipeline.Chain(abcd(), pipeline.Strict(reverse{})),
		"blend":           pipeline.Chain(abcd(), pipeline.Blend(reciprocal{weights: []float64{0.1, 1}}, pipeline.Keep(), reverse{})),
		"observe":         watched(inner),
		"retrieve within": pipeline.RetrieveWithin(time.Minute, inner),
		"fallback":        pipeline.Fallback(inner, dcba()),
		"route":           pipeline.Route(func(pipeline.Query) string { return "" }, map[string]pipeline.Retriever{"": inner}),
		"all of them":     watched(pipeline.RetrieveWithin(time.Hour, pipeline.Fallback(pipeline.Chain(abcd(), pipeline.Join(pipeline.Gate(always, pipeline.Within(time.Minute, pipeline.Else(pipeline.Strict(reverse{}), pipeline.Keep())))))))),
	} {
		orders, err := shown(t.Context(), search)
		require.NoError(t, err, name)
		assert.Equal(t, "abcd", orders[0], name)
		assert.Contains(t, orders, "dabc", name)
		assert.Contains(t, orders, "dcab", name)
		assert.Equal(t, "dcba", orders[len(orders)-1], name)
	}
}

// breaking yields once and then breaks in one of several ways.
type breaking struct{ how string }

func (breaking) Describe() pipeline.Node { return pipeline.Node{Name: "breaking"} }

func (b breaking) Apply(context.Context, pipeline.Query, pipeline.Ranking) (pipeline.Ranking, error) {
	return pipeline.Ranking{}, errFault
}

func (b breaking) Refine(_ context.Context, _ pipeline.Query, in pipeline.Ranking) iter.Seq2[pipeline.Ranking, error] {
	return func(yield func(pipeline.Ranking, error) bool) {
		switch b.how {
		case "no ranking":
			return
		case "invalid":
			yield(pipeline.Ranking{Hits: []pipeline.Hit{hit("x", 1), hit("x", 1)}}, nil)
			return
		}
		if !yield(in, nil) {
			return
		}
		if b.how == "panic" {
			panic("half way")
		}
		yield(pipeline.Ranking{}, errFault)
	}
}

func TestABreakingRefinementEndsTheStreamWithAnErrorThatNamesIt(t *testing.T) {
	t.Parallel()
	for how, message := range map[string]string{
		"no ranking": "breaking: ended without a ranking",
		"invalid":    "breaking: returned an invalid ranking",
		"panic":      "breaking: panic: half way",
		"error":      "breaking: out of order",
	} {
		for _, stage := range []pipeline.Stage{breaking{how}, pipeline.Within(time.Minute, breaking{how}), pipeline.Blend(reciprocal{}, pipeline.Keep(), breaking{how})} {
			orders, err := shown(t.Context(), pipeline.Chain(abcd(), stage))
			require.ErrorContains(t, err, message)
			assert.Equal(t, "abcd", orders[0], "what came before can be used")
		}
		orders, err := shown(t.Context(), pipeline.Chain(abcd(), pipeline.Else(breaking{how}, reverse{})))
		require.NoError(t, err)
		assert.Equal(t, "dcba", orders[len(orders)-1])
	}
}

func TestAPanicOfTheConsumerIsNotSwallowed(t *testing.T) {
	t.Parallel()
	search := pipeline.Chain(abcd(), pipeline.Blend(reciprocal{}, pipeline.Keep(), pipeline.Else(reverse{}, pipeline.Keep())), first(2))
	assert.PanicsWithValue(t, "consumer", func() {
		n := 0
		for range pipeline.Stream(t.Context(), search, pipeline.Query{}) {
			if n++; n == 2 {
				panic("consumer")
			}
		}
	})
}

func TestAConsumerThatStopsLeavesNothingRunning(t *testing.T) {
	leak := goleak.IgnoreCurrent()
	search := pipeline.Chain(abcd(), pipeline.Blend(reciprocal{}, pipeline.Keep(), reverse{}, waiting{}), cut.TopK(3))
	for stop := 1; stop <= 3; stop++ {
		n := 0
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		for range pipeline.Stream(ctx, search, pipeline.Query{}) {
			if n++; n == stop {
				break
			}
		}
		cancel()
	}
	require.NoError(t, goleak.Find(leak))
}

// waiting refines once and then waits for the end of its context.
type waiting struct{}

func (waiting) Apply(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	return in, nil
}

func (waiting) Refine(ctx context.Context, _ pipeline.Query, in pipeline.Ranking) iter.Seq2[pipeline.Ranking, error] {
	return func(yield func(pipeline.Ranking, error) bool) {
		if !yield(in, nil) {
			return
		}
		<-ctx.Done()
		yield(pipeline.Ranking{}, context.Cause(ctx))
	}
}

func TestTheFirstRankingOfAStreamDoesNotWaitForTheRerank(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var at []time.Duration
		search := pipeline.Chain(abcd(), pipeline.Within(100*time.Millisecond, slow{takes: time.Hour, tolerant: true}), cut.TopK(2))
		for r, err := range pipeline.Stream(t.Context(), search, pipeline.Query{}) {
			require.NoError(t, err)
			require.Len(t, r.Hits, 2)
			at = append(at, time.Since(start))
		}
		assert.Equal(t, []time.Duration{0, 100 * time.Millisecond}, at)
	})
}

func TestAStreamEndsWithItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gaveUp := errors.New("gave up")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Millisecond, func() { cancel(gaveUp) })
		_, err := shown(ctx, pipeline.Chain(abcd(), pipeline.Else(pipeline.Blend(reciprocal{}, pipeline.Keep(), waiting{}), pipeline.Keep())))
		require.ErrorIs(t, err, gaveUp)
	})
}

// P8: early states say that they are early, and only the last one does not.
func TestP8EveryRankingButTheLastSaysThatItIsEarly(t *testing.T) {
	t.Parallel()
	inner := pipeline.Chain(abcd(), reverse{})
	function := pipeline.StageFunc(reverse{}.Apply)
	for name, c := range map[string]struct {
		search  pipeline.Retriever
		pending string // the part that the first state names
	}{
		"chain":              {inner, "reverse"},
		"cut":                {pipeline.Chain(abcd(), reverse{}, first(2)), "reverse"},
		"two stages":         {pipeline.Chain(abcd(), reverse{}, pipeline.Named("again", function)), "reverse"},
		"no refiner":         {pipeline.Chain(abcd(), pipeline.Named("turn", function)), "turn"},
		"chain in a chain":   {pipeline.Chain(pipeline.Chain(inner, first(3)), first(2)), "reverse"},
		"within":             {pipeline.Chain(abcd(), pipeline.Within(time.Minute, reverse{})), "within"},
		"else":               {pipeline.Chain(abcd(), pipeline.Else(reverse{}, pipeline.Keep())), "else"},
		"else that falls":    {pipeline.Chain(abcd(), pipeline.Else(breaking{"error"}, reverse{})), "else"},
		"gate":               {pipeline.Chain(abcd(), pipeline.Gate(always, reverse{})), "gate"},
		"gate shut":          {pipeline.Chain(abcd(), pipeline.Gate(never, reverse{})), "gate"},
		"strict":             {pipeline.Chain(abcd(), pipeline.Strict(reverse{})), "strict"},
		"blend":              {pipeline.Chain(abcd(), pipeline.Blend(reciprocal{}, pipeline.Keep(), reverse{})), "blend"},
		"blend of functions": {pipeline.Chain(abcd(), pipeline.Blend(reciprocal{}, pipeline.Keep(), function)), "blend"},
		"retrieve within":    {pipeline.RetrieveWithin(time.Minute, inner), "reverse"},
		"fallback":           {pipeline.Fallback(down("x"), inner), "reverse"},
		"route":              {pipeline.Route(func(pipeline.Query) string { return "" }, map[string]pipeline.Retriever{"": inner}), "reverse"},
		"named":              {pipeline.Named("search", inner), "reverse"},
		"a threshold on the reranker's scale": {
			pipeline.Chain(abcd(), reverse{}, cut.AtLeast(pipeline.Probability, 0)), "reverse",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var states []pipeline.Ranking
			for r, err := range pipeline.Stream(t.Context(), c.search, pipeline.Query{}) {
				require.NoError(t, err)
				states = append(states, r)
			}
			last := states[len(states)-1]
			require.Greater(t, len(states), 1)
			for _, r := range states[:len(states)-1] {
				assert.True(t, r.Early())
				assert.True(t, r.Degraded())
				assert.NotEmpty(t, r.Hits)
			}
			want, err := c.search.Retrieve(t.Context(), pipeline.Query{})
			require.NoError(t, err)
			assert.False(t, last.Early())
			assert.Equal(t, want.Gaps, last.Gaps)
			assert.Equal(t, want.IDs(), last.IDs())
			assert.Contains(t, gapNames(states[0]), c.pending)
		})
	}
	for name, search := range map[string]pipeline.Retriever{"only cuts": pipeline.Chain(abcd(), first(2)), "no combinator": abcd(), "fan": pipeline.Fan(reciprocal{}, abcd(), dcba())} {
		for r, err := range pipeline.Stream(t.Context(), search, pipeline.Query{}) {
			require.NoError(t, err)
			assert.False(t, r.Early(), name)
		}
	}
}

func TestP8StrictPassesEarlyStatesAndRefusesADegradedEnd(t *testing.T) {
	t.Parallel()
	lossy := pipeline.Join(reverse{}, noting("model", true))
	orders, err := shown(t.Context(), pipeline.Chain(abcd(), pipeline.Strict(lossy)))
	var gaps *pipeline.GapError
	require.ErrorAs(t, err, &gaps)
	assert.Len(t, gaps.Gaps, 1, "the end lacks something, and being early is no part of that")
	assert.Contains(t, orders, "dabc")
}

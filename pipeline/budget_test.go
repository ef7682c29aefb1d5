package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
)

// slow takes its time, and the end of its context ends it with the cause.
type slow struct {
	takes    time.Duration
	tolerant bool
	calls    *int
}

func (s slow) Describe() pipeline.Node {
	return pipeline.Node{Name: "slow", Facts: pipeline.Facts{Role: pipeline.RoleRerank, Tolerates: s.tolerant}}
}

func (s slow) Apply(ctx context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	if s.calls != nil {
		*s.calls++
	}
	select {
	case <-time.After(s.takes):
		return in, nil
	case <-ctx.Done():
	}
	if s.tolerant {
		return in.WithGaps(pipeline.Gap{Stage: "slow", Reason: pipeline.ReasonDeadline}), nil
	}
	return pipeline.Ranking{}, context.Cause(ctx)
}

func slowRetriever(d time.Duration) pipeline.Retriever { return retrieverOf{slow{takes: d}} }

// ask runs a retriever on a synthetic clock and returns how long it took.
func ask(ctx context.Context, t *testing.T, r pipeline.Retriever) (pipeline.Ranking, time.Duration, error) {
	t.Helper()
	start := time.Now()
	ranking, err := r.Retrieve(ctx, pipeline.Query{Text: "q"})
	return ranking, time.Since(start), err
}

func TestABudgetEndsAStageAndIsNotTheCallersDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, took, err := ask(t.Context(), t, pipeline.Chain(abcd(), pipeline.Within(100*time.Millisecond, slow{takes: time.Hour})))
		var budget *pipeline.BudgetError
		require.ErrorAs(t, err, &budget)
		assert.Equal(t, "slow", budget.Part)
		assert.Equal(t, 100*time.Millisecond, budget.Limit)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, pipeline.ReasonDeadline, pipeline.ReasonOf(err))
		assert.Equal(t, 100*time.Millisecond, took)
	})
}

func TestABudgetLeavesAReserveOfTheCallersDeadline(t *testing.T) {
	for name, c := range map[string]struct {
		budget   pipeline.Budget
		deadline time.Duration
		want     time.Duration
	}{
		"the budget, when the deadline is far":   {pipeline.Budget{Limit: time.Second}, time.Hour, time.Second},
		"5 % of the rest":                        {pipeline.Budget{Limit: time.Hour}, time.Second, 950 * time.Millisecond},
		"at least 20 ms":                         {pipeline.Budget{Limit: time.Hour}, 100 * time.Millisecond, 80 * time.Millisecond},
		"what the caller of the budget reserves": {pipeline.Budget{Limit: time.Hour, Reserve: 300 * time.Millisecond}, time.Second, 700 * time.Millisecond},
		"nothing, when the reserve is negative":  {pipeline.Budget{Limit: time.Hour, Reserve: -1}, time.Second, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), c.deadline)
				defer cancel()
				search := pipeline.Chain(abcd(), c.budget.Stage(slow{takes: 2 * time.Hour, tolerant: true}))
				_, took, _ := ask(ctx, t, search)
				assert.Equal(t, c.want, took)
			})
		})
	}
}

func TestATolerantStageIsCutAfterItsBudgetEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		search := pipeline.Chain(abcd(), pipeline.Within(50*time.Millisecond, pipeline.Join(
			pipeline.Blend(reciprocal{}, pipeline.Keep(), slow{takes: time.Hour, tolerant: true}), first(2))))
		r, took, err := ask(t.Context(), t, search)
		require.NoError(t, err)
		assert.Len(t, r.Hits, 2)
		assert.True(t, r.Degraded())
		assert.Equal(t, 50*time.Millisecond, took)
	})
}

func TestWithoutTimeOnlyATolerantStageIsCalled(t *testing.T) {
	for _, tolerant := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			calls := 0
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			stage := pipeline.Within(time.Second, slow{takes: time.Hour, tolerant: tolerant, calls: &calls})
			r, took, err := ask(ctx, t, pipeline.Chain(abcd(), stage))
			assert.Zero(t, took)
			if tolerant {
				require.NoError(t, err)
				assert.True(t, r.Degraded())
				return
			}
			require.ErrorAs(t, err, new(*pipeline.BudgetError))
			assert.Zero(t, calls)
		})
	}
}

func TestTheCallersEndIsAnErrorEverywhereAndNeverAGap(t *testing.T) {
	gaveUp := errors.New("the user closed the page")
	hanging := slow{takes: time.Hour}
	for name, search := range map[string]pipeline.Retriever{
		"within":         pipeline.Chain(abcd(), pipeline.Within(time.Minute, hanging)),
		"within, else":   pipeline.Chain(abcd(), pipeline.Else(pipeline.Within(time.Minute, hanging), pipeline.Keep())),
		"else":           pipeline.Chain(abcd(), pipeline.Else(hanging, pipeline.Keep())),
		"fan":            pipeline.Fan(reciprocal{}, abcd(), slowRetriever(time.Hour)),
		"fan of budgets": pipeline.Fan(reciprocal{}, abcd(), pipeline.RetrieveWithin(time.Minute, slowRetriever(time.Hour))),
		"fallback":       pipeline.Fallback(slowRetriever(time.Hour), abcd()),
		"expand":         pipeline.Expand(rewriter{twoQueries}, reciprocal{}, slowRetriever(time.Hour)),
		"blend, quorum":  pipeline.Chain(abcd(), pipeline.Parallel{Quorum: 1}.Blend(reciprocal{}, pipeline.Keep(), hanging)),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(70*time.Millisecond, func() { cancel(gaveUp) })
				_, took, err := ask(ctx, t, search)
				require.ErrorIs(t, err, gaveUp)
				require.ErrorIs(t, err, context.Canceled)
				assert.Equal(t, 70*time.Millisecond, took)
			})
		})
	}
}

func TestElseRunsTheAlternativeWhenABudgetEnds(t *testing.T) {
	for name, stage := range map[string]pipeline.Stage{
		"budget inside":  pipeline.Else(pipeline.Within(50*time.Millisecond, slow{takes: time.Hour}), first(3)),
		"budget outside": pipeline.Within(70*time.Millisecond, pipeline.Else(slow{takes: time.Hour}, first(3))),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, took, err := ask(t.Context(), t, pipeline.Chain(abcd(), stage))
				require.NoError(t, err)
				assert.Equal(t, []string{"a", "b", "c"}, r.IDs())
				require.Len(t, r.Gaps, 1)
				assert.Equal(t, pipeline.ReasonDeadline, r.Gaps[0].Reason)
				assert.Equal(t, 50*time.Millisecond, took)
			})
		})
	}
}

func TestElseLeavesTimeForTheAlternativeBeforeTheCallersDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r, took, err := ask(ctx, t, pipeline.Chain(abcd(), pipeline.Else(slow{takes: time.Hour}, pipeline.Keep())))
		require.NoError(t, err)
		assert.Equal(t, pipeline.ReasonDeadline, r.Gaps[0].Reason)
		assert.Equal(t, 950*time.Millisecond, took)
	})
}

func TestFallbackSharesTheDeadlineEqually(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 900*time.Millisecond)
		defer cancel()
		r, took, err := ask(ctx, t, pipeline.Fallback(slowRetriever(time.Hour), slowRetriever(time.Hour), abcd()))
		require.NoError(t, err)
		assert.Equal(t, []string{"a", "b", "c", "d"}, r.IDs())
		assert.Len(t, r.Gaps, 2)
		assert.Equal(t, 600*time.Millisecond, took)
	})
}

func TestFanUsesTheLegsThatAreThereWhenABudgetEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		legs := pipeline.Fan(reciprocal{}, abcd(), slowRetriever(time.Hour))
		r, took, err := ask(t.Context(), t, pipeline.Chain(pipeline.RetrieveWithin(80*time.Millisecond, legs), first(2)))
		require.NoError(t, err)
		assert.Equal(t, []string{"a", "b"}, r.IDs())
		require.Len(t, r.Gaps, 1)
		assert.Equal(t, "slow", r.Gaps[0].Stage)
		assert.Equal(t, 80*time.Millisecond, took)
	})
}

func TestPartsRunSideBySideUpToTheConcurrency(t *testing.T) {
	second := func() pipeline.Retriever { return pipeline.Chain(abcd(), slow{takes: time.Second}) }
	for concurrency, want := range map[int]time.Duration{0: time.Second, 1: 4 * time.Second, 2: 2 * time.Second, 9: time.Second} {
		synctest.Test(t, func(t *testing.T) {
			fan := pipeline.Parallel{Concurrency: concurrency}.Fan(reciprocal{}, second(), second(), second(), second())
			_, took, err := ask(t.Context(), t, fan)
			require.NoError(t, err)
			assert.Equal(t, want, took)
		})
	}
}

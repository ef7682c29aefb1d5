package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
)

// deaf is every kind of part, takes its time and ignores its context.
type deaf struct{ takes time.Duration }

func (d deaf) Retrieve(context.Context, pipeline.Query) (pipeline.Ranking, error) {
	time.Sleep(d.takes)
	return pipeline.Ranking{}, errors.New("too late")
}

func (d deaf) Apply(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	time.Sleep(d.takes)
	return in, nil
}

func (d deaf) Rewrite(_ context.Context, q pipeline.Query) ([]pipeline.Query, error) {
	time.Sleep(d.takes)
	return []pipeline.Query{q}, nil
}

func (d deaf) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) {
	time.Sleep(d.takes)
	return inputs[0], nil
}

func (d deaf) enough(pipeline.Query, pipeline.Ranking) bool {
	time.Sleep(d.takes)
	return true
}

// slowest is how late a budget may end.
const slowest = 20 * time.Millisecond

// TestReal holds rows of the list of faults, by their numbers.
func TestReal(t *testing.T) {
	t.Parallel()
	const limit = 300 * time.Millisecond
	hangs := deaf{3 * time.Second}
	within := func(r pipeline.Retriever) pipeline.Retriever { return pipeline.RetrieveWithin(limit, r) }
	for name, search := range map[string]pipeline.Retriever{
		"a retriever":                      within(hangs),
		"a named retriever":                within(pipeline.Named("deaf", hangs)),
		"a stage":                          pipeline.Chain(abcd(), pipeline.Within(limit, hangs)),
		"a stage in a chain":               within(pipeline.Chain(abcd(), hangs)),
		"a rewriter":                       within(pipeline.Expand(hangs, reciprocal{}, abcd())),
		"a fuser":                          within(pipeline.Fan(hangs, abcd(), abcd())),
		"the only leg of a fan":            within(pipeline.Fan(reciprocal{}, hangs)),
		"all legs of a fan":                within(pipeline.Fan(reciprocal{}, hangs, hangs)),
		"a leg of a fan that needs all":    within(pipeline.Parallel{Quorum: 2}.Fan(reciprocal{}, hangs, abcd())),
		"the function that decides":        within(pipeline.Otherwise(hangs.enough, abcd(), abcd())),
		"a branch of a blend":              within(pipeline.Chain(abcd(), pipeline.Blend(reciprocal{}, pipeline.Keep(), hangs))),
		"a retriever in a budget of a day": within(pipeline.RetrieveWithin(24*time.Hour, hangs)),
	} {
		t.Run("O6_"+name, func(t *testing.T) {
			t.Parallel()
			for way, ask := range map[string]func(context.Context, pipeline.Retriever) error{"retrieve": retrieved, "stream": streamed} {
				synctest.Test(t, func(t *testing.T) {
					start := time.Now()
					err := ask(t.Context(), search)
					assert.LessOrEqual(t, time.Since(start), limit+slowest, way)
					var left *pipeline.StrayError
					require.ErrorAs(t, err, &left, way)
					assert.False(t, left.Refused)
					require.ErrorAs(t, err, new(*pipeline.BudgetError))
					require.ErrorIs(t, err, context.DeadlineExceeded)
					assert.Equal(t, pipeline.ReasonDeadline, pipeline.ReasonOf(err))
					assert.Positive(t, pipeline.LeftBehind(search))

					require.NoError(t, pipeline.Close(t.Context(), search))
					assert.Zero(t, pipeline.LeftBehind(search))
					assert.LessOrEqual(t, time.Since(start), hangs.takes, "Close joins it")
				})
			}
		})
	}
}

func retrieved(ctx context.Context, r pipeline.Retriever) error {
	_, err := r.Retrieve(ctx, pipeline.Query{Text: "q"})
	return err
}

func streamed(ctx context.Context, r pipeline.Retriever) error {
	for _, err := range pipeline.Stream(ctx, r, pipeline.Query{Text: "q"}) {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestADeafPartLosesNobodyElse(t *testing.T) {
	t.Parallel()
	hangs := deaf{3 * time.Second}
	const limit = time.Second
	for name, search := range map[string]pipeline.Retriever{
		"a leg of a fan":              pipeline.Fan(reciprocal{}, abcd(), hangs),
		"a leg of a fan in a budget":  pipeline.RetrieveWithin(limit, pipeline.Fan(reciprocal{}, abcd(), hangs)),
		"a branch of a blend":         pipeline.Chain(abcd(), pipeline.Parallel{Quorum: 1}.Blend(reciprocal{}, pipeline.Keep(), hangs)),
		"a stage with an alternative": pipeline.Chain(abcd(), pipeline.Else(hangs, pipeline.Keep())),
		"a fallback":                  pipeline.Fallback(hangs, abcd()),
		"an otherwise":                pipeline.Otherwise(func(pipeline.Query, pipeline.Ranking) bool { return true }, hangs, abcd()),
		"a tolerant stage":            pipeline.Chain(abcd(), pipeline.Within(limit, tolerant{hangs})),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				r, took, err := ask(ctx, t, search)
				require.NoError(t, err)
				assert.LessOrEqual(t, took, limit)
				assert.Len(t, r.Hits, 4)
				require.Len(t, r.Gaps, 1)
				assert.Equal(t, pipeline.ReasonDeadline, r.Gaps[0].Reason)
				require.ErrorAs(t, r.Gaps[0].Err, new(*pipeline.StrayError))
				assert.Equal(t, 1, pipeline.LeftBehind(search))
				require.NoError(t, pipeline.Close(t.Context(), search))
			})
		})
	}
}

// tolerant says of a stage that it is never an error.
type tolerant struct{ deaf }

func (tolerant) Describe() pipeline.Node {
	return pipeline.Node{Name: "tolerant", Facts: pipeline.Facts{Role: pipeline.RoleRerank, Tolerates: true}}
}

func TestWhatIsLeftBehindIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		search := pipeline.RetrieveWithin(50*time.Millisecond, deaf{time.Hour})
		for range 64 {
			require.ErrorIs(t, retrieved(t.Context(), search), context.DeadlineExceeded)
		}
		assert.Equal(t, 64, pipeline.LeftBehind(search))
		start := time.Now()
		err := retrieved(t.Context(), search)
		assert.Zero(t, time.Since(start), "it is not called")
		var left *pipeline.StrayError
		require.ErrorAs(t, err, &left)
		assert.True(t, left.Refused)
		assert.Equal(t, 64, left.Left)
		assert.Equal(t, pipeline.ReasonBreaker, pipeline.ReasonOf(err))
		assert.ErrorContains(t, streamed(t.Context(), search), "not called: 64 calls are left behind")
		assert.Equal(t, 64, pipeline.LeftBehind(search))

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err = pipeline.Close(ctx, search)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "64 calls that were left behind still run")
		require.NoError(t, pipeline.Close(t.Context(), search))
		require.ErrorIs(t, retrieved(t.Context(), search), context.DeadlineExceeded, "it is called again")
		require.NoError(t, pipeline.Close(t.Context(), search))
	})
}

func TestAConsumerThatStopsIsNotHeldUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, stage := range map[string]pipeline.Stage{
			"a budget": pipeline.Within(time.Hour, stubborn{}), "an else": pipeline.Else(stubborn{}, pipeline.Keep()),
		} {
			search := pipeline.Chain(abcd(), stage)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
			start := time.Now()
			n := 0
			for r, err := range pipeline.Stream(ctx, search, pipeline.Query{Text: "q"}) {
				require.NoError(t, err)
				if n++; len(r.Hits) == 2 {
					break
				}
			}
			cancel()
			assert.LessOrEqual(t, time.Since(start), slowest, name)
			assert.Equal(t, 1, pipeline.LeftBehind(search), name)
			require.NoError(t, pipeline.Close(t.Context(), search))
		}
	})
}

// stubborn shows two states and then takes a minute, whatever its consumer says.
type stubborn struct{}

func (stubborn) Apply(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	return in, nil
}

func (stubborn) Refine(_ context.Context, _ pipeline.Query, in pipeline.Ranking) iter.Seq2[pipeline.Ranking, error] {
	return func(yield func(pipeline.Ranking, error) bool) {
		for _, n := range []int{3, 2} {
			if !yield(in.Derive(in.Hits[:n]), nil) {
				break
			}
		}
		time.Sleep(time.Minute)
	}
}

func TestWhatEndsInTimeIsNotLeftBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		search := pipeline.RetrieveWithin(time.Second, pipeline.Fan(reciprocal{}, abcd(), slowRetriever(time.Hour)))
		for range 100 {
			r, _, err := ask(t.Context(), t, search)
			require.NoError(t, err)
			assert.Len(t, r.Gaps, 1)
			assert.NotErrorAs(t, r.Gaps[0].Err, new(*pipeline.StrayError))
		}
		assert.Zero(t, pipeline.LeftBehind(search))
		require.NoError(t, pipeline.Close(t.Context(), search))
	})
}

func TestAPanicInABudgetIsThePanicOfThePart(t *testing.T) {
	t.Parallel()
	search := pipeline.RetrieveWithin(time.Minute, pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) {
		panic("boo")
	}))
	for _, ask := range []func(context.Context, pipeline.Retriever) error{retrieved, streamed} {
		var caught *pipeline.PanicError
		require.ErrorAs(t, ask(t.Context(), search), &caught)
		assert.Equal(t, "boo", caught.Value)
	}
	assert.Panics(t, func() {
		for range pipeline.Stream(t.Context(), pipeline.RetrieveWithin(time.Minute, abcd()), pipeline.Query{}) {
			panic("of the consumer")
		}
	})
}

func TestTheCallersEndLeavesBehindToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gaveUp := fmt.Errorf("the user closed the page")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(70*time.Millisecond, func() { cancel(gaveUp) })
		search := pipeline.RetrieveWithin(time.Minute, deaf{time.Hour})
		_, took, err := ask(ctx, t, search)
		require.ErrorIs(t, err, gaveUp)
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, pipeline.ReasonCanceled, pipeline.ReasonOf(err))
		assert.LessOrEqual(t, took, 70*time.Millisecond+slowest)
		require.NoError(t, pipeline.Close(t.Context(), search))
	})
}

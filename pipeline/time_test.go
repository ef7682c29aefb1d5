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
	"github.com/rankcascade/cascade/pipeline/cut"
)

// hanging is a retriever that waits for the end of its context.
func hanging(name string) pipeline.Retriever {
	return pipeline.Named(name, pipeline.RetrieverFunc(func(ctx context.Context, _ pipeline.Query) (pipeline.Ranking, error) {
		<-ctx.Done()
		return pipeline.Ranking{}, context.Cause(ctx)
	}))
}

// P7: one hanging leg does not lose the others at the caller's deadline.
func TestP7AHangingLegDoesNotLoseTheOthersAtTheCallersDeadline(t *testing.T) {
	hangingStage := pipeline.StageFunc(func(ctx context.Context, _ pipeline.Query, _ pipeline.Ranking) (pipeline.Ranking, error) {
		<-ctx.Done()
		return pipeline.Ranking{}, context.Cause(ctx)
	})
	for name, c := range map[string]struct {
		search   pipeline.Retriever
		deadline time.Duration
		took     time.Duration
		gap      string
	}{
		"a fan":                      {pipeline.Fan(reciprocal{}, abcd(), hanging("dense")), time.Second, 950 * time.Millisecond, "dense"},
		"a short deadline":           {pipeline.Fan(reciprocal{}, abcd(), hanging("dense")), 100 * time.Millisecond, 80 * time.Millisecond, "dense"},
		"a very short deadline":      {pipeline.Fan(reciprocal{}, abcd(), hanging("dense")), 10 * time.Millisecond, 5 * time.Millisecond, "dense"},
		"a fan before a cut":         {pipeline.Chain(pipeline.Fan(reciprocal{}, hanging("dense"), abcd()), cut.TopK(4)), time.Second, 950 * time.Millisecond, "dense"},
		"a fan in a fan":             {pipeline.Fan(reciprocal{}, abcd(), pipeline.Fan(reciprocal{}, hanging("dense"), abcd())), time.Second, 950 * time.Millisecond, "dense"},
		"a fan in a budget":          {pipeline.RetrieveWithin(300*time.Millisecond, pipeline.Fan(reciprocal{}, abcd(), hanging("dense"))), time.Second, 300 * time.Millisecond, "dense"},
		"a quorum that is met":       {pipeline.Parallel{Quorum: 2}.Fan(reciprocal{}, abcd(), hanging("dense"), abcd()), time.Second, 950 * time.Millisecond, "dense"},
		"one at a time":              {pipeline.Parallel{Concurrency: 1}.Fan(reciprocal{}, abcd(), hanging("dense")), time.Second, 950 * time.Millisecond, "dense"},
		"a blend of which some fail": {pipeline.Chain(abcd(), pipeline.Parallel{Quorum: 1}.Blend(reciprocal{}, pipeline.Keep(), pipeline.Named("model", hangingStage))), time.Second, 950 * time.Millisecond, "model"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), c.deadline)
				defer cancel()
				start := time.Now()
				r, err := c.search.Retrieve(ctx, pipeline.Query{})
				require.NoError(t, err)
				assert.Equal(t, c.took, time.Since(start))
				assert.Len(t, r.Hits, 4)
				assert.Equal(t, []string{c.gap}, gapNames(r))
				assert.Equal(t, pipeline.ReasonDeadline, r.Gaps[0].Reason)
				assert.Contains(t, r.Gaps[0].Err.Error(), "budget of")
			})
		})
	}
}

func TestP7AnExpandedQueryThatHangsDoesNotLoseTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := pipeline.Named("store", pipeline.RetrieverFunc(func(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
			if q.Text == "q again" {
				<-ctx.Done()
				return pipeline.Ranking{}, context.Cause(ctx)
			}
			return abcd().Retrieve(ctx, q)
		}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r, err := pipeline.Expand(rewriter{twoQueries}, reciprocal{}, store).Retrieve(ctx, pipeline.Query{Text: "q"})
		require.NoError(t, err)
		assert.Len(t, r.Hits, 4)
		assert.ErrorContains(t, r.Gaps[0].Err, "query 2 of 2", "it says which query")
	})
}

// P7: messages say what happened.
func TestP7MessagesSayWhatHappened(t *testing.T) {
	gaveUp := errors.New("closed the window")
	for name, c := range map[string]struct {
		search pipeline.Retriever
		cancel bool // the caller gives up, else the deadline passes
		want   []string
	}{
		"a fan of which all are needed": {
			pipeline.Parallel{Quorum: 2}.Fan(reciprocal{}, abcd(), hanging("dense")), false,
			[]string{"fan: the caller's deadline passed while waiting for dense; 1 of 2 had answered"},
		},
		"a fan that is given up": {
			pipeline.Fan(reciprocal{}, hanging("sparse"), abcd(), hanging("dense")), true,
			[]string{"fan: the caller gave up while waiting for sparse, dense; 1 of 3 had answered", "closed the window"},
		},
		"one store":                {pipeline.Chain(hanging("dense")), false, []string{"dense: the caller's deadline passed while waiting for it"}},
		"a store that is given up": {pipeline.Chain(hanging("dense")), true, []string{"dense: the caller gave up while waiting for it", "closed the window"}},
		"a stage that is not started": {
			pipeline.Chain(pipeline.Named("late", pipeline.RetrieverFunc(func(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
				<-ctx.Done()
				return pipeline.Ranking{Hits: []pipeline.Hit{}}, nil
			})), reverse{}), false, []string{"reverse: not started: the caller's deadline passed"},
		},
		"a budget without an alternative": {
			pipeline.RetrieveWithin(100*time.Millisecond, hanging("dense")), false, []string{"dense: budget of 100ms used up"},
		},
		"legs that fail on their own": {
			pipeline.Fan(reciprocal{}, down("sparse"), down("dense")), false, []string{"fan: 2 of 2 parts failed", "sparse: out of order"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithTimeout(t.Context(), time.Second)
				defer stop()
				ctx, cancel := context.WithCancelCause(ctx)
				defer cancel(nil)
				if c.cancel {
					time.AfterFunc(time.Millisecond, func() { cancel(gaveUp) })
				}
				_, err := c.search.Retrieve(ctx, pipeline.Query{})
				for _, want := range c.want {
					require.ErrorContains(t, err, want)
				}
				if c.cancel {
					require.ErrorIs(t, err, gaveUp)
				}
			})
		})
	}
}

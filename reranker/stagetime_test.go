package reranker_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// patient waits for its context or for as long as it is told.
func patient(d time.Duration) reranker.ScorerFunc {
	return func(ctx context.Context, q string, documents []string) (reranker.Scores, error) {
		select {
		case <-ctx.Done():
			return reranker.Scores{}, fmt.Errorf("patient: %w", context.Cause(ctx))
		case <-time.After(d):
			return digits{}.Score(ctx, q, documents)
		}
	}
}

func TestStageKeepsItsTime(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		deadline time.Duration // of the caller; 0 is none
		scorer   reranker.Scorer
		change   func(*reranker.StageOptions)
		takes    time.Duration
		mode     reranker.Mode
	}{
		"5 % of the deadline are left":                     {deadline: time.Second, scorer: patient(time.Hour), takes: 950 * time.Millisecond, mode: reranker.RetrievalOnly},
		"at least 20 ms are left":                          {deadline: 100 * time.Millisecond, scorer: patient(time.Hour), takes: 80 * time.Millisecond, mode: reranker.RetrievalOnly},
		"another reserve":                                  {deadline: time.Second, scorer: patient(time.Hour), change: func(o *reranker.StageOptions) { o.Reserve = 300 * time.Millisecond }, takes: 700 * time.Millisecond, mode: reranker.RetrievalOnly},
		"the default without a deadline":                   {scorer: patient(time.Hour), takes: 1500 * time.Millisecond, mode: reranker.RetrievalOnly},
		"no limit at all":                                  {scorer: patient(time.Hour), change: func(o *reranker.StageOptions) { o.Timeout = 0 }, takes: time.Hour, mode: reranker.Full},
		"no call if the reserve takes all":                 {deadline: 15 * time.Millisecond, scorer: patient(0), mode: reranker.RetrievalOnly},
		"no call and no error for a deadline that is past": {deadline: -time.Second, scorer: patient(0), mode: reranker.RetrievalOnly},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if c.deadline != 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.deadline)
					defer cancel()
				}
				o := reranker.Chat()
				if c.change != nil {
					c.change(&o)
				}
				start := time.Now()
				out, err := reranker.Stage(c.scorer, o).Apply(ctx, pipeline.Query{}, ranked(t, "1", "2"))
				require.NoError(t, err)
				assert.Equal(t, c.takes, time.Since(start))
				r := reportOf(t, out)
				assert.Equal(t, c.mode, r.Mode)
				assert.Equal(t, c.takes, r.Elapsed)
				if c.mode == reranker.RetrievalOnly {
					assert.Equal(t, pipeline.ReasonDeadline, out.Gaps[0].Reason)
					require.ErrorIs(t, out.Err(), context.DeadlineExceeded)
					assert.Equal(t, pipeline.BM25, out.Scale)
					assert.Equal(t, c.takes > 0, r.Attempts > 0, "a call that cannot be in time is not made")
				}
			})
		})
	}
}

func TestStageReturnsTheCallersCancellation(t *testing.T) {
	t.Parallel()
	reason := errors.New("the user left")
	for name, start := range map[string]time.Duration{"before": 0, "during": time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(start, func() { cancel(reason) })
				if start == 0 {
					cancel(reason)
				}
				before := time.Now()
				_, err := reranker.Stage(patient(time.Hour), withPolicy(reranker.KeepPosition)).Apply(ctx, pipeline.Query{}, ranked(t, "1"))
				require.ErrorIs(t, err, reason)
				require.ErrorIs(t, err, context.Canceled)
				assert.Equal(t, start, time.Since(before))
			})
		})
	}
}

func TestStageWithinABudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		within := pipeline.Within(300*time.Millisecond, reranker.Stage(patient(time.Hour), reranker.Chat()))
		out, err := within.Apply(t.Context(), pipeline.Query{}, ranked(t, "1", "2"))
		require.NoError(t, err)
		assert.Equal(t, 280*time.Millisecond, reportOf(t, out).Elapsed)
	})
}

package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

// busy counts how many are inside, and the most that ever were.
type busy struct{ now, most atomic.Int64 }

func (b *busy) enter() {
	n := b.now.Add(1)
	for {
		most := b.most.Load()
		if n <= most || b.most.CompareAndSwap(most, n) {
			return
		}
	}
}

func (b *busy) leave() { b.now.Add(-1) }

// slowly is a scorer that takes a second, and fails a test where a search waits.
func slowly(t *testing.T, inside *busy, searches *busy) reranker.Scorer {
	return reranker.ScorerFunc(func(ctx context.Context, _ string, documents []string) (reranker.Scores, error) {
		inside.enter()
		defer inside.leave()
		assert.Zero(t, searches.now.Load(), "a rerank begins while somebody searches")
		select {
		case <-time.After(time.Second):
			return reranker.Scores{Values: make([]float64, len(documents)), Scale: pipeline.Probability}, nil
		case <-ctx.Done():
			return reranker.Scores{}, context.Cause(ctx)
		}
	})
}

// A hundred questions at once: all of them have searched before one is judged, few
// at a time, and whoever is not judged in time hears so in time.
func TestSearchesGoBeforeReranks(t *testing.T) {
	t.Parallel()
	for name, stream := range map[string]bool{"in one piece": false, "as a stream": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				turns := newTurns(2)
				var searching, waiting, judging busy
				store := searcher{pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) {
					searching.enter()
					defer searching.leave()
					time.Sleep(10 * time.Millisecond)
					return pipeline.Ranking{}, nil
				}), turns}
				scorer := judge{slowly(t, &judging, &waiting), turns}
				var judged, late atomic.Int64
				var wg sync.WaitGroup
				began := time.Now()
				for range 100 {
					waiting.enter()
					wg.Go(func() {
						_, err := store.Retrieve(t.Context(), pipeline.Query{})
						waiting.leave()
						assert.NoError(t, err)
						ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
						defer cancel()
						if stream {
							for _, err = range scorer.ScoreStream(ctx, "q", []string{"d"}) {
							}
						} else {
							_, err = scorer.Score(ctx, "q", []string{"d"})
						}
						if err == nil {
							judged.Add(1)
						} else {
							assert.ErrorIs(t, err, context.DeadlineExceeded)
							late.Add(1)
						}
					})
				}
				wg.Wait()
				assert.LessOrEqual(t, time.Since(began), 5*time.Second)
				assert.EqualValues(t, cap(turns.searches), searching.most.Load())
				assert.EqualValues(t, 2, judging.most.Load())
				assert.GreaterOrEqual(t, judged.Load(), int64(4), "two at a time for at least two seconds")
				assert.EqualValues(t, 100, judged.Load()+late.Load())
				assert.Nil(t, turns.noSearch())
				assert.Empty(t, turns.reranks)
				assert.Empty(t, turns.searches)
			})
		})
	}
}

func TestWhoWaitsForATurnMayLeave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(1)
		release, err := turns.rerank(t.Context())
		require.NoError(t, err)
		gone := errors.New("gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		var errs [2]error
		var wg sync.WaitGroup
		wg.Go(func() { _, errs[0] = turns.rerank(ctx) })
		for range cap(turns.searches) {
			turns.searches <- struct{}{}
		}
		wg.Go(func() { _, errs[1] = turns.search(ctx, nil) })
		synctest.Wait()
		cancel(gone)
		wg.Wait()
		for _, err := range errs {
			require.ErrorIs(t, err, gone)
		}
		release()
		turns.come()
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		_, err = turns.rerank(ctx)
		require.ErrorContains(t, err, "wait for searches")
		assert.Empty(t, turns.reranks, "the turn is given back")
		turns.leave()
		release, err = turns.rerank(t.Context())
		require.NoError(t, err)
		release()
	})
}

func TestAJudgeIsADecorator(t *testing.T) {
	rerankertest.Decorator{Wrap: func(_ *testing.T, s reranker.Scorer) reranker.Scorer { return judge{s, newTurns(1)} }}.Run(t)
}

package stray_test

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rankcascade/cascade/internal/stray"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var errLeft, errRefused = errors.New("left behind"), errors.New("refused")

func bound(g *stray.Group) stray.Bound {
	return stray.Bound{Group: g, Patience: 8 * time.Millisecond, Fail: func(_ int, refused bool, cause error) error {
		if refused {
			return errRefused
		}
		return errors.Join(errLeft, cause)
	}}
}

// sleeps is a call that takes so long and ignores its context.
func sleeps(d time.Duration) func(context.Context) (int, error) {
	return func(context.Context) (int, error) {
		time.Sleep(d)
		return 7, nil
	}
}

func TestCall(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		takes, limit, want time.Duration
		left               int
	}{
		"one that is back in time":       {takes: 50 * time.Millisecond, limit: time.Second, want: 50 * time.Millisecond},
		"one that is a little late":      {takes: 105 * time.Millisecond, limit: 100 * time.Millisecond, want: 105 * time.Millisecond},
		"one that is too late":           {takes: time.Second, limit: 100 * time.Millisecond, want: 108 * time.Millisecond, left: 1},
		"one whose time is over already": {takes: time.Second, limit: -1, want: 8 * time.Millisecond, left: 1},
		"one without an end":             {takes: time.Hour, want: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx := context.Background()
				if c.limit != 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.limit)
					defer cancel()
				}
				g, start := stray.New(0), time.Now()
				v, err := stray.Call(ctx, bound(g), sleeps(c.takes))
				assert.Equal(t, c.want, time.Since(start))
				assert.Equal(t, c.left, g.Left())
				if c.left == 0 {
					require.NoError(t, err)
					assert.Equal(t, 7, v)
					return
				}
				require.ErrorIs(t, err, errLeft)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				assert.Zero(t, v)
				assert.Zero(t, g.Wait(context.Background()))
				assert.Equal(t, c.takes, time.Since(start), "Wait joins it")
			})
		})
	}
}

func TestAGroupIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := stray.New(2)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		for _, want := range []error{errLeft, errLeft, errRefused, errRefused} {
			_, err := stray.Call(ctx, bound(g), sleeps(time.Hour))
			require.ErrorIs(t, err, want)
			for _, err := range stray.Sequence(ctx, bound(stray.New(-1)), func(context.Context) iter.Seq2[int, error] { panic("not called") }) {
				require.ErrorIs(t, err, errRefused)
			}
		}
		assert.Equal(t, 2, g.Left())
		limit, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		assert.Equal(t, 2, g.Wait(limit))
		assert.Zero(t, g.Wait(t.Context()))
		assert.Zero(t, g.Wait(limit), "nothing is left, though the time is over")
	})
}

func TestAGoroutineThatEndsWithoutReturning(t *testing.T) {
	t.Parallel()
	_, err := stray.Call(t.Context(), bound(stray.New(0)), func(context.Context) (int, error) {
		runtime.Goexit()
		return 1, nil
	})
	require.ErrorContains(t, err, "did not return")
}

func TestSequence(t *testing.T) {
	t.Parallel()
	// counts shows numbers, a pause before each, and ignores its context.
	counts := func(pauses ...time.Duration) func(context.Context) iter.Seq2[int, error] {
		return func(context.Context) iter.Seq2[int, error] {
			return func(yield func(int, error) bool) {
				for i, d := range pauses {
					time.Sleep(d)
					if !yield(i, nil) {
						break
					}
				}
			}
		}
	}
	for name, c := range map[string]struct {
		seq  func(context.Context) iter.Seq2[int, error]
		stop int // after so many
		want []int
		took time.Duration
		left bool
	}{
		"all in time":                  {seq: counts(time.Millisecond, time.Millisecond), want: []int{0, 1}, took: 2 * time.Millisecond},
		"the last a little late":       {seq: counts(0, 104*time.Millisecond), want: []int{0, 1}, took: 104 * time.Millisecond},
		"the last too late":            {seq: counts(0, time.Hour), want: []int{0}, took: 108 * time.Millisecond, left: true},
		"none in time":                 {seq: counts(time.Hour), took: 108 * time.Millisecond, left: true},
		"nothing at all":               {seq: counts()},
		"a consumer that stops":        {seq: counts(0, 0, 0), stop: 2, want: []int{0, 1}},
		"a consumer that stops before": {seq: counts(0, time.Hour), stop: 1, want: []int{0}, took: 8 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				g, start := stray.New(0), time.Now()
				var got []int
				var failure error
				for v, err := range stray.Sequence(ctx, bound(g), c.seq) {
					if failure = err; err != nil {
						continue
					}
					if got = append(got, v); len(got) == c.stop {
						break
					}
				}
				assert.Equal(t, c.want, got)
				assert.Equal(t, c.took, time.Since(start))
				if c.left {
					require.ErrorIs(t, failure, errLeft)
				} else {
					require.NoError(t, failure)
				}
				g.Wait(context.Background())
			})
		})
	}
	assert.Panics(t, func() {
		for range stray.Sequence(t.Context(), bound(stray.New(0)), counts(0)) {
			panic("of the consumer")
		}
	})
}

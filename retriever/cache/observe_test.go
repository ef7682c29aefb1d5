package cache_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/cache"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// heard keeps the events of kind cache, with the context that each ended in.
type heard struct {
	mu       sync.Mutex
	events   []pipeline.Event
	contexts []context.Context
}

func (h *heard) Start(ctx context.Context, e pipeline.Event) (context.Context, func(pipeline.Event)) {
	ctx = context.WithValue(ctx, heardKey{}, e.ID)
	return ctx, func(e pipeline.Event) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if e.Kind == pipeline.KindCache {
			h.events, h.contexts = append(h.events, e), append(h.contexts, ctx)
		}
	}
}

type heardKey struct{}

// details are those of every event of a cache, in the order of their ends.
func (h *heard) details() (list [][]pipeline.Detail) {
	for _, e := range h.events {
		list = append(list, e.Details)
	}
	return list
}

func detail(name string, value any) pipeline.Detail { return pipeline.Detail{Name: name, Value: value} }

var (
	missed = []pipeline.Detail{detail("hit", false)}
	saved  = []pipeline.Detail{detail("saved", true)}
)

func TestObserversHearWhatACacheDoes(t *testing.T) {
	t.Parallel()
	q := pipeline.Query{Text: "a"}
	bypassed := func(why string) [][]pipeline.Detail { return [][]pipeline.Detail{{detail("bypassed", why)}} }
	for name, c := range map[string]struct {
		options cache.Options
		shelf   *shelf
		queries []pipeline.Query
		want    [][]pipeline.Detail
		errs    []error
	}{
		"a miss, what is saved, a hit": {queries: []pipeline.Query{q, q}, want: [][]pipeline.Detail{missed, saved, {detail("hit", true), detail("similarity", 1.0)}}},
		"a traced query":               {queries: []pipeline.Query{{Text: "a", Trace: true}}, want: bypassed("traced")},
		"a filter that is a function":  {queries: []pipeline.Query{{Text: "a", Filter: func() {}}}, want: bypassed("filter")},
		"an attribute that is one":     {queries: []pipeline.Query{thing.With(q, func() {})}, want: bypassed("attribute")},
		"a degraded ranking":           {shelf: &shelf{gaps: []pipeline.Gap{{Stage: "s"}}}, queries: []pipeline.Query{q}, want: [][]pipeline.Detail{missed}},
		"a store that is down": {
			options: cache.Options{Store: broken{}}, queries: []pipeline.Query{q},
			want: [][]pipeline.Detail{missed, {detail("saved", false)}}, errs: []error{errStore, errStore},
		},
		"an embedder that is down": {
			options: cache.Options{Embedder: circle{errModel}}, queries: []pipeline.Query{q},
			want: [][]pipeline.Detail{missed, saved}, errs: []error{errModel, nil},
		},
		"both down": {
			options: cache.Options{Store: broken{}, Embedder: circle{errModel}}, queries: []pipeline.Query{q},
			want: [][]pipeline.Detail{missed, {detail("saved", false)}}, errs: []error{errModel, errStore},
		},
		"a store that finds nothing near": {
			options: cache.Options{Store: broken{}, Embedder: circle{}}, queries: []pipeline.Query{q},
			want: [][]pipeline.Detail{missed, {detail("saved", false)}}, errs: []error{errStore, errStore},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &heard{}
			c.options.Name = "memo"
			own := c.shelf
			if own == nil {
				own = &shelf{}
			}
			cached := remembering(t, own, c.options)
			for _, q := range c.queries {
				_, err := cached.Retrieve(pipeline.WithObserver(t.Context(), h), q)
				require.NoError(t, err)
			}
			assert.Equal(t, c.want, h.details())
			for i, e := range h.events {
				assert.Equal(t, "memo", e.Name)
				assert.Equal(t, e.ID, h.contexts[i].Value(heardKey{}), "the context of the event is its own")
				if c.errs == nil || c.errs[i] == nil {
					assert.NoError(t, e.Err)
				} else {
					assert.ErrorIs(t, e.Err, c.errs[i])
				}
			}
		})
	}
}

var errModel = errors.New("no model")

// The event of a wait is inside the event of whoever waits.
func TestObserversHearOfWaits(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	shared := func(hit bool) []pipeline.Detail { return []pipeline.Detail{detail("shared", true), detail("hit", hit)} }
	for name, c := range map[string]struct {
		shelf    *shelf
		patience time.Duration // of the first; 0 for all the time
		wait     time.Duration // of the second
		details  []pipeline.Detail
		err      error
	}{
		"for a ranking":                 {wait: time.Hour, details: shared(true)},
		"for an error":                  {shelf: &shelf{err: down}, wait: time.Hour, details: shared(false), err: down},
		"for one who gives up":          {patience: time.Second, wait: time.Hour, details: shared(false)},
		"that is longer than the query": {wait: time.Second, details: shared(false), err: context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				own := c.shelf
				if own == nil {
					own = &shelf{}
				}
				own.wait = func(ctx context.Context) {
					select {
					case <-time.After(time.Minute):
					case <-ctx.Done():
					}
				}
				cached := remembering(t, own, cache.Options{})
				first, cancel := context.WithCancel(t.Context())
				if c.patience > 0 {
					first, cancel = context.WithTimeout(t.Context(), c.patience)
				}
				defer cancel()
				var wg sync.WaitGroup
				makers := &heard{}
				first, making := pipeline.Begin(pipeline.WithObserver(first, makers), "question", "first")
				_, before := pipeline.Begin(first, "question", "before") // so that IDs differ
				before.End(nil)
				first, inner := pipeline.Begin(first, "question", "inner")
				wg.Go(func() { _, _ = cached.Retrieve(first, pipeline.Query{Text: "a"}) })
				synctest.Wait()
				second, cancel2 := context.WithTimeout(t.Context(), c.wait)
				defer cancel2()
				h := &heard{}
				second, outer := pipeline.Begin(pipeline.WithObserver(second, h), "question", "second")
				_, _ = cached.Retrieve(second, pipeline.Query{Text: "a"})
				outer.End(nil)
				wg.Wait()
				inner.End(nil)
				making.End(nil)
				require.GreaterOrEqual(t, len(h.events), 2)
				wait := h.events[1]
				assert.Equal(t, c.details, wait.Details)
				assert.Equal(t, uint64(1), wait.Parent)
				assert.Positive(t, wait.Duration)
				require.Len(t, wait.Links, 1)
				assert.Equal(t, uint64(3), wait.Links[0].Event, "the event of the query that makes it")
				assert.Equal(t, uint64(3), wait.Links[0].Context().Value(heardKey{}), "with what its observer put there")
				assert.Empty(t, h.events[0].Links, "a look into the store shares nothing")
				if c.err == nil {
					assert.NoError(t, wait.Err)
				} else {
					assert.ErrorIs(t, wait.Err, c.err)
				}
			})
		})
	}
}

func TestObserversHearThatARankingWasForgottenMeanwhile(t *testing.T) {
	t.Parallel()
	s := &shelf{}
	c := remembering(t, s, cache.Options{})
	s.wait = func(ctx context.Context) { assert.NoError(t, c.Clear(ctx)) }
	h := &heard{}
	_, err := c.Retrieve(pipeline.WithObserver(t.Context(), h), pipeline.Query{Text: "a"})
	require.NoError(t, err)
	assert.Equal(t, [][]pipeline.Detail{missed, {detail("saved", false)}}, h.details())
	assert.NoError(t, h.events[1].Err)
}

package cache_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker/cache"
)

// looks collects the details of the events of caches, in the order of their ends.
type looks struct {
	mu   sync.Mutex
	list []map[string]any
}

func (l *looks) in(ctx context.Context) context.Context {
	return pipeline.WithObserver(ctx, pipeline.ObserverFunc(func(_ context.Context, e pipeline.Event) {
		if e.Kind != pipeline.KindCache {
			return
		}
		said := map[string]any{}
		for _, d := range e.Details {
			said[d.Name] = d.Value
		}
		if e.Err != nil {
			said["err"] = e.Err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.list = append(l.list, said)
	}))
}

func look(hit bool, documents, hits int64) map[string]any {
	return map[string]any{"hit": hit, "documents": documents, "hits": hits}
}

func TestObserversHearOfHitsAndMisses(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct {
		calls [][]string
		want  []map[string]any
	}{
		"nothing is known":              {[][]string{{"1", "2"}}, []map[string]any{look(false, 2, 0)}},
		"everything is known":           {[][]string{{"1", "2"}, {"2", "1"}}, []map[string]any{look(false, 2, 0), look(true, 2, 2)}},
		"some of it is":                 {[][]string{{"1", "2"}, {"2", "3", "4"}}, []map[string]any{look(false, 2, 0), look(false, 3, 1)}},
		"an equal document is one":      {[][]string{{"1", "1", "1"}}, []map[string]any{look(false, 1, 0)}},
		"what has no score is a miss":   {[][]string{{"http_5xx!", "1"}, {"http_5xx!", "1"}}, []map[string]any{look(false, 2, 0), look(false, 2, 1)}},
		"without documents nobody asks": {[][]string{{}}, nil},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			var seen looks
			cached := cache.New(digits{}, lru(t), cache.Options{})
			for _, documents := range c.calls {
				_, err := cached.Score(seen.in(t.Context()), "q", documents)
				require.NoError(t, err)
			}
			assert.Equal(t, c.want, seen.list)
		})
	}
}

func TestObserversHearOfAStoreThatFailsAsAMiss(t *testing.T) {
	t.Parallel()
	store := &rough{LRU: lru(t)}
	store.get = func(context.Context, [][]byte) ([][]byte, error) { return nil, errors.New("down") }
	var seen looks
	_, err := cache.New(&counter{}, store, cache.Options{}).Score(seen.in(t.Context()), "q", []string{"1"})
	require.NoError(t, err)
	assert.Equal(t, []map[string]any{look(false, 1, 0)}, seen.list)
}

func TestObserversHearOfSharedQuestions(t *testing.T) {
	t.Parallel()
	shared := func(said map[string]any, err error) map[string]any {
		said["shared"] = true
		if err != nil {
			said["err"] = err
		}
		return said
	}
	for sentence, c := range map[string]struct {
		patience time.Duration
		want     map[string]any
	}{
		"one who waits long enough": {time.Second, shared(look(true, 1, 1), nil)},
		"one who gives up":          {time.Millisecond, shared(look(false, 1, 0), context.DeadlineExceeded)},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				cached := cache.New(&counter{wait: 100 * time.Millisecond}, lru(t), cache.Options{})
				var wg sync.WaitGroup
				wg.Go(func() {
					_, err := cached.Score(t.Context(), "q", []string{"1"})
					assert.NoError(t, err)
				})
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), c.patience)
				defer cancel()
				var seen looks
				_, err := cached.Score(seen.in(ctx), "q", []string{"1"})
				assert.Equal(t, c.want["hit"], err == nil)
				wg.Wait()
				assert.Equal(t, []map[string]any{c.want}, seen.list)
			})
		})
	}
}

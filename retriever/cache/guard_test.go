package cache_test

import (
	"context"
	"sync"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/cache"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// spy is a store that notes what it is given.
type spy struct {
	mu    sync.Mutex
	saved []cache.Entry
}

func (s *spy) Load(context.Context, string) (cache.Entry, bool, error) {
	return cache.Entry{}, false, nil
}
func (s *spy) Near(context.Context, string, []float32, int) ([]cache.Entry, error) { return nil, nil }
func (s *spy) Forget(context.Context, []string) error                              { return nil }
func (s *spy) Clear(context.Context) error                                         { return nil }

func (s *spy) Save(_ context.Context, e cache.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saved = append(s.saved, e)
	return nil
}

// TestNothingForeignIsRemembered puts a cache between a guard and a store that
// ignores filters.
func TestNothingForeignIsRemembered(t *testing.T) {
	t.Parallel()
	careless := pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) {
		return pipeline.NewRanking("careless", pipeline.Dot, []pipeline.Hit{
			{Document: pipeline.Document{ID: "mine", Metadata: map[string]any{"tenant": "a"}}, Score: 2},
			{Document: pipeline.Document{ID: "theirs", Metadata: map[string]any{"tenant": "b"}}, Score: 1},
		})
	})
	store := &spy{}
	c := remembering(t, careless, cache.Options{Store: store})
	g := pipeline.Guard(c, func(context.Context, pipeline.Query) (pipeline.Filter, error) { return pipeline.Eq("tenant", "a"), nil })
	r, err := g.Retrieve(t.Context(), pipeline.Query{Text: "q"})
	require.NoError(t, err)
	assert.Equal(t, []string{"mine"}, r.IDs())
	for _, e := range store.saved {
		assert.NotContains(t, e.Ranking.IDs(), "theirs")
	}
}

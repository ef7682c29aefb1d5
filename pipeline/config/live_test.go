package config_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sourcegraph/conc"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/config"
	"github.com/rankcascade/cascade/pipeline/kind"
)

// gate is a retriever that fails once it is closed and may be held.
type gate struct {
	name   string
	closed *atomic.Bool
	hold   chan struct{}
}

func (g gate) Retrieve(ctx context.Context, _ pipeline.Query) (pipeline.Ranking, error) {
	if g.hold != nil {
		<-g.hold
	}
	if g.closed.Load() {
		return pipeline.Ranking{}, os.ErrClosed
	}
	return pipeline.NewRanking(g.name, pipeline.RankOnly, []pipeline.Hit{{Document: pipeline.Document{ID: g.name}, Score: 1}})
}

// gates is a kind that keeps what it opened.
type gates struct {
	mu   sync.Mutex
	all  map[string]gate
	hold chan struct{}
}

func (s *gates) kind() kind.Kind {
	return kind.New("gate", "A retriever that can be closed.", func(_ context.Context, o struct {
		Name string `config:"name,value,required" doc:"its name"`
		Hold bool   `config:"hold" doc:"waits"`
	}, scope *kind.Scope) (pipeline.Retriever, error) {
		g := gate{name: o.Name, closed: &atomic.Bool{}}
		if o.Hold {
			g.hold = s.hold
		}
		scope.OnClose(func() error { g.closed.Store(true); return nil })
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.all == nil {
			s.all = map[string]gate{}
		}
		s.all[o.Name] = g
		return g, nil
	})
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

func ids(t *testing.T, r pipeline.Retriever) []string {
	t.Helper()
	ranking, err := r.Retrieve(t.Context(), pipeline.Query{Text: "x"})
	require.NoError(t, err)
	return ranking.IDs()
}

func TestAChangedFileSwapsThePipeline(t *testing.T) {
	t.Parallel()
	path, g := filepath.Join(t.TempDir(), "search.yaml"), &gates{}
	write(t, path, "gate: one")
	live, err := config.NewLive(t.Context(), path, g.kind())
	require.NoError(t, err)
	assert.Equal(t, []string{"one"}, ids(t, live))

	changed, err := live.Reload(t.Context())
	require.NoError(t, err)
	assert.False(t, changed, "the same bytes")

	write(t, path, "gate: two")
	changed, err = live.Reload(t.Context())
	require.NoError(t, err)
	assert.True(t, changed)
	assert.Equal(t, []string{"two"}, ids(t, live))
	assert.True(t, g.all["one"].closed.Load())

	write(t, path, "gat: three")
	changed, err = live.Reload(t.Context())
	require.ErrorContains(t, err, `did you mean "gate"?`)
	assert.False(t, changed)
	assert.Equal(t, []string{"two"}, ids(t, live), "a mistake leaves the old pipeline serving")
	require.NoError(t, os.Remove(path))
	_, err = live.Reload(t.Context())
	require.ErrorIs(t, err, os.ErrNotExist)
	assert.Equal(t, []string{"two"}, ids(t, live))

	require.NoError(t, live.Close())
	require.NoError(t, live.Close())
	assert.True(t, g.all["two"].closed.Load())
	_, err = live.Retrieve(t.Context(), pipeline.Query{Text: "x"})
	require.ErrorIs(t, err, config.ErrClosed)
	assert.ErrorIs(t, live.Describe().Err, config.ErrClosed)
	write(t, path, "gate: four")
	_, err = live.Reload(t.Context())
	require.ErrorIs(t, err, config.ErrClosed)
	assert.True(t, g.all["four"].closed.Load(), "what was built too late is closed")
}

func TestAPipelineIsClosedAfterItsLastQuery(t *testing.T) {
	t.Parallel()
	path, g := filepath.Join(t.TempDir(), "search.yaml"), &gates{hold: make(chan struct{})}
	write(t, path, "gate: {name: slow, hold: true}")
	live, err := config.NewLive(t.Context(), path, g.kind())
	require.NoError(t, err)
	var wg conc.WaitGroup
	var slow []string
	started := make(chan struct{})
	wg.Go(func() {
		close(started)
		ranking, err := live.Retrieve(context.Background(), pipeline.Query{Text: "x"})
		assert.NoError(t, err)
		slow = ranking.IDs()
	})
	<-started
	for { // until the query has entered
		if live.Describe().Name != "" {
			break
		}
	}
	time.Sleep(20 * time.Millisecond)
	write(t, path, "gate: next")
	_, err = live.Reload(t.Context())
	require.NoError(t, err)
	assert.False(t, g.all["slow"].closed.Load(), "a query still uses it")
	assert.Equal(t, []string{"next"}, ids(t, live))
	close(g.hold)
	wg.Wait()
	assert.Equal(t, []string{"slow"}, slow)
	assert.True(t, g.all["slow"].closed.Load())
	require.NoError(t, live.Close())
}

func TestNoQueryIsLostWhileFilesChange(t *testing.T) {
	t.Parallel()
	path, g := filepath.Join(t.TempDir(), "search.yaml"), &gates{}
	write(t, path, "gate: g0")
	live, err := config.NewLive(t.Context(), path, g.kind())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var wg conc.WaitGroup
	var asked atomic.Int64
	for range 8 {
		wg.Go(func() {
			for ctx.Err() == nil {
				_, err := live.Retrieve(t.Context(), pipeline.Query{Text: "x"})
				assert.NoError(t, err)
				asked.Add(1)
			}
		})
	}
	for i := range 50 {
		write(t, path, "gate: g"+string(rune('a'+i%26))+string(rune('a'+i/26)))
		_, err := live.Reload(t.Context())
		require.NoError(t, err)
	}
	cancel()
	wg.Wait()
	require.NoError(t, live.Close())
	assert.Positive(t, asked.Load())
	for name, one := range g.all {
		assert.True(t, one.closed.Load(), name)
	}
}

func TestWatchReportsChangesAndMistakesOnce(t *testing.T) {
	t.Parallel()
	path, g := filepath.Join(t.TempDir(), "search.yaml"), &gates{}
	write(t, path, "gate: one")
	live, err := config.NewLive(t.Context(), path, g.kind())
	require.NoError(t, err)
	defer live.Close()
	ctx, cancel := context.WithCancel(t.Context())
	reports := make(chan error, 100)
	var wg conc.WaitGroup
	wg.Go(func() {
		live.Watch(ctx, time.Millisecond, func(changed bool, err error) { reports <- err })
	})
	write(t, path+".new", "gate: two")
	require.NoError(t, os.Rename(path+".new", path))
	require.NoError(t, <-reports)
	write(t, path+".new", "gat: three")
	require.NoError(t, os.Rename(path+".new", path))
	require.Error(t, <-reports)
	time.Sleep(20 * time.Millisecond)
	cancel()
	wg.Wait()
	close(reports)
	for err := range reports {
		assert.NoError(t, err, "the same mistake is told once")
	}
}

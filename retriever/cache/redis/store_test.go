package redis_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rankcascade/cascade/internal/redistest"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/cache"
	"github.com/rankcascade/cascade/retriever/cache/redis"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patient is for tests that are not about time, on a machine that is busy.
const patient = 10 * time.Second

var prefixes atomic.Int64

func prefix() string { return fmt.Sprintf("test%d:%d", os.Getpid(), prefixes.Add(1)) }

func open(t testing.TB, url string, o redis.Options) *redis.Store {
	t.Helper()
	if o.Prefix == "" {
		o.Prefix = prefix()
	}
	if o.Patience == 0 {
		o.Patience = patient
	}
	s, err := redis.Open(t.Context(), url, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func raw(t testing.TB, url string) rueidis.Client {
	t.Helper()
	o, err := rueidis.ParseURL(url)
	require.NoError(t, err)
	o.DisableCache = true
	c, err := rueidis.NewClient(o)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func keys(t testing.TB, c rueidis.Client, pattern string) []string {
	t.Helper()
	all, err := c.Do(t.Context(), c.B().Keys().Pattern(pattern).Build()).AsStrSlice()
	require.NoError(t, err)
	return all
}

// ranking shows documents in the order of their ids.
func ranking(t testing.TB, ids ...string) pipeline.Ranking {
	t.Helper()
	hits := make([]pipeline.Hit, len(ids))
	for i, id := range ids {
		hits[i] = pipeline.Hit{Document: pipeline.Document{ID: id, Text: "text of " + id, Metadata: map[string]any{"n": i}}, Score: float64(len(ids) - i)}
	}
	r, err := pipeline.NewRanking("shelf", pipeline.BM25, hits)
	require.NoError(t, err)
	return r
}

// save loads first, as a cache does, and waits until the entry is there.
func save(t testing.TB, s *redis.Store, e cache.Entry) {
	t.Helper()
	e.Since = since(t, s, e.Key)
	saveOld(t, s, e)
}

func since(t testing.TB, s *redis.Store, key string) string {
	t.Helper()
	before, _, err := s.Load(t.Context(), key)
	require.NoError(t, err)
	require.NotEmpty(t, before.Since)
	return before.Since
}

func saveOld(t testing.TB, s *redis.Store, e cache.Entry) {
	t.Helper()
	if e.Stored.IsZero() {
		e.Stored = time.Now()
	}
	require.NoError(t, s.Save(t.Context(), e))
	require.NoError(t, s.Flush(t.Context()))
	require.NoError(t, s.Stats().Cause)
}

func has(t testing.TB, s *redis.Store, key string) bool {
	t.Helper()
	_, ok, err := s.Load(t.Context(), key)
	require.NoError(t, err)
	return ok
}

func TestAnEntryComesBackWhole(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.URL(t), redis.Options{})
	now := time.Now()
	e := cache.Entry{
		Key: "k", Scope: "s", Text: "the question", Vector: []float32{.6, -.8}, Ranking: ranking(t, "a", "b"),
		Stored: now.Add(-10 * time.Minute), Expires: now.Add(50 * time.Minute),
	}
	save(t, s, e)
	got, ok, err := s.Load(t.Context(), "k")
	require.NoError(t, err)
	require.True(t, ok)
	assert.Equal(t, e.Ranking.Hits[1].Document.Text, got.Ranking.Hits[1].Document.Text)
	assert.Equal(t, e.Ranking.IDs(), got.Ranking.IDs())
	assert.Equal(t, e.Ranking.Scale, got.Ranking.Scale)
	assert.Equal(t, []any{e.Key, e.Scope, e.Text, e.Vector}, []any{got.Key, got.Scope, got.Text, got.Vector})
	assert.WithinDuration(t, now, got.Stored, 5*time.Second, "by the server's clock")
	assert.WithinDuration(t, now.Add(time.Hour), got.Expires, 5*time.Second)
	assert.False(t, has(t, s, "other"))
	e.Expires, e.Ranking = time.Time{}, ranking(t)
	save(t, s, e)
	got, ok, err = s.Load(t.Context(), "k")
	require.NoError(t, err)
	require.True(t, ok, "a ranking without hits, in place of the other")
	assert.True(t, got.Expires.IsZero())
	assert.Empty(t, got.Ranking.Hits)
}

func TestForgottenInOneProcessIsForgottenInAll(t *testing.T) {
	t.Parallel()
	url, p := redistest.URL(t), prefix()
	a, b := open(t, url, redis.Options{Prefix: p}), open(t, url, redis.Options{Prefix: p})
	save(t, a, cache.Entry{Key: "ab", Ranking: ranking(t, "a", "b")})
	save(t, a, cache.Entry{Key: "c", Ranking: ranking(t, "c")})
	require.True(t, has(t, b, "ab") && has(t, b, "c"))
	require.NoError(t, b.Forget(t.Context(), nil))
	require.True(t, has(t, a, "ab"))
	require.NoError(t, b.Forget(t.Context(), []string{"b", "unknown"}))
	assert.False(t, has(t, a, "ab"))
	assert.True(t, has(t, a, "c"))
	save(t, a, cache.Entry{Key: "ab", Ranking: ranking(t, "a", "b")})
	assert.True(t, has(t, b, "ab"), "made anew")
	require.NoError(t, a.Clear(t.Context()))
	assert.False(t, has(t, b, "ab") || has(t, b, "c"))
	save(t, b, cache.Entry{Key: "c", Ranking: ranking(t, "c")})
	assert.True(t, has(t, a, "c"))
}

func TestWhatIsForgottenWhileARankingIsMadeIsNotShown(t *testing.T) {
	t.Parallel()
	url := redistest.URL(t)
	for sentence, row := range map[string]struct {
		meanwhile func(t *testing.T, s *redis.Store)
		shown     bool
	}{
		"nothing":                                 {func(*testing.T, *redis.Store) {}, true},
		"its document is forgotten":               {func(t *testing.T, s *redis.Store) { require.NoError(t, s.Forget(t.Context(), []string{"b"})) }, false},
		"everything is forgotten":                 {func(t *testing.T, s *redis.Store) { require.NoError(t, s.Clear(t.Context())) }, false},
		"a document elsewhere, its own are known": {func(t *testing.T, s *redis.Store) { require.NoError(t, s.Forget(t.Context(), []string{"x"})) }, true},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			p := prefix()
			a, b := open(t, url, redis.Options{Prefix: p}), open(t, url, redis.Options{Prefix: p})
			save(t, a, cache.Entry{Key: "known", Ranking: ranking(t, "a", "b")})
			began := since(t, a, "k")
			row.meanwhile(t, b)
			saveOld(t, a, cache.Entry{Key: "k", Since: began, Ranking: ranking(t, "a", "b")})
			assert.Equal(t, row.shown, has(t, a, "k"))
		})
	}
	t.Run("without a beginning nothing is kept", func(t *testing.T) {
		t.Parallel()
		s := open(t, url, redis.Options{})
		saveOld(t, s, cache.Entry{Key: "k", Ranking: ranking(t, "a")})
		saveOld(t, s, cache.Entry{Key: "k", Since: "yesterday", Ranking: ranking(t, "a")})
		assert.False(t, has(t, s, "k"))
	})
}

// Whatever the server evicts, a forgotten ranking stays forgotten.
func TestEvictionShowsNothingForgotten(t *testing.T) {
	t.Parallel()
	url := redistest.URL(t)
	c := raw(t, url)
	for _, evicted := range []string{"clock", "document:", "entry:", "scope:"} {
		for _, forget := range []bool{true, false} {
			t.Run(fmt.Sprint(evicted, forget), func(t *testing.T) {
				t.Parallel()
				p := prefix()
				s := open(t, url, redis.Options{Prefix: p})
				began := since(t, s, "late")
				save(t, s, cache.Entry{Key: "k", Vector: []float32{1}, Ranking: ranking(t, "a", "b")})
				if forget {
					require.NoError(t, s.Forget(t.Context(), []string{"a"}))
				}
				all := keys(t, c, "{"+p+":*:"+evicted+"*")
				all = append(all, keys(t, c, "{"+p+":*}:"+evicted+"*")...)
				require.NotEmpty(t, all)
				require.NoError(t, c.Do(t.Context(), c.B().Del().Key(all...).Build()).Error())
				saveOld(t, s, cache.Entry{Key: "late", Since: began, Ranking: ranking(t, "a", "b")})
				if forget {
					assert.False(t, has(t, s, "k"))
					assert.False(t, has(t, s, "late"))
				}
				if !forget && evicted == "scope:" {
					assert.True(t, has(t, s, "k"))
				}
				save(t, s, cache.Entry{Key: "new", Ranking: ranking(t, "a", "b")})
				assert.True(t, has(t, s, "new"))
			})
		}
	}
}

func TestNearLooksInsideOneScope(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.URL(t), redis.Options{})
	for key, v := range map[string][]float32{"x": {1, 0}, "y": {0, 1}, "xy": {.8, .6}, "short": {1}} {
		save(t, s, cache.Entry{Key: key, Scope: "one", Text: key, Vector: v, Ranking: ranking(t, key)})
	}
	save(t, s, cache.Entry{Key: "foreign", Scope: "two", Vector: []float32{1, 0}, Ranking: ranking(t, "foreign")})
	save(t, s, cache.Entry{Key: "blind", Scope: "one", Ranking: ranking(t, "blind")})
	near := func(n int) []string {
		entries, err := s.Near(t.Context(), "one", []float32{1, 0}, n)
		require.NoError(t, err)
		var found []string
		for _, e := range entries {
			assert.Equal(t, "one", e.Scope)
			found = append(found, e.Key)
		}
		return found
	}
	assert.Equal(t, []string{"x", "xy", "y"}, near(8))
	assert.Equal(t, []string{"x", "xy"}, near(2))
	assert.Empty(t, near(0))
	require.NoError(t, s.Forget(t.Context(), []string{"x"}))
	assert.Equal(t, []string{"xy", "y"}, near(8))
	require.NoError(t, s.Flush(t.Context()))
	assert.Equal(t, []string{"xy"}, near(1), "what is gone takes no place")
	entries, err := s.Near(t.Context(), "nowhere", []float32{1, 0}, 8)
	require.NoError(t, err)
	assert.Empty(t, entries)
}

func TestAScopeIsBounded(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.URL(t), redis.Options{Similar: 5})
	for i := range 20 {
		save(t, s, cache.Entry{Key: fmt.Sprint(i), Scope: "s", Vector: []float32{1, 0}, Ranking: ranking(t, "a")})
	}
	entries, err := s.Near(t.Context(), "s", []float32{1, 0}, 100)
	require.NoError(t, err)
	assert.Len(t, entries, 5)
}

func TestWhatIsNotOursIsAMiss(t *testing.T) {
	t.Parallel()
	url := redistest.URL(t)
	c := raw(t, url)
	for sentence, spoil := range map[string]func(key, value string) rueidis.Completed{
		"cut": func(k, v string) rueidis.Completed {
			return c.B().Set().Key(k).Value(v[:len(v)-1]).Px(time.Hour).Build()
		},
		"a flipped bit": func(k, v string) rueidis.Completed {
			return c.B().Set().Key(k).Value(v[:20] + string(v[20]^1) + v[21:]).Px(time.Hour).Build()
		},
		"longer": func(k, _ string) rueidis.Completed { return c.B().Append().Key(k).Value("x").Build() },
		"empty":  func(k, _ string) rueidis.Completed { return c.B().Set().Key(k).Value("").Px(time.Hour).Build() },
		"JSON": func(k, _ string) rueidis.Completed {
			return c.B().Set().Key(k).Value("{\"version\":1,\"scale\":\"bm25\"}").Px(time.Hour).Build()
		},
		"another version": func(k, v string) rueidis.Completed {
			return c.B().Set().Key(k).Value("\x02" + v[1:]).Px(time.Hour).Build()
		},
		"without an end": func(k, _ string) rueidis.Completed { return c.B().Persist().Key(k).Build() },
		"a counter":      func(k, _ string) rueidis.Completed { return c.B().Set().Key(k).Value("17").Px(time.Hour).Build() },
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			p := prefix()
			s := open(t, url, redis.Options{Prefix: p})
			e := cache.Entry{Key: "k", Ranking: ranking(t, "a")}
			save(t, s, e)
			require.True(t, has(t, s, "k"))
			name := keys(t, c, "{"+p+":*entry:*")[0]
			value, err := c.Do(t.Context(), c.B().Get().Key(name).Build()).ToString()
			require.NoError(t, err)
			require.NoError(t, c.Do(t.Context(), spoil(name, value)).Error())
			assert.False(t, has(t, s, "k"))
			save(t, s, e)
			assert.True(t, has(t, s, "k"))
		})
	}
	t.Run("a list, an entry of another key, a scope that is a string", func(t *testing.T) {
		t.Parallel()
		p := prefix()
		s := open(t, url, redis.Options{Prefix: p})
		save(t, s, cache.Entry{Key: "k", Scope: "s", Vector: []float32{1}, Ranking: ranking(t, "a")})
		name := keys(t, c, "{"+p+":*entry:*")[0]
		scope := keys(t, c, "{"+p+":*scope:*")[0]
		require.NoError(t, c.Do(t.Context(), c.B().Set().Key(scope).Value("x").Build()).Error())
		near, err := s.Near(t.Context(), "s", []float32{1}, 8)
		require.NoError(t, err)
		assert.Empty(t, near)
		save(t, s, cache.Entry{Key: "other", Ranking: ranking(t, "a")})
		for _, n := range keys(t, c, "{"+p+":*entry:*") {
			if n != name {
				require.NoError(t, c.Do(t.Context(), c.B().Copy().Source(name).Destination(n).Replace().Build()).Error())
			}
		}
		assert.True(t, has(t, s, "k"))
		assert.False(t, has(t, s, "other"))
		require.NoError(t, c.Do(t.Context(), c.B().Del().Key(name).Build()).Error())
		require.NoError(t, c.Do(t.Context(), c.B().Rpush().Key(name).Element("x").Build()).Error())
		assert.False(t, has(t, s, "k"))
	})
}

func TestNothingStaysInRedisForEver(t *testing.T) {
	t.Parallel()
	url, p := redistest.URL(t), prefix()
	c := raw(t, url)
	s := open(t, url, redis.Options{Prefix: p, Keep: time.Hour})
	now := time.Now()
	for key, life := range map[string]time.Duration{"short": time.Minute, "long": 48 * time.Hour} {
		save(t, s, cache.Entry{Key: key, Vector: []float32{1}, Ranking: ranking(t, "secret id"), Text: "secret", Stored: now, Expires: now.Add(life)})
	}
	save(t, s, cache.Entry{Key: "ever", Ranking: ranking(t, "secret id")})
	save(t, s, cache.Entry{Key: "past", Ranking: ranking(t, "a"), Stored: now, Expires: now.Add(-time.Second)})
	assert.False(t, has(t, s, "past"))
	lives := map[int]int{}
	for _, k := range keys(t, c, "{"+p+"*") {
		assert.NotContains(t, k, "secret")
		left, err := c.Do(t.Context(), c.B().Pttl().Key(k).Build()).AsInt64()
		require.NoError(t, err)
		if !strings.HasSuffix(k, "clock") {
			lives[int((time.Duration(left)*time.Millisecond+30*time.Second).Minutes())]++
		}
	}
	assert.Equal(t, map[int]int{1: 1, 60: 2, 61: 2}, lives, "three rankings, a scope and a version")
}

// made counts how often a ranking is made.
type made struct {
	mu    sync.Mutex
	count int
	pause func()
}

func (m *made) Retrieve(_ context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	m.mu.Lock()
	m.count++
	pause := m.pause
	m.mu.Unlock()
	if pause != nil {
		pause()
	}
	return pipeline.NewRanking("made", pipeline.BM25, []pipeline.Hit{
		{Document: pipeline.Document{ID: fmt.Sprint(q.Filter, "/", q.Text)}, Score: 2}, {Document: pipeline.Document{ID: "always"}, Score: 1},
	})
}

func (m *made) times() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.count
}

// process is a program with a cache of its own over the shared Redis.
type process struct {
	*cache.Cache
	made  *made
	store *redis.Store
}

var (
	team  = pipeline.NewKey[string]("team")
	shelf = pipeline.NewKey[string]("shelf")
)

func start(t testing.TB, url, prefix string, o cache.Options) process {
	t.Helper()
	p := process{made: &made{}, store: open(t, url, redis.Options{Prefix: prefix})}
	o.Store = p.store
	var err error
	p.Cache, err = cache.New(p.made, o)
	require.NoError(t, err)
	return p
}

func (p process) ask(t testing.TB, q pipeline.Query) pipeline.Ranking {
	t.Helper()
	r, err := p.Retrieve(t.Context(), q)
	require.NoError(t, err)
	require.NoError(t, p.store.Flush(t.Context()))
	return r
}

func TestProcessesShareRankingsButNeverAcrossFiltersTenantsOrAttributes(t *testing.T) {
	t.Parallel()
	url, p := redistest.URL(t), prefix()
	type tenant struct{}
	o := cache.Options{Tenant: func(ctx context.Context, _ pipeline.Query) string { s, _ := ctx.Value(tenant{}).(string); return s }}
	a, b := start(t, url, p, o), start(t, url, p, o)
	// b has met the keys of attributes in another order.
	b.ask(t, shelf.With(pipeline.Query{Text: "warm"}, "1"))
	q := shelf.With(team.With(pipeline.Query{Text: "panda", Filter: pipeline.Eq("lang", "de")}, "red"), "2")
	first := a.ask(t, q)
	before := b.made.times()
	second := b.ask(t, q)
	assert.Equal(t, before, b.made.times(), "one process knows what the other made")
	assert.Equal(t, first.IDs(), second.IDs())
	answer, ok := cache.AnswerKey.Noted(second)
	require.True(t, ok)
	assert.Equal(t, "panda", answer.Text)
	assert.GreaterOrEqual(t, answer.Age, time.Duration(0))
	for sentence, other := range map[string]pipeline.Query{
		"another text":      shelf.With(team.With(pipeline.Query{Text: "bear", Filter: pipeline.Eq("lang", "de")}, "red"), "2"),
		"another filter":    shelf.With(team.With(pipeline.Query{Text: "panda", Filter: pipeline.Eq("lang", "en")}, "red"), "2"),
		"no filter":         shelf.With(team.With(pipeline.Query{Text: "panda"}, "red"), "2"),
		"another attribute": shelf.With(team.With(pipeline.Query{Text: "panda", Filter: pipeline.Eq("lang", "de")}, "blue"), "2"),
		"values swapped":    shelf.With(team.With(pipeline.Query{Text: "panda", Filter: pipeline.Eq("lang", "de")}, "2"), "red"),
		"one attribute":     team.With(pipeline.Query{Text: "panda", Filter: pipeline.Eq("lang", "de")}, "red"),
	} {
		before = b.made.times()
		b.ask(t, other)
		assert.Equal(t, before+1, b.made.times(), sentence)
	}
	before = b.made.times()
	_, err := b.Retrieve(context.WithValue(t.Context(), tenant{}, "other"), q)
	require.NoError(t, err)
	assert.Equal(t, before+1, b.made.times(), "another tenant")
	o.Version = "2"
	c := start(t, url, p, o)
	c.ask(t, q)
	assert.Equal(t, 1, c.made.times(), "another version of the program")
}

func TestInvalidateHoldsForARankingThatAnotherProcessIsMaking(t *testing.T) {
	t.Parallel()
	url, p := redistest.URL(t), prefix()
	a, b := start(t, url, p, cache.Options{}), start(t, url, p, cache.Options{})
	q := pipeline.Query{Text: "panda"}
	making, go_ := make(chan struct{}), make(chan struct{})
	a.made.pause = func() { close(making); <-go_ }
	var all sync.WaitGroup
	all.Go(func() { _, err := a.Retrieve(t.Context(), q); assert.NoError(t, err) })
	<-making
	require.NoError(t, b.Invalidate(t.Context(), "always"))
	close(go_)
	all.Wait()
	a.made.pause = nil
	require.NoError(t, a.store.Flush(t.Context()))
	b.ask(t, q)
	assert.Equal(t, 1, b.made.times(), "what was begun before is not shown after")
	a.ask(t, q)
	assert.Equal(t, 1, a.made.times(), "what was made after is")
}

type flat struct{}

func (flat) EmbedQuery(_ context.Context, text string) ([]float32, error) {
	if strings.Contains(text, "panda") {
		return []float32{1, .01}, nil
	}
	return []float32{0, 1}, nil
}

func TestSimilarQueriesAreSharedInsideAScope(t *testing.T) {
	t.Parallel()
	url, p := redistest.URL(t), prefix()
	o := cache.Options{Embedder: flat{}}
	a, b := start(t, url, p, o), start(t, url, p, o)
	a.ask(t, pipeline.Query{Text: "panda bears", Filter: pipeline.Eq("lang", "de")})
	b.ask(t, pipeline.Query{Text: "bears panda", Filter: pipeline.Eq("lang", "de")})
	assert.Equal(t, 0, b.made.times())
	assert.EqualValues(t, 1, b.Stats().Similar)
	b.ask(t, pipeline.Query{Text: "bears panda", Filter: pipeline.Eq("lang", "en")})
	b.ask(t, pipeline.Query{Text: "trees", Filter: pipeline.Eq("lang", "de")})
	assert.Equal(t, 2, b.made.times())
}

func TestARedisThatIsAwayCostsNoAnswerAndFailsInvalidate(t *testing.T) {
	t.Parallel()
	for sentence, row := range map[string]struct{ trouble, mend func(*redistest.Server) }{
		"it hangs":     {(*redistest.Server).Freeze, (*redistest.Server).Thaw},
		"it is killed": {(*redistest.Server).Kill, (*redistest.Server).Restart},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			store := open(t, server.URL(), redis.Options{Patience: 5 * time.Millisecond, Pause: 100 * time.Millisecond})
			m := &made{}
			c, err := cache.New(m, cache.Options{Store: store, Embedder: flat{}})
			require.NoError(t, err)
			row.trouble(server)
			longest := time.Duration(0)
			for i := range 200 {
				began := time.Now()
				r, err := c.Retrieve(t.Context(), pipeline.Query{Text: fmt.Sprint("panda ", i)})
				longest = max(longest, time.Since(began))
				require.NoError(t, err)
				assert.Len(t, r.Hits, 2)
			}
			t.Logf("the longest of 200 queries took %v", longest)
			assert.Equal(t, 200, m.times())
			assert.Positive(t, c.Stats().Failures)
			assert.Greater(t, store.Stats().Skipped, int64(100))
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			var e *redis.Error
			require.ErrorAs(t, c.Invalidate(ctx, "always"), &e, "nobody may believe that it is forgotten")
			require.ErrorAs(t, c.Clear(ctx), &e)
			row.mend(server)
			require.Eventually(t, func() bool { return c.Invalidate(t.Context(), "always") == nil }, patient, 10*time.Millisecond)
			require.Eventually(t, func() bool {
				before := m.times()
				_, err := c.Retrieve(t.Context(), pipeline.Query{Text: "panda"})
				return err == nil && m.times() == before
			}, patient, 10*time.Millisecond, "it is used again")
		})
	}
}

func TestARestartForgetsAndNothingOldIsSaved(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := open(t, server.URL(), redis.Options{Pause: time.Millisecond})
	began := since(t, s, "k")
	server.Kill()
	server.Restart()
	require.Eventually(t, func() bool { return s.Forget(t.Context(), []string{"a"}) == nil }, patient, 10*time.Millisecond)
	require.Eventually(t, func() bool { _, _, err := s.Load(t.Context(), "k"); return err == nil }, patient, 10*time.Millisecond)
	require.NoError(t, s.Save(t.Context(), cache.Entry{Key: "k", Since: began, Ranking: ranking(t, "a"), Stored: time.Now()}))
	require.NoError(t, s.Flush(t.Context()))
	assert.False(t, has(t, s, "k"))
}

func TestManyDocumentsAreForgotten(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.URL(t), redis.Options{})
	ids := make([]string, 2500)
	for i := range ids {
		ids[i] = fmt.Sprint("d", i)
	}
	save(t, s, cache.Entry{Key: "last", Ranking: ranking(t, "d2499")})
	save(t, s, cache.Entry{Key: "first", Ranking: ranking(t, "d0")})
	require.NoError(t, s.Forget(t.Context(), ids))
	assert.False(t, has(t, s, "first") || has(t, s, "last"))
}

func TestOpenRefusesByName(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--requirepass", "hunter2")
	for sentence, row := range map[string]struct {
		url  string
		kind redis.Kind
	}{
		"no URL":         {"", redis.KindAddress},
		"wrong password": {"redis://:s3cret@" + server.Addr(), redis.KindAuth},
		"wrong database": {"redis://:hunter2@" + server.Addr() + "/99", redis.KindDatabase},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			_, err := redis.Open(t.Context(), row.url, redis.Options{})
			var e *redis.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, row.kind, e.Kind)
			assert.NotContains(t, err.Error(), "s3cret")
		})
	}
	for _, o := range []redis.Options{{Keep: -1}, {Similar: -1}} {
		_, err := redis.Open(t.Context(), server.URL(), o)
		assert.ErrorContains(t, err, "must not be negative")
	}
	s := open(t, "redis://:hunter2@"+server.Addr(), redis.Options{})
	require.NoError(t, s.Ping(t.Context()))
	require.NoError(t, s.Close())
	_, _, err := s.Load(t.Context(), "k")
	var e *redis.Error
	require.True(t, errors.As(err, &e) && e.Kind == redis.KindClosed)
}

package cache_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qdrant/go-client/qdrant"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/cache"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// shelf counts what it is asked and answers with one document, named after the
// filter and the text.
type shelf struct {
	mu    sync.Mutex
	asked int
	wait  func(ctx context.Context)
	gaps  []pipeline.Gap
	err   error
}

func (s *shelf) Retrieve(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	s.mu.Lock()
	s.asked++
	s.mu.Unlock()
	if s.wait != nil {
		s.wait(ctx)
	}
	if s.err != nil || ctx.Err() != nil {
		return pipeline.Ranking{}, errors.Join(s.err, ctx.Err())
	}
	r, err := pipeline.NewRanking("shelf", pipeline.BM25, []pipeline.Hit{
		{Document: pipeline.Document{ID: fmt.Sprint(q.Filter, "/", q.Text)}, Score: 2}, {Document: pipeline.Document{ID: "always"}, Score: 1},
	})
	return r.WithGaps(s.gaps...), err
}

func (s *shelf) times() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func ask(t *testing.T, c *cache.Cache, q pipeline.Query) pipeline.Ranking {
	t.Helper()
	r, err := c.Retrieve(t.Context(), q)
	require.NoError(t, err)
	return r
}

var (
	user  = pipeline.NewKey[string]("user")
	twin  = pipeline.NewKey[string]("user")
	thing = pipeline.NewKey[any]("thing")
)

type secret struct{ name string }

func (secret) MarshalJSON() ([]byte, error) { return []byte(`"hidden"`), nil }

func (secret) String() string { return "hidden" }

func TestQueriesAreEqualOnlyInEverything(t *testing.T) {
	t.Parallel()
	q := pipeline.Query{Text: "a"}
	filtered := func(f any) pipeline.Query { return pipeline.Query{Text: "a", Filter: f} }
	keyword := func(key, value string) *qdrant.Filter {
		return &qdrant.Filter{Must: []*qdrant.Condition{qdrant.NewMatch(key, value)}}
	}
	type tree struct{ next *tree }
	loop := &tree{}
	loop.next = loop
	for name, c := range map[string]struct {
		a, b  pipeline.Query
		asked int
	}{
		"equal texts":                          {q, q, 1},
		"the ID of a query does not matter":    {pipeline.Query{Text: "a", ID: "1"}, pipeline.Query{Text: "a", ID: "2"}, 1},
		"other texts":                          {q, pipeline.Query{Text: "A"}, 2},
		"with turns and without":               {q, pipeline.Query{Text: "a", Turns: []pipeline.Turn{{}}}, 2},
		"other turns":                          {pipeline.Query{Text: "a", Turns: []pipeline.Turn{{Role: "ab", Text: "c"}}}, pipeline.Query{Text: "a", Turns: []pipeline.Turn{{Role: "a", Text: "bc"}}}, 2},
		"with a filter and without":            {q, filtered("x"), 2},
		"equal filters":                        {filtered(pipeline.Eq("team", 1)), filtered(pipeline.Eq("team", 1)), 1},
		"other filters":                        {filtered(pipeline.Eq("team", 1)), filtered(pipeline.Eq("team", 2)), 2},
		"filters with large numbers":           {filtered(pipeline.Eq("team", int64(1)<<53)), filtered(pipeline.Eq("team", int64(1)<<53+1)), 2},
		"maps in any order":                    {filtered(map[string]any{"a": 1, "b": 2}), filtered(map[string]any{"b": 2, "a": 1}), 1},
		"maps with numbers of other types":     {filtered(map[string]any{"a": 1}), filtered(map[string]any{"a": 1.0}), 2},
		"nil and empty":                        {filtered(map[string]any{}), filtered(map[string]any(nil)), 2},
		"lists and longer lists":               {filtered([]string{"a", "b"}), filtered([]string{"ab"}), 2},
		"equal messages":                       {filtered(keyword("k", "v")), filtered(keyword("k", "v")), 1},
		"other messages":                       {filtered(keyword("k", "v")), filtered(keyword("k", "w")), 2},
		"what a text form hides":               {filtered(secret{"a"}), filtered(secret{"b"}), 2},
		"behind pointers":                      {filtered(&secret{"a"}), filtered(&secret{"a"}), 1},
		"times by instant and place":           {filtered(time.Unix(1, 0).UTC()), filtered(time.Unix(1, 1).UTC()), 2},
		"equal times":                          {filtered(time.Unix(1, 0).UTC()), filtered(time.Unix(1, 0).UTC()), 1},
		"functions are not remembered":         {filtered(func() {}), filtered(func() {}), 2},
		"cycles are not remembered":            {filtered(loop), filtered(loop), 2},
		"channels are not remembered":          {thing.With(q, make(chan int)), thing.With(q, make(chan int)), 2},
		"equal attributes":                     {user.With(q, "ann"), user.With(q, "ann"), 1},
		"other attributes":                     {user.With(q, "ann"), user.With(q, "ben"), 2},
		"with an attribute and without":        {q, user.With(q, "ann"), 2},
		"attributes in another order":          {user.With(thing.With(q, 1), "ann"), thing.With(user.With(q, "ann"), 1), 1},
		"keys that only share their name":      {user.With(q, "ann"), twin.With(q, "ann"), 2},
		"the value in force counts":            {user.With(user.With(q, "ben"), "ann"), user.With(q, "ann"), 1},
		"traced queries are not remembered":    {pipeline.Query{Text: "a", Trace: true}, pipeline.Query{Text: "a", Trace: true}, 2},
		"a complex number, bits and nil funcs": {filtered([]any{1i, uint8(1), true, (func())(nil)}), filtered([]any{1i, uint8(1), true, (func())(nil)}), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &shelf{}
			cached := remembering(t, s, cache.Options{})
			first, second := ask(t, cached, c.a), ask(t, cached, c.b)
			assert.Equal(t, c.asked, s.times())
			_, ok := cache.AnswerKey.Noted(first)
			assert.False(t, ok)
			answer, ok := cache.AnswerKey.Noted(second)
			assert.Equal(t, c.asked == 1, ok)
			if ok {
				assert.Equal(t, 1.0, answer.Similarity)
				assert.Equal(t, first.Hits, second.Hits)
			}
		})
	}
}

func TestTenantsAndIgnoredAttributes(t *testing.T) {
	t.Parallel()
	type tenantKey struct{}
	s := &shelf{}
	c := remembering(t, s, cache.Options{
		Tenant: func(ctx context.Context, _ pipeline.Query) string {
			name, _ := ctx.Value(tenantKey{}).(string)
			return name
		},
		Ignore: func(name string) bool { return name == "thing" },
	})
	for i, tenant := range []string{"a", "b", "a"} {
		_, err := c.Retrieve(context.WithValue(t.Context(), tenantKey{}, tenant), thing.With(pipeline.Query{Text: "q"}, i))
		require.NoError(t, err)
	}
	assert.Equal(t, 2, s.times())
	assert.Equal(t, cache.Stats{Equal: 1, Missed: 2}, c.Stats())
}

func TestWhatIsNotRemembered(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*shelf{
		"an error":            {err: errors.New("down")},
		"a ranking with gaps": {gaps: []pipeline.Gap{{Stage: "rerank", Reason: pipeline.ReasonDeadline}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := remembering(t, s, cache.Options{})
			for range 2 {
				_, err := c.Retrieve(t.Context(), pipeline.Query{Text: "a"})
				assert.Equal(t, s.err != nil, err != nil)
			}
			assert.Equal(t, 2, s.times())
		})
	}
}

func TestRankingsGrowOldAndAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		c := remembering(t, s, cache.Options{TTL: time.Minute, Size: 2})
		q := pipeline.Query{Text: "a"}
		ask(t, c, q)
		time.Sleep(time.Minute - 1)
		note, _ := cache.AnswerKey.Noted(ask(t, c, q))
		assert.Equal(t, cache.Answer{Text: "a", Similarity: 1, Age: time.Minute - 1}, note)
		time.Sleep(time.Nanosecond)
		ask(t, c, q)
		assert.Equal(t, 2, s.times(), "too old to the nanosecond")

		require.NoError(t, c.Invalidate(t.Context(), "<nil>/b"))
		ask(t, c, q)
		assert.Equal(t, 2, s.times(), "a document that it does not show")
		require.NoError(t, c.Invalidate(t.Context(), "x", "<nil>/a"))
		ask(t, c, q)
		assert.Equal(t, 3, s.times())
		require.NoError(t, c.Clear(t.Context()))
		ask(t, c, q)
		assert.Equal(t, 4, s.times())

		ask(t, c, pipeline.Query{Text: "b"})
		ask(t, c, pipeline.Query{Text: "c"})
		ask(t, c, q)
		assert.Equal(t, 7, s.times(), "the least recently used went first")
		require.NoError(t, c.Invalidate(t.Context(), "always"))
		ask(t, c, q)
		assert.Equal(t, 8, s.times())

		ever := remembering(t, s, cache.Options{TTL: -1})
		ask(t, ever, q)
		time.Sleep(1000 * time.Hour)
		ask(t, ever, q)
		assert.Equal(t, 9, s.times())
	})
}

func TestEqualQueriesAtOnceAreAskedOnce(t *testing.T) {
	t.Parallel()
	slow := func(d time.Duration) func(context.Context) {
		return func(ctx context.Context) {
			select {
			case <-time.After(d):
			case <-ctx.Done():
			}
		}
	}
	type outcome struct {
		ranking pipeline.Ranking
		err     error
	}
	// race asks n times at once, the first with its own context.
	race := func(t *testing.T, c *cache.Cache, n int, first context.Context) []outcome {
		out := make([]outcome, n)
		var wg sync.WaitGroup
		for i := range n {
			ctx := t.Context()
			if i == 0 {
				ctx = first
			}
			wg.Go(func() { out[i].ranking, out[i].err = c.Retrieve(ctx, pipeline.Query{Text: "a"}) })
			synctest.Wait() // so that the first is the first
		}
		wg.Wait()
		return out
	}
	for name, c := range map[string]struct {
		shelf *shelf
		first func(context.Context) (context.Context, context.CancelFunc)
		asked int
		check func(t *testing.T, out []outcome, c *cache.Cache)
	}{
		"all share one ranking": {&shelf{wait: slow(time.Second)}, context.WithCancel, 1, func(t *testing.T, out []outcome, c *cache.Cache) {
			for i, o := range out {
				require.NoError(t, o.err)
				note, ok := cache.AnswerKey.Noted(o.ranking)
				assert.Equal(t, i > 0, ok)
				assert.Equal(t, i > 0, note.Shared)
			}
			assert.EqualValues(t, 3, c.Stats().Shared)
		}},
		"an error is shared": {&shelf{wait: slow(time.Second), err: errors.New("down")}, context.WithCancel, 1, func(t *testing.T, out []outcome, _ *cache.Cache) {
			for _, o := range out {
				assert.ErrorContains(t, o.err, "down")
			}
		}},
		"a first one who gives up takes nobody along": {&shelf{wait: slow(time.Second)}, func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Millisecond)
		}, 4, func(t *testing.T, out []outcome, _ *cache.Cache) {
			assert.Error(t, out[0].err)
			for _, o := range out[1:] {
				assert.NoError(t, o.err)
			}
		}},
		"a hurried one's gaps are not shared": {&shelf{wait: slow(time.Second), gaps: []pipeline.Gap{{Stage: "s"}}}, func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Minute)
		}, 4, func(*testing.T, []outcome, *cache.Cache) {}},
		"gaps that are nobody's hurry are shared": {&shelf{wait: slow(time.Second), gaps: []pipeline.Gap{{Stage: "s"}}}, context.WithCancel, 1, func(*testing.T, []outcome, *cache.Cache) {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				cached := remembering(t, c.shelf, cache.Options{})
				ctx, cancel := c.first(t.Context())
				defer cancel()
				c.check(t, race(t, cached, 4, ctx), cached)
				assert.Equal(t, c.asked, c.shelf.times())
			})
		})
	}
}

func TestOneWhoWaitsMayLeave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := remembering(t, &shelf{wait: func(context.Context) { time.Sleep(time.Hour) }}, cache.Options{})
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = c.Retrieve(t.Context(), pipeline.Query{Text: "a"}) })
		synctest.Wait()
		gone := errors.New("gone")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, gone)
		defer cancel()
		start := time.Now()
		_, err := c.Retrieve(ctx, pipeline.Query{Text: "a"})
		assert.ErrorIs(t, err, gone)
		assert.Equal(t, time.Second, time.Since(start))
		wg.Wait()
	})
}

func TestAPanicReleasesThoseWhoWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := remembering(t, &shelf{wait: func(context.Context) { time.Sleep(time.Second); panic("no") }}, cache.Options{})
		var wg sync.WaitGroup
		var errs [2]error
		for i := range errs {
			wg.Go(func() { _, errs[i] = pipeline.Chain(c).Retrieve(t.Context(), pipeline.Query{Text: "a"}) })
			synctest.Wait()
		}
		wg.Wait()
		assert.ErrorContains(t, errs[0], "no")
		assert.ErrorContains(t, errs[1], "panic")
	})
}

func TestWhatIsForgottenWhileItIsMadeStaysForgotten(t *testing.T) {
	t.Parallel()
	for name, forget := range map[string]func(*cache.Cache, context.Context) error{
		"invalidate": func(c *cache.Cache, ctx context.Context) error { return c.Invalidate(ctx, "always") },
		"clear":      func(c *cache.Cache, ctx context.Context) error { return c.Clear(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &shelf{wait: func(context.Context) { time.Sleep(time.Second) }}
				c := remembering(t, s, cache.Options{})
				var wg sync.WaitGroup
				wg.Go(func() { ask(t, c, pipeline.Query{Text: "a"}) })
				synctest.Wait()
				require.NoError(t, forget(c, t.Context()))
				ask(t, c, pipeline.Query{Text: "a"})
				wg.Wait()
				assert.Equal(t, 2, s.times(), "a query that came later does not share the older one")
				ask(t, c, pipeline.Query{Text: "a"})
				assert.Equal(t, 2, s.times(), "and the newer one is what is remembered")
			})
		})
	}
}

// circle embeds texts at the angle that stands behind their "@", in degrees.
type circle struct{ err error }

func (c circle) EmbedQuery(_ context.Context, text string) ([]float32, error) {
	if c.err != nil {
		return nil, c.err
	}
	var cosine float32
	_, at, _ := strings.Cut(text, "@")
	switch at {
	case "same":
		cosine = 1
	case "near":
		cosine = 0.98
	case "far":
		cosine = 0.96
	case "zero":
		return []float32{0, 0}, nil
	}
	return []float32{2 * cosine, 2 * sqrt(1-cosine*cosine)}, nil
}

func sqrt(x float32) float32 {
	y := float32(1)
	for range 60 {
		y = (y + x/y) / 2
	}
	return y
}

func TestSimilarQueries(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		a, b    pipeline.Query
		similar bool
	}{
		"near enough":               {pipeline.Query{Text: "read a file @same"}, pipeline.Query{Text: "reading files @near"}, true},
		"too far":                   {pipeline.Query{Text: "read a file @same"}, pipeline.Query{Text: "reading files @far"}, false},
		"other numbers":             {pipeline.Query{Text: "Go 1.21 news @same"}, pipeline.Query{Text: "Go 1.22 news @near"}, false},
		"other names of code":       {pipeline.Query{Text: "use os.Open @same"}, pipeline.Query{Text: "use os.Create @near"}, false},
		"other camels":              {pipeline.Query{Text: "use readFile @same"}, pipeline.Query{Text: "use writeFile @near"}, false},
		"a negation more":           {pipeline.Query{Text: "files with locks @same"}, pipeline.Query{Text: "files without locks @near"}, false},
		"a negation at the end":     {pipeline.Query{Text: "files do lock @same"}, pipeline.Query{Text: "files don't lock @near"}, false},
		"another filter":            {pipeline.Query{Text: "a @same", Filter: "x"}, pipeline.Query{Text: "b @near", Filter: "y"}, false},
		"another attribute":         {user.With(pipeline.Query{Text: "a @same"}, "ann"), user.With(pipeline.Query{Text: "b @near"}, "ben"), false},
		"another conversation":      {pipeline.Query{Text: "a @same"}, pipeline.Query{Text: "b @near", Turns: []pipeline.Turn{{Text: "x"}}}, false},
		"a vector without a length": {pipeline.Query{Text: "a @zero"}, pipeline.Query{Text: "b @zero"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &shelf{}
			cached := remembering(t, s, cache.Options{Embedder: circle{}})
			ask(t, cached, c.a)
			note, ok := cache.AnswerKey.Noted(ask(t, cached, c.b))
			assert.Equal(t, c.similar, ok)
			if ok {
				assert.Equal(t, c.a.Text, note.Text)
				assert.InDelta(t, 0.98, note.Similarity, 1e-3)
				assert.EqualValues(t, 1, cached.Stats().Similar)
			}
		})
	}
}

func TestTheNearestUsableQueryAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		c := remembering(t, s, cache.Options{Embedder: circle{}, TTL: time.Minute, Threshold: 0.9})
		ask(t, c, pipeline.Query{Text: "old @same"})
		time.Sleep(30 * time.Second)
		require.NoError(t, c.Invalidate(t.Context(), "none"))
		s2 := remembering(t, s, cache.Options{Embedder: circle{}, Threshold: 0.97})
		ask(t, s2, pipeline.Query{Text: "new @far"})
		ask(t, s2, pipeline.Query{Text: "v2 @same"})
		note, ok := cache.AnswerKey.Noted(ask(t, s2, pipeline.Query{Text: "old @near"}))
		assert.True(t, ok)
		assert.Equal(t, "new @far", note.Text, "the nearer one has another number")
		time.Sleep(30 * time.Second)
		_, ok = cache.AnswerKey.Noted(ask(t, c, pipeline.Query{Text: "older @near"}))
		assert.False(t, ok, "what is too old is not similar")
	})
}

// broken is a Store whose calls fail.
type broken struct{}

var errStore = errors.New("store is down")

func (broken) Load(context.Context, string) (cache.Entry, bool, error) {
	return cache.Entry{}, true, errStore
}

func (broken) Near(context.Context, string, []float32, int) ([]cache.Entry, error) {
	return []cache.Entry{{}}, errStore
}
func (broken) Save(context.Context, cache.Entry) error { return errStore }
func (broken) Forget(context.Context, []string) error  { return errStore }
func (broken) Clear(context.Context) error             { return errStore }

func TestAStoreOrEmbedderThatFailsCostsNoQuery(t *testing.T) {
	t.Parallel()
	s := &shelf{}
	c := remembering(t, s, cache.Options{Store: broken{}, Embedder: circle{}})
	ask(t, c, pipeline.Query{Text: "a"})
	assert.Equal(t, cache.Stats{Missed: 1, Failures: 3}, c.Stats())
	assert.ErrorIs(t, c.Invalidate(t.Context(), "a"), errStore)
	assert.ErrorContains(t, c.Clear(t.Context()), "cache: clear: store is down")
	deaf := remembering(t, s, cache.Options{Embedder: circle{errors.New("no model")}})
	ask(t, deaf, pipeline.Query{Text: "a"})
	ask(t, deaf, pipeline.Query{Text: "a"})
	assert.Equal(t, cache.Stats{Missed: 1, Equal: 1, Failures: 1}, deaf.Stats())
}

func TestMistakesAreNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		r   pipeline.Retriever
		o   cache.Options
		err string
	}{
		"no retriever":                    {nil, cache.Options{}, "the retriever is nil"},
		"a negative size":                 {&shelf{}, cache.Options{Size: -1}, "holds nothing"},
		"a threshold that is none":        {&shelf{}, cache.Options{Embedder: circle{}, Threshold: 1.5}, "no cosine"},
		"a threshold without an embedder": {&shelf{}, cache.Options{Threshold: 0.9}, "needs an Embedder"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := cache.New(c.r, c.o)
			assert.ErrorContains(t, err, c.err)
		})
	}
}

func TestACacheIsDescribed(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "cache: for 10m0s, similar 0.97\n└─ *cache_test.shelf", pipeline.String(remembering(t, &shelf{}, cache.Options{Embedder: circle{}})))
	assert.Contains(t, pipeline.String(remembering(t, &shelf{}, cache.Options{TTL: -1, Name: "memo"})), "memo: for ever")
}

func ExampleNew() {
	search := pipeline.RetrieverFunc(func(_ context.Context, q pipeline.Query) (pipeline.Ranking, error) {
		fmt.Println("searching", q.Text)
		return pipeline.NewRanking("store", pipeline.BM25, []pipeline.Hit{{Document: pipeline.Document{ID: "d1"}, Score: 1}})
	})
	c, err := cache.New(search, cache.Options{TTL: time.Hour})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		r, _ := c.Retrieve(context.Background(), pipeline.Query{Text: "harbour"})
		_, remembered := cache.AnswerKey.Noted(r)
		fmt.Println(r.IDs(), remembered)
	}
	// Output:
	// searching harbour
	// [d1] false
	// [d1] true
}

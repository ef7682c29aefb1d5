package cache_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/cache"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

func ExampleNew() {
	store, err := cache.NewLRU(100_000, time.Hour)
	if err != nil {
		panic(err)
	}
	asked := reranker.ScorerFunc(func(ctx context.Context, q string, documents []string) (reranker.Scores, error) {
		fmt.Println("asked for", documents)
		return digits{}.Score(ctx, q, documents)
	})
	cached := cache.New(asked, store, cache.Options{})
	for _, documents := range [][]string{{"1", "2"}, {"2", "3"}} {
		scores, err := cached.Score(context.Background(), "q", documents)
		if err != nil {
			panic(err)
		}
		fmt.Println(scores.Values, scores.Cached)
	}
	// Output:
	// asked for [1 2]
	// [0.1 0.2] []
	// asked for [3]
	// [0.2 0.3] [true false]
}

// digits scores a document by the number that it is, a tenth of it.
type digits struct{}

func (digits) Score(ctx context.Context, _ string, documents []string) (reranker.Scores, error) {
	if ctx.Err() != nil {
		return reranker.Scores{}, context.Cause(ctx)
	}
	s := reranker.Scores{Values: make([]float64, len(documents)), Scale: pipeline.Probability, Usage: reranker.Usage{Calls: 1, Documents: len(documents)}}
	for i, d := range documents {
		v, err := strconv.ParseFloat(d, 64)
		if err != nil {
			if s.Unscored == nil {
				s.Unscored = make([]pipeline.Reason, len(documents))
			}
			s.Unscored[i] = pipeline.Reason(d[:len(d)-1])
			continue
		}
		s.Values[i] = v / 10
	}
	return s, nil
}

func (digits) Describe() pipeline.Node {
	return pipeline.Node{Name: "digits", Facts: pipeline.Facts{Scale: pipeline.Probability}}
}

// uneven scores a document by its length, and every third length not at all.
type uneven struct{}

func (uneven) Score(ctx context.Context, _ string, documents []string) (reranker.Scores, error) {
	if ctx.Err() != nil {
		return reranker.Scores{}, context.Cause(ctx)
	}
	s := reranker.Scores{Values: make([]float64, len(documents)), Unscored: make([]pipeline.Reason, len(documents)), Scale: pipeline.Probability}
	for i, d := range documents {
		if s.Values[i] = float64(len(d)%7) / 7; len(d)%3 == 0 {
			s.Unscored[i] = pipeline.ReasonServerError
		}
	}
	return s, nil
}

// streaming is uneven with one document more in each answer.
type streaming struct {
	uneven
	fails error
	boom  bool
}

func (s streaming) ScoreStream(ctx context.Context, query string, documents []string) iter.Seq2[reranker.Scores, error] {
	return func(yield func(reranker.Scores, error) bool) {
		if s.fails != nil {
			yield(reranker.Scores{}, s.fails)
			return
		}
		for n := 1; n <= len(documents); n++ {
			scores, err := s.Score(ctx, query, documents)
			for i := n; i < len(documents) && err == nil; i++ {
				scores.Unscored[i] = pipeline.ReasonNotSent
			}
			if !yield(scores, err) || err != nil {
				return
			}
			if s.boom {
				panic(errBoom)
			}
		}
	}
}

var errBoom = errors.New("boom")

func ranked(t testing.TB, texts ...string) pipeline.Ranking {
	t.Helper()
	hits := make([]pipeline.Hit, len(texts))
	for i, text := range texts {
		hits[i] = pipeline.Hit{Document: pipeline.Document{ID: "d" + strconv.Itoa(i+1), Text: text}, Score: float64(len(texts) - i)}
	}
	r, err := pipeline.NewRanking("store", pipeline.BM25, hits)
	require.NoError(t, err)
	return r
}

func reportOf(t testing.TB, r pipeline.Ranking) reranker.Report {
	t.Helper()
	report, ok := reranker.ReportKey.Noted(r)
	require.True(t, ok, "every ranking carries a report")
	return report
}

func lru(t testing.TB) *cache.LRU {
	t.Helper()
	l, err := cache.NewLRU(1000, time.Minute)
	require.NoError(t, err)
	return l
}

// counter scores as digits does and notes what it was asked for.
type counter struct {
	mu    sync.Mutex
	asked [][]string
	wait  time.Duration
	alter func(*reranker.Scores)
	err   error
}

func (c *counter) Score(ctx context.Context, q string, documents []string) (reranker.Scores, error) {
	c.mu.Lock()
	c.asked = append(c.asked, slices.Clone(documents))
	err, alter := c.err, c.alter
	c.mu.Unlock()
	if c.wait > 0 {
		select {
		case <-ctx.Done():
			return reranker.Scores{}, context.Cause(ctx)
		case <-time.After(c.wait):
		}
	}
	if err != nil {
		return reranker.Scores{}, err
	}
	s, err := digits{}.Score(ctx, q, documents)
	if alter != nil {
		alter(&s)
	}
	return s, err
}

func TestCacheContract(t *testing.T) {
	t.Parallel()
	rerankertest.Run(t, func(t *testing.T) reranker.Scorer { return cache.New(uneven7{}, lru(t), cache.Options{}) })
}

// uneven7 scores every document by its length.
type uneven7 struct{}

func (uneven7) Score(ctx context.Context, _ string, documents []string) (reranker.Scores, error) {
	if ctx.Err() != nil {
		return reranker.Scores{}, context.Cause(ctx)
	}
	s := reranker.Scores{Values: make([]float64, len(documents)), Scale: pipeline.Probability}
	for i, d := range documents {
		s.Values[i] = float64(len(d)%97) / 97
	}
	return s, nil
}

func TestCacheKeepsScoresApart(t *testing.T) {
	t.Parallel()
	full := cache.Options{Tenant: "tt", Endpoint: "ee", Model: "mm"}
	with := func(change func(*cache.Options)) cache.Options {
		o := full
		change(&o)
		return o
	}
	for name, c := range map[string]struct {
		second cache.Options
		query  string
		shared bool
	}{
		"the same in all":          {full, "q", true},
		"another query":            {full, "q2", false},
		"another tenant":           {with(func(o *cache.Options) { o.Tenant = "u" }), "q", false},
		"another endpoint":         {with(func(o *cache.Options) { o.Endpoint = "f" }), "q", false},
		"another model":            {with(func(o *cache.Options) { o.Model = "n" }), "q", false},
		"another template":         {with(func(o *cache.Options) { o.Version = "2" }), "q", false},
		"no tenant":                {with(func(o *cache.Options) { o.Tenant = "" }), "q", false},
		"fields that run together": {with(func(o *cache.Options) { o.Tenant, o.Endpoint = "t", "tee" }), "q", false},
		"the tenant of the call": {with(func(o *cache.Options) {
			o.Tenant, o.TenantOf = "", func(context.Context) string { return "tt" }
		}), "q", true},
		"no tenant in the call": {with(func(o *cache.Options) { o.TenantOf = func(context.Context) string { return "" } }), "q", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, scorer := lru(t), &counter{}
			_, err := cache.New(scorer, store, full).Score(t.Context(), "q", []string{"1"})
			require.NoError(t, err)
			s, err := cache.New(scorer, store, c.second).Score(t.Context(), c.query, []string{"1"})
			require.NoError(t, err)
			assert.Equal(t, []float64{0.1}, s.Values)
			assert.Equal(t, c.shared, s.Cached != nil && s.Cached[0])
		})
	}
}

func TestCacheKeepsOnlyRealScores(t *testing.T) {
	t.Parallel()
	for name, alter := range map[string]func(*reranker.Scores){
		"an unscored document":           func(s *reranker.Scores) { s.Unscored = []pipeline.Reason{pipeline.ReasonServerError} },
		"a score that is no number":      func(s *reranker.Scores) { s.Values[0] = math.NaN() },
		"a score outside of its scale":   func(s *reranker.Scores) { s.Values[0] = 1.5 },
		"a model that was not asked for": func(s *reranker.Scores) { s.Model = "other" },
		"a warning about the model": func(s *reranker.Scores) {
			s.Warnings = []reranker.Warning{{Kind: reranker.WarnModelMismatch}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := lru(t)
			_, err := cache.New(&counter{alter: alter}, store, cache.Options{Model: "wanted"}).Score(t.Context(), "q", []string{"1"})
			require.NoError(t, err)
			assert.Zero(t, store.Len())
		})
	}
}

func TestCacheOfAnAlias(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		o      cache.Options
		kept   int
		warned bool
	}{
		"the model has its name":              {cache.Options{Model: "the/real"}, 1, false},
		"letters of another size":             {cache.Options{Model: "alias", ServedAs: "The/Real"}, 1, false},
		"an alias that is declared":           {cache.Options{Model: "alias", ServedAs: "the/real"}, 1, false},
		"an alias that is not is told of":     {cache.Options{Model: "alias"}, 0, true},
		"a third model is not kept":           {cache.Options{Model: "alias", ServedAs: "the/other"}, 0, true},
		"a cache of no model takes every one": {cache.Options{}, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := lru(t)
			cached := cache.New(&counter{alter: func(s *reranker.Scores) { s.Model = "the/real" }}, store, test.o)
			s, err := cached.Score(t.Context(), "q", []string{"1"})
			require.NoError(t, err)
			assert.True(t, s.Complete())
			assert.Equal(t, test.kept, store.Len())
			assert.Equal(t, test.warned, slices.ContainsFunc(s.Warnings, func(w reranker.Warning) bool { return w.Kind == reranker.WarnModelMismatch }))
		})
	}
}

// rough is a store that a test can break.
type rough struct {
	*cache.LRU
	get, set func(ctx context.Context, values [][]byte) ([][]byte, error)
	gets     atomic.Int32
}

func (r *rough) GetMany(ctx context.Context, keys []cache.Key) ([][]byte, error) {
	r.gets.Add(1)
	values, err := r.LRU.GetMany(ctx, keys)
	if r.get != nil {
		return r.get(ctx, values)
	}
	return values, err
}

func (r *rough) SetMany(ctx context.Context, entries []cache.Entry) error {
	if r.set != nil {
		_, err := r.set(ctx, nil)
		return err
	}
	return r.LRU.SetMany(ctx, entries)
}

func TestABadStoreIsAMiss(t *testing.T) {
	t.Parallel()
	down := func(context.Context, [][]byte) ([][]byte, error) { return nil, errors.New("connection refused") }
	slow := func(ctx context.Context, _ [][]byte) ([][]byte, error) { <-ctx.Done(); return nil, ctx.Err() }
	for name, c := range map[string]struct {
		get, set func(ctx context.Context, values [][]byte) ([][]byte, error)
		takes    time.Duration
	}{
		"down":             {get: down, set: down},
		"slow":             {get: slow, set: slow, takes: 50 * time.Millisecond},
		"slow to write":    {set: slow, takes: 50 * time.Millisecond},
		"panicking":        {get: func(context.Context, [][]byte) ([][]byte, error) { panic("store") }},
		"too few values":   {get: func(_ context.Context, v [][]byte) ([][]byte, error) { return v[1:], nil }},
		"too many values":  {get: func(_ context.Context, v [][]byte) ([][]byte, error) { return slices.Concat(v, v), nil }},
		"poisoned":         {get: func(_ context.Context, v [][]byte) ([][]byte, error) { return [][]byte{[]byte("junk"), nil}, nil }},
		"swapped entries":  {get: func(_ context.Context, v [][]byte) ([][]byte, error) { slices.Reverse(v); return v, nil }},
		"one bit is wrong": {get: func(_ context.Context, v [][]byte) ([][]byte, error) { return flipped(v), nil }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store, scorer := &rough{LRU: lru(t)}, &counter{}
				cached := cache.New(scorer, store, cache.Options{})
				_, err := cached.Score(t.Context(), "q", []string{"1", "2"})
				require.NoError(t, err)
				store.get, store.set = c.get, c.set
				query := "q"
				if c.get == nil {
					query = "another"
				}
				start := time.Now()
				s, err := cached.Score(t.Context(), query, []string{"1", "2"})
				require.NoError(t, err)
				assert.Equal(t, []float64{0.1, 0.2}, s.Values)
				assert.Len(t, scorer.asked, 2)
				assert.Equal(t, c.takes, time.Since(start))
			})
		})
	}
}

func flipped(values [][]byte) [][]byte {
	out := make([][]byte, len(values))
	for i, v := range values {
		if v != nil {
			out[i] = slices.Clone(v)
			out[i][5] ^= 1
		}
	}
	return out
}

func TestABadStoreIsLeftAloneForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &rough{LRU: lru(t)}
		store.get = func(context.Context, [][]byte) ([][]byte, error) { return nil, errors.New("down") }
		cached := cache.New(&counter{}, store, cache.Options{})
		for i := range 5 {
			_, err := cached.Score(t.Context(), strconv.Itoa(i), []string{"1"})
			require.NoError(t, err)
		}
		assert.EqualValues(t, 1, store.gets.Load())
		time.Sleep(time.Second)
		_, err := cached.Score(t.Context(), "later", []string{"1"})
		require.NoError(t, err)
		assert.EqualValues(t, 2, store.gets.Load())
	})
}

func TestEqualCallsInFlightMerge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		scorer := &counter{wait: 100 * time.Millisecond}
		cached := cache.New(scorer, lru(t), cache.Options{})
		var wg sync.WaitGroup
		for _, documents := range [][]string{{"1", "2"}, {"2", "3"}, {"3", "1"}, {"4", "4"}} {
			wg.Go(func() {
				s, err := cached.Score(t.Context(), "q", documents)
				assert.NoError(t, err)
				for i, d := range documents {
					assert.InDelta(t, float64(d[0]-'0')/10, s.Values[i], 1e-15)
				}
			})
		}
		start := time.Now()
		wg.Wait()
		assert.Equal(t, 100*time.Millisecond, time.Since(start))
		asked := slices.Concat(scorer.asked...)
		slices.Sort(asked)
		assert.Equal(t, []string{"1", "2", "3", "4"}, asked)
	})
}

func TestALeaderWhoLeavesFailsNobody(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(t *testing.T, ctx context.Context) (context.Context, context.CancelFunc){
		"cancelled": func(t *testing.T, ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(50*time.Millisecond, cancel)
			return ctx, cancel
		},
		"out of time": func(t *testing.T, ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 50*time.Millisecond)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				scorer := &counter{wait: 100 * time.Millisecond}
				cached := cache.New(scorer, lru(t), cache.Options{})
				var wg sync.WaitGroup
				wg.Go(func() {
					ctx, cancel := leave(t, t.Context())
					defer cancel()
					_, err := cached.Score(ctx, "q", []string{"1", "2"})
					assert.ErrorIs(t, err, ctx.Err())
				})
				time.Sleep(time.Millisecond)
				start := time.Now()
				for range 3 {
					wg.Go(func() {
						s, err := cached.Score(t.Context(), "q", []string{"2", "1"})
						assert.NoError(t, err)
						assert.Equal(t, []float64{0.2, 0.1}, s.Values)
						assert.Equal(t, 149*time.Millisecond, time.Since(start))
					})
				}
				wg.Wait()
				assert.Len(t, scorer.asked, 2, "one of those who waited asked for all")
			})
		})
	}
}

func TestALeaderThatPanicsLeavesNobodyWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		cached := cache.New(reranker.ScorerFunc(func(ctx context.Context, q string, d []string) (reranker.Scores, error) {
			time.Sleep(time.Millisecond)
			if calls.Add(1) == 1 {
				panic(errBoom)
			}
			return digits{}.Score(ctx, q, d)
		}), lru(t), cache.Options{})
		var wg sync.WaitGroup
		var panics atomic.Int32
		for range 4 {
			wg.Go(func() {
				defer func() {
					if recover() != nil {
						panics.Add(1)
					}
				}()
				s, err := cached.Score(t.Context(), "q", []string{"1"})
				assert.NoError(t, err)
				assert.Equal(t, []float64{0.1}, s.Values)
			})
		}
		wg.Wait()
		assert.EqualValues(t, 1, panics.Load())
		assert.EqualValues(t, 2, calls.Load())
	})
}

func TestFollowersShareARealFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cause := &reranker.Error{Kind: reranker.KindServer, Op: "test"}
		scorer := &counter{wait: time.Second, err: cause}
		cached := cache.New(scorer, lru(t), cache.Options{})
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				_, err := cached.Score(t.Context(), "q", []string{"1"})
				assert.ErrorIs(t, err, cause)
			})
		}
		wg.Wait()
		assert.Len(t, scorer.asked, 1)
	})
}

func TestCacheUsesWhatItHasWhenTheScorerFails(t *testing.T) {
	t.Parallel()
	scorer := &counter{}
	cached := cache.New(scorer, lru(t), cache.Options{})
	_, err := cached.Score(t.Context(), "q", []string{"1", "2"})
	require.NoError(t, err)
	cause := &reranker.Error{Kind: reranker.KindOverloaded, Op: "test"}
	scorer.err = cause
	s, err := cached.Score(t.Context(), "q", []string{"3", "2", "1"})
	require.NoError(t, err)
	assert.Equal(t, []pipeline.Reason{pipeline.ReasonServerError, "", ""}, s.Unscored)
	assert.Equal(t, []bool{false, true, true}, s.Cached)
	assert.Equal(t, []error{cause}, s.Causes)
	out, err := reranker.Stage(cached, reranker.Chat()).Apply(t.Context(), pipeline.Query{Text: "q"}, ranked(t, "1", "3", "2"))
	require.NoError(t, err)
	assert.Equal(t, []string{"d3", "d2", "d1"}, out.IDs())
	r := reportOf(t, out)
	assert.Equal(t, []int{0, 2, 1}, []int{r.Scored, r.Cached, r.Unscored})
	mark, _ := out.Hits[0].Mark("rerank")
	assert.Equal(t, pipeline.Cached, mark.Status)
	out, err = reranker.Stage(cached, reranker.Chat()).Apply(t.Context(), pipeline.Query{Text: "q"}, ranked(t, "1", "2"))
	require.NoError(t, err)
	assert.Zero(t, reportOf(t, out).Attempts, "no call is made for what is known")
}

func TestScoresOfAnotherModelAreAskedForAgain(t *testing.T) {
	t.Parallel()
	scorer := &counter{alter: func(s *reranker.Scores) { s.Model = "old" }}
	cached := cache.New(scorer, lru(t), cache.Options{})
	_, err := cached.Score(t.Context(), "q", []string{"1", "2"})
	require.NoError(t, err)
	scorer.alter = func(s *reranker.Scores) { s.Model = "new" }
	s, err := cached.Score(t.Context(), "q", []string{"1", "2", "3"})
	require.NoError(t, err)
	assert.Equal(t, [][]string{{"1", "2"}, {"3"}, {"1", "2"}}, scorer.asked)
	assert.Nil(t, s.Cached)
	assert.Equal(t, "new", s.Model)
}

func TestCacheRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]*cache.Cache{
		"no scorer":           cache.New(nil, lru(t), cache.Options{}),
		"no store":            cache.New(digits{}, nil, cache.Options{}),
		"a negative patience": cache.New(digits{}, lru(t), cache.Options{Patience: -1}),
		"a listwise scorer":   cache.New(listwiseDigits{}, lru(t), cache.Options{}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := c.Score(t.Context(), "q", []string{"1"})
			var typed *reranker.Error
			require.ErrorAs(t, err, &typed)
			assert.Equal(t, reranker.KindConfig, typed.Kind)
			assert.Equal(t, err, c.Describe().Err)
		})
	}
}

type listwiseDigits struct{ digits }

func (listwiseDigits) Describe() pipeline.Node {
	return pipeline.Node{Name: "listwise", Facts: pipeline.Facts{Listwise: true}}
}

func TestCacheStreamsWhatItHasFirst(t *testing.T) {
	t.Parallel()
	cached := cache.New(streaming{}, lru(t), cache.Options{})
	_, err := cached.Score(t.Context(), "q", []string{"a"})
	require.NoError(t, err)
	var covered []int
	var end reranker.Scores
	for s, err := range cached.ScoreStream(t.Context(), "q", []string{"bb", "a", "dddd"}) {
		require.NoError(t, err)
		n := 0
		for i := range s.Values {
			if s.Scored(i) {
				n++
			}
		}
		covered, end = append(covered, n), s
	}
	assert.Equal(t, []int{1, 2, 3}, covered)
	assert.Equal(t, []bool{false, true, false}, end.Cached)
	for range cached.ScoreStream(t.Context(), "q", []string{"eeeee", "a"}) {
		break
	}
	for s, err := range cache.New(streaming{fails: errBoom}, lru(t), cache.Options{}).ScoreStream(t.Context(), "q", []string{"a"}) {
		require.ErrorIs(t, err, errBoom)
		assert.Nil(t, s.Values)
	}
}

func TestCachedEqualsUncached(t *testing.T) {
	leak := goleak.IgnoreCurrent()
	rapid.Check(t, func(rt *rapid.T) {
		cached := cache.New(uneven{}, lru(t), cache.Options{})
		for range rapid.IntRange(1, 5).Draw(rt, "calls") {
			documents := rapid.SliceOfN(rapid.StringMatching(`[ab]{1,4}`), 0, 8).Draw(rt, "documents")
			got, err := cached.Score(t.Context(), "q", documents)
			require.NoError(rt, err)
			want, err := uneven{}.Score(t.Context(), "q", documents)
			require.NoError(rt, err)
			for i := range documents {
				require.Equal(rt, want.Scored(i), got.Scored(i))
				if want.Scored(i) {
					require.Equal(rt, want.Values[i], got.Values[i])
				}
			}
		}
	})
	goleak.VerifyNone(t, leak)
}

func BenchmarkCacheHit(b *testing.B) {
	documents := make([]string, 200)
	for i := range documents {
		documents[i] = fmt.Sprintf("document number %d of a few hundred characters or so %0300d", i, i)
	}
	cached := cache.New(uneven7{}, lru(b), cache.Options{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := cached.Score(context.Background(), "q", documents); err != nil {
			b.Fatal(err)
		}
	}
}

package reranker_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// texts makes n documents whose score under numbers is their position.
func texts(n int) []string {
	docs := make([]string, n)
	for i := range docs {
		docs[i] = fmt.Sprintf("%d %s", i, strings.Repeat("x", i%37))
	}
	return docs
}

// number is the pointwise score that fake servers give.
func number(document string) float64 {
	first, _, _ := strings.Cut(document, " ")
	v, _ := strconv.ParseFloat(first, 64)
	return v
}

func numbers(_ context.Context, _ string, documents []string) (reranker.Scores, error) {
	s := reranker.Scores{Values: make([]float64, len(documents)), Scale: pipeline.Logit, Model: "m"}
	for i, d := range documents {
		s.Values[i] = number(d)
		s.Usage.Tokens += 4 + len(d)/4
	}
	s.Usage.Calls, s.Usage.Documents = 1, len(documents)
	return s, nil
}

func requireNumbers(t *testing.T, s reranker.Scores, docs []string) {
	t.Helper()
	require.Len(t, s.Values, len(docs))
	for i, d := range docs {
		if s.Scored(i) {
			require.Equal(t, number(d), s.Values[i], "document %d", i)
		}
	}
}

// TestShardJudgesSilenceOverAllCalls: a call of equal scores among others that
// differ is no finding about the model.
func TestShardJudgesSilenceOverAllCalls(t *testing.T) {
	t.Parallel()
	quiet := reranker.Warning{Kind: reranker.WarnNoSignal, Detail: "all scores are equal"}
	for want, value := range map[int]func(call int) float64{0: func(call int) float64 { return float64(call) }, 1: func(int) float64 { return .5 }} {
		var calls atomic.Int64
		scorer := reranker.ScorerFunc(func(_ context.Context, _ string, documents []string) (reranker.Scores, error) {
			values := make([]float64, len(documents))
			n := int(calls.Add(1))
			for i := range values {
				values[i] = value(n)
			}
			return reranker.Scores{Values: values, Warnings: []reranker.Warning{quiet}}, nil
		})
		scores, err := reranker.Shard(scorer, reranker.ShardOptions{Documents: 5, Top: -1}).Score(t.Context(), "q", texts(20))
		require.NoError(t, err)
		assert.Len(t, scores.Warnings, want)
	}
}

func TestShardSplits(t *testing.T) {
	t.Parallel()
	long := append(texts(10), "10 "+strings.Repeat("y", 5000))
	for name, c := range map[string]struct {
		docs  []string
		o     reranker.ShardOptions
		calls int
	}{
		"no documents make no call":                    {nil, reranker.ShardOptions{}, 0},
		"one document makes one call":                  {texts(1), reranker.ShardOptions{}, 1},
		"one below the bound fits into one call":       {texts(31), reranker.ShardOptions{Documents: 32, Calls: 1, Top: -1}, 1},
		"exactly the bound fits into one call":         {texts(32), reranker.ShardOptions{Documents: 32, Calls: 1, Top: -1}, 1},
		"one above the bound needs two":                {texts(33), reranker.ShardOptions{Documents: 32, Calls: 1, Top: -1}, 2},
		"ten thousand make the least number of calls":  {texts(10000), reranker.ShardOptions{Documents: 100, Calls: 1, Top: -1, Timeout: -1, NoHedge: true}, 100},
		"a fixed number of calls is kept":              {texts(100), reranker.ShardOptions{Calls: 7, Top: -1}, 7},
		"no more calls than documents":                 {texts(3), reranker.ShardOptions{Calls: 7, Top: -1}, 3},
		"an over-long document is alone":               {long, reranker.ShardOptions{Calls: 1, Bytes: 1000, Top: -1}, 2},
		"the bound on tokens splits earlier":           {texts(32), reranker.ShardOptions{Calls: 1, Tokens: 150, Top: -1}, 3},
		"blank documents are not sent":                 {[]string{" ", "", "\t\n"}, reranker.ShardOptions{}, 0},
		"the first tier is a call of its own":          {texts(30), reranker.ShardOptions{Calls: 1}, 2},
		"the zero value takes 32 documents to a call":  {texts(320), reranker.ShardOptions{Calls: 1, Top: -1}, 10},
		"more calls than the concurrency are all made": {texts(50), reranker.ShardOptions{Calls: 50, Top: -1, Concurrency: 3, NoHedge: true}, 50},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int64
			s := reranker.Shard(reranker.ScorerFunc(func(ctx context.Context, q string, d []string) (reranker.Scores, error) {
				calls.Add(1)
				return numbers(ctx, q, d)
			}), c.o)
			scores, err := s.Score(t.Context(), "q", c.docs)
			require.NoError(t, err)
			require.NotNil(t, scores.Report)
			assert.EqualValues(t, c.calls, calls.Load())
			assert.Equal(t, c.calls, scores.Usage.Calls)
			assert.Equal(t, c.calls, scores.Report.Planned)
			assert.Equal(t, c.calls, scores.Report.Answered)
			requireNumbers(t, scores, c.docs)
		})
	}
}

func TestShardIsDeterministicWhateverFinishesFirst(t *testing.T) {
	t.Parallel()
	docs := texts(200)
	var first reranker.Scores
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			rng := rand.New(rand.NewPCG(seed, 1))
			s := reranker.Shard(reranker.ScorerFunc(func(ctx context.Context, q string, d []string) (reranker.Scores, error) {
				mu.Lock()
				wait := time.Duration(rng.IntN(100)) * time.Millisecond
				mu.Unlock()
				time.Sleep(wait)
				if strings.HasPrefix(d[0], "7 ") || strings.HasPrefix(d[0], "30 ") {
					return reranker.Scores{}, &reranker.Error{Kind: reranker.KindValidation, Op: "fake", Message: d[0][:2]}
				}
				answer, err := numbers(ctx, q, d)
				answer.RequestIDs = []string{d[0]}
				return answer, err
			}), reranker.ShardOptions{Calls: 50, Top: -1})
			got, err := s.Score(t.Context(), "q", docs)
			require.NoError(t, err)
			got.Report, got.Limits = nil, reranker.Limits{}
			if seed == 0 {
				first = got
				return
			}
			assert.Equal(t, fmt.Sprint(first), fmt.Sprint(got), "seed %d", seed)
		})
	}
}

func TestShardKeepsWhatSucceeded(t *testing.T) {
	t.Parallel()
	docs := texts(40)
	boom := errors.New("boom")
	s := reranker.Shard(reranker.ScorerFunc(func(ctx context.Context, q string, d []string) (reranker.Scores, error) {
		for _, text := range d {
			switch number(text) {
			case 3:
				return reranker.Scores{}, boom
			case 20:
				panic("user code")
			}
		}
		return numbers(ctx, q, d)
	}), reranker.ShardOptions{Calls: 40, Top: -1})
	scores, err := s.Score(t.Context(), "q", docs)
	require.NoError(t, err)
	requireNumbers(t, scores, docs)
	assert.Equal(t, pipeline.ReasonFailed, scores.Unscored[3])
	assert.Equal(t, pipeline.ReasonPanic, scores.Unscored[20])
	assert.Equal(t, reranker.Partial, scores.Report.Mode)
	assert.Equal(t, 38, scores.Report.Scored)
	assert.Equal(t, 2, scores.Report.Unscored)
	require.Len(t, scores.Causes, 2)
	joined := errors.Join(scores.Causes...)
	require.ErrorIs(t, joined, boom)
	var panicked *pipeline.PanicError
	require.ErrorAs(t, joined, &panicked)
	assert.Equal(t, "user code", panicked.Value)
}

func TestShardRefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]reranker.Scores{
		"too few values":    {Values: []float64{1}},
		"too many values":   {Values: []float64{1, 2, 3}},
		"reasons of others": {Values: []float64{1, 2}, Unscored: []pipeline.Reason{""}},
		"marks of others":   {Values: []float64{1, 2}, Cached: []bool{true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := reranker.Shard(reranker.ScorerFunc(func(context.Context, string, []string) (reranker.Scores, error) {
				return answer, nil
			}), reranker.ShardOptions{})
			scores, err := s.Score(t.Context(), "q", []string{"a", "b"})
			var typed *reranker.Error
			require.ErrorAs(t, err, &typed)
			assert.Equal(t, reranker.KindProtocol, typed.Kind)
			assert.Equal(t, []pipeline.Reason{pipeline.ReasonBadResponse, pipeline.ReasonBadResponse}, scores.Unscored)
			assert.Equal(t, reranker.RetrievalOnly, scores.Report.Mode)
		})
	}
	s := reranker.Shard(reranker.ScorerFunc(func(context.Context, string, []string) (reranker.Scores, error) {
		return reranker.Scores{Values: []float64{math.NaN(), 1, math.Inf(1)}}, nil
	}), reranker.ShardOptions{})
	scores, err := s.Score(t.Context(), "q", []string{"a", "b", "c"})
	require.NoError(t, err)
	assert.Equal(t, []pipeline.Reason{pipeline.ReasonBadResponse, "", pipeline.ReasonBadResponse}, scores.Unscored)
	assert.Equal(t, []float64{0, 1, 0}, scores.Values, "what is not a number is never handed on")
}

// listwise is a scorer that says that its scores depend on the company.
type listwise struct{ reranker.ScorerFunc }

func (listwise) Describe() pipeline.Node {
	return pipeline.Node{Name: "listwise", Facts: pipeline.Facts{Listwise: true}}
}

func TestShardListwise(t *testing.T) {
	t.Parallel()
	model := listwise{numbers}
	scores, err := reranker.Shard(model, reranker.ShardOptions{}).Score(t.Context(), "q", texts(300))
	require.NoError(t, err)
	assert.Equal(t, 1, scores.Usage.Calls, "one call whatever the ladder would say")

	scores, err = reranker.Shard(model, reranker.ShardOptions{Documents: 100}).Score(t.Context(), "q", texts(300))
	var typed *reranker.Error
	require.ErrorAs(t, err, &typed)
	assert.Equal(t, reranker.KindConfig, typed.Kind)
	assert.Contains(t, err.Error(), "listwise")
	assert.Zero(t, scores.Usage.Calls)

	scores, err = reranker.Shard(model, reranker.ShardOptions{Documents: 100, Calls: 1, Top: -1, AllowListwise: true}).Score(t.Context(), "q", texts(300))
	require.NoError(t, err)
	assert.Equal(t, 3, scores.Usage.Calls)

	assert.False(t, reranker.Shard(model, reranker.ShardOptions{}).Describe().Facts.Sharded)
	assert.True(t, reranker.Shard(model, reranker.ShardOptions{AllowListwise: true}).Describe().Facts.Sharded)
	assert.True(t, reranker.Shard(reranker.ScorerFunc(numbers), reranker.ShardOptions{}).Describe().Facts.Sharded)
}

func TestShardMistakesAreReported(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		scorer reranker.Scorer
		o      reranker.ShardOptions
		says   string
	}{
		"no scorer":            {nil, reranker.ShardOptions{}, "scorer is nil"},
		"no endpoint":          {(*reranker.Endpoint)(nil), reranker.ShardOptions{}, "scorer is nil"},
		"negative documents":   {reranker.ScorerFunc(numbers), reranker.ShardOptions{Documents: -1}, "ShardOptions.Documents"},
		"negative concurrency": {reranker.ScorerFunc(numbers), reranker.ShardOptions{Concurrency: -2}, "ShardOptions.Concurrency"},
		"unknown lane":         {reranker.ScorerFunc(numbers), reranker.ShardOptions{Lane: 9}, "Lane 9"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := reranker.Shard(c.scorer, c.o)
			require.ErrorContains(t, s.Describe().Err, c.says)
			_, err := s.Score(t.Context(), "q", []string{"a"})
			require.ErrorContains(t, err, c.says)
			assert.Zero(t, s.TypicalLatency())
		})
	}
}

func TestShardConcurrencyIsBounded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ query, endpoint, most int }{
		"within one query":        {3, 32, 3},
		"one at a time":           {1, 32, 1},
		"over queries by process": {8, 5, 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var flying, most atomic.Int64
				e, err := reranker.NewEndpoint([]reranker.Scorer{reranker.ScorerFunc(
					func(ctx context.Context, q string, d []string) (reranker.Scores, error) {
						n := flying.Add(1)
						for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
						}
						time.Sleep(10 * time.Millisecond)
						flying.Add(-1)
						return numbers(ctx, q, d)
					})}, reranker.EndpointOptions{Concurrency: c.endpoint})
				require.NoError(t, err)
				queries := 1
				if c.endpoint < c.query {
					queries = 6
				}
				var wg sync.WaitGroup
				for range queries {
					wg.Go(func() {
						docs := texts(40)
						s, err := reranker.Shard(e, reranker.ShardOptions{Calls: 20, Concurrency: c.query, Top: -1, Timeout: -1}).Score(t.Context(), "q", docs)
						assert.NoError(t, err)
						assert.True(t, s.Complete())
					})
				}
				wg.Wait()
				assert.EqualValues(t, c.most, most.Load())
				assert.Zero(t, e.State().InFlight)
				assert.Zero(t, e.State().Waiting)
			})
		})
	}
}

func TestShardCancelReturnsAtOnceWithTheCause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gone := errors.New("the user closed the tab")
		s := reranker.Shard(reranker.ScorerFunc(func(ctx context.Context, _ string, _ []string) (reranker.Scores, error) {
			<-ctx.Done()
			return reranker.Scores{}, ctx.Err()
		}), reranker.ShardOptions{})
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(70*time.Millisecond, func() { cancel(gone) })
		start := time.Now()
		scores, err := s.Score(ctx, "q", texts(100))
		require.ErrorIs(t, err, gone)
		assert.Equal(t, 70*time.Millisecond, time.Since(start))
		assert.Equal(t, pipeline.ReasonCanceled, scores.Unscored[0])
		assert.Zero(t, s.Endpoint().State().InFlight)
		assert.Equal(t, reranker.Healthy, s.Endpoint().State().Breaker)
	})
}

func TestShardReturnsWhatItHasAtTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := reranker.Shard(reranker.ScorerFunc(func(ctx context.Context, q string, d []string) (reranker.Scores, error) {
			if strings.HasPrefix(d[0], "0 ") {
				return numbers(ctx, q, d)
			}
			<-ctx.Done()
			return reranker.Scores{}, ctx.Err()
		}), reranker.ShardOptions{Calls: 8, Top: -1})
		ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
		defer cancel()
		start := time.Now()
		docs := texts(80)
		scores, err := s.Score(ctx, "q", docs)
		require.NoError(t, err)
		assert.Equal(t, 395*time.Millisecond, time.Since(start), "before the caller's own deadline")
		requireNumbers(t, scores, docs)
		assert.True(t, scores.Scored(0))
		assert.Equal(t, map[pipeline.Reason]int{pipeline.ReasonDeadline: scores.Report.Unscored}, scores.Report.Reasons)
		require.ErrorIs(t, errors.Join(scores.Causes...), context.DeadlineExceeded)
	})
}

func TestShardStreamIsCumulative(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := reranker.ScorerFunc(func(ctx context.Context, q string, d []string) (reranker.Scores, error) {
			time.Sleep(time.Duration(number(d[0])+1) * 7 * time.Millisecond)
			return numbers(ctx, q, d)
		})
		docs := texts(40)
		var stream reranker.StreamScorer = reranker.Shard(slow, reranker.ShardOptions{Calls: 10, Top: -1})
		var seen []reranker.Scores
		for scores, err := range stream.ScoreStream(t.Context(), "q", docs) {
			require.NoError(t, err)
			requireNumbers(t, scores, docs)
			for i := range docs {
				if len(seen) > 0 && seen[len(seen)-1].Scored(i) {
					assert.True(t, scores.Scored(i))
				} else if !scores.Scored(i) {
					assert.Equal(t, pipeline.ReasonNotSent, scores.Unscored[i])
				}
			}
			seen = append(seen, scores)
		}
		require.Greater(t, len(seen), 5)
		whole, err := reranker.Shard(slow, reranker.ShardOptions{Calls: 10, Top: -1}).Score(t.Context(), "q", docs)
		require.NoError(t, err)
		last := seen[len(seen)-1]
		last.Report.Elapsed, whole.Report.Elapsed = 0, 0
		assert.Equal(t, whole, last)
	})
}

func TestShardStreamStopsWithItsConsumer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := reranker.Shard(reranker.ScorerFunc(func(ctx context.Context, q string, d []string) (reranker.Scores, error) {
			select {
			case <-time.After(time.Duration(number(d[0])) * 50 * time.Millisecond):
				return numbers(ctx, q, d)
			case <-ctx.Done():
				return reranker.Scores{}, ctx.Err()
			}
		}), reranker.ShardOptions{Calls: 10, Top: -1})
		for range s.ScoreStream(t.Context(), "q", texts(10)) {
			break
		}
		func() {
			defer func() { assert.Equal(t, "consumer", recover()) }()
			for range s.ScoreStream(t.Context(), "q", texts(10)) {
				panic("consumer")
			}
		}()
		state := s.Endpoint().State()
		assert.Zero(t, state.InFlight)
		assert.Zero(t, state.Queries)
	})
}

func ExampleShard() {
	model := reranker.ScorerFunc(func(_ context.Context, query string, documents []string) (reranker.Scores, error) {
		scores := reranker.Scores{Values: make([]float64, len(documents)), Usage: reranker.Usage{Calls: 1, Documents: len(documents)}}
		for i, d := range documents {
			scores.Values[i] = float64(strings.Count(d, query))
		}
		return scores, nil
	})
	documents := []string{"one whale", "no fish", "a whale and a whale", ""}

	s := reranker.Shard(model, reranker.ShardOptions{Documents: 2, Calls: 1, Top: -1})
	scores, err := s.Score(context.Background(), "whale", documents)
	fmt.Println(scores.Values, err)
	fmt.Println(scores.Usage.Calls, "calls,", scores.Report.Mode, scores.Unscored[3])
	// Output:
	// [1 0 2 0] <nil>
	// 2 calls, partial blank
}

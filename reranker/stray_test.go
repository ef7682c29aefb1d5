package reranker_test

import (
	"context"
	"iter"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// deafFor is a scorer that takes its time and ignores its context.
func deafFor(d time.Duration) reranker.ScorerFunc {
	return func(_ context.Context, q string, documents []string) (reranker.Scores, error) {
		time.Sleep(d)
		return digits{}.Score(context.Background(), q, documents)
	}
}

// deafStream shows an empty answer first.
type deafStream struct{ reranker.ScorerFunc }

func (s deafStream) ScoreStream(ctx context.Context, q string, documents []string) iter.Seq2[reranker.Scores, error] {
	return func(yield func(reranker.Scores, error) bool) {
		early := reranker.Scores{Values: make([]float64, len(documents)), Unscored: make([]pipeline.Reason, len(documents))}
		for i := range early.Unscored {
			early.Unscored[i] = pipeline.ReasonNotSent
		}
		if yield(early, nil) {
			yield(s.Score(ctx, q, documents))
		}
	}
}

func sleepyText(d pipeline.Document) string {
	time.Sleep(3 * time.Second)
	return d.Text
}

// strays is row O6 of the list of faults, for each place in which user code runs below a
// rerank.
func strays(t *testing.T) {
	chat := func(change func(*reranker.StageOptions)) reranker.StageOptions {
		o := reranker.Chat()
		if change != nil {
			change(&o)
		}
		return o
	}
	deaf := deafFor(3 * time.Second)
	passages := func(s reranker.Scorer) reranker.Scorer {
		return reranker.Passages(s, reranker.PassageOptions{Tokens: 1, Count: func(string) int {
			time.Sleep(3 * time.Second)
			return 9
		}})
	}
	for name, stage := range map[string]*reranker.Staged{
		"a scorer":                    reranker.Stage(deaf, chat(nil)),
		"a scorer in shards":          reranker.Stage(reranker.Shard(deaf, reranker.ShardOptions{}), chat(nil)),
		"a scorer in many shards":     reranker.Stage(reranker.Shard(deaf, reranker.ShardOptions{Calls: 8, Documents: 5}), chat(nil)),
		"a scorer for an experiment":  reranker.Stage(reranker.Shard(deaf, reranker.EvaluationShards()), chat(nil)),
		"a streaming scorer":          reranker.Stage(deafStream{deaf}, chat(nil)),
		"scorers with a fallback":     reranker.Stage(reranker.Fallback(deaf, deaf), chat(nil)),
		"a text function":             reranker.Stage(digits{}, chat(func(o *reranker.StageOptions) { o.Text = sleepyText })),
		"a text function, shards":     reranker.Stage(reranker.Shard(digits{}, reranker.ShardOptions{}), chat(func(o *reranker.StageOptions) { o.Text = sleepyText })),
		"a tokenizer":                 reranker.Stage(passages(digits{}), chat(nil)),
		"a tokenizer in shards":       reranker.Stage(reranker.Shard(passages(digits{}), reranker.ShardOptions{}), chat(nil)),
		"a tokenizer above shards":    reranker.Stage(passages(reranker.Shard(digits{}, reranker.ShardOptions{})), chat(nil)),
		"a scorer behind a decorator": reranker.Stage(reranker.Listwise(deaf), chat(nil)),
	} {
		for way, ask := range map[string]func(context.Context, pipeline.Stage, pipeline.Ranking) (pipeline.Ranking, error){"apply": applied, "refine": refined} {
			within := pipeline.Within(300*time.Millisecond, stage)
			start := time.Now()
			out, err := ask(t.Context(), within, ranking(40))
			assert.LessOrEqual(t, time.Since(start), 300*time.Millisecond, "%s, %s", name, way)
			require.NoError(t, err)
			report, _ := reranker.ReportKey.Noted(out)
			assert.Equal(t, reranker.RetrievalOnly, report.Mode, name)
			assert.Positive(t, report.LeftBehind, "%s, %s", name, way)
			require.Len(t, out.Gaps, 1, name)
			assert.Equal(t, pipeline.ReasonDeadline, out.Gaps[0].Reason, name)
			assert.Len(t, out.Gaps[0].IDs, 40, name)
			require.ErrorAs(t, out.Gaps[0].Err, new(*pipeline.StrayError), name)
			assert.Positive(t, pipeline.LeftBehind(within), name)
			require.NoError(t, pipeline.Close(t.Context(), within))
			assert.Zero(t, pipeline.LeftBehind(within))
		}
	}
}

func applied(ctx context.Context, s pipeline.Stage, in pipeline.Ranking) (pipeline.Ranking, error) {
	return s.Apply(ctx, pipeline.Query{Text: "q"}, in)
}

func refined(ctx context.Context, s pipeline.Stage, in pipeline.Ranking) (last pipeline.Ranking, err error) {
	for r, err := range s.(pipeline.Refiner).Refine(ctx, pipeline.Query{Text: "q"}, in) {
		if err != nil {
			return r, err
		}
		last = r
	}
	return last, nil
}

// ranking has n hits with one digit each.
func ranking(n int) pipeline.Ranking {
	hits := make([]pipeline.Hit, n)
	for i := range hits {
		hits[i] = pipeline.Hit{Document: pipeline.Document{ID: strings.Repeat("x", i+1), Text: strings.Repeat("1", i+2)}, Score: float64(-i)}
	}
	r, err := pipeline.NewRanking("store", pipeline.BM25, hits)
	if err != nil {
		panic(err)
	}
	return r
}

func TestOneDeafCallCostsItsDocuments(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		scorer := reranker.ScorerFunc(func(ctx context.Context, q string, documents []string) (reranker.Scores, error) {
			if documents[0] == strings.Repeat("1", 7) {
				time.Sleep(time.Minute)
			}
			return digits{}.Score(ctx, q, documents)
		})
		e := newEndpoint(t, reranker.EndpointOptions{}, scorer)
		stage := reranker.Stage(reranker.Shard(e, reranker.ShardOptions{Calls: 8, Documents: 5, NoHedge: true, Top: -1}), reranker.Chat())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		out, err := applied(ctx, stage, ranking(40))
		require.NoError(t, err)
		report, _ := reranker.ReportKey.Noted(out)
		assert.Equal(t, 35, report.Scored)
		assert.Equal(t, 1, report.LeftBehind)
		state := e.State()
		assert.Equal(t, 1, state.LeftBehind)
		assert.Zero(t, state.InFlight, "it holds no slot")

		limit, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		err = e.Shutdown(limit)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "0 queries and 1 calls that were left behind still run")
		start := time.Now()
		require.NoError(t, e.Close())
		assert.Greater(t, time.Since(start), 50*time.Second, "Close joins it")
		assert.Zero(t, e.State().LeftBehind)
	})
}

func TestAnEndpointLeavesNoMoreThanSoManyCallsBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		e := newEndpoint(t, reranker.EndpointOptions{}, reranker.ScorerFunc(func(context.Context, string, []string) (reranker.Scores, error) {
			calls.Add(1)
			time.Sleep(time.Hour)
			return reranker.Scores{}, nil
		}))
		shard := reranker.Shard(e, reranker.ShardOptions{Calls: 1, Documents: 100})
		refused := 0
		for range 300 {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			start := time.Now()
			scores, err := shard.Score(ctx, "q", texts(10))
			cancel()
			require.Error(t, err)
			assert.LessOrEqual(t, time.Since(start), 105*time.Millisecond)
			if strings.Contains(err.Error(), "not called: 64 calls") {
				refused++
				assert.Equal(t, pipeline.ReasonBreaker, scores.Unscored[0])
				assert.Zero(t, scores.Report.Attempts)
			}
			time.Sleep(400 * time.Millisecond) // after which a late query is tried
		}
		assert.EqualValues(t, 64, calls.Load())
		assert.Positive(t, refused)
		assert.Equal(t, 64, e.State().LeftBehind)
		require.NoError(t, e.Close())
	})
}

func TestALoserOfAHedgeThatIsDeafDelaysNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		var hangs atomic.Bool
		scorer := reranker.ScorerFunc(func(_ context.Context, _ string, documents []string) (reranker.Scores, error) {
			if hangs.CompareAndSwap(true, false) {
				time.Sleep(time.Minute)
			} else {
				time.Sleep(time.Duration(90+n.Add(1)%20) * time.Millisecond)
			}
			return reranker.Scores{Values: make([]float64, len(documents))}, nil
		})
		e := newEndpoint(t, reranker.EndpointOptions{}, scorer, scorer)
		shard := reranker.Shard(e, reranker.ShardOptions{Calls: 1, Documents: 100, Timeout: -1})
		for range 100 {
			_, err := shard.Score(t.Context(), "q", texts(6))
			require.NoError(t, err)
		}
		hangs.Store(true)
		start := time.Now()
		scores, err := shard.Score(t.Context(), "q", texts(6))
		require.NoError(t, err)
		assert.True(t, scores.Complete())
		assert.Equal(t, 1, scores.Report.HedgesWon)
		assert.Equal(t, 1, scores.Report.LeftBehind)
		assert.Less(t, time.Since(start), time.Second)
		require.NoError(t, e.Close())
	})
}

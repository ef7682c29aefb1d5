package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
)

// alphabet answers "x" with x1, x2, and so on; each document mentions the next
// letter of the alphabet.
func alphabet() pipeline.Retriever {
	return pipeline.Named("library", pipeline.RetrieverFunc(func(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
		if ctx.Err() != nil {
			return pipeline.Ranking{}, context.Cause(ctx)
		}
		var hits []pipeline.Hit
		for i := range 2 {
			hits = append(hits, pipeline.Hit{Score: float64(2 - i), Document: pipeline.Document{
				ID: fmt.Sprint(q.Text, i+1), Text: string(q.Text[0] + 1),
			}})
		}
		return pipeline.NewRanking("library", pipeline.BM25, hits)
	}))
}

// mention asks what the newest document mentions.
func mention(_ context.Context, _ pipeline.Query, found pipeline.Ranking) (pipeline.Query, bool, error) {
	newest := ""
	for _, h := range found.Hits {
		newest = max(newest, h.Document.Text)
	}
	return pipeline.Query{Text: newest}, newest < "e", nil
}

func following() pipeline.Next { return pipeline.NextFunc(mention) }

func ExampleHops() {
	search := pipeline.Hops(3, following(), alphabet())
	ranking, err := search.Retrieve(context.Background(), pipeline.Query{Text: "a"})
	fmt.Println(ranking.IDs(), err)
	fmt.Println(pipeline.Explain(ranking, "b1"))
	// Output:
	// [a1 b1 c1 a2 b2 c2] <nil>
	// document "b1" is at rank 2 of 6, score 1 (rank only)
	//   library: rank 1, score 2 (BM25)
	//   found in hop 2 by library: rank 1, score 2 (BM25)
	//   best rank: rank 2, score 1 (rank only)
	//     + 1 from hop 2: rank 1, score 2, normalised 1, weight 1
	//     largest = 1
}

func TestHopsAreBounded(t *testing.T) {
	t.Parallel()
	bytes := func(text string) int { return len(text) }
	fails := func(when string, err error) pipeline.Next {
		return pipeline.NextFunc(func(ctx context.Context, q pipeline.Query, found pipeline.Ranking) (pipeline.Query, bool, error) {
			next, more, _ := mention(ctx, q, found)
			if next.Text == when {
				return pipeline.Query{}, true, err
			}
			return next, more, nil
		})
	}
	for name, c := range map[string]struct {
		search pipeline.Retriever
		ids    string
		gaps   []string
	}{
		"one round asks the question alone": {pipeline.Hops(1, following(), alphabet()), "a1 a2", nil},
		"in rounds":                         {pipeline.Hops(2, following(), alphabet()), "a1 b1 a2 b2", nil},
		"by Next, which has no more to ask": {pipeline.Hops(9, following(), alphabet()), "a1 b1 c1 d1 a2 b2 c2 d2", nil},
		"by a question that was asked before": {
			pipeline.Hops(9, pipeline.NextFunc(func(context.Context, pipeline.Query, pipeline.Ranking) (pipeline.Query, bool, error) {
				return pipeline.Query{Text: "a"}, true, nil
			}), alphabet()), "a1 a2", nil,
		},
		"in tokens": {pipeline.Hopping{Rounds: 9, Tokens: 2, Count: bytes}.Retriever(following(), alphabet()), "a1 b1 a2 b2", []string{"hops: not_sent"}},
		"in tokens, counted by their bytes": {
			pipeline.Hopping{Rounds: 9, Tokens: 2}.Retriever(following(), alphabet()), "a1 b1 a2 b2", []string{"hops: not_sent"},
		},
		"by an error of Next": {pipeline.Hops(9, pipeline.Named("model", fails("c", errFault)), alphabet()), "a1 b1 a2 b2", []string{"model: failed: out of order"}},
		"by a panic of Next": {
			pipeline.Hops(9, pipeline.NextFunc(func(context.Context, pipeline.Query, pipeline.Ranking) (pipeline.Query, bool, error) {
				panic("no model")
			}), alphabet()), "a1 a2", []string{"pipeline.NextFunc: panic: panic: no model"},
		},
		"by a panic of Count": {
			pipeline.Hopping{Rounds: 2, Tokens: 1, Count: func(string) int { panic("no words") }}.Retriever(following(), alphabet()), "a1 a2", []string{"hops: panic"},
		},
		"by an error of a later hop": {pipeline.Hops(9, following(), failsOn(alphabet(), "c")), "a1 b1 a2 b2", []string{"hop 3: failed: store: out of order"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := c.search.Retrieve(t.Context(), pipeline.Query{Text: "a"})
			require.NoError(t, err)
			assert.Equal(t, c.ids, strings.Join(r.IDs(), " "))
			require.Len(t, r.Gaps, len(c.gaps))
			for i, want := range c.gaps {
				assert.Contains(t, r.Gaps[i].String(), want)
			}
			assert.Equal(t, pipeline.RankOnly, r.Scale)
		})
	}
	r, err := pipeline.Hops(9, fails("c", errFault), alphabet()).Retrieve(t.Context(), pipeline.Query{Text: "a"})
	require.NoError(t, err)
	assert.Equal(t, "a1 b1 a2 b2", strings.Join(r.IDs(), " "))
	require.ErrorIs(t, r.Gaps[0].Err, errFault)
	_, err = pipeline.Hops(2, following(), failsOn(alphabet(), "a")).Retrieve(t.Context(), pipeline.Query{Text: "a"})
	require.ErrorIs(t, err, errFault, "without the first hop there is nothing")
}

func TestHopsAreBoundedInTime(t *testing.T) {
	for name, c := range map[string]struct {
		limit, deadline, took time.Duration
	}{
		"by their own limit":              {300 * time.Millisecond, 0, 300 * time.Millisecond},
		"by the caller's, less a reserve": {0, time.Second, 950 * time.Millisecond},
		"by the earlier of both":          {300 * time.Millisecond, time.Second, 300 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				slowly := pipeline.NextFunc(func(ctx context.Context, q pipeline.Query, found pipeline.Ranking) (pipeline.Query, bool, error) {
					select {
					case <-time.After(200 * time.Millisecond):
						return mention(ctx, q, found)
					case <-ctx.Done():
						return pipeline.Query{}, false, context.Cause(ctx)
					}
				})
				long := pipeline.NextFunc(func(ctx context.Context, q pipeline.Query, found pipeline.Ranking) (pipeline.Query, bool, error) {
					if len(found.Hits) < 4 {
						return slowly(ctx, q, found)
					}
					<-ctx.Done()
					return pipeline.Query{}, false, context.Cause(ctx)
				})
				ctx := t.Context()
				if c.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.deadline)
					defer cancel()
				}
				start := time.Now()
				r, err := pipeline.Hopping{Rounds: 9, Limit: c.limit}.Retriever(long, alphabet()).Retrieve(ctx, pipeline.Query{Text: "a"})
				require.NoError(t, err)
				assert.Equal(t, c.took, time.Since(start))
				assert.Equal(t, []string{"a1", "b1", "a2", "b2"}, r.IDs())
				require.Len(t, r.Gaps, 1)
				assert.Equal(t, pipeline.ReasonDeadline, r.Gaps[0].Reason)
			})
		})
	}
}

func TestHopsEndWithTheirCaller(t *testing.T) {
	t.Parallel()
	gaveUp := errors.New("gave up")
	ctx, cancel := context.WithCancelCause(t.Context())
	leaving := pipeline.NextFunc(func(context.Context, pipeline.Query, pipeline.Ranking) (pipeline.Query, bool, error) {
		cancel(gaveUp)
		return pipeline.Query{Text: "b"}, true, nil
	})
	_, err := pipeline.Hops(3, leaving, alphabet()).Retrieve(ctx, pipeline.Query{Text: "a"})
	require.ErrorIs(t, err, gaveUp)
}

// P3: hops inherit what the caller allowed.
func TestP3HopsInheritFilterIDAndAttributes(t *testing.T) {
	t.Parallel()
	tenant := pipeline.NewKey[string]("tenant")
	var got []pipeline.Query
	watching := pipeline.RetrieverFunc(func(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
		got = append(got, q)
		return alphabet().Retrieve(ctx, q)
	})
	q := tenant.With(pipeline.Query{Text: "a", ID: "7", Filter: "acme"}, "acme")
	r, err := pipeline.Hops(3, following(), watching).Retrieve(t.Context(), q.WithGaps(pipeline.Gap{Stage: "condense"}))
	require.NoError(t, err)
	require.Len(t, got, 3)
	for _, q := range got {
		who, _ := tenant.Of(q)
		assert.Equal(t, []any{"acme", "7", "acme"}, []any{q.Filter, q.ID, who})
	}
	assert.Equal(t, []string{"condense"}, gapNames(r))
	wide := pipeline.NextFunc(func(context.Context, pipeline.Query, pipeline.Ranking) (pipeline.Query, bool, error) {
		return pipeline.Query{Text: "b", Filter: "other"}, true, nil
	})
	r, err = pipeline.Hops(3, wide, alphabet()).Retrieve(t.Context(), q)
	require.NoError(t, err)
	assert.Equal(t, []string{"a1", "a2"}, r.IDs())
	require.ErrorIs(t, r.Gaps[0].Err, pipeline.ErrFilterChanged)
}

func TestHopsFuseWithTheFuserThatTheyAreGiven(t *testing.T) {
	t.Parallel()
	search := pipeline.Hopping{Rounds: 2, Fuser: reciprocal{weights: []float64{1, 10}}}.Retriever(following(), alphabet())
	r, err := search.Retrieve(t.Context(), pipeline.Query{Text: "a"})
	require.NoError(t, err)
	assert.Equal(t, []string{"b1", "b2", "a1", "a2"}, r.IDs())
	assert.Equal(t, pipeline.Fused, r.Scale)
	m, _ := r.Hits[0].Mark("reciprocal")
	assert.Equal(t, "hop 2", m.Derivation().Terms[0].Source)
}

func TestADocumentOfSeveralHopsHasTheMarksOfAll(t *testing.T) {
	t.Parallel()
	again := pipeline.NextFunc(func(context.Context, pipeline.Query, pipeline.Ranking) (pipeline.Query, bool, error) {
		return pipeline.Query{Text: "other words"}, true, nil
	})
	r, err := pipeline.Hops(2, again, pipeline.Chain(abcd(), reverse{})).Retrieve(t.Context(), pipeline.Query{Text: "a"})
	require.NoError(t, err)
	assert.Equal(t, []string{"d", "c", "b", "a"}, r.IDs())
	text := pipeline.Explain(r, "d").String()
	assert.Contains(t, text, "found in hop 1 by bm25")
	assert.Contains(t, text, "found in hop 2 by bm25")
}

func TestHopsStreamAfterEachHop(t *testing.T) {
	t.Parallel()
	var states []pipeline.Ranking
	for r, err := range pipeline.Stream(t.Context(), pipeline.Hops(3, following(), alphabet()), pipeline.Query{Text: "a"}) {
		require.NoError(t, err)
		states = append(states, r)
	}
	require.Len(t, states, 3)
	assert.Equal(t, []string{"a1", "a2"}, states[0].IDs())
	assert.Equal(t, []string{"hop 2"}, gapNames(states[0]), "it says what it waits for")
	assert.Equal(t, []string{"a1", "b1", "a2", "b2"}, states[1].IDs())
	assert.True(t, states[1].Early())
	assert.False(t, states[2].Early())
	for stop := range 3 {
		n := 0
		for range pipeline.Stream(t.Context(), pipeline.Hops(3, following(), pipeline.Chain(abcd(), reverse{})), pipeline.Query{Text: "a"}) {
			if n++; n > stop {
				break
			}
		}
	}
	orders, err := shown(t.Context(), pipeline.Hops(2, following(), pipeline.Chain(abcd(), reverse{})))
	require.NoError(t, err)
	assert.Contains(t, orders, "dabc", "the early states of a hop pass through")
}

func TestMistakesInHops(t *testing.T) {
	t.Parallel()
	for message, search := range map[string]pipeline.Retriever{
		"hops: 0 rounds ask nothing":    pipeline.Hops(0, following(), alphabet()),
		"hops: next 1 of 1 is nil":      pipeline.Hops(1, nil, alphabet()),
		"hops: retriever 1 of 1 is nil": pipeline.Hops(1, following(), nil),
		"hops: a time limit of -1s":     pipeline.Hopping{Rounds: 1, Limit: -time.Second}.Retriever(following(), alphabet()),
		"hops: -1 tokens":               pipeline.Hopping{Rounds: 1, Tokens: -1}.Retriever(following(), alphabet()),
	} {
		_, err := search.Retrieve(t.Context(), pipeline.Query{})
		require.ErrorContains(t, err, message)
	}
	assert.Contains(t, pipeline.String(pipeline.Hopping{Rounds: 2, Limit: time.Second, Tokens: 99}.Retriever(following(), abcd())), "hops: rounds 2, time 1s, tokens 99")
}

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

func starting(with string) func(pipeline.Query, pipeline.Ranking) bool {
	return func(_ pipeline.Query, r pipeline.Ranking) bool { return r.IDs()[0] == with }
}

func ExampleOtherwise() {
	sure := func(_ pipeline.Query, r pipeline.Ranking) bool { return len(r.Hits) > 0 && r.Hits[0].Score >= 5 }
	search := pipeline.Otherwise(sure, dcba(), abcd())
	ranking, err := search.Retrieve(context.Background(), pipeline.Query{Text: "q"})
	fmt.Println(ranking.IDs(), ranking.Scale, err)
	// Output: [a b c d] BM25 <nil>
}

func TestOtherwiseAsksTheAlternativeWhereTheRankingIsNotGoodEnough(t *testing.T) {
	t.Parallel()
	nothing := source("nothing", pipeline.BM25)
	for name, c := range map[string]struct {
		search pipeline.Retriever
		ids    string
		gaps   []string
	}{
		"good enough":                         {pipeline.Otherwise(starting("a"), abcd(), down("never asked")), "a b c d", nil},
		"not good enough":                     {pipeline.Otherwise(starting("d"), abcd(), dcba()), "d c b e", nil},
		"not good enough either":              {pipeline.Otherwise(starting("z"), abcd(), dcba()), "d c b e", nil},
		"a retriever that fails":              {pipeline.Otherwise(starting("a"), down("x"), dcba()), "d c b e", []string{"x"}},
		"an alternative that fails":           {pipeline.Otherwise(starting("d"), abcd(), down("x")), "a b c d", []string{"x"}},
		"an alternative that finds nothing":   {pipeline.Otherwise(starting("d"), abcd(), nothing), "a b c d", nil},
		"nothing, where the retriever failed": {pipeline.Otherwise(starting("d"), down("x"), nothing), "", []string{"x"}},
		"gaps of both":                        {pipeline.Otherwise(starting("d"), leg("a", "a1"), leg("b", "b1")), "of b", []string{"a1", "b1"}},
		"one in another":                      {pipeline.Otherwise(starting("z"), abcd(), pipeline.Otherwise(starting("z"), abcd(), dcba())), "d c b e", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := pipeline.Query{}.WithGaps(pipeline.Gap{Stage: "condense"})
			r, err := c.search.Retrieve(t.Context(), q)
			require.NoError(t, err)
			assert.Equal(t, c.ids, strings.Join(r.IDs(), " "))
			assert.Equal(t, append([]string{"condense"}, c.gaps...), gapNames(r))
		})
	}
	_, err := pipeline.Otherwise(starting("a"), down("x"), down("y")).Retrieve(t.Context(), pipeline.Query{})
	require.ErrorContains(t, err, "x: out of order")
	require.ErrorContains(t, err, "y: out of order")
	_, err = pipeline.Otherwise(func(pipeline.Query, pipeline.Ranking) bool { panic("no hits") }, abcd(), dcba()).Retrieve(t.Context(), pipeline.Query{})
	require.ErrorContains(t, err, "otherwise: panic: no hits")
	for message, search := range map[string]pipeline.Retriever{
		"otherwise: the function that decides is nil": pipeline.Otherwise(nil, abcd(), dcba()),
		"otherwise: retriever 2 of 2 is nil":          pipeline.Otherwise(starting("a"), abcd(), nil),
	} {
		_, err := search.Retrieve(t.Context(), pipeline.Query{})
		require.ErrorContains(t, err, message)
	}
}

func TestOtherwiseIsBoundedInTime(t *testing.T) {
	hangs := pipeline.Named("hangs", pipeline.RetrieverFunc(func(ctx context.Context, _ pipeline.Query) (pipeline.Ranking, error) {
		<-ctx.Done()
		return pipeline.Ranking{}, context.Cause(ctx)
	}))
	for name, c := range map[string]struct {
		search pipeline.Retriever
		took   time.Duration
		first  string
	}{
		"the retriever gets half":          {pipeline.Otherwise(starting("a"), hangs, abcd()), 500 * time.Millisecond, "a"},
		"the alternative leaves a reserve": {pipeline.Otherwise(starting("z"), abcd(), hangs), 950 * time.Millisecond, "a"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				start := time.Now()
				r, err := c.search.Retrieve(ctx, pipeline.Query{})
				require.NoError(t, err)
				assert.Equal(t, c.took, time.Since(start))
				assert.Equal(t, c.first, r.IDs()[0])
				require.Len(t, r.Gaps, 1)
				assert.Equal(t, "hangs", r.Gaps[0].Stage)
				assert.Equal(t, pipeline.ReasonDeadline, r.Gaps[0].Reason)
			})
		})
	}
	gaveUp := errors.New("gave up")
	ctx, cancel := context.WithCancelCause(t.Context())
	leaves := func(pipeline.Query, pipeline.Ranking) bool { cancel(gaveUp); return false }
	_, err := pipeline.Otherwise(leaves, abcd(), dcba()).Retrieve(ctx, pipeline.Query{})
	require.ErrorIs(t, err, gaveUp)
}

func TestOtherwiseStreams(t *testing.T) {
	t.Parallel()
	search := pipeline.Otherwise(starting("z"), pipeline.Chain(abcd(), reverse{}), pipeline.Chain(dcba(), reverse{}))
	orders, err := shown(t.Context(), search)
	require.NoError(t, err)
	assert.Equal(t, "abcd", orders[0])
	assert.Equal(t, "ebcd", orders[len(orders)-1])
	for stop := range 6 {
		n := 0
		for range pipeline.Stream(t.Context(), search, pipeline.Query{}) {
			if n++; n > stop {
				break
			}
		}
	}
}

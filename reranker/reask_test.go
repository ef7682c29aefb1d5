package reranker_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sloppy is a server that leaves results out.
type sloppy struct {
	mu    sync.Mutex
	sizes []int
	// missing says which documents of a call have no score; none of a call is an error,
	// as it is for a client.
	missing func(call int, documents []string) []int
}

func (s *sloppy) Score(_ context.Context, _ string, documents []string) (reranker.Scores, error) {
	time.Sleep(5 * time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sizes = append(s.sizes, len(documents))
	out := reranker.Scores{Values: make([]float64, len(documents))}
	for i, d := range documents {
		out.Values[i] = number(d)
	}
	lost := s.missing(len(s.sizes), documents)
	said := &reranker.Error{Kind: reranker.KindProtocol, Op: "sloppy", Message: "usable scores for fewer documents"}
	if len(lost) == len(documents) {
		return reranker.Scores{}, said
	}
	if len(lost) > 0 {
		out.Unscored = make([]pipeline.Reason, len(documents))
		out.Causes = []error{said}
	}
	for _, i := range lost {
		out.Values[i], out.Unscored[i] = 0, pipeline.ReasonBadResponse
	}
	return out, nil
}

// those returns the places of documents that begin with one of the numbers.
func those(documents []string, numbers ...int) (at []int) {
	for i, d := range documents {
		if slices.Contains(numbers, int(number(d))) {
			at = append(at, i)
		}
	}
	return at
}

// reasked is row O14 of the list of faults: what an answer leaves out costs itself.
func reasked(t *testing.T) {
	for name, c := range map[string]struct {
		missing  func(call int, documents []string) []int
		scored   int
		attempts int
	}{
		"one that is never scored": {func(_ int, d []string) []int { return those(d, 7) }, 23, 2},
		"one that is scored alone": {func(_ int, d []string) []int {
			if len(d) > 1 {
				return those(d, 7)
			}
			return nil
		}, 24, 2},
		"several that are scored the second time": {func(call int, d []string) []int {
			if call == 1 {
				return those(d, 3, 7, 21)
			}
			return nil
		}, 24, 2},
		"one that spoils its neighbours": {func(_ int, d []string) []int {
			if len(those(d, 7)) > 0 {
				return those(d, 4, 5, 6, 7)
			}
			return nil
		}, 23, 6}, // all four, then halves, and of the bad half each
		"several that are never scored": {func(_ int, d []string) []int { return those(d, 1, 2, 3) }, 21, 6},
		"a server that gives every other one": {func(_ int, d []string) (at []int) {
			for i := 1; i < len(d); i += 2 {
				at = append(at, i)
			}
			return at
		}, 24, 5},
	} {
		server := &sloppy{missing: c.missing}
		e := newEndpoint(t, reranker.EndpointOptions{}, server)
		got, err := reranker.Shard(e, reranker.ShardOptions{Top: -1}).Score(t.Context(), "q", texts(24))
		require.NoError(t, err, name)
		assert.Equal(t, c.scored, got.Report.Scored, "%s: calls of %v", name, server.sizes)
		assert.Equal(t, c.attempts, got.Report.Attempts, "%s: calls of %v", name, server.sizes)
		assert.Equal(t, got.Report.Attempts-1, got.Report.Retries, name)
		for i := range 24 {
			if got.Scored(i) {
				assert.InDelta(t, i, got.Values[i], 0, "%s: each has its own score", name)
			} else {
				assert.Equal(t, pipeline.ReasonBadResponse, got.Unscored[i], name)
			}
		}
		assert.Equal(t, c.scored < 24, len(got.Causes) > 0, "%s: %v", name, got.Causes)
		assert.NotEmpty(t, got.Report.Causes, "%s: also what was mended is told", name)
		assert.Equal(t, reranker.Healthy, e.State().Breaker)
	}
}

func TestAskingAgainHasABudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &sloppy{missing: func(_ int, d []string) []int { return those(d, 2) }}
		e := newEndpoint(t, reranker.EndpointOptions{}, server)
		s := reranker.Shard(e, reranker.ShardOptions{Calls: 1})
		for range 200 {
			got, err := s.Score(t.Context(), "q", texts(20))
			require.NoError(t, err)
			assert.Equal(t, 19, got.Report.Scored)
		}
		extra := len(server.sizes) - 200
		assert.LessOrEqual(t, extra, 10+20)
		assert.GreaterOrEqual(t, extra, 20)
		assert.Equal(t, reranker.Healthy, e.State().Breaker, "it is about a document, not about the server")
	})
}

func TestAskingAgainLeavesOutWhatHasNoTimeOrNoSense(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		o       reranker.ShardOptions
		wrap    func(reranker.Scorer) reranker.Scorer
		timeout time.Duration
	}{
		"a listwise scorer":    {wrap: reranker.Listwise},
		"no time":              {timeout: 9 * time.Millisecond},
		"time for half a call": {timeout: 14 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := &sloppy{missing: func(_ int, d []string) []int { return those(d, 7) }}
				var scorer reranker.Scorer = server
				if c.wrap != nil {
					scorer = c.wrap(scorer)
				}
				c.o.Timeout, c.o.Top = c.timeout, -1
				got, err := reranker.Shard(scorer, c.o).Score(t.Context(), "q", texts(24))
				require.NoError(t, err)
				assert.Equal(t, 23, got.Report.Scored)
				assert.Equal(t, pipeline.ReasonBadResponse, got.Unscored[7])
			})
		})
	}
}

func TestNaNBesideSoundScoresIsAskedForAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		scorer := reranker.ScorerFunc(func(_ context.Context, _ string, documents []string) (reranker.Scores, error) {
			calls++
			s := reranker.Scores{Values: make([]float64, len(documents))}
			for i, d := range documents {
				s.Values[i] = number(d)
				if calls == 1 && strings.HasPrefix(d, "3 ") {
					s.Values[i] = math.NaN()
				}
			}
			return s, nil
		})
		got, err := reranker.Shard(scorer, reranker.ShardOptions{}).Score(t.Context(), "q", texts(10))
		require.NoError(t, err)
		assert.True(t, got.Complete(), fmt.Sprint(got.Unscored))
		assert.InDelta(t, 3, got.Values[3], 0)
		assert.Empty(t, got.Causes)
	})
}

// mapped is row O8: a document that upsets the mapping of a server costs itself.
func mapped(t *testing.T) {
	for _, always := range []bool{false, true} {
		server := reranker.ScorerFunc(func(_ context.Context, _ string, documents []string) (reranker.Scores, error) {
			time.Sleep(time.Millisecond)
			if always || len(those(documents, 5)) > 0 {
				return reranker.Scores{}, &reranker.Error{Kind: reranker.KindProtocol, Op: "fake", Message: "its index is out of range"}
			}
			return reranker.Scores{Values: make([]float64, len(documents))}, nil
		})
		got, _ := reranker.Shard(server, reranker.ShardOptions{Calls: 1}).Score(t.Context(), "q", texts(16))
		if always {
			assert.Zero(t, got.Report.Scored)
			assert.LessOrEqual(t, got.Report.Attempts, 22, "the budget for extra calls bounds it")
			continue
		}
		assert.Equal(t, 15, got.Report.Scored)
		assert.False(t, got.Scored(5))
	}
}

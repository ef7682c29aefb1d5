package reranker_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rankcascade/cascade/reranker"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// declaring is a server that declares limits in its answers, and may mean them.
type declaring struct {
	limits  reranker.Limits
	once    bool // only in its first answer
	enforce bool // refuses everything after its first answer
	calls   atomic.Int64
}

func (d *declaring) Score(_ context.Context, _ string, documents []string) (reranker.Scores, error) {
	time.Sleep(5 * time.Millisecond)
	n := d.calls.Add(1)
	limits := d.limits
	if d.once && n > 1 {
		limits = reranker.Limits{}
	}
	if d.enforce && n > 1 {
		return reranker.Scores{}, &reranker.Error{Kind: reranker.KindRateLimited, Op: "fake", Status: 429, Limits: limits}
	}
	return reranker.Scores{Values: make([]float64, len(documents)), Limits: limits}, nil
}

// unfitting is row O17 of the list of faults: a declared limit that no call fits.
func unfitting(t *testing.T) {
	tokens := func(n, remaining int, reset time.Duration) reranker.Limits {
		return reranker.Limits{Known: true, Requests: -1, RemainingRequests: -1, Tokens: n, RemainingTokens: remaining, ResetTokens: reset}
	}
	for name, c := range map[string]*declaring{
		"20 tokens once":               {limits: tokens(20, -1, 0), once: true},
		"20 tokens always":             {limits: tokens(20, -1, 0)},
		"20 tokens, none of them left": {limits: tokens(20, 0, time.Hour)},
		"1 token":                      {limits: tokens(1, 1, time.Second)},
		"no tokens":                    {limits: tokens(0, 0, time.Minute)},
		"no requests": {limits: reranker.Limits{
			Known: true, Requests: 0, RemainingRequests: 0, ResetRequests: time.Minute, Tokens: -1, RemainingTokens: -1,
		}},
	} {
		for way, o := range map[string]reranker.ShardOptions{"chat": {}, "experiment": reranker.EvaluationShards()} {
			server := &declaring{limits: c.limits, once: c.once}
			s := reranker.Shard(newEndpoint(t, reranker.EndpointOptions{}, server), o)
			var whole, told int
			for range 20 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				scores, err := s.Score(ctx, "a question about something", longTexts(24))
				cancel()
				for _, w := range scores.Warnings {
					if w.Kind == reranker.WarnLimitIgnored {
						told++
						assert.Contains(t, w.Detail, "which no call fits")
					}
				}
				if err == nil && scores.Complete() {
					whole++
				}
				time.Sleep(100 * time.Millisecond)
			}
			assert.GreaterOrEqual(t, whole, 18, "%s, %s", name, way)
			assert.Equal(t, 1, told, "%s, %s", name, way)
		}
	}
}

// longTexts are texts of 100 bytes and more.
func longTexts(n int) []string {
	docs := texts(n)
	for i := range docs {
		docs[i] += "                                                                                                    x"
	}
	return docs
}

func TestALimitThatIsMeantIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &declaring{limits: reranker.Limits{Known: true, Requests: -1, RemainingRequests: -1, Tokens: 20, RemainingTokens: -1}, enforce: true}
		s := reranker.Shard(newEndpoint(t, reranker.EndpointOptions{}, server), reranker.ShardOptions{Calls: 1, Attempts: 1})
		for range 300 { // five minutes
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			scores, _ := s.Score(ctx, "a question about something", longTexts(24))
			cancel()
			assert.Empty(t, scores.Warnings)
			time.Sleep(time.Until(time.Now().Add(time.Second)))
		}
		assert.LessOrEqual(t, int(server.calls.Load()), 9, "it is tested once a minute")
		assert.GreaterOrEqual(t, int(server.calls.Load()), 4)
	})
}

func TestALimitOfTheOptionsIsNotTested(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &declaring{}
		s := reranker.Shard(newEndpoint(t, reranker.EndpointOptions{Tokens: 20}, server), reranker.ShardOptions{})
		_, err := s.Score(t.Context(), "a question about something", longTexts(24))
		require.Error(t, err)
		assert.Zero(t, server.calls.Load())
	})
}

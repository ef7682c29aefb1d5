package pace

// White-box: a bucket is compared with a plain model, and what a limiter lets
// through is replayed against a server that counts.

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestQuotaBucketFollowsItsModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(0, 0)
		limit := rapid.IntRange(1, 5000).Draw(t, "limit")
		b := newQuotaBucket(limit, now)
		capacity := max(1, float64(limit)/4)
		level := capacity
		t.Repeat(map[string]func(*rapid.T){
			"wait": func(t *rapid.T) {
				d := time.Duration(rapid.IntRange(0, 30000).Draw(t, "ms")) * time.Millisecond
				now = now.Add(d)
				level = min(capacity, level+float64(limit)*d.Minutes())
			},
			"take": func(t *rapid.T) {
				n := rapid.Float64Range(0, 2*capacity).Draw(t, "n")
				share := rapid.SampledFrom([]float64{0, 0.25}).Draw(t, "share")
				wait := b.wait(now, n, share)
				need := min(n+share*capacity, capacity)
				if wait > 0 {
					require.Less(t, level, need, "waits only for what is not there")
					require.InDelta(t, (need-level)/float64(limit)*60, wait.Seconds(), 1e-6, "and no longer")
					return
				}
				require.GreaterOrEqual(t, level, need-1e-6*capacity)
				b.take(now, n)
				level -= n
			},
			"the server declares": func(t *rapid.T) {
				limit = rapid.IntRange(1, 5000).Draw(t, "new limit")
				remaining := rapid.IntRange(0, limit).Draw(t, "remaining")
				flying := rapid.Float64Range(0, 50).Draw(t, "in flight")
				b.declare(now, limit, remaining, flying)
				capacity = min(max(1, capacity), float64(limit))
				capacity = max(capacity, float64(remaining))
				level = min(float64(remaining)-flying, capacity)
			},
			"": func(t *rapid.T) {
				b.refill(now)
				require.InDelta(t, capacity, b.capacity, 1e-6)
				require.InDelta(t, level, b.level, 1e-6*capacity+1e-6)
			},
		})
	})
}

func TestQuotaIgnoresStaleDeclarations(t *testing.T) {
	t.Parallel()
	now := time.Unix(100, 0)
	left := func(n int) Outcome {
		return Outcome{Limits: Limits{Known: true, Requests: 60, Tokens: -1, RemainingRequests: n, RemainingTokens: -1}}
	}
	var q quota
	q.declare(now, now.Add(-2*time.Second), left(20), 0, 0)
	q.declare(now, now.Add(-3*time.Second), left(40), 0, 0)
	assert.InDelta(t, 20, q.requests.level, 1e-9, "an older call answered later")
	q.declare(now, now.Add(-2*time.Second), left(30), 0, 0)
	assert.InDelta(t, 20, q.requests.level, 1e-9, "of calls started together the least counts")
	q.declare(now, now.Add(-2*time.Second), left(10), 0, 0)
	assert.InDelta(t, 10, q.requests.level, 1e-9)
	q.declare(now, now.Add(-time.Second), left(50), 4, 0)
	assert.InDelta(t, 46, q.requests.level, 1e-9, "a newer call is believed, less what is in flight")
	assert.Zero(t, q.tokens.limit, "what is not declared stays unknown")
}

func TestQuotaOfUnknownSizePauses(t *testing.T) {
	t.Parallel()
	var q quota
	now := time.Unix(100, 0)
	pause := q.declare(now, now, Outcome{Limits: Limits{Known: true, Requests: -1, Tokens: -1, RemainingRequests: 0, RemainingTokens: -1, ResetRequests: 3 * time.Second}}, 0, 0)
	assert.Equal(t, 3*time.Second, pause)
	assert.Zero(t, q.wait(now, 1e9, Chat), "an unknown quota lets everything pass")
}

func TestWhatRemainsRefillsFromWhenItWasDeclared(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	b := newQuotaBucket(60, now)
	now = now.Add(10 * time.Second)
	b.declare(now, -1, 3, 0)
	b.refill(now.Add(time.Second))
	assert.InDelta(t, 4, b.level, 1e-6, "one a second, without a limit beside it")
}

func TestALimitThatARefusalUpheldIsTestedAgainAfterAMinute(t *testing.T) {
	t.Parallel()
	var d doubt
	now := time.Unix(100, 0)
	assert.True(t, d.contest(now, time.Second))
	assert.False(t, d.contest(now, time.Second), "one query at a time")
	assert.False(t, d.settle(now, now, 5, Outcome{Verdict: Pushback}))
	assert.False(t, d.contest(now.Add(retestAfter-1), time.Second))
	assert.True(t, d.contest(now.Add(retestAfter), time.Second))
}

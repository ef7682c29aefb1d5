package pace

import (
	"slices"
	"time"
)

// quotaBucket is a budget for each minute that refills steadily. A limit of 0
// is unknown and lets everything pass.
type quotaBucket struct {
	limit    float64 // for each minute
	capacity float64
	level    float64
	at       time.Time
	declared bool // by the server
	doubt    doubt
}

// newQuotaBucket makes the bucket of a limit that the caller knows. Its burst is
// a quarter of a minute until the server shows more.
func newQuotaBucket(limit int, now time.Time) quotaBucket {
	burst := float64(limit) / 4
	if limit > 0 {
		burst = max(1, burst)
	}
	return quotaBucket{limit: float64(limit), capacity: burst, level: burst, at: now}
}

func (b *quotaBucket) known() bool { return b.limit > 0 }

func (b *quotaBucket) refill(now time.Time) {
	if d := now.Sub(b.at); d > 0 {
		b.level = min(b.capacity, b.level+b.limit*d.Minutes())
		b.at = now
	}
}

// wait returns how long to wait until n can be taken with share of the capacity
// left over, 0 for now. What exceeds the capacity may go when the bucket is full.
func (b *quotaBucket) wait(now time.Time, n, share float64) time.Duration {
	if !b.known() || b.doubt.testing(now) {
		return 0
	}
	b.refill(now)
	missing := min(n+share*b.capacity, b.capacity) - b.level
	if missing <= 1e-9*b.capacity {
		return 0
	}
	return time.Duration(missing/b.limit*float64(time.Minute)) + time.Nanosecond
}

// take removes n; a call larger than the bucket leaves it in debt.
func (b *quotaBucket) take(now time.Time, n float64) {
	if b.known() {
		b.refill(now)
		b.level -= n
	}
}

// declare follows what an answer said: the limit, and what remains of it after
// taking off what other calls in flight will use. -1 is unknown.
func (b *quotaBucket) declare(now time.Time, limit, remaining int, inFlight float64) {
	if limit > 0 {
		if b.known() && remaining < 0 {
			scale := float64(limit) / b.limit
			b.capacity, b.level = b.capacity*scale, b.level*scale
		}
		b.refill(now)
		b.limit, b.at, b.declared = float64(limit), now, true
		b.capacity = max(b.capacity, 1)
		if b.capacity > b.limit {
			b.capacity = b.limit
		}
	}
	if remaining >= 0 && b.known() {
		b.refill(now)
		b.capacity = min(max(b.capacity, float64(remaining)), max(b.limit, 1))
		b.level = min(float64(remaining)-inFlight, b.capacity)
	}
}

// settle takes the outcome of a call that may be a test of the limit.
func (b *quotaBucket) settle(now, started time.Time, o Outcome) {
	if b.doubt.settle(now, started, b.limit, o) {
		b.limit, b.capacity, b.level = 0, 0, 0
	}
}

// disbelieves reports whether a limit that an outcome declares is none: one that was
// disproved before, or one of nothing in an answer, which disproves itself.
func (b *quotaBucket) disbelieves(limit int, o Outcome) bool {
	if limit == 0 && o.Answered {
		b.doubt.disprove(0)
	}
	return limit >= 0 && b.doubt.refuted(limit)
}

// contested reports whether the query is one that tests the limit, because the server
// declared one that not even the smallest of its documents fits.
func (b *quotaBucket) contested(now time.Time, q Query) bool {
	if !b.known() || !b.declared || len(q.Items) == 0 {
		return false
	}
	least := slices.MinFunc(q.Items, func(x, y Item) int { return x.Tokens - y.Tokens })
	return float64(least.Tokens) > b.limit && b.doubt.contest(now, q.Rest)
}

// share follows what is left of a quota that others use as well.
func (b *quotaBucket) share(now time.Time, limit, capacity, left int) {
	b.limit, b.capacity, b.level, b.at = float64(limit), float64(capacity), float64(left), now
}

// part keeps to the nth part of a quota, from what is in hand.
func (b *quotaBucket) part(now time.Time, n, held int) {
	b.limit /= float64(n)
	b.capacity = max(1, b.capacity/float64(n))
	b.level, b.at = min(float64(held), b.capacity), now
}

// least returns what is declared to remain, unless we already count with less.
func (b *quotaBucket) least(now time.Time, remaining int, inFlight float64) int {
	b.refill(now)
	if remaining < 0 || b.known() && b.level+inFlight < float64(remaining) {
		return -1
	}
	return remaining
}

// quota is what an endpoint may use: requests and tokens.
type quota struct {
	requests, tokens quotaBucket
	newest           time.Time // start of the newest call whose answer declared what remains
}

// laneShare is the part of every budget that the batch lane leaves alone.
func laneShare(lane Lane) float64 {
	if lane == Batch {
		return 0.25
	}
	return 0
}

// wait returns how long a call of so many tokens has to wait.
func (q *quota) wait(now time.Time, tokens float64, lane Lane) time.Duration {
	share := laneShare(lane)
	return max(q.requests.wait(now, 1, share), q.tokens.wait(now, tokens, share))
}

func (q *quota) take(now time.Time, tokens float64) {
	q.requests.take(now, 1)
	q.tokens.take(now, tokens)
}

// declare follows the limits of an answer. The pause that it returns is for a
// server that says a budget is used up without saying how large it is.
//
// Answers overtake each other, so what one says remains is stale when a call that
// was started later has answered before; of calls that were started together the
// least counts.
func (q *quota) declare(now, started time.Time, o Outcome, calls, tokens float64) (pause time.Duration) {
	q.requests.settle(now, started, o)
	q.tokens.settle(now, started, o)
	l := o.Limits
	if !l.Known {
		return 0
	}
	if q.requests.disbelieves(l.Requests, o) {
		l.Requests, l.RemainingRequests, l.ResetRequests = -1, -1, 0
	}
	if q.tokens.disbelieves(l.Tokens, o) {
		l.Tokens, l.RemainingTokens, l.ResetTokens = -1, -1, 0
	}
	switch {
	case started.After(q.newest):
		q.newest = started
	case started.Equal(q.newest):
		l.RemainingRequests = q.requests.least(now, l.RemainingRequests, calls)
		l.RemainingTokens = q.tokens.least(now, l.RemainingTokens, tokens)
	default:
		l.RemainingRequests, l.RemainingTokens = -1, -1
	}
	q.requests.declare(now, l.Requests, l.RemainingRequests, calls)
	q.tokens.declare(now, l.Tokens, l.RemainingTokens, tokens)
	if l.RemainingRequests == 0 && !q.requests.known() {
		pause = max(pause, l.ResetRequests)
	}
	if l.RemainingTokens == 0 && !q.tokens.known() {
		pause = max(pause, l.ResetTokens)
	}
	return pause
}

// allowance is what one query may use: a share of what is left that shrinks as
// the budget empties, so that under pressure queries become shallower instead
// of being refused. ok is false when no budget is known.
func (b *quotaBucket) allowance(now time.Time, share float64) (amount float64, ok bool) {
	if !b.known() {
		return 0, false
	}
	b.refill(now)
	left := max(0, b.level-share*b.capacity)
	return left * max(0.25, min(1, b.level/b.capacity)), true
}

// afford returns how many of the query's items the quota covers, from the start
// of the retrieval order, and the most calls that they may be sent in.
func (q *quota) afford(now time.Time, query Query) (covered, most int) {
	covered = len(query.Items)
	most = covered
	share := laneShare(query.Lane)
	requests, knownRequests := q.requests.allowance(now, share)
	tokens, knownTokens := q.tokens.allowance(now, share)
	switch {
	case q.tokens.contested(now, query):
		if !query.Wait && !query.Whole {
			covered = min(covered, firstDocuments)
		}
		return covered, covered
	case knownTokens && !query.Wait:
		covered = fitting(query.Items, tokens)
	}
	if knownRequests {
		most = min(most, max(1, int(q.requests.level/2)))
		if !query.Wait && requests < 1 && q.requests.level < 1 {
			covered = 0
		}
	}
	if knownRequests && knownTokens {
		sum := 0.0
		for _, it := range query.Items[:covered] {
			sum += float64(it.Tokens)
		}
		most = min(most, max(1, int(sum*q.requests.limit/q.tokens.limit)))
	}
	return covered, most
}

// fitting returns how many items, from the first, hold no more than so many tokens.
func fitting(items []Item, tokens float64) int {
	sum, n := 0.0, 0
	for n < len(items) && sum+float64(items[n].Tokens) <= tokens {
		sum += float64(items[n].Tokens)
		n++
	}
	return n
}

// share follows what the others have granted, of which so much is held.
func (q *quota) share(asked time.Time, g Grant, held Permits) {
	q.requests.share(asked, g.Limits.Requests, g.Capacity.Requests, g.Left.Requests+held.Requests)
	q.tokens.share(asked, g.Limits.Tokens, g.Capacity.Tokens, g.Left.Tokens+held.Tokens)
}

// part keeps to the nth part, from what is held.
func (q *quota) part(now time.Time, n int, held Permits) {
	q.requests.part(now, n, held.Requests)
	q.tokens.part(now, n, held.Tokens)
}

// ignored returns the declared limits that were found to be none and were not told
// before, -1 for none.
func (q *quota) ignored() (requests, tokens int) {
	requests, tokens = -1, -1
	if n, ok := q.requests.doubt.news(); ok {
		requests = n
	}
	if n, ok := q.tokens.doubt.news(); ok {
		tokens = n
	}
	return requests, tokens
}

package pace_test

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/reranker/internal/pace"
)

var begin = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

func newPace(o pace.Options) *pace.Pace {
	o.Upstreams, o.Concurrency, o.Rand = max(1, o.Upstreams), 32, rand.New(rand.NewPCG(1, 2))
	return pace.New(begin, o)
}

// sends makes a call that ends in an outcome, a millisecond later.
func sends(t *testing.T, p *pace.Pace, now time.Time, c pace.Call, o pace.Outcome) (changed bool) {
	t.Helper()
	c.Waiter, c.Avoid = pace.NewWaiter(pace.Chat), -1
	a := p.Admit(now, c)
	require.NotNil(t, a.Ticket)
	return p.Release(now.Add(time.Millisecond), a.Ticket, o)
}

func answer() pace.Outcome { return pace.Outcome{Verdict: pace.Good, Answered: true} }

func numbers(items []pace.Item) (all []int) {
	for _, it := range items {
		all = append(all, it.Document)
	}
	return all
}

func TestDocumentsThatWereRefusedForTheirLengthAreLeftOut(t *testing.T) {
	t.Parallel()
	query := func() pace.Query {
		items := make([]pace.Item, 6)
		for i := range items {
			items[i] = pace.Item{Document: i, Bytes: 1000 * (i + 1)}
		}
		return pace.Query{Items: items, Rest: time.Hour}
	}
	p := newPace(pace.Options{})
	p.Learn(pace.Lesson{Alone: 4000, Now: begin})
	f := p.Forecast(begin, query())
	assert.Equal(t, []int{0, 1, 2}, numbers(f.Items))
	assert.Equal(t, []int{3, 4, 5}, numbers(f.Long))
	whole := query()
	whole.Whole = true
	assert.Len(t, p.Forecast(begin, whole).Items, 6, "one call that is not to be split takes all")
	sends(t, p, begin, pace.Call{Documents: 1, Longest: 5000}, answer())
	assert.Empty(t, p.Forecast(begin, query()).Long, "one that is longer was scored")
}

func TestALengthIsBelievedForTenMinutesFromTheNewestRefusal(t *testing.T) {
	t.Parallel()
	p := newPace(pace.Options{})
	p.Learn(pace.Lesson{Alone: 4000, Now: begin})
	assert.True(t, p.TooLong(begin.Add(10*time.Minute-1), 4000))
	assert.False(t, p.TooLong(begin.Add(10*time.Minute), 4000))
	assert.False(t, p.TooLong(begin, 3999))
	later := begin.Add(9 * time.Minute)
	p.Learn(pace.Lesson{Alone: 5000, Now: later})
	assert.True(t, p.TooLong(later.Add(9*time.Minute), 4000), "the shortest, from the newest refusal")
	p.Learn(pace.Lesson{Tokens: 10, Calls: 1, Took: time.Second, Now: later.Add(9 * time.Minute)})
	assert.True(t, p.TooLong(later.Add(9*time.Minute), 4000), "another lesson takes nothing back")
	assert.False(t, p.TooLong(later.Add(10*time.Minute), 4000), "another lesson is no refusal")
	p.Learn(pace.Lesson{Alone: 1, Now: later})
	assert.True(t, p.TooLong(later, 1), "of one byte, too")
}

func TestALessonTeachesOnlyWhatItSays(t *testing.T) {
	t.Parallel()
	p := newPace(pace.Options{})
	before := p.Snapshot(begin)
	p.Learn(pace.Lesson{})
	assert.Equal(t, before, p.Snapshot(begin))
	query := func() pace.Query {
		return pace.Query{Items: []pace.Item{{Bytes: 4000}, {Bytes: 4000, Document: 1}}, Rest: time.Hour, Calls: 1}
	}
	tokens := p.Forecast(begin, query()).Tokens
	assert.Zero(t, p.Forecast(begin, query()).Expected)
	for range 20 {
		p.Learn(pace.Lesson{Tokens: tokens, Calls: 1, Took: time.Second})
	}
	assert.InDelta(t, 1, p.Forecast(begin, query()).Expected.Seconds(), 0.01, "of a query in one call, too")
	p.Learn(pace.Lesson{HalfDocuments: 1, HalfBytes: 64 << 10, Body: true})
	assert.Equal(t, 64<<10, p.Snapshot(begin).MaxBytes)
	assert.Equal(t, before.MaxDocuments, p.Snapshot(begin).MaxDocuments, "the server blamed bytes")
	p.Learn(pace.Lesson{HalfDocuments: 1, HalfBytes: 100})
	assert.Equal(t, 1, p.Snapshot(begin).MaxDocuments, "halves of one document each")
}

func TestACallGrowsWhenOneOfNearlyItsSizeIsServed(t *testing.T) {
	t.Parallel()
	p := newPace(pace.Options{Bounds: pace.Bounds{Documents: 100}})
	most := func(documents int) int {
		sends(t, p, begin, pace.Call{Documents: documents}, answer())
		return p.Snapshot(begin).MaxDocuments
	}
	assert.Equal(t, 32, p.Snapshot(begin).MaxDocuments)
	assert.Equal(t, 32, most(23))
	assert.Equal(t, 48, most(24))
	assert.Equal(t, 96, most(48))
	assert.Equal(t, 100, most(96), "no more than was declared")
	assert.True(t, p.Served(96, 0))
	assert.False(t, p.Served(97, 0))
	assert.False(t, p.Served(1, 1))
}

func TestWithoutOthersKnownAloneIsTheWholeQuota(t *testing.T) {
	t.Parallel()
	p := newPace(pace.Options{Shared: true, Requests: 60, Tokens: 6000})
	p.Alone(begin, begin.Add(time.Hour))
	s := p.Snapshot(begin)
	assert.Equal(t, 60, s.Requests)
	assert.Equal(t, 6000, s.Tokens)
}

func TestALimitThatAnAnsweredCallDoesNotFitIsIgnored(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limits           pace.Limits
		requests, tokens int
	}{
		"tokens":   {pace.Limits{Known: true, Requests: -1, RemainingRequests: -1, Tokens: 5, RemainingTokens: 5}, -1, 5},
		"requests": {pace.Limits{Known: true, Requests: 0, RemainingRequests: 0, Tokens: -1, RemainingTokens: -1}, 0, -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPace(pace.Options{})
			requests, tokens := p.Ignored()
			assert.Equal(t, []int{-1, -1}, []int{requests, tokens})
			o := answer()
			o.Limits = c.limits
			sends(t, p, begin, pace.Call{Tokens: 3}, o)
			now := begin.Add(time.Second)
			f := p.Forecast(now, pace.Query{Items: []pace.Item{{Bytes: 4000}}, Rest: time.Second})
			require.Len(t, f.Items, 1, "one query tests it")
			sends(t, p, now, pace.Call{Tokens: f.Tokens}, answer())
			assert.Zero(t, p.Snapshot(now).Tokens)
			assert.Zero(t, p.Snapshot(now).Requests)
			requests, tokens = p.Ignored()
			assert.Equal(t, []int{c.requests, c.tokens}, []int{requests, tokens})
			requests, tokens = p.Ignored()
			assert.Equal(t, []int{-1, -1}, []int{requests, tokens}, "told once")
		})
	}
}

func TestTheOnlyServerIsNeverEjected(t *testing.T) {
	t.Parallel()
	for upstreams, want := range map[int]bool{1: false, 2: true} {
		p := newPace(pace.Options{Upstreams: upstreams})
		for range 5 * upstreams {
			if a := p.Admit(begin, pace.Call{Waiter: pace.NewWaiter(pace.Chat), Avoid: -1}); a.Ticket != nil {
				p.Release(begin, a.Ticket, pace.Outcome{Verdict: pace.Bad, Cause: errors.New("down")})
			}
		}
		some := false
		for _, u := range p.Snapshot(begin).Upstreams {
			some = some || u.Ejected
		}
		assert.Equal(t, want, some, "of %d", upstreams)
	}
}

func TestALateCallIsHedgedWhereAnotherServerIsThere(t *testing.T) {
	t.Parallel()
	for upstreams, hedge := range map[int]bool{1: false, 2: true} {
		p := newPace(pace.Options{Upstreams: upstreams})
		query := pace.Query{Items: make([]pace.Item, 8), Rest: time.Hour}
		for i := range query.Items {
			query.Items[i] = pace.Item{Document: i, Bytes: 4000}
		}
		tokens := p.Forecast(begin, query).Tokens
		for range 50 {
			for calls, took := 1, time.Second; calls <= 32; calls, took = 2*calls, took+100*time.Millisecond {
				p.Learn(pace.Lesson{Tokens: tokens, Calls: calls, Took: took})
			}
		}
		assert.Equal(t, hedge, p.Forecast(begin, query).Hedge, "%d: more calls are slower, so they queue", upstreams)
	}
}

func TestTheBatchLaneLeavesAQuarterOfTheCalls(t *testing.T) {
	t.Parallel()
	p := newPace(pace.Options{})
	for n := range 24 {
		require.NotNil(t, p.Admit(begin, pace.Call{Waiter: pace.NewWaiter(pace.Batch), Avoid: -1}).Ticket, "%d", n)
	}
	assert.True(t, p.Admit(begin, pace.Call{Waiter: pace.NewWaiter(pace.Batch), Avoid: -1}).Slot)
	for range 8 {
		require.NotNil(t, p.Admit(begin, pace.Call{Waiter: pace.NewWaiter(pace.Chat), Avoid: -1}).Ticket)
	}
	assert.True(t, p.Admit(begin, pace.Call{Waiter: pace.NewWaiter(pace.Chat), Avoid: -1}).Slot)
}

func TestAForecastKeepsToTheCallsThatTheCallerWants(t *testing.T) {
	t.Parallel()
	query := func(calls int) pace.Query {
		items := make([]pace.Item, 40)
		for i := range items {
			items[i] = pace.Item{Document: i, Bytes: 4000}
		}
		return pace.Query{Items: items, Rest: time.Hour, Calls: calls}
	}
	p := newPace(pace.Options{})
	assert.Equal(t, 12, p.Forecast(begin, query(12)).Calls)
	assert.Equal(t, 40, p.Forecast(begin, query(100)).Calls, "one for each document at the most")
	assert.Equal(t, pace.DefaultWidth, p.Forecast(begin, query(12)).Width)
	assert.Equal(t, 8, p.Forecast(begin, query(0)).Calls, "before anything is known")
	few := newPace(pace.Options{Requests: 24})
	assert.Equal(t, 3, few.Forecast(begin, query(12)).Calls, "half of the six that may go at once")
}

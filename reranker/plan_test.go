package reranker

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker/internal/pace"
)

// White-box, because a plan is a pure value that whole queries show only through
// what a server was sent.

// forecastOf is one of documents of ten tokens each.
func forecastOf(n, calls int) pace.Forecast {
	f := pace.Forecast{Calls: calls, Width: 3, Hedge: true, Tokens: 10 * n}
	for i := range n {
		f.Items = append(f.Items, pace.Item{Document: i, Bytes: 40, Tokens: 10})
	}
	return f
}

// tiersOf counts the documents of each tier, and checks that none is sent twice.
func tiersOf(t *testing.T, p plan) (tiers [2]int) {
	t.Helper()
	seen := map[int]bool{}
	for _, c := range p.parcels {
		for _, d := range c.Documents {
			require.False(t, seen[d], "document %d is sent twice", d)
			seen[d] = true
		}
		tiers[c.tier] += len(c.Documents)
	}
	return tiers
}

func TestItemsLeaveOutBlankDocuments(t *testing.T) {
	t.Parallel()
	send, blank := items([]string{"ab", "", " \n", "c"})
	assert.Equal(t, []pace.Item{{Document: 0, Bytes: 2}, {Document: 3, Bytes: 1}}, send)
	assert.Equal(t, []int{1, 2}, blank)
}

func TestTopTier(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ n, keep, want int }{
		"negative has no tiers":      {100, -1, 100},
		"zero keeps ten":             {30, 0, 20},
		"twice what is kept":         {100, 20, 40},
		"a quarter if that is more":  {401, 10, 101},
		"no more than there are":     {5, 10, 5},
		"nothing":                    {0, 0, 0},
		"a quarter is rounded up":    {101, 1, 26},
		"an exact quarter stays one": {100, 1, 25},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, topTier(c.n, c.keep))
		})
	}
}

func TestNewPlan(t *testing.T) {
	t.Parallel()
	soon := forecastOf(100, 4)
	soon.Expected = 100 * time.Millisecond
	portions := forecastOf(100, 4)
	portions.Portions, portions.Bounds = true, pace.Bounds{Documents: 7}
	for name, c := range map[string]struct {
		f                   pace.Forecast
		o                   ShardOptions
		listwise            bool
		rest                time.Duration
		tiers               [2]int
		calls, width        int
		tiered, hedge, open bool
	}{
		"unknown speed: the top goes first":          {f: forecastOf(100, 4), rest: time.Second, tiers: [2]int{25, 75}, calls: 4, width: 3, tiered: true, hedge: true},
		"plenty of time: no tiers":                   {f: soon, rest: time.Second, tiers: [2]int{100, 0}, calls: 4, width: 3, hedge: true},
		"half of the time is not plenty":             {f: soon, rest: 200 * time.Millisecond, tiers: [2]int{25, 75}, calls: 4, width: 3, tiered: true, hedge: true},
		"no deadline worth the name: no tiers":       {f: forecastOf(100, 4), rest: 2 * time.Hour, tiers: [2]int{100, 0}, calls: 4, width: 3, hedge: true},
		"one call still has two tiers":               {f: forecastOf(100, 1), rest: time.Second, tiers: [2]int{25, 75}, calls: 2, width: 3, tiered: true, hedge: true},
		"few documents are all of the top":           {f: forecastOf(8, 2), rest: time.Second, tiers: [2]int{8, 0}, calls: 2, width: 3, hedge: true},
		"hedging can be switched off":                {f: soon, o: ShardOptions{NoHedge: true}, rest: time.Second, tiers: [2]int{100, 0}, calls: 4, width: 3},
		"a listwise scorer has one call":             {f: forecastOf(100, 4), listwise: true, rest: time.Second, tiers: [2]int{100, 0}, calls: 1, width: 3, hedge: true},
		"portions wait for the pace":                 {f: portions, rest: time.Second, width: portionsAtOnce, open: true},
		"portions keep to the concurrency":           {f: portions, o: ShardOptions{Concurrency: 2}, rest: time.Second, width: 2, open: true},
		"who sets the calls gets no portions":        {f: portions, o: ShardOptions{Calls: 4}, rest: time.Second, tiers: [2]int{25, 75}, calls: 15, width: 3, tiered: true, hedge: true},
		"who waits for the quota gets portions, too": {f: portions, o: ShardOptions{Wait: true}, rest: time.Second, width: portionsAtOnce, open: true},
		"without documents there is nothing to send": {f: forecastOf(0, 1), rest: time.Second, width: 3, hedge: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.f.Items = slices.Clone(c.f.Items)
			p := newPlan(c.f, c.o, c.listwise, c.rest)
			require.NoError(t, p.refused)
			assert.Equal(t, c.tiers, tiersOf(t, p))
			assert.Equal(t, c.tiered, p.tiered)
			assert.Equal(t, c.hedge, p.hedge)
			assert.Equal(t, c.width, p.width)
			if c.open {
				assert.Len(t, p.rest, 100)
				assert.Equal(t, 25, p.top)
				assert.Equal(t, 7, p.bounds.Documents)
				assert.Equal(t, 10, p.smallest(), "the next document, if nothing is packed")
				return
			}
			assert.Empty(t, p.rest)
			assert.Len(t, p.parcels, c.calls)
			for _, parcel := range p.parcels {
				assert.True(t, c.f.Bounds.Documents == 0 || len(parcel.Documents) <= c.f.Bounds.Documents)
			}
		})
	}
}

func TestAListwisePlanThatNeedsTwoCallsIsRefused(t *testing.T) {
	t.Parallel()
	f := forecastOf(10, 1)
	f.Bounds = pace.Bounds{Documents: 5}
	p := newPlan(f, ShardOptions{Documents: 5}, true, time.Second)
	var e *Error
	require.ErrorAs(t, p.refused, &e)
	assert.Equal(t, KindConfig, e.Kind)
	assert.Equal(t, pipeline.ReasonNotSent, p.reason)
	assert.Empty(t, p.parcels)
	p = newPlan(f, ShardOptions{}, true, time.Second)
	require.NoError(t, p.refused, "a learned bound of documents does not bind a listwise scorer")
	assert.Len(t, p.parcels, 1)
}

func TestTheSmallestCallOfAPlan(t *testing.T) {
	t.Parallel()
	assert.Zero(t, (&plan{}).smallest())
	p := plan{}
	p.add([]pace.Parcel{{Tokens: 30}, {Tokens: 20}, {Tokens: 40}}, 0)
	assert.Equal(t, 20, p.smallest())
}

func TestATierGoesApartWhileCallsAreRefused(t *testing.T) {
	t.Parallel()
	f := forecastOf(100, 3)
	f.Expected = 100 * time.Millisecond
	assert.Equal(t, [2]int{100, 0}, tiersOf(t, newPlan(f, ShardOptions{}, false, time.Second)), "it is expected to be done long before")
	f.Rationed = true
	p := newPlan(f, ShardOptions{}, false, time.Second)
	assert.Equal(t, [2]int{25, 75}, tiersOf(t, p))
	assert.Len(t, p.parcels, 3)
	assert.Zero(t, p.parcels[0].tier)
	assert.Equal(t, 1, p.parcels[1].tier)
}

func TestWhatCannotBeDoneInTimeWaitsForTheServerThatIsFree(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		expected time.Duration
		calls    int
		o        ShardOptions
		want     int
	}{
		"it can be done":                {time.Second, 32, ShardOptions{}, 32},
		"three quarters":                {4 * time.Second / 3, 32, ShardOptions{}, 24},
		"all of the first tier":         {10 * time.Second, 32, ShardOptions{}, 16},
		"no fewer than eight":           {10 * time.Second, 9, ShardOptions{}, 8},
		"no more than there are":        {10 * time.Second, 4, ShardOptions{}, 4},
		"what the caller wants":         {10 * time.Second, 32, ShardOptions{Concurrency: 20}, 32},
		"without tiers nothing is held": {10 * time.Second, 32, ShardOptions{Top: -1}, 32},
		"nobody knows":                  {0, 32, ShardOptions{}, 32},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := forecastOf(100, c.calls)
			f.Width, f.Expected = c.calls, c.expected
			assert.Equal(t, c.want, newPlan(f, c.o, false, time.Second).width)
		})
	}
}

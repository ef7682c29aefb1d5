package pace

// White-box: whose turn it is shows from outside only through the order of many calls.

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// waits is a query that is sent in portions.
func waits(until time.Duration, change func(w *Waiter)) *Waiter {
	w := NewWaiter(Chat)
	w.portions, w.next, w.need = true, 10, 100
	w.until, w.half = noon.Add(until), noon.Add(until/2)
	change(w)
	return w
}

func TestTheClassOfAQueryInPortions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		until  time.Duration
		ahead  float64
		change func(w *Waiter)
		want   int
	}{
		"its first tier can be complete":       {4 * time.Second, 0, func(*Waiter) {}, wholeTier},
		"not behind so many others":            {4 * time.Second, 3700, func(*Waiter) {}, topTier},
		"not in the time that is left":         {4 * time.Second, 0, func(w *Waiter) { w.need = 3800 }, topTier},
		"a sixteenth of the time is kept free": {4 * time.Second, 0, func(w *Waiter) { w.need = 3740 }, wholeTier},
		"the rest follows":                     {4 * time.Second, 0, func(w *Waiter) { w.tier = 1 }, tail},
		"half of its time is over":             {4 * time.Second, 0, func(w *Waiter) { w.first, w.half = 10, noon }, rescued},
		"little time is left":                  {150 * time.Millisecond, 0, func(w *Waiter) { w.first = 101 }, rescued},
		"something of it was sent":             {4 * time.Second, 0, func(w *Waiter) { w.half = noon }, wholeTier},
		"nothing can be answered":              {50 * time.Millisecond, 0, func(w *Waiter) { w.first = 10 }, hopeless},
		"nothing of the rest can be answered":  {50 * time.Millisecond, 0, func(w *Waiter) { w.tier = 1 }, hopeless},
		"not a document of that length":        {4 * time.Second, 0, func(w *Waiter) { w.first, w.next = 5000, 5000 }, hopeless},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := fleetOf(1, false)
			learned(f.ups[0], 100, 100*time.Millisecond)
			limit := newCallLimit(8, f)
			assert.Equal(t, c.want, limit.class(noon, waits(c.until, c.change), &c.ahead))
		})
	}
	limit := newCallLimit(8, fleetOf(1, false))
	ahead := 0.0
	assert.Equal(t, wholeTier, limit.class(noon, waits(time.Nanosecond, func(*Waiter) {}), &ahead), "nothing is known")
	assert.InDelta(t, 100, ahead, 0)
}

func TestAQueryThatCannotBeAnsweredStandsInNobodysWay(t *testing.T) {
	t.Parallel()
	f := fleetOf(1, false)
	learned(f.ups[0], 100, 100*time.Millisecond)
	f.ups[0].work.start(noon, 1000)
	limit := newCallLimit(8, f)
	late := waits(900*time.Millisecond, func(w *Waiter) { w.first = 10 })
	rest := waits(2*time.Second, func(w *Waiter) { w.tier = 1 })
	tier := waits(4*time.Second, func(*Waiter) {})
	saved := waits(3*time.Second, func(w *Waiter) { w.first, w.half = 10, noon })
	for _, w := range []*Waiter{late, rest, tier, saved} {
		limit.enqueue(noon, w)
	}
	for _, w := range []*Waiter{saved, tier, rest, late} {
		assert.Same(t, w, limit.turn(noon, Chat))
		assert.False(t, limit.ahead(noon, w))
		limit.dequeue(noon, w)
	}
	assert.Nil(t, limit.turn(noon, Chat))
}

func TestFirstTiersThatFitGoInTheOrderOfTheirEnds(t *testing.T) {
	t.Parallel()
	f := fleetOf(1, false)
	learned(f.ups[0], 100, 100*time.Millisecond)
	limit := newCallLimit(8, f)
	need := func(tokens float64) func(w *Waiter) { return func(w *Waiter) { w.need = tokens } }
	second, first := waits(3*time.Second, need(1500)), waits(2*time.Second, need(1500))
	limit.enqueue(noon, second)
	limit.enqueue(noon, first)
	assert.Same(t, first, limit.turn(noon, Chat))
	limit.dequeue(noon, first)
	assert.Same(t, second, limit.turn(noon, Chat))
	large := waits(2*time.Second, need(1900))
	limit.enqueue(noon, large)
	assert.Same(t, second, limit.turn(noon, Chat), "one that cannot be complete makes way, although it ends first")
}

func TestOnlyQueriesInPortionsOvertake(t *testing.T) {
	t.Parallel()
	limit := newCallLimit(8, fleetOf(1, false))
	portions, plain := waits(time.Second, func(*Waiter) {}), NewWaiter(Chat)
	limit.enqueue(noon, portions)
	limit.enqueue(noon, plain)
	assert.Equal(t, []*Waiter{portions, plain}, limit.waiting[Chat])
	sooner := waits(time.Millisecond, func(*Waiter) {})
	limit.enqueue(noon, sooner)
	assert.Equal(t, []*Waiter{portions, plain, sooner}, limit.waiting[Chat], "not one that is sent as a whole")
}

package pace

import "time"

// callLimit bounds the calls in flight: up by one for each window of successes
// that used the limit, down to nine tenths on a refusal, an overload or a
// timeout, never below one (additive increase, multiplicative decrease).
type callLimit struct {
	max      int
	limit    float64
	inFlight int
	waiting  [2][]*Waiter // by lane, in order of arrival
}

// Waiter is a query that wants a slot. Wake is told when it may try again, and
// has room for one value. Make one with NewWaiter.
type Waiter struct {
	Wake chan struct{}
	lane Lane
	tier int
	// portions says that the query is sent in portions, each only if it can be
	// answered in time, so that those who have waited longest are served first.
	portions bool
	queued   bool
	since    time.Time
}

// NewWaiter returns a waiter of a lane, which waits for nothing yet.
func NewWaiter(lane Lane) *Waiter { return &Waiter{lane: lane, Wake: make(chan struct{}, 1)} }

// patience is how long the oldest chat may wait before the newest is served
// first. A queue that long does not come from a burst but from a lasting lack of
// capacity, and then those who have waited longest have the least time left to
// use an answer: serving them first would serve nobody in time.
const patience = 100 * time.Millisecond

func newCallLimit(limit int) callLimit { return callLimit{max: limit, limit: float64(limit)} }

// free reports how many calls the lane may start now.
func (c *callLimit) free(lane Lane) int {
	limit := int(c.limit)
	if lane == Batch && limit > 1 {
		limit -= max(1, limit/4)
	}
	return limit - c.inFlight
}

// ahead reports whether somebody else is to have a slot before w: whose turn it
// is in the lane, and for batch every chat.
func (c *callLimit) ahead(now time.Time, w *Waiter) bool {
	if w.lane == Batch && len(c.waiting[Chat]) > 0 {
		return true
	}
	turn := c.turn(now, w.lane)
	return turn != nil && turn != w
}

// turn returns the waiter of the lane that is served next, nil without one: of
// those whose next call is of the best tier.
func (c *callLimit) turn(now time.Time, lane Lane) *Waiter {
	var first, last *Waiter
	for _, w := range c.waiting[lane] {
		switch {
		case first == nil || w.tier < first.tier:
			first, last = w, w
		case w.tier == first.tier:
			last = w
		}
	}
	if first != nil && lane == Chat && !first.portions && now.Sub(first.since) > patience {
		return last
	}
	return first
}

// enqueue registers w until dequeue; a second call changes nothing.
func (c *callLimit) enqueue(now time.Time, w *Waiter) {
	if !w.queued {
		w.queued, w.since = true, now
		c.waiting[w.lane] = append(c.waiting[w.lane], w)
	}
}

// dequeue removes w, and passes a wake-up that it may have had to the next.
func (c *callLimit) dequeue(now time.Time, w *Waiter) {
	if !w.queued {
		return
	}
	w.queued = false
	queue := c.waiting[w.lane]
	for i, other := range queue {
		if other == w {
			c.waiting[w.lane] = append(queue[:i], queue[i+1:]...)
			break
		}
	}
	c.kick(now)
}

// kick wakes the waiter whose turn it is if it could start a call now. It starts its call
// or leaves the queue, and either way kicks the next.
func (c *callLimit) kick(now time.Time) {
	for lane := range c.waiting {
		w := c.turn(now, Lane(lane))
		if w == nil {
			continue
		}
		if c.free(Lane(lane)) > 0 {
			select {
			case w.Wake <- struct{}{}:
			default:
			}
		}
		return
	}
}

func (c *callLimit) take() { c.inFlight++ }

func (c *callLimit) release(now time.Time) {
	c.inFlight--
	c.kick(now)
}

// succeeded raises the limit if it was in use.
func (c *callLimit) succeeded() {
	if float64(c.inFlight)*2 >= c.limit {
		c.limit = min(float64(c.max), c.limit+1/c.limit)
	}
}

// pushedBack lowers the limit.
func (c *callLimit) pushedBack() { c.limit = max(1, c.limit*0.9) }

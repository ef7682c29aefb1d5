package pace

import (
	"slices"
	"time"
)

// callLimit bounds the calls in flight: up by one for each window of successes
// that used the limit, down to nine tenths on a refusal, an overload or a
// timeout, never below one (additive increase, multiplicative decrease).
type callLimit struct {
	max      int
	limit    float64
	inFlight int
	waiting  [2][]*Waiter // by lane, in order of arrival, see Waiter.before
	servers  *fleet
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
	// need is what is left of the first tier, in tokens, first is what its first
	// document takes of all servers, 0 if something was sent, next is the next document,
	// until is the end of the query and half the middle of its time.
	need, first, next float64
	until, half       time.Time
}

// NewWaiter returns a waiter of a lane, which waits for nothing yet.
func NewWaiter(lane Lane) *Waiter { return &Waiter{lane: lane, Wake: make(chan struct{}, 1)} }

// patience is how long the oldest chat may wait before the newest is served
// first. A queue that long does not come from a burst but from a lasting lack of
// capacity, and then those who have waited longest have the least time left to
// use an answer: serving them first would serve nobody in time.
const patience = 100 * time.Millisecond

func newCallLimit(limit int, servers *fleet) callLimit {
	return callLimit{max: limit, limit: float64(limit), servers: servers}
}

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
// those of the best class the first.
func (c *callLimit) turn(now time.Time, lane Lane) *Waiter {
	var first, last *Waiter
	best := 0
	ahead := 0.0 // tokens of tiers that are served before
	for _, w := range c.waiting[lane] {
		class := w.tier
		if w.portions {
			class = c.class(now, w, &ahead)
		}
		switch {
		case first == nil || class < best:
			first, last, best = w, w, class
		case class == best:
			last = w
		}
	}
	if first != nil && lane == Chat && !first.portions && now.Sub(first.since) > patience {
		return last
	}
	return first
}

// The classes of queries that are sent in portions, in the order in which they are
// served. First tiers that cannot be complete any more make way for those that can.
const (
	rescued   = iota // nothing of it was sent, and soon nothing could be answered
	wholeTier        // its first tier can be complete in time
	topTier          // it cannot
	tail             // it is: the rest follows
	hopeless         // not even its next document can be answered in time
)

// rescues reports whether a query must have its turn so that it does not end with
// nothing: half of its time is over, or what is before the servers leaves little more.
func (c *callLimit) rescues(now time.Time, w *Waiter) bool {
	if w.first == 0 {
		return false
	}
	rate, backlog := c.servers.speed(now)
	return !now.Before(w.half) || rate > 0 && w.until.Sub(now) < seconds(1.5*(backlog+w.first)/rate)
}

// class finds the class of a waiter, when so many tokens go before it.
func (c *callLimit) class(now time.Time, w *Waiter, ahead *float64) int {
	rest := w.until.Sub(now)
	switch {
	case c.servers.soonest(now, w.next) > inTime(rest):
		return hopeless // in front of the others it would keep the servers idle
	case w.tier > 0:
		return tail
	case c.rescues(now, w):
		return rescued
	}
	if rate, backlog := c.servers.speed(now); rate == 0 || seconds((backlog+*ahead+w.need)/rate) <= inTime(rest) {
		*ahead += w.need
		return wholeTier
	}
	return topTier
}

// enqueue registers w until dequeue; a second call changes nothing.
func (c *callLimit) enqueue(now time.Time, w *Waiter) {
	if w.queued {
		return
	}
	w.queued, w.since = true, now
	queue := c.waiting[w.lane]
	at := len(queue)
	for at > 0 && w.before(queue[at-1]) {
		at--
	}
	c.waiting[w.lane] = slices.Insert(queue, at, w)
}

// before reports whether w goes before one that came earlier: of queries that are sent
// in portions the one that ends first, whenever it wants its next portion.
func (w *Waiter) before(other *Waiter) bool {
	return w.portions && other.portions && w.until.Before(other.until)
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

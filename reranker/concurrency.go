package reranker

// callLimit bounds the calls in flight: up by one for each window of successes
// that used the limit, down to nine tenths on a refusal, an overload or a
// timeout, never below one (additive increase, multiplicative decrease).
type callLimit struct {
	max      int
	limit    float64
	inFlight int
	waiting  [2][]*slotWaiter // by lane, oldest first
}

// slotWaiter is a query that wants a slot. wake has room for one value.
type slotWaiter struct {
	lane   Lane
	wake   chan struct{}
	queued bool
}

func newCallLimit(limit int) callLimit { return callLimit{max: limit, limit: float64(limit)} }

// free reports how many calls the lane may start now.
func (c *callLimit) free(lane Lane) int {
	limit := int(c.limit)
	if lane == LaneBatch && limit > 1 {
		limit -= max(1, limit/4)
	}
	return limit - c.inFlight
}

// ahead reports whether somebody else queues for a slot before w: the lane's
// older waiters, and for batch every chat.
func (c *callLimit) ahead(w *slotWaiter) bool {
	if w.lane == LaneBatch && len(c.waiting[LaneChat]) > 0 {
		return true
	}
	queue := c.waiting[w.lane]
	return len(queue) > 0 && queue[0] != w
}

// enqueue registers w until dequeue; a second call changes nothing.
func (c *callLimit) enqueue(w *slotWaiter) {
	if !w.queued {
		w.queued = true
		c.waiting[w.lane] = append(c.waiting[w.lane], w)
	}
}

// dequeue removes w, and passes a wake-up that it may have had to the next.
func (c *callLimit) dequeue(w *slotWaiter) {
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
	c.kick()
}

// kick wakes the first waiter that could start a call now. It starts its call
// or leaves the queue, and either way kicks the next.
func (c *callLimit) kick() {
	for lane := range c.waiting {
		if len(c.waiting[lane]) == 0 {
			continue
		}
		if c.free(Lane(lane)) > 0 {
			select {
			case c.waiting[lane][0].wake <- struct{}{}:
			default:
			}
		}
		return
	}
}

func (c *callLimit) take() { c.inFlight++ }

func (c *callLimit) release() {
	c.inFlight--
	c.kick()
}

// succeeded raises the limit if it was in use.
func (c *callLimit) succeeded() {
	if float64(c.inFlight)*2 >= c.limit {
		c.limit = min(float64(c.max), c.limit+1/c.limit)
	}
}

// pushedBack lowers the limit.
func (c *callLimit) pushedBack() { c.limit = max(1, c.limit*0.9) }

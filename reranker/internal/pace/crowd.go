package pace

import "time"

// restedQueries is how many scarce queries in a row must meet a rested server until
// one may be sent as if what it gives up at its deadline delayed nobody.
const restedQueries = 20

// crowd knows whether queries follow so closely that what one gives up delays the
// next, or may.
type crowd struct {
	rested bool      // they do not
	quiet  int       // scarce queries in a row that met a rested server
	active time.Time // when a call was last in a server
	newest *Waiter   // that was sent in portions
	shared time.Time // when such queries overlapped last
}

// spares reports whether a query that is not sure to be done should spare the
// server, because the next one comes before what it would give up is done. Where
// the server rests between queries, it is best filled to the brim.
func (c *crowd) spares(now time.Time, rest time.Duration, inFlight int, backlog float64) bool {
	switch {
	case inFlight == 0 && now.Sub(c.active) >= rest/2:
		c.quiet++
	case backlog > 0:
		c.rested, c.quiet = false, 0
	default:
		c.quiet = 0
	}
	if c.quiet >= restedQueries {
		c.rested = true
	}
	return !c.rested
}

// overlaps takes note of a query that is sent in portions, and reports whether such
// queries overlapped lately.
func (c *crowd) overlaps(now time.Time, w *Waiter) bool {
	if c.newest != w && c.newest != nil && c.newest.until.After(now) {
		c.shared = now
	}
	c.newest = w
	return !c.shared.IsZero() && now.Sub(c.shared) < sharedFor
}

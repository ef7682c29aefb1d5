package pace

import "math/rand/v2"

// Options sets a Pace. All numbers are checked by the caller.
type Options struct {
	// Upstreams is the number of servers, at least 1; OneServer says that they are
	// connections to one, so that a refusal by one holds all of them.
	Upstreams int
	OneServer bool
	// Requests and Tokens are the quotas for each minute, 0 while unknown.
	Requests, Tokens int
	// Bounds are what one call may hold as the server declares it, 0 where it
	// declares nothing; they hold from the first call.
	Bounds Bounds
	// Shared says that others use the quotas as well, see Wish.
	Shared bool
	// Concurrency is the most calls in flight.
	Concurrency int
	// ExtraShare and ExtraBurst bound retries and hedges; a share below 0 allows
	// none.
	ExtraShare float64
	ExtraBurst int
	// Rand is the source of jitter, exploration and choice, used under the lock.
	Rand *rand.Rand
}

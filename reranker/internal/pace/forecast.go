package pace

import "time"

// Query describes a query before anything of it is sent.
type Query struct {
	Lane       Lane
	QueryBytes int
	// Items are the documents in retrieval order; their tokens are filled in.
	Items []Item
	// Rest is the time to the deadline.
	Rest time.Duration
	// Calls and Width are how many calls the caller wants in all and at once, 0
	// learns them; Bounds are what one may hold, 0 learns it.
	Calls, Width int
	Bounds       Bounds
	// Wait says that the query waits for quotas; Whole that it goes in one call.
	Wait, Whole bool
}

// Forecast is what a Pace says about a query.
type Forecast struct {
	// Items are those that the quota covers; Left are the others, all from the
	// end. Long are items that the server has shown to be too long.
	Items, Long, Left []Item
	// Tokens is what all of Items hold, Bounds what one call may hold.
	Tokens int
	Bounds Bounds
	// Calls is into how many calls the query is best split, Width how many of them
	// are best made at once.
	Calls, Width int
	// Expected is how long such a query takes, 0 if none has been seen.
	Expected time.Duration
	// Hedge says that late calls may be hedged.
	Hedge bool
	// Rationed says that the server has refused calls lately, so that the query is split
	// into few of them, and the first tier goes apart.
	Rationed bool
	// Portions says that the query is not sure to be done in time, so that it is sent
	// in portions, see Pace.Portion.
	Portions bool
}

// smallestCall is how many tokens are worth a call of their own.
const smallestCall = 512

// DefaultWidth is how many calls of a query are in flight before the number is
// learned.
const DefaultWidth = 8

// rationedCalls is into how many calls a query is split at the most while the server
// refuses calls: each is one of a quota that nobody has told.
const rationedCalls = 3

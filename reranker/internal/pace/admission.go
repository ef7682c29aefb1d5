package pace

import "time"

// Call describes a call before it is made.
type Call struct {
	Waiter        *Waiter
	Avoid         int // an upstream, -1 for none
	Tokens, Bytes int
	Documents     int
	QueryBytes    int // of the query, for each document
	Longest       int // bytes of the longest document
	Extra, Hedge  bool
	// Portion says that the call was allowed by Portion, for the upstream To.
	Portion bool
	To      int
}

// Ticket is a call that was let through.
type Ticket struct {
	// Upstream is where the call goes to.
	Upstream int
	// Started is when it was let through.
	Started time.Time
	// HedgeAfter is how long it may take before it is late, 0 if nobody knows.
	HedgeAfter time.Duration

	call  Call
	flow  *flow
	probe bool
}

// Hedge reports whether the call is a hedge.
func (t *Ticket) Hedge() bool { return t.call.Hedge }

// Admission is the answer to a wish to call: a ticket, or what to wait for, or
// that calls are suspended.
type Admission struct {
	Ticket *Ticket
	// Wait is how long a quota or a gate holds the call back.
	Wait time.Duration
	// Ask says that those who share the quota are to be asked first, see Wish.
	Ask bool
	// Slot says that the waiter is woken when it may try again.
	Slot bool
	// Suspended says that the breaker is open, for so long if it is not 0, and Cause
	// what opened it.
	Suspended bool
	For       time.Duration
	Cause     error
}

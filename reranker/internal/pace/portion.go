package pace

import "time"

// A query that is not sure to be done by its deadline is sent in portions: calls
// of a sixteenth of its time, the top of the retrieval order first, each only when
// it can be answered in time, and no more of them in a server at once than an eighth
// of the time does. So hardly anything is given up when the time is over, the work
// of a server is spent on answers that somebody reads, and what it does in a slow
// spell is noticed after one small call.
const (
	portionOf  = 16 // calls of one replica in the time of a query
	ahead      = 8  // share of the time that is in a server at once
	portionMax = 30 * time.Second
	// widest is how many calls a server is believed to do at once at the most, so that
	// portions do not become crumbs, and a wrong belief does not make it look late.
	widest = 8

	// firstDocuments is how many documents are sent to a server that nobody knows.
	firstDocuments = 4
	// fewDocuments are sent at once whatever is known.
	fewDocuments = 32

	// trialEvery is how often a query is tried that cannot be in time by all that is
	// known, since only a call can show that a server has become faster.
	trialEvery = 400 * time.Millisecond
	// sharedFor is how long queries that overlapped count as several.
	sharedFor = 10 * time.Second
	// staleAfter is when what is known has to be confirmed by a small call first.
	staleAfter = time.Second
)

// inTime is how long a call may be expected to take in the rest of a query's time: a
// sixteenth is kept for what nobody expects.
func inTime(rest time.Duration) time.Duration { return rest - rest/16 }

// Portions describes what is left of a query that is sent in portions.
type Portions struct {
	Waiter *Waiter
	// Time is what the query was given in all, Rest what is left of it.
	Time, Rest time.Duration
	// Next are the tokens of the next document, Tier is that of its tier, and Top are
	// the tokens that are left of the first tier.
	Next, Tier, Top int
	// First says that nothing of the query was sent yet.
	First bool
	// Trial says that it is sent although it cannot be in time.
	Trial bool
	// rescued says that nothing of it was sent and soon nothing could be answered.
	rescued bool
	// tail says that it is no portion of a first tier which can be complete in time.
	tail bool
	// shared says that queries overlapped lately.
	shared bool
}

// Portion is what may be sent next.
type Portion struct {
	// Upstream and Tokens say where a call may go and how much it may hold; 0 tokens
	// says that none may go now.
	Upstream, Tokens int
	// Documents bounds the call where nothing is known yet; 0 does not.
	Documents int
	// Late says that no call can be answered in time. Otherwise the waiter is woken,
	// and Wait is how long it is best to wait at the most, 0 if nobody knows.
	Late bool
	Wait time.Duration
}

package pipeline

import "time"

// The kinds of events. Parts of other packages may use names of their own.
const (
	KindRetrieve = "retrieve" // a retriever answers a query
	KindApply    = "apply"    // a stage is applied to a ranking
	KindFuse     = "fuse"     // a fuser makes one ranking of several
	KindRewrite  = "rewrite"  // a rewriter makes queries of a query
	KindGenerate = "generate" // a language model answers a prompt
	KindEmbed    = "embed"    // a text becomes a vector
	KindFetch    = "fetch"    // documents are read by their ids
	KindCache    = "cache"    // a cache is asked
	KindAttempt  = "attempt"  // one attempt at a part of the work: a shard, a hedge, a retry
	KindCall     = "call"     // a request to a server
)

// Event is something that happens while a query is answered: a part of a
// pipeline runs, or a part reports by Begin what it does inside.
//
// An Observer is given it twice, before and after. What is marked "after" is
// zero before.
type Event struct {
	// ID is unique among the events of one Observe or WithObserver, from 1 on.
	// Parent is the ID of the event in which this one happens; 0 for the
	// outermost that the observer hears of.
	ID, Parent uint64
	// Depth is how deep the event is nested, 0 for the outermost.
	Depth int
	// Name is the part's name, as in its description, or what Begin was given.
	Name string
	// Kind is one of the kinds above, or what Begin was given.
	Kind string
	// Role is the part's role in its description; RoleOther outside a pipeline.
	Role Role
	// Query is the query that was asked; zero for an event that Begin reports. It
	// may hold personal data: an observer that writes it somewhere decides so
	// itself.
	Query Query
	// Inputs are the rankings that the part is given: none for a retriever, one
	// for a stage, several for a fuser. They are shared and read-only.
	Inputs []Ranking
	// In is the number of hits in Inputs.
	In int
	// Start is the wall time of the beginning.
	Start time.Time

	// Output is, after, the ranking that the part returned; it has no hits where
	// Err is set. It is shared and read-only. Out is its number of hits.
	Output Ranking
	Out    int
	// Gaps are, after, the gaps that this part, or a part of it, added.
	Gaps []Gap
	// Queries are, after, what a rewriter made of the query.
	Queries []Query
	// Details are, after, what the part said of itself through a Span.
	Details []Detail
	// Links are, after, the events of other queries whose work this one shared.
	Links []Link
	// Duration is, after, the monotonic length of the event.
	Duration time.Duration
	// Err is, after, the error that the part returned.
	Err error
}

// Detail is one thing that a part says of an event: a name in lower case and a
// value, which is a string, an int64, a float64 or a bool.
type Detail struct {
	Name  string
	Value any
}

// Detail returns the newest detail of that name, and whether there is one.
func (e Event) Detail(name string) (any, bool) {
	for i := len(e.Details) - 1; i >= 0; i-- {
		if e.Details[i].Name == name {
			return e.Details[i].Value, true
		}
	}
	return nil, false
}

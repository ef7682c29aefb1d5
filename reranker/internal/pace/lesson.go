package pace

import "time"

// Lesson is what a whole query, or a call that was split, teaches.
type Lesson struct {
	// Tokens, Calls and Took are of a query that went its way.
	Tokens, Calls int
	Took          time.Duration
	// HalfDocuments and HalfBytes are of the larger half of a call that was refused
	// for its size and whose halves were both accepted; Body says that the server
	// blamed bytes.
	HalfDocuments, HalfBytes int
	Body                     bool
	// Alone is the bytes of a document that was refused in a call of its own at the
	// time Now.
	Alone int
	Now   time.Time
}

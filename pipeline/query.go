package pipeline

import "slices"

// Query is what a retriever is asked. It is a value: stages that change it
// work on a copy, and nothing here is written after it has been handed over.
type Query struct {
	// Text is what the user wants to know.
	Text string
	// ID names the query in logs and runs: a topic in an experiment, a request
	// in a service. It may be empty.
	ID string
	// Turns are the earlier turns of the conversation, oldest first.
	Turns []Turn
	// Filter is handed to retrievers as it is. Each retriever says which types
	// it accepts and refuses the rest with an error; nil means no filter.
	Filter any
	// Trace asks every combinator to keep the rankings that it saw, so that
	// Explain can say where a document was lost. Off by default, because the
	// intermediate rankings then live as long as the final one.
	Trace bool

	attributes *attribute
	gaps       []Gap
}

// WithGaps returns a copy of q that says what went missing while it was made: a
// Rewriter whose model failed returns the question as it was, with a gap. Every
// retriever that a combinator asks such a query adds the gaps to its ranking.
func (q Query) WithGaps(gaps ...Gap) Query {
	q.gaps = slices.Concat(q.gaps, gaps)
	return q
}

// Gaps returns what went missing while q was made, oldest first; nil for nothing.
// The caller must not write to it.
func (q Query) Gaps() []Gap { return q.gaps }

// Turn is one utterance of a conversation.
type Turn struct {
	// Role says who spoke, by convention "user" or "assistant".
	Role string
	// Text is what was said.
	Text string
}

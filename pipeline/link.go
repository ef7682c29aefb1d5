package pipeline

import "context"

// Link points from an event to one of another query, whose work it shares: a wait for
// a ranking that somebody else's query is making. The zero Link points nowhere.
type Link struct {
	// Event is the ID of the other event, as the observers of the other query know
	// it.
	Event uint64
	ctx   context.Context
}

// LinkTo returns a link to the event that is under way in ctx, for Span.Link in the
// context of another query; the zero Link where nobody observes ctx. It costs no
// allocation, and keeps the values of ctx alive for as long as it is kept itself.
func LinkTo(ctx context.Context) Link {
	if o := observing(ctx); o != nil {
		return Link{Event: o.event, ctx: ctx}
	}
	return Link{}
}

// Context returns the context of the other event, in which an observer finds what it
// has put there itself, such as a span; context.Background() for the zero Link.
// Nothing may be called under it: the other query ends when it likes.
func (l Link) Context() context.Context {
	if l.ctx == nil {
		return context.Background()
	}
	return l.ctx
}

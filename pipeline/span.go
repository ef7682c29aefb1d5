package pipeline

import (
	"context"
	"runtime/debug"
	"time"
)

// Span is an event that has begun and not ended. A nil Span is one that nobody
// observes: every method does nothing, at the cost of a comparison. A Span is not
// safe for concurrent use.
type Span struct {
	event Event
	ends  []func(Event)
	ended bool
}

// Begin reports to the observers in force that something begins: an attempt, a
// call of a server, a look into a cache. What happens inside is given the
// returned context, so that its events become children of this one and an
// observer can send its own things along. End ends it.
//
// Where nobody observes, Begin returns ctx and nil, without an allocation and
// without a look at the clock. A panic of an observer is a panic of Begin or End.
//
//	ctx, span := pipeline.Begin(ctx, pipeline.KindCall, "POST /v1/rerank")
//	answer, err := send(ctx)
//	span.Int("http.status", answer.Status)
//	span.End(err)
func Begin(ctx context.Context, kind, name string) (context.Context, *Span) {
	o := observing(ctx)
	if o == nil {
		return ctx, nil
	}
	return o.begin(ctx, Event{Kind: kind, Name: name})
}

// Active reports whether somebody observes the event, for details that are dear
// to compute.
func (s *Span) Active() bool { return s != nil }

// Text adds a detail that is a text. It must not be a key or other secret.
func (s *Span) Text(name, value string) {
	if s != nil {
		s.add(name, value)
	}
}

// Int adds a detail that is a whole number.
func (s *Span) Int(name string, value int) {
	if s != nil {
		s.add(name, int64(value))
	}
}

// Float adds a detail that is a number.
func (s *Span) Float(name string, value float64) {
	if s != nil {
		s.add(name, value)
	}
}

// Flag adds a detail that is true or false.
func (s *Span) Flag(name string, value bool) {
	if s != nil {
		s.add(name, value)
	}
}

// Link adds a link to an event of another query; the zero Link adds nothing.
func (s *Span) Link(l Link) {
	if s != nil && l.ctx != nil {
		s.event.Links = append(s.event.Links, l)
	}
}

func (s *Span) add(name string, value any) {
	s.event.Details = append(s.event.Details, Detail{name, value})
}

// End ends the event with the error that it came to, nil for none. Only the
// first call counts.
func (s *Span) End(err error) {
	if s != nil {
		s.finish(func(e *Event) { e.Err = err })
	}
}

// finish completes the event and tells the observers, the innermost first.
func (s *Span) finish(complete func(*Event)) {
	if s.ended {
		return
	}
	s.ended = true
	s.event.Duration = time.Since(s.event.Start)
	complete(&s.event)
	for _, end := range s.ends { // deferred, so that a panic of one keeps none from the others
		defer end(s.event)
	}
}

// abort ends an event whose observer panicked while it began.
func (s *Span) abort(panicked any) error {
	err := &PanicError{Part: "observer of " + s.event.Name, Value: panicked, Stack: debug.Stack()}
	s.End(err)
	return err
}

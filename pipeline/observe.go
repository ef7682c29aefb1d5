package pipeline

import (
	"context"
	"time"
)

// Event tells an Observer that a part of a pipeline has run.
type Event struct {
	// Name is the part's name, as in its description.
	Name string
	// Kind is "retrieve", "apply" or "fuse".
	Kind string
	// Query is the query that was asked. It may hold personal data: an observer
	// that writes it somewhere decides so itself.
	Query Query
	// In and Out are the numbers of hits before and after.
	In, Out int
	// Gaps are the gaps that this part added.
	Gaps []Gap
	// Start and Duration are wall time and monotonic length of the run.
	Start    time.Time
	Duration time.Duration
	// Err is the error that the part returned.
	Err error
	// Depth is how deep the part is nested, 0 for the outermost.
	Depth int
}

// Observer is told about every part that ran, from the goroutine that ran it:
// it must be safe for concurrent use and should return soon.
type Observer interface {
	Observe(ctx context.Context, e Event)
}

// ObserverFunc makes a function an Observer.
type ObserverFunc func(ctx context.Context, e Event)

// Observe calls f.
func (f ObserverFunc) Observe(ctx context.Context, e Event) { f(ctx, e) }

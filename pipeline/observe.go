package pipeline

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync/atomic"
	"time"
)

// Observer hears of every event before and after it happens.
//
// Start is told before. It returns the context in which the event happens, so
// that a span or anything else travels with it to the parts inside and over the
// network; it must be made from ctx, and nil stands for ctx itself. It also
// returns the function that is told after; nil for nobody. An observer further
// out is told of a beginning first and of an end last.
//
// Both are called on the goroutine of the part. The observer must be safe for
// concurrent use and should return soon. A panic of it fails the part that it was
// told about.
//
// An observer may have a method Active() bool. Where it returns false, a query
// that comes through WithObserver or Observe runs as if the observer were not
// there, and costs nothing for it.
type Observer interface {
	Start(ctx context.Context, e Event) (context.Context, func(Event))
}

// ObserverFunc makes an Observer of a function that wants to hear of ends only.
// It is given the context of the part.
type ObserverFunc func(ctx context.Context, e Event)

// Start returns the function that calls f.
func (f ObserverFunc) Start(ctx context.Context, _ Event) (context.Context, func(Event)) {
	return ctx, func(e Event) { f(ctx, e) }
}

// observation is what a context carries for the parts below an Observe. A nil
// observation hides the work below from all observers.
type observation struct {
	watchers []watcher // the outermost first
	ids      *atomic.Uint64
	event    uint64 // the event that is going on
	depth    int
}

// watcher is an observer and the depth at which it began to watch.
type watcher struct {
	observer Observer
	depth    int
}

type observationKey struct{}

func observing(ctx context.Context) *observation {
	o, _ := ctx.Value(observationKey{}).(*observation)
	return o
}

func (o *observation) in(ctx context.Context) context.Context {
	return context.WithValue(ctx, observationKey{}, o)
}

// WithObserver returns a context under which the observer hears of every event:
// for work around pipelines, such as the whole answer of a chatbot. Inside a
// pipeline Observe does the same. An observer that is in force already hears of
// the events too. An observer whose method Active returns false leaves ctx as it
// is.
func WithObserver(ctx context.Context, observer Observer) context.Context {
	return observed(ctx, observer, nil)
}

// observed adds an observer to those of ctx. ids, nil for new ones, numbers the
// events unless an outer observer does so already.
func observed(ctx context.Context, observer Observer, ids *atomic.Uint64) context.Context {
	if a, ok := observer.(interface{ Active() bool }); ok && !a.Active() {
		return ctx
	}
	o := observation{ids: ids}
	if outer := observing(ctx); outer != nil {
		o = *outer
	}
	if o.ids == nil {
		o.ids = new(atomic.Uint64)
	}
	o.watchers = append(slices.Clip(o.watchers), watcher{observer, o.depth})
	return o.in(ctx)
}

// unobserved returns a context for work that no observer should hear of.
func unobserved(ctx context.Context) context.Context {
	if observing(ctx) == nil {
		return ctx
	}
	return (*observation)(nil).in(ctx)
}

// begin numbers the event, tells the observers, and returns the context in which
// it happens.
func (o *observation) begin(ctx context.Context, e Event) (context.Context, *Span) {
	e.ID, e.Parent, e.Start = o.ids.Add(1), o.event, time.Now()
	s := &Span{event: e}
	defer func() {
		if v := recover(); v != nil {
			panic(s.abort(v))
		}
	}()
	for _, w := range o.watchers {
		own := o.seenBy(w, e)
		child, end := w.observer.Start(ctx, own)
		if child != nil {
			ctx = child
		}
		if end != nil {
			s.ends = append(s.ends, func(e Event) { end(o.seenBy(w, e)) })
		}
	}
	below := &observation{watchers: o.watchers, ids: o.ids, event: e.ID, depth: o.depth + 1}
	return below.in(ctx), s
}

// seenBy is the event as an observer sees it that does not hear of what is
// further out.
func (o *observation) seenBy(w watcher, e Event) Event {
	e.Depth = o.depth - w.depth
	if e.Depth == 0 {
		e.Parent = 0
	}
	return e
}

var errAbandoned = errors.New("pipeline: abandoned by a panic")

type observe struct {
	combinator
	retriever part[Retriever]
	observer  Observer
	ids       *atomic.Uint64
	err       error
}

// Observe tells the observer about the retriever and about everything inside it:
// what runs, for how long, which hits came out, which gaps and errors it left. An
// Observer further out hears of the same. Where no observer is in force, a part
// costs no allocation and no look at the clock for it.
func Observe(retriever Retriever, observer Observer) Retriever {
	o := observe{retriever: newPart(retriever), observer: observer, ids: new(atomic.Uint64)}
	o.err = missing("observe", "retriever", []part[Retriever]{o.retriever})
	if o.err == nil && observer == nil {
		o.err = errNilArgument("observe", "observer")
	}
	return o
}

// Describe implements Describer.
func (o observe) Describe() Node {
	return Node{Name: "observe", Children: []Node{Describe(o.retriever.do)}, Err: o.err}
}

// Retrieve implements Retriever.
func (o observe) Retrieve(ctx context.Context, q Query) (Ranking, error) {
	if o.err != nil {
		return Ranking{}, o.err
	}
	return retrieve(observed(ctx, o.observer, o.ids), o.retriever, q)
}

func (o observe) stream(ctx context.Context, q Query) iter.Seq2[Ranking, error] {
	if o.err != nil {
		return failing(o.err)
	}
	return streamPart(observed(ctx, o.observer, o.ids), o.retriever, q)
}

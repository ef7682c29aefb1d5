package pipeline

import (
	"context"
	"iter"
	"runtime/debug"
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
	// In and Out are the numbers of hits before and after. In is 0 for a
	// retriever and the sum over the inputs for a fusion.
	In, Out int
	// Gaps are the gaps that this part, or a part of it, added.
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
// it must be safe for concurrent use and should return soon. A panic of an
// observer fails the part that it was told about.
type Observer interface {
	Observe(ctx context.Context, e Event)
}

// ObserverFunc makes a function an Observer.
type ObserverFunc func(ctx context.Context, e Event)

// Observe calls f.
func (f ObserverFunc) Observe(ctx context.Context, e Event) { f(ctx, e) }

// observation is what a context carries for the parts below an Observe.
type observation struct {
	observer Observer
	depth    int
	outer    *observation
}

type observationKey struct{}

func observing(ctx context.Context) *observation {
	o, _ := ctx.Value(observationKey{}).(*observation)
	return o
}

func (o *observation) in(ctx context.Context) context.Context {
	return context.WithValue(ctx, observationKey{}, o)
}

// below is the observation for the parts of the part that runs now.
func (o *observation) below() *observation {
	if o == nil {
		return nil
	}
	return &observation{observer: o.observer, depth: o.depth + 1, outer: o.outer.below()}
}

// tell informs every observer from the outermost in, each with its own depth.
func (o *observation) tell(ctx context.Context, e Event) {
	if o == nil {
		return
	}
	o.outer.tell(ctx, e)
	e.Depth = o.depth
	o.observer.Observe(ctx, e)
}

// unobserved returns a context for work that no observer should hear of.
func unobserved(ctx context.Context) context.Context {
	if observing(ctx) == nil {
		return ctx
	}
	return (*observation)(nil).in(ctx)
}

func (g *run) watch(ctx context.Context, o *observation, inputs []Ranking, call func(context.Context) (Ranking, error)) (Ranking, error) {
	return g.watched(ctx, o, inputs, func() (Ranking, error) { return g.attempt(o.below().in(ctx), inputs, call) })
}

// watched makes the call and tells the observers what came of it.
func (g *run) watched(ctx context.Context, o *observation, inputs []Ranking, call func() (Ranking, error)) (out Ranking, err error) {
	start := time.Now()
	out, err = call()
	e := Event{
		Name: g.name, Kind: g.kind, Query: g.query, Out: len(out.Hits),
		Start: start, Duration: time.Since(start), Err: err,
	}
	var before []Gap
	for _, in := range inputs {
		e.In += len(in.Hits)
		before = append(before, in.Gaps...)
	}
	e.Gaps = addedGaps(before, out.Gaps)
	defer func() {
		if v := recover(); v != nil {
			out, err = Ranking{}, &PanicError{Part: "observer of " + g.name, Value: v, Stack: debug.Stack()}
		}
	}()
	o.tell(ctx, e)
	return out, err
}

// addedGaps returns the gaps in after that are not in before.
func addedGaps(before, after []Gap) []Gap {
	var added []Gap
	for _, g := range after {
		if !hasGap(before, g) {
			added = append(added, g)
		}
	}
	return added
}

type observe struct {
	combinator
	retriever part[Retriever]
	observer  Observer
	err       error
}

// Observe tells the observer about the retriever and about every part below it:
// what ran, for how long, how many hits came out, which gaps and errors it left.
// An Observe further out hears of them too, first. Where no observer is in
// force, a part costs no allocation and no look at the clock for it.
func Observe(retriever Retriever, observer Observer) Retriever {
	o := observe{retriever: newPart(retriever), observer: observer}
	o.err = missing("observe", "retriever", []part[Retriever]{o.retriever})
	if o.err == nil && observer == nil {
		o.err = errNilArgument("observe", "observer")
	}
	return o
}

func (o observe) Describe() Node {
	return Node{Name: "observe", Children: []Node{Describe(o.retriever.do)}, Err: o.err}
}

func (o observe) Retrieve(ctx context.Context, q Query) (Ranking, error) {
	if o.err != nil {
		return Ranking{}, o.err
	}
	return retrieve(o.context(ctx), o.retriever, q)
}

func (o observe) stream(ctx context.Context, q Query) iter.Seq2[Ranking, error] {
	if o.err != nil {
		return failing(o.err)
	}
	return streamPart(o.context(ctx), o.retriever, q)
}

func (o observe) context(ctx context.Context) context.Context {
	outer := observing(ctx)
	return (&observation{observer: o.observer, outer: outer}).in(ctx)
}

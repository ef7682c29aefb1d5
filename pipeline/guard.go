package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
	"slices"
	"strings"
)

// PanicError is what a panic in a part of a pipeline comes back as.
type PanicError struct {
	// Part names the retriever, stage, fuser or observer that panicked.
	Part string
	// Value is what it panicked with.
	Value any
	// Stack is the goroutine's stack at that moment.
	Stack []byte
}

// Error names the part and the value, without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("%s: panic: %v", e.Part, e.Value) }

// Unwrap returns the value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// ask calls a function of the user's that only decides something.
func ask[T any](name string, decide func() T) (answer T, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Part: name, Value: v, Stack: debug.Stack()}
		}
	}()
	return decide(), nil
}

// run is one guarded call of a part.
type run struct {
	name       string
	kind       string
	role       Role
	structural bool
	query      Query
}

func newRun[T any](p part[T], kind string, q Query) run {
	return run{name: p.name, kind: kind, role: p.role, structural: p.structural, query: q}
}

func retrieve(ctx context.Context, p part[Retriever], q Query) (Ranking, error) {
	q, err := restrict(ctx, q)
	g := newRun(p, KindRetrieve, q)
	if err != nil {
		return Ranking{}, g.named(err)
	}
	return g.guard(ctx, nil, func(ctx context.Context) (Ranking, error) { return p.chosen(ctx, q).Retrieve(ctx, q) })
}

func apply(ctx context.Context, p part[Stage], q Query, in Ranking) (Ranking, error) {
	inputs := [1]Ranking{in}
	g := newRun(p, KindApply, q)
	return g.guard(ctx, inputs[:], func(ctx context.Context) (Ranking, error) { return p.chosen(ctx, q).Apply(ctx, q, in) })
}

func fuse(ctx context.Context, p part[Fuser], q Query, inputs []Ranking) (Ranking, error) {
	g := newRun(p, KindFuse, q)
	return g.guard(ctx, inputs, func(context.Context) (Ranking, error) { return p.do.Fuse(inputs) })
}

// guard makes the call and tells the observer, if the context has one.
func (g *run) guard(ctx context.Context, inputs []Ranking, call func(context.Context) (Ranking, error)) (Ranking, error) {
	if o := observing(ctx); o != nil {
		return g.watch(ctx, o, inputs, call)
	}
	return g.attempt(ctx, inputs, call)
}

// attempt makes the call so that whatever the part does, the combinator gets a
// valid ranking or an error that names the part.
func (g *run) attempt(ctx context.Context, inputs []Ranking, call func(context.Context) (Ranking, error)) (out Ranking, err error) {
	defer func() {
		if v := recover(); v != nil {
			out, err = Ranking{}, &PanicError{Part: g.name, Value: v, Stack: debug.Stack()}
		}
	}()
	if err := g.mayStart(ctx); err != nil {
		return Ranking{}, err
	}
	out, err = call(ctx)
	if err != nil {
		return Ranking{}, g.failed(ctx, err)
	}
	return g.accept(ctx, inputs, out)
}

// mayStart refuses work for a caller who is gone. After the end of a budget of
// the pipeline's own, retrievers and rewriters are refused: a stage may still finish
// what is in hand (cut a degraded ranking to k), and a slow one looks at the context.
func (g *run) mayStart(ctx context.Context) error {
	if ctx.Err() == nil || ((g.kind == KindApply || g.kind == KindFuse) && budgetEnded(ctx)) {
		return nil
	}
	return g.named(fmt.Errorf("not started: %s: %w", whatEnded(ctx), ended(ctx)))
}

// failed puts the name of the part and the context's cause into the chain.
func (g *run) failed(ctx context.Context, err error) error {
	err = withCause(ctx, err)
	if !g.structural && callerGone(ctx) && errors.Is(err, ctx.Err()) {
		err = fmt.Errorf("%s while waiting for it: %w", whatEnded(ctx), err)
	}
	return g.named(err)
}

func (g *run) named(err error) error {
	if g.structural || strings.HasPrefix(err.Error(), g.name+": ") {
		return err
	}
	return fmt.Errorf("%s: %w", g.name, err)
}

// accept checks and completes what the part returned, of which nobody sees what
// the permission in force does not allow.
func (g *run) accept(ctx context.Context, inputs []Ranking, out Ranking) (Ranking, error) {
	if out.Hits == nil {
		out.Hits = []Hit{}
	}
	if p := permitted(ctx); p != nil && !prefixOfInput(inputs, out.Hits) {
		out = p.check(g.name, out)
	}
	if !g.structural && !prefixOfInput(inputs, out.Hits) {
		if err := out.Validate(); err != nil {
			return Ranking{}, g.named(fmt.Errorf("returned an %w", err))
		}
	}
	out = keepGapsAndNotes(inputs, out)
	if g.kind == KindRetrieve && len(g.query.gaps) > 0 {
		out.Gaps = unionGaps(g.query.gaps, out.Gaps)
	}
	if g.query.Trace && !g.structural {
		out.Trace = g.step(inputs, out)
	}
	return out, nil
}

// prefixOfInput reports whether hits are the first hits of an input, in the same
// array, and so have been checked before.
func prefixOfInput(inputs []Ranking, hits []Hit) bool {
	if len(hits) == 0 {
		return true
	}
	for _, in := range inputs {
		if len(in.Hits) >= len(hits) && &in.Hits[0] == &hits[0] {
			return true
		}
	}
	return false
}

// keepGapsAndNotes restores what a part forgot to pass on, in the order of its
// inputs, so that no stage can make a degraded ranking look complete.
func keepGapsAndNotes(inputs []Ranking, out Ranking) Ranking {
	var gaps []Gap
	kept := true
	for _, in := range inputs {
		gaps = unionGaps(gaps, in.Gaps)
		kept = kept && out.notes.contains(in.notes)
	}
	if len(gaps) > 0 && !hasPrefix(out.Gaps, gaps) {
		out.Gaps = unionGaps(gaps, out.Gaps)
	}
	if !kept {
		out.notes = mergeNotes(append(slices.Clip(inputs), out))
	}
	return out
}

// eachGap replaces the gaps of what was made of several rankings: first come the
// gaps that all of them inherited, then those that each has beyond what it
// inherited, in the order of the parts, then what the fuser added. A fuser sees
// gaps that look alike and cannot tell which.
func eachGap(out Ranking, inputs []Ranking, inherited func(i int) []Gap) Ranking {
	var common, own, seen []Gap
	for i, in := range inputs {
		common = unionGaps(common, inherited(i))
		own = append(own, withoutGaps(in.Gaps, inherited(i))...)
		seen = unionGaps(seen, in.Gaps)
	}
	added := withoutGaps(out.Gaps, seen)
	if len(common)+len(own)+len(added) > 0 {
		out.Gaps = slices.Concat(common, own, added)
	}
	return out
}

func hasPrefix(gaps, prefix []Gap) bool {
	return len(gaps) >= len(prefix) && &gaps[0] == &prefix[0]
}

// step is the trace of out: what the part recorded itself if that ends in the
// same hits, else a new step.
func (g *run) step(given []Ranking, out Ranking) *Step {
	var inputs []*Step
	for _, in := range given {
		if in.Trace != nil {
			inputs = append(inputs, in.Trace)
		}
	}
	recorded := out.Trace
	for _, in := range inputs {
		if recorded == in {
			recorded = nil
		}
	}
	if recorded != nil {
		if sameArray(recorded.Hits, out.Hits) {
			return recorded
		}
		inputs = []*Step{recorded}
	}
	return &Step{Name: g.name, Inputs: inputs, Query: g.query.Text, Hits: out.Hits, Scale: out.Scale}
}

func (g *run) watch(ctx context.Context, o *observation, inputs []Ranking, call func(context.Context) (Ranking, error)) (Ranking, error) {
	return g.watched(ctx, o, inputs, func(ctx context.Context) (Ranking, error) { return g.attempt(ctx, inputs, call) })
}

// watched makes the call and tells the observers before and after. A panic of an
// observer fails the part; a panic that call lets pass is passed on.
func (g *run) watched(ctx context.Context, o *observation, inputs []Ranking, call func(context.Context) (Ranking, error)) (Ranking, error) {
	inside, span, err := g.begin(ctx, o, inputs)
	if err != nil {
		return Ranking{}, err
	}
	returned := false
	defer func() {
		if !returned { // the consumer of a stream panicked
			span.End(errAbandoned)
		}
	}()
	out, err := call(inside)
	returned = true
	if failure := g.finish(span, out, err); failure != nil {
		return Ranking{}, failure
	}
	return out, err
}

func (g *run) begin(ctx context.Context, o *observation, inputs []Ranking) (inside context.Context, span *Span, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = g.observerPanic(v)
		}
	}()
	inside, span = o.begin(ctx, g.event(inputs))
	return inside, span, nil
}

func (g *run) finish(span *Span, out Ranking, err error) (failure error) {
	defer func() {
		if v := recover(); v != nil {
			failure = g.observerPanic(v)
		}
	}()
	span.finish(func(e *Event) {
		e.Output, e.Out, e.Err = out, len(out.Hits), err
		var before []Gap
		for _, in := range e.Inputs {
			before = append(before, in.Gaps...)
		}
		e.Gaps = withoutGaps(out.Gaps, before)
	})
	return nil
}

// event is the event of the run before it begins. The copy of the inputs keeps
// the argument off the heap where nobody observes.
func (g *run) event(inputs []Ranking) Event {
	e := Event{Name: g.name, Kind: g.kind, Role: g.role, Query: g.query}
	if len(inputs) > 0 {
		e.Inputs = make([]Ranking, len(inputs))
		copy(e.Inputs, inputs)
	}
	for _, in := range e.Inputs {
		e.In += len(in.Hits)
	}
	return e
}

func (g *run) observerPanic(v any) error {
	if err, ok := v.(*PanicError); ok {
		return err
	}
	return &PanicError{Part: "observer of " + g.name, Value: v, Stack: debug.Stack()}
}

// observedRewrite makes the call and tells the observers before and after.
func (g *run) observedRewrite(ctx context.Context, inputs []Ranking, call func(context.Context) ([]Query, error)) ([]Query, error) {
	o := observing(ctx)
	if o == nil {
		return call(ctx)
	}
	inside, span, err := g.begin(ctx, o, inputs)
	if err != nil {
		return nil, err
	}
	queries, err := call(inside)
	if failure := g.finishRewrite(span, queries, err); failure != nil {
		return nil, failure
	}
	return queries, err
}

func (g *run) finishRewrite(span *Span, queries []Query, err error) (failure error) {
	defer func() {
		if v := recover(); v != nil {
			failure = g.observerPanic(v)
		}
	}()
	span.finish(func(e *Event) { e.Queries, e.Out, e.Err = queries, len(queries), err })
	return nil
}

func (g *run) rewrite(ctx context.Context, r Rewriter, q Query) (queries []Query, err error) {
	defer func() {
		if v := recover(); v != nil {
			queries, err = nil, &PanicError{Part: g.name, Value: v, Stack: debug.Stack()}
		}
	}()
	if err := g.mayStart(ctx); err != nil {
		return nil, err
	}
	made, err := r.Rewrite(ctx, q)
	if err == nil && len(made) == 0 {
		err = errNoQueries
	}
	if err != nil {
		return nil, g.failed(ctx, err)
	}
	queries = make([]Query, len(made))
	for i, m := range made {
		if queries[i], err = m.inherit(q); err != nil {
			return nil, g.failed(ctx, err)
		}
	}
	return queries, nil
}

// sequence guards every ranking of a sequence as guard does a single one. The
// observer is told once, when the sequence has ended.
func (g *run) sequence(ctx context.Context, inputs []Ranking, start func(context.Context) iter.Seq2[Ranking, error], yield func(Ranking, error) bool) {
	d := drainage{run: g, inputs: inputs, yield: yield}
	var end Ranking
	var err error
	if o := observing(ctx); o != nil {
		end, err = g.watched(ctx, o, inputs, func(ctx context.Context) (Ranking, error) { return d.drain(ctx, start) })
	} else {
		end, err = d.drain(ctx, start)
	}
	switch {
	case d.stopped:
	case err != nil:
		yield(Ranking{}, err)
	case !d.settled:
		yield(end, nil)
	}
}

func sameArray(a, b []Hit) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// ended returns nil while ctx runs, then an error with both ctx.Err() and its
// cause in the chain.
func ended(ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	cause := context.Cause(ctx)
	if cause == nil || errors.Is(err, cause) {
		return err
	}
	if errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}

// whatEnded says in words why ctx ended.
func whatEnded(ctx context.Context) string {
	var own *BudgetError
	switch {
	case errors.As(context.Cause(ctx), &own):
		return "the budget of " + own.Part + " was used up"
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return "the caller's deadline passed"
	}
	return "the caller gave up"
}

// withCause adds the end of ctx to err, unless it is there already.
func withCause(ctx context.Context, err error) error {
	end := ended(ctx)
	if end == nil || (errors.Is(err, ctx.Err()) && errors.Is(err, context.Cause(ctx))) {
		return err
	}
	return fmt.Errorf("%w (%w)", err, end)
}

// budgetEnded reports whether ctx ended because a budget of the pipeline's own
// was used up, and not because the caller gave up.
func budgetEnded(ctx context.Context) bool {
	if ctx.Err() == nil {
		return false
	}
	var own *BudgetError
	return errors.As(context.Cause(ctx), &own)
}

// callerGone reports whether the caller gave up or ran out of time.
func callerGone(ctx context.Context) bool { return ctx.Err() != nil && !budgetEnded(ctx) }

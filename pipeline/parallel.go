package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/sourcegraph/conc"
)

// DefaultConcurrency is how many parts a Fan, Blend or Expand runs at a time
// where nothing else is said.
const DefaultConcurrency = 8

// Parallel says how parts run side by side and how many of them may fail. Its
// methods make the same combinators as the functions Fan, Blend and Expand; the
// zero value makes exactly those.
type Parallel struct {
	// Quorum is how many parts must succeed. Zero stands for one in a Fan and an
	// Expand, and for all of them in a Blend. A part that fails within the quorum
	// leaves a Gap, and an empty ranking in its place among the fuser's inputs,
	// so that weights stay with their lists.
	Quorum int
	// Concurrency is how many parts run at a time; zero stands for
	// DefaultConcurrency.
	Concurrency int
	// Depth is how many hits of each list are fused, from the top; zero stands for
	// all. With it what stands at the top does not depend on how many hits were
	// retrieved, which a normaliser over the whole list looks at. In a Blend the
	// hits behind the depth are given to no branch and stay below the others in
	// their order, imputed for ReasonNotSent, which is no gap. In a Fan and an
	// Expand they are left out.
	Depth int
}

func (p Parallel) check(combinator string, parts int) error {
	switch {
	case parts == 0:
		return fmt.Errorf("pipeline: %s: nothing to run: give it at least one part", combinator)
	case p.Quorum < 0 || p.Concurrency < 0 || p.Depth < 0:
		return fmt.Errorf("pipeline: %s: quorum %d, concurrency %d and depth %d must not be negative", combinator, p.Quorum, p.Concurrency, p.Depth)
	case p.Quorum > parts:
		return fmt.Errorf("pipeline: %s: quorum %d cannot be met by %d parts: ask for at most as many", combinator, p.Quorum, parts)
	}
	return nil
}

func (p Parallel) quorum(zero int) int {
	if p.Quorum == 0 {
		return zero
	}
	return p.Quorum
}

func (p Parallel) concurrency(parts int) int {
	if p.Concurrency == 0 {
		return min(parts, DefaultConcurrency)
	}
	return min(parts, p.Concurrency)
}

func (p Parallel) settings(quorum string, parts int) []Setting {
	s := []Setting{{"quorum", quorum}, {"concurrency", strconv.Itoa(p.concurrency(parts))}}
	if p.Depth > 0 {
		s = append(s, Setting{"depth", strconv.Itoa(p.Depth)})
	}
	return s
}

func ofAll(quorum, parts int) string { return fmt.Sprintf("%d of %d", quorum, parts) }

// deep cuts a ranking to the depth.
func (p Parallel) deep(r Ranking) Ranking {
	if p.Depth == 0 || p.Depth >= len(r.Hits) {
		return r
	}
	return r.Derive(r.Hits[:p.Depth:p.Depth])
}

// outcome is what one of several parallel parts came to.
type outcome struct {
	ranking Ranking
	err     error
}

// sideBySide runs the parts under these options and returns when all have
// returned. Where fewer than all have to succeed, each has a reserve held back
// from its deadline, see shareReserve. Every outcome has its own slot, so the
// order in which parts finish decides nothing. One that ignores its context is left
// behind where it may fail, so that it does not lose the others. A part that was not
// started because ctx ended has that as its error.
func (p Parallel) sideBySide(ctx context.Context, l leaving, quorum int, names []string, call func(ctx context.Context, i int) (Ranking, error)) []outcome {
	n := len(names)
	outcomes := make([]outcome, n)
	if n == 1 {
		outcomes[0].ranking, outcomes[0].err = call(ctx, 0)
		return outcomes
	}
	one := func(i int) (Ranking, error) { return call(ctx, i) }
	if quorum < n {
		one = func(i int) (Ranking, error) {
			ctx, cancel := shareReserve(ctx, names[i])
			defer cancel()
			return l.call(ctx, names[i], legPatience, func(ctx context.Context) (Ranking, error) { return call(ctx, i) })
		}
	}
	var slots chan struct{} // nil where all run at once
	if c := p.concurrency(n); c < n {
		slots = make(chan struct{}, c)
	}
	run := func(i int) {
		if slots != nil {
			defer func() { <-slots }()
		}
		outcomes[i].ranking, outcomes[i].err = one(i)
	}
	var group conc.WaitGroup
	defer group.Wait()
	for i := range n {
		if slots != nil {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
			}
		}
		switch {
		case ctx.Err() != nil:
			outcomes[i].err = fmt.Errorf("%s: not started: %w", names[i], ended(ctx))
		case i < n-1:
			group.Go(func() { run(i) })
		default:
			run(i) // here, where somebody has to wait anyway
		}
	}
	return outcomes
}

// Expand is the function Expand under these options. A quorum above the number
// of queries that the rewriter makes asks for all of them.
func (p Parallel) Expand(rewriter Rewriter, fuser Fuser, retriever Retriever) Retriever {
	e := expand{Parallel: p, leaving: newLeaving(), rewriter: newPart(rewriter), fuser: newPart(fuser), retriever: newPart(retriever)}
	e.err = firstError(p.check("expand", max(1, p.Quorum)),
		missing("expand", "rewriter", []part[Rewriter]{e.rewriter}),
		missing("expand", "fuser", []part[Fuser]{e.fuser}),
		missing("expand", "retriever", []part[Retriever]{e.retriever}))
	return e
}

// Fan is the function Fan under these options.
func (p Parallel) Fan(fuser Fuser, retrievers ...Retriever) Retriever {
	f := fan{Parallel: p, leaving: newLeaving(), fuser: newPart(fuser), retrievers: newParts(retrievers)}
	f.err = firstError(p.check("fan", len(retrievers)),
		missing("fan", "fuser", []part[Fuser]{f.fuser}),
		missing("fan", "retriever", f.retrievers))
	f.judges = judges(retrievers)
	return f
}

// Blend is the function Blend under these options.
func (p Parallel) Blend(fuser Fuser, stages ...Stage) Stage {
	b := blend{Parallel: p, leaving: newLeaving(), fuser: newPart(fuser), stages: newParts(stages)}
	b.err = firstError(p.check("blend", len(stages)),
		missing("blend", "fuser", []part[Fuser]{b.fuser}),
		missing("blend", "stage", b.stages))
	b.judges = judges(stages)
	return b
}

// collect turns outcomes into the inputs of a fuser: where a part failed, an
// empty ranking with its gap stands in its place. Fewer successes than the
// quorum, and a caller who is gone, are errors that join all causes.
func collect[T any](ctx context.Context, name string, parts []part[T], outcomes []outcome, quorum int) ([]Ranking, error) {
	inputs := make([]Ranking, len(outcomes))
	var failures []error
	var late []string
	for i, o := range outcomes {
		if o.err == nil {
			inputs[i] = o.ranking
			continue
		}
		failures = append(failures, o.err)
		p := parts[min(i, len(parts)-1)]
		if ctx.Err() != nil && errors.Is(o.err, ctx.Err()) {
			late = append(late, p.name)
		}
		inputs[i] = Ranking{Hits: []Hit{}, Scale: scaleOf(p.do), Gaps: []Gap{gapOf(p.name, o.err)}}
	}
	if len(failures) == 0 {
		return inputs, nil
	}
	n, succeeded := len(outcomes), len(outcomes)-len(failures)
	switch {
	case callerGone(ctx) && len(late) > 0:
		return nil, withCause(ctx, fmt.Errorf("pipeline: %s: %s while waiting for %s; %d of %d had answered: %w",
			name, whatEnded(ctx), strings.Join(late, ", "), succeeded, n, errors.Join(failures...)))
	case succeeded < quorum || callerGone(ctx):
		return nil, withCause(ctx, fmt.Errorf("pipeline: %s: %d of %d parts failed: %w", name, len(failures), n, errors.Join(failures...)))
	}
	return inputs, nil
}

// names returns the names of the parts.
func names[T any](parts []part[T]) []string {
	return many(len(parts), func(i int) string { return parts[i].name })
}

func many(n int, name func(i int) string) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = name(i)
	}
	return out
}

func errNilArgument(combinator, what string) error {
	return fmt.Errorf("pipeline: %s: the %s is nil", combinator, what)
}

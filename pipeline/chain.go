package pipeline

import (
	"context"
	"iter"
	"slices"
)

type chain struct {
	combinator
	retriever part[Retriever]
	stages    stages
	err       error
}

// Chain asks the retriever and then applies the stages, each to what the one
// before it returned. The first error ends the chain.
func Chain(retriever Retriever, stages ...Stage) Retriever {
	c := chain{retriever: newPart(retriever), stages: newParts(stages)}
	if len(stages) > 0 {
		c.retriever = c.retriever.before(keepsFirst(Describe(stages[0])))
	}
	c.stages.lookAhead()
	c.err = missing("chain", "retriever", []part[Retriever]{c.retriever})
	if c.err == nil {
		c.err = missing("chain", "stage", c.stages)
	}
	return c
}

// Describe implements Describer.
func (c chain) Describe() Node {
	children := append([]Node{Describe(c.retriever.do)}, nodes(c.stages)...)
	return Node{
		Name: "chain", Children: children, Facts: Facts{Role: RoleChain}, Err: c.err,
		Limited: limitedBy(c.limited, children[len(children)-1]),
	}
}

func (c chain) limited(k int) any {
	if len(c.stages) == 0 {
		c.retriever = c.retriever.only(k)
	} else {
		c.stages = c.stages.limited(k)
	}
	return c
}

// Retrieve implements Retriever.
func (c chain) Retrieve(ctx context.Context, q Query) (Ranking, error) {
	if c.err != nil {
		return Ranking{}, c.err
	}
	r, err := retrieve(ctx, c.retriever, q)
	if err != nil {
		return Ranking{}, err
	}
	return c.stages.apply(ctx, q, r)
}

// stream implements Stream for a chain.
func (c chain) stream(ctx context.Context, q Query) iter.Seq2[Ranking, error] {
	if c.err != nil {
		return failing(c.err)
	}
	return func(yield func(Ranking, error) bool) {
		if len(c.stages) == 0 {
			forward(streamPart(ctx, c.retriever, q), yield)
			return
		}
		r, ok := c.stages.show(ctx, q, 0, streamPart(ctx, c.retriever, q), yield)
		if ok {
			c.stages.refine(ctx, q, r, yield)
		}
	}
}

type join struct {
	combinator
	stages stages
	err    error
}

// Join makes one stage of several that run one after the other. Without stages
// it returns its input.
func Join(stages ...Stage) Stage {
	j := join{stages: newParts(stages)}
	j.stages.lookAhead()
	j.err = missing("join", "stage", j.stages)
	return j
}

// Describe implements Describer.
func (j join) Describe() Node {
	n := Node{Name: "join", Children: nodes(j.stages), Facts: Facts{Role: RoleChain}, Err: j.err}
	if len(n.Children) > 0 {
		n.Limited = limitedBy(j.limited, n.Children[len(n.Children)-1])
	}
	return n
}

func (j join) limited(k int) any {
	j.stages = j.stages.limited(k)
	return j
}

// Apply implements Stage.
func (j join) Apply(ctx context.Context, q Query, in Ranking) (Ranking, error) {
	if j.err != nil {
		return Ranking{}, j.err
	}
	return j.stages.apply(ctx, q, in.Derive(in.Hits))
}

// Refine implements Refiner.
func (j join) Refine(ctx context.Context, q Query, in Ranking) iter.Seq2[Ranking, error] {
	if j.err != nil {
		return failing(j.err)
	}
	return func(yield func(Ranking, error) bool) { j.stages.refine(ctx, q, in.Derive(in.Hits), yield) }
}

// stages run one after the other.
type stages []part[Stage]

// lookAhead tells each stage how many hits the next one keeps.
func (s stages) lookAhead() {
	for i := range len(s) - 1 {
		s[i] = s[i].before(keepsFirst(Describe(s[i+1].do)))
	}
}

// limited returns a copy whose last stage makes its first k hits only.
func (s stages) limited(k int) stages {
	s = slices.Clone(s)
	s[len(s)-1] = s[len(s)-1].only(k)
	return s
}

func (s stages) apply(ctx context.Context, q Query, r Ranking) (Ranking, error) {
	for _, stage := range s {
		var err error
		if r, err = apply(ctx, stage, q, r); err != nil {
			return Ranking{}, err
		}
	}
	return r, nil
}

// refine runs the stages one after the other and yields the states in between
// and, last, the result.
func (s stages) refine(ctx context.Context, q Query, r Ranking, yield func(Ranking, error) bool) {
	for i, stage := range s {
		if i == len(s)-1 { // what it shows needs no more work, and ends in the result
			forward(refine(ctx, stage, q, r), yield)
			return
		}
		var ok bool
		if r, ok = s.show(ctx, q, i+1, refine(ctx, stage, q, r), yield); !ok {
			return
		}
	}
	yield(r, nil)
}

// show consumes the sequence of one part, shows what it yields as it would look
// after the stages from next on, and returns the last ranking. It reports false
// if the consumer stopped or the part failed.
//
// The last ranking of the part is shown if work follows it: else it becomes the
// result, which is yielded anyway. What looks like the ranking that was shown last
// is not shown again.
func (s stages) show(ctx context.Context, q Query, next int, rankings iter.Seq2[Ranking, error], yield func(Ranking, error) bool) (end Ranking, ok bool) {
	var shown Ranking
	pending, work := s.work(next)
	for r, err := range rankings {
		if err != nil {
			yield(Ranking{}, err)
			return Ranking{}, false
		}
		end, ok = r, true
		if !r.Early() && !work {
			continue
		}
		early := s.preview(ctx, q, next, r, pending)
		if alike(early, shown) {
			continue
		}
		if shown = early; !yield(early, nil) {
			return Ranking{}, false
		}
	}
	return end, ok
}

// work returns the name of the first of the stages from next on that does more
// than cut, and whether there is one.
func (s stages) work(next int) (string, bool) {
	for _, p := range s[next:] {
		if !p.cuts {
			return p.name, true
		}
	}
	return "", false
}

// preview cuts r as the stages from next on would, and says that it is early. A
// cut that refuses the early ranking is passed over, and so is a threshold on a
// scale that only a later stage makes.
func (s stages) preview(ctx context.Context, q Query, next int, r Ranking, pending string) Ranking {
	ctx, q.Trace = unobserved(ctx), false
	early := r.early(pending)
	for _, stage := range s[next:] {
		if !stage.cuts || (stage.needs != Unknown && stage.needs != r.Scale) {
			continue
		}
		if cut, err := apply(ctx, stage, q, early); err == nil {
			early = cut
		}
	}
	return early
}

type keep struct{}

// Keep is the stage that returns its input as it is: the branch of a Blend that
// stands for the ranking before, and the alternative of an Else that goes on
// without.
func Keep() Stage { return keep{} }

// Describe implements Describer.
func (keep) Describe() Node { return Node{Name: "keep"} }

// Apply implements Stage.
func (keep) Apply(_ context.Context, _ Query, in Ranking) (Ranking, error) {
	return in.Derive(in.Hits), nil
}

type gate struct {
	combinator
	open  func(Query, Ranking) bool
	stage part[Stage]
	err   error
}

// Gate applies the stage only where the predicate says so, and otherwise
// returns its input as it is: a rerank that is left out when the retrieval's
// first hit is far ahead, a filter for some queries only. A panic in the
// predicate is an error. The predicate must be safe for concurrent use and must
// not write to its arguments.
func Gate(predicate func(Query, Ranking) bool, stage Stage) Stage {
	g := gate{open: predicate, stage: newPart(stage)}
	g.err = missing("gate", "stage", []part[Stage]{g.stage})
	if g.err == nil && predicate == nil {
		g.err = errNilArgument("gate", "predicate")
	}
	return g
}

// Describe implements Describer.
func (g gate) Describe() Node {
	return Node{Name: "gate", Children: []Node{Describe(g.stage.do)}, Err: g.err}
}

// Apply implements Stage.
func (g gate) Apply(ctx context.Context, q Query, in Ranking) (Ranking, error) {
	open, err := g.decide(q, in)
	switch {
	case err != nil:
		return Ranking{}, err
	case !open:
		return in.Derive(in.Hits), nil
	}
	return apply(ctx, g.stage, q, in)
}

// Refine implements Refiner.
func (g gate) Refine(ctx context.Context, q Query, in Ranking) iter.Seq2[Ranking, error] {
	open, err := g.decide(q, in)
	switch {
	case err != nil:
		return failing(err)
	case !open:
		return once(in.Derive(in.Hits), nil)
	}
	return refine(ctx, g.stage, q, in)
}

func (g gate) decide(q Query, in Ranking) (bool, error) {
	if g.err != nil {
		return false, g.err
	}
	return ask("gate", func() bool { return g.open(q, in) })
}

type strict struct {
	combinator
	stage part[Stage]
	err   error
}

// Strict turns a degraded ranking into an error, a *GapError that names every
// gap and through which errors.Is and errors.As see the causes. It counts all
// gaps of what the stage returns, also those that the input came with, so
// Strict(Keep()) at the end of a chain demands that nothing at all is missing.
func Strict(stage Stage) Stage {
	s := strict{stage: newPart(stage)}
	s.err = missing("strict", "stage", []part[Stage]{s.stage})
	return s
}

// Describe implements Describer.
func (s strict) Describe() Node {
	child := Describe(s.stage.do)
	return Node{Name: "strict", Children: []Node{child}, Err: s.err, Limited: limitedBy(s.limited, child)}
}

func (s strict) limited(k int) any {
	s.stage = s.stage.only(k)
	return s
}

// Apply implements Stage.
func (s strict) Apply(ctx context.Context, q Query, in Ranking) (Ranking, error) {
	if s.err != nil {
		return Ranking{}, s.err
	}
	out, err := apply(ctx, s.stage, q, in)
	if err == nil {
		err = out.Err()
	}
	if err != nil {
		return Ranking{}, err
	}
	return out, nil
}

// Refine implements Refiner. Early states are passed on with their gaps; only the
// last one has to be without.
func (s strict) Refine(ctx context.Context, q Query, in Ranking) iter.Seq2[Ranking, error] {
	if s.err != nil {
		return failing(s.err)
	}
	return func(yield func(Ranking, error) bool) {
		for r, err := range refine(ctx, s.stage, q, in) {
			if err == nil && !r.Early() {
				err = r.Err()
			}
			if err != nil {
				r = Ranking{}
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

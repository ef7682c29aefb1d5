package pipeline

import (
	"context"
	"fmt"
	"iter"
	"slices"
)

// NamedPart is a part of a pipeline under a name of the program's choice. Named
// makes it. It can stand wherever the part itself can.
type NamedPart struct {
	name string
	part any
	// was is the part's name in its own description.
	was string
}

var (
	_ Retriever = NamedPart{}
	_ Refiner   = NamedPart{}
	_ Fuser     = NamedPart{}
	_ Rewriter  = NamedPart{}
	_ Next      = NamedPart{}
)

// Named gives any part a name: a Retriever, a Stage, a Fuser, a Rewriter or a Next.
// Descriptions, gaps, marks, traces, events and errors call it by the name, so
// that functions have one and two stores of one kind can be told apart.
//
// The result has the methods of all of them. In the place of a shape that the
// part does not have it is a mistake, which Lint finds and the first query
// reports. Parts inside a named combinator keep their own names.
func Named(name string, part any) NamedPart {
	return NamedPart{name: name, part: part, was: Describe(part).Name}
}

// Describe returns the description of the part under its name.
func (n NamedPart) Describe() Node {
	d := Describe(n.part)
	d.Name = n.name
	if limited := d.Limited; limited != nil {
		d.Limited = func(k int) any { return Named(n.name, limited(k)) }
	}
	switch {
	case n.name == "":
		d.Err = firstError(fmt.Errorf("pipeline: named: the name of %s is empty", n.was), d.Err)
	case n.part == nil:
		d.Err = errNilArgument("named", fmt.Sprintf("part %q", n.name))
	}
	return d
}

// Retrieve asks the part, which must be a Retriever.
func (n NamedPart) Retrieve(ctx context.Context, q Query) (Ranking, error) {
	r, ok := n.part.(Retriever)
	if !ok {
		return Ranking{}, n.misplaced("retriever")
	}
	out, err := r.Retrieve(ctx, q)
	return n.signed(nil, out), err
}

// stream implements Stream.
func (n NamedPart) stream(ctx context.Context, q Query) iter.Seq2[Ranking, error] {
	if s, ok := n.part.(streamer); ok {
		return n.signedAll(nil, s.stream(ctx, q))
	}
	return func(yield func(Ranking, error) bool) { yield(n.Retrieve(ctx, q)) }
}

// Apply applies the part, which must be a Stage.
func (n NamedPart) Apply(ctx context.Context, q Query, in Ranking) (Ranking, error) {
	s, ok := n.part.(Stage)
	if !ok {
		return Ranking{}, n.misplaced("stage")
	}
	out, err := s.Apply(ctx, q, in)
	return n.signed([]Ranking{in}, out), err
}

// Refine implements Refiner: a part that is none shows its result only.
func (n NamedPart) Refine(ctx context.Context, q Query, in Ranking) iter.Seq2[Ranking, error] {
	if r, ok := n.part.(Refiner); ok {
		return n.signedAll([]Ranking{in}, r.Refine(ctx, q, in))
	}
	return func(yield func(Ranking, error) bool) { yield(n.Apply(ctx, q, in)) }
}

// Fuse fuses with the part, which must be a Fuser.
func (n NamedPart) Fuse(inputs []Ranking) (Ranking, error) {
	f, ok := n.part.(Fuser)
	if !ok {
		return Ranking{}, n.misplaced("fuser")
	}
	out, err := f.Fuse(inputs)
	return n.signed(inputs, out), err
}

// Rewrite rewrites with the part, which must be a Rewriter.
func (n NamedPart) Rewrite(ctx context.Context, q Query) ([]Query, error) {
	r, ok := n.part.(Rewriter)
	if !ok {
		return nil, n.misplaced("rewriter")
	}
	return r.Rewrite(ctx, q)
}

// Next makes the query of the next hop with the part, which must be a Next.
func (n NamedPart) Next(ctx context.Context, q Query, found Ranking) (Query, bool, error) {
	next, ok := n.part.(Next)
	if !ok {
		return Query{}, false, n.misplaced("next")
	}
	return next.Next(ctx, q, found)
}

func (n NamedPart) misplaced(shape string) error {
	return fmt.Errorf("pipeline: named: %q is a %T, which is no %s", n.name, n.part, shape)
}

func (n NamedPart) signedAll(in []Ranking, rankings iter.Seq2[Ranking, error]) iter.Seq2[Ranking, error] {
	return func(yield func(Ranking, error) bool) {
		for r, err := range rankings {
			if !yield(n.signed(in, r), err) {
				return
			}
		}
	}
}

// signed puts the name into the marks and gaps that the part itself left, and not
// into those of its inputs.
func (n NamedPart) signed(inputs []Ranking, out Ranking) Ranking {
	if _, structural := n.part.(structure); structural || n.was == n.name {
		return out
	}
	given, inherited := map[string][]Trail{}, []Gap(nil)
	for _, in := range inputs {
		inherited = unionGaps(inherited, in.Gaps)
		for _, h := range in.Hits {
			given[h.Document.ID] = append(given[h.Document.ID], h.Trail)
		}
	}
	out.Hits = n.signedHits(given, out.Hits)
	own := slices.Clone(withoutGaps(out.Gaps, inherited))
	if !slices.ContainsFunc(own, func(g Gap) bool { return g.Stage == n.was }) {
		return out
	}
	for i := range own {
		if own[i].Stage == n.was {
			own[i].Stage = n.name
		}
	}
	out.Gaps = slices.Concat(inherited, own)
	return out
}

// signedHits renames the newest mark of each hit that has more marks than it was
// given with.
func (n NamedPart) signedHits(given map[string][]Trail, hits []Hit) []Hit {
	var signed *renamed
	out := hits
	for i, h := range hits {
		old := slices.ContainsFunc(given[h.Document.ID], func(from Trail) bool { return !h.Trail.grew(from) })
		if old || h.Trail.by == nil || h.Newest().Stage != n.was {
			continue
		}
		if signed == nil {
			signed = &renamed{stage: n.name, of: make([]Trail, len(hits))}
			signed.own.marker = signed
			out = slices.Clone(hits)
		}
		signed.of[i] = h.Trail
		out[i].Trail.by, out[i].Trail.place = &signed.own, uint32(i)
	}
	return out
}

// inner is the part itself without the names around it.
func inner(v any) any {
	for {
		n, ok := v.(NamedPart)
		if !ok {
			return v
		}
		v = n.part
	}
}

// asRefiner returns the part as a Refiner if it is one, with or without a name.
func asRefiner(v any) (Refiner, bool) {
	if _, ok := inner(v).(Refiner); !ok {
		return nil, false
	}
	r, ok := v.(Refiner)
	return r, ok
}

// asStreamer returns the part as a streamer if it is one, with or without a name.
func asStreamer(v any) (streamer, bool) {
	if _, ok := inner(v).(streamer); !ok {
		return nil, false
	}
	s, ok := v.(streamer)
	return s, ok
}

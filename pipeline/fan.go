package pipeline

import (
	"context"
	"iter"
	"slices"
)

type fan struct {
	combinator
	leaving
	Parallel
	fuser      part[Fuser]
	retrievers []part[Retriever]
	judges     []bool // whether each leg gives scores of its own
	err        error
}

// Fan asks several retrievers at once and fuses their rankings, in the order of
// the arguments. A retriever that fails leaves a Gap and the others stay usable;
// if all fail, that is an error that joins their causes. Parallel.Fan asks for a
// larger quorum or another concurrency.
//
// Where the context has a deadline and not all retrievers have to succeed, they
// get the time that is left less a reserve of 5 %, at least MinReserve and at most
// half, so that one that hangs does not lose the others: what arrived in time is
// used, also where a budget of the pipeline's own ends (see Within). A caller who
// gives up is always an error.
func Fan(fuser Fuser, retrievers ...Retriever) Retriever {
	return Parallel{}.Fan(fuser, retrievers...)
}

func (f fan) limited(k int) any {
	f.fuser = f.fuser.only(k)
	return f
}

// Describe implements Describer.
func (f fan) Describe() Node {
	n, fuser := len(f.retrievers), Describe(f.fuser.do)
	return Node{
		Name: "fan", Settings: f.settings(ofAll(f.quorum(1), n), n),
		Children: append([]Node{fuser}, nodes(f.retrievers)...), Limited: limitedBy(f.limited, fuser),
		Facts: Facts{Role: RoleBranch, Tolerates: f.quorum(1) < n}, Err: f.err,
	}
}

// Retrieve implements Retriever.
func (f fan) Retrieve(ctx context.Context, q Query) (Ranking, error) {
	if f.err != nil {
		return Ranking{}, f.err
	}
	n := len(f.retrievers)
	outcomes := f.sideBySide(ctx, f.leaving, f.quorum(1), names(f.retrievers), func(ctx context.Context, i int) (Ranking, error) {
		r, err := retrieve(ctx, f.retrievers[i], q)
		return f.deep(r), err
	})
	inputs, err := collect(ctx, "fan", f.retrievers, outcomes, f.quorum(1))
	if err != nil {
		return Ranking{}, err
	}
	fallen := f.fallen(inputs)
	r, err := fuse(ctx, f.fuser, q, inputs)
	if err != nil && len(fallen) > 0 && len(fallen) < n {
		if again, refused := fuse(ctx, f.fuser, q, emptied(inputs, fallen, f.retrievers)); refused == nil {
			r, err = again, nil
		}
	}
	if err != nil {
		return Ranking{}, err
	}
	return eachGap(honest(f.fuser.name, r, inputs, fallen), inputs, func(int) []Gap { return q.gaps }), nil
}

// fallen finds the legs that should have judged their hits and could not, so that
// they stand on another scale than the leg declares: a chain whose rerank is down.
// A fuser that is set up for the declared scale has to refuse such a list, and
// what is no error of the leg should be none of the fan.
func (f fan) fallen(lists []Ranking) []fall {
	var fallen []fall
	for i, r := range lists {
		if len(r.Hits) == 0 || len(r.Gaps) == 0 || !f.judges[i] {
			continue
		}
		if own := scaleOf(f.retrievers[i].do); own != Unknown && own != r.Scale {
			fallen = append(fallen, fall{i, r.Gaps[len(r.Gaps)-1].Reason})
		}
	}
	return fallen
}

type blend struct {
	combinator
	leaving
	Parallel
	fuser  part[Fuser]
	stages []part[Stage]
	judges []bool // whether each stage gives scores of its own
	err    error
}

// Blend applies several stages to the same ranking, side by side, and fuses what
// they return, in the order of the arguments. With Keep as one of the branches
// it fuses a reranked ranking with the one before. An error of a branch is an
// error of the Blend, unless Parallel.Blend asks for a smaller quorum.
//
// An outage never raises a score. A branch that should have judged the ranking and
// returns it as it was counts as an empty list, with its gaps; where all branches
// do so, the ranking is returned as it was, on its own scale. A document that a
// branch could not judge is not Judged in the result, whatever the others say, so
// that it passes no threshold.
func Blend(fuser Fuser, stages ...Stage) Stage { return Parallel{}.Blend(fuser, stages...) }

func (b blend) limited(k int) any {
	b.fuser = b.fuser.only(k)
	return b
}

// Describe implements Describer.
func (b blend) Describe() Node {
	n, fuser := len(b.stages), Describe(b.fuser.do)
	return Node{
		Name: "blend", Settings: b.settings(ofAll(b.quorum(n), n), n),
		Children: append([]Node{fuser}, nodes(b.stages)...), Limited: limitedBy(b.limited, fuser),
		Facts: Facts{Role: RoleBranch, Tolerates: b.quorum(n) < n}, Err: b.err,
	}
}

// Apply implements Stage.
func (b blend) Apply(ctx context.Context, q Query, in Ranking) (Ranking, error) {
	if b.err != nil {
		return Ranking{}, b.err
	}
	head, n := b.deep(in), len(b.stages)
	outcomes := b.sideBySide(ctx, b.leaving, b.quorum(n), names(b.stages), func(ctx context.Context, i int) (Ranking, error) {
		return apply(ctx, b.stages[i], q, head)
	})
	return b.fuse(ctx, q, in, outcomes)
}

// fuse makes one ranking of what the branches came to, with the hits behind the
// depth below it.
func (b blend) fuse(ctx context.Context, q Query, in Ranking, outcomes []outcome) (Ranking, error) {
	head := b.deep(in)
	r, err := b.fuseHead(ctx, q, head, outcomes)
	if err != nil || len(head.Hits) == len(in.Hits) {
		return r, err
	}
	rest := in.Hits[b.Depth:]
	out := r.Derive(slices.Concat(r.Hits, rest))
	if r.Scale != in.Scale || !untouched(r.Hits, head.Hits) {
		out = r.Derive(behind(b.fuser.name, r, rest))
	}
	if q.Trace {
		out.Trace = &Step{Name: "blend", Inputs: []*Step{r.Trace, in.Trace}, Query: q.Text, Hits: out.Hits, Scale: out.Scale}
	}
	return out, nil
}

func (b blend) fuseHead(ctx context.Context, q Query, in Ranking, outcomes []outcome) (Ranking, error) {
	inputs, err := collect(ctx, "blend", b.stages, outcomes, b.quorum(len(b.stages)))
	if err != nil {
		return Ranking{}, err
	}
	inherited := func(int) []Gap { return in.Gaps }
	fallen := b.fallen(in, inputs)
	if len(fallen) == len(inputs) { // as one rerank of which nothing was scored
		return eachGap(in.together(inputs), inputs, inherited), nil
	}
	r, err := fuse(ctx, b.fuser, q, emptied(inputs, fallen, b.stages))
	if err != nil {
		return Ranking{}, err
	}
	return eachGap(honest(b.fuser.name, r, inputs, fallen), inputs, inherited), nil
}

// fallen finds the branches that should have judged the ranking and gave it back
// as it was: a rerank whose server is down, or one behind a gate that is shut. A
// ranking that was not judged is no second opinion. If it counted as one, each
// document would get the weight of the judge for its place in the retrieval, and
// an outage would raise the scores.
func (b blend) fallen(in Ranking, branches []Ranking) []fall {
	var fallen []fall
	for i, r := range branches {
		if len(r.Hits) == 0 || r.Scale != in.Scale || !b.judges[i] || !untouched(r.Hits, in.Hits) {
			continue
		}
		reason := ReasonNotSent
		if own := withoutGaps(r.Gaps, in.Gaps); len(own) > 0 {
			reason = own[0].Reason
		}
		fallen = append(fallen, fall{i, reason})
	}
	return fallen
}

// untouched reports whether no hit has a mark that it did not come with.
func untouched(hits, in []Hit) bool {
	trails := make(map[string]Trail, len(in))
	for i := range in {
		trails[in[i].Document.ID] = in[i].Trail
	}
	return !slices.ContainsFunc(hits, func(h Hit) bool {
		from, ok := trails[h.Document.ID]
		return !ok || h.Trail.grew(from) || from.grew(h.Trail)
	})
}

// Refine implements Refiner: whenever a branch has a better ranking, the newest
// ones of all branches are fused. States that the fuser refuses are not shown,
// and neither is one that is no longer early, because the result follows.
func (b blend) Refine(ctx context.Context, q Query, in Ranking) iter.Seq2[Ranking, error] {
	if b.err != nil {
		return failing(b.err)
	}
	return func(yield func(Ranking, error) bool) {
		head, n := b.deep(in), len(b.stages)
		reserved, cancel := ctx, context.CancelFunc(func() {})
		if b.quorum(n) < n {
			reserved, cancel = shareReserve(ctx, "blend")
		}
		defer cancel()
		newest := make([]outcome, n)
		arrived, finished := 0, 0
		take := func(u update) bool {
			if u.last {
				finished++
			}
			if u.ranking.Hits == nil && u.err == nil {
				return true
			}
			if newest[u.branch].ranking.Hits == nil && newest[u.branch].err == nil {
				arrived++
			}
			newest[u.branch] = u.outcome
			if arrived < n || finished == n {
				return true
			}
			r, err := b.fuse(unobserved(ctx), q, in, newest)
			return err != nil || !r.Early() || yield(r, nil)
		}
		if refineSideBySide(reserved, b.stages, b.concurrency(n), q, head, take) {
			yield(b.fuse(ctx, q, in, newest))
		}
	}
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

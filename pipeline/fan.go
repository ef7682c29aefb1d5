package pipeline

import (
	"context"
	"iter"
	"slices"
)

type fan struct {
	combinator
	Parallel
	fuser      part[Fuser]
	retrievers []part[Retriever]
	err        error
}

// Fan asks several retrievers at once and fuses their rankings, in the order of
// the arguments. A retriever that fails leaves a Gap and the others stay usable;
// if all fail, that is an error that joins their causes. Parallel.Fan asks for a
// larger quorum or another concurrency.
//
// The end of the caller's context is always an error. Where a budget of the
// pipeline's own ends (see Within), the rankings that arrived in time are used.
func Fan(fuser Fuser, retrievers ...Retriever) Retriever {
	return Parallel{}.Fan(fuser, retrievers...)
}

// Fan is the function Fan under these options.
func (p Parallel) Fan(fuser Fuser, retrievers ...Retriever) Retriever {
	f := fan{Parallel: p, fuser: newPart(fuser), retrievers: newParts(retrievers)}
	f.err = firstError(p.check("fan", len(retrievers)),
		missing("fan", "fuser", []part[Fuser]{f.fuser}),
		missing("fan", "retriever", f.retrievers))
	return f
}

func (f fan) limited(k int) any {
	f.fuser = f.fuser.only(k)
	return f
}

func (f fan) Describe() Node {
	n, fuser := len(f.retrievers), Describe(f.fuser.do)
	return Node{
		Name: "fan", Settings: f.settings(f.quorum(1), n),
		Children: append([]Node{fuser}, nodes(f.retrievers)...), Limited: limitedBy(f.limited, fuser),
		Facts: Facts{Role: RoleBranch, Tolerates: f.quorum(1) < n}, Err: f.err,
	}
}

func (f fan) Retrieve(ctx context.Context, q Query) (Ranking, error) {
	if f.err != nil {
		return Ranking{}, f.err
	}
	n := len(f.retrievers)
	outcomes := sideBySide(ctx, n, f.concurrency(n), func(i int) (Ranking, error) {
		return retrieve(ctx, f.retrievers[i], q)
	})
	inputs, err := collect(ctx, "fan", f.retrievers, outcomes, f.quorum(1))
	if err != nil {
		return Ranking{}, err
	}
	r, err := fuse(ctx, f.fuser, q, inputs)
	if err != nil {
		return Ranking{}, err
	}
	return eachGap(r, inputs, func(int) []Gap { return q.gaps }), nil
}

type blend struct {
	combinator
	Parallel
	fuser  part[Fuser]
	stages []part[Stage]
	err    error
}

// Blend applies several stages to the same ranking, side by side, and fuses what
// they return, in the order of the arguments. With Keep as one of the branches
// it fuses a reranked ranking with the one before. An error of a branch is an
// error of the Blend, unless Parallel.Blend asks for a smaller quorum. A branch
// that is degraded so far that it returns its input on the input's scale counts
// as an empty list, with its gaps, where the fuser refuses that scale.
func Blend(fuser Fuser, stages ...Stage) Stage { return Parallel{}.Blend(fuser, stages...) }

// Blend is the function Blend under these options.
func (p Parallel) Blend(fuser Fuser, stages ...Stage) Stage {
	b := blend{Parallel: p, fuser: newPart(fuser), stages: newParts(stages)}
	b.err = firstError(p.check("blend", len(stages)),
		missing("blend", "fuser", []part[Fuser]{b.fuser}),
		missing("blend", "stage", b.stages))
	return b
}

func (b blend) limited(k int) any {
	b.fuser = b.fuser.only(k)
	return b
}

func (b blend) Describe() Node {
	n, fuser := len(b.stages), Describe(b.fuser.do)
	return Node{
		Name: "blend", Settings: b.settings(b.quorum(n), n),
		Children: append([]Node{fuser}, nodes(b.stages)...), Limited: limitedBy(b.limited, fuser),
		Facts: Facts{Role: RoleBranch, Tolerates: b.quorum(n) < n}, Err: b.err,
	}
}

func (b blend) Apply(ctx context.Context, q Query, in Ranking) (Ranking, error) {
	if b.err != nil {
		return Ranking{}, b.err
	}
	n := len(b.stages)
	outcomes := sideBySide(ctx, n, b.concurrency(n), func(i int) (Ranking, error) {
		return apply(ctx, b.stages[i], q, in)
	})
	return b.fuse(ctx, q, in, outcomes)
}

func (b blend) fuse(ctx context.Context, q Query, in Ranking, outcomes []outcome) (Ranking, error) {
	inputs, err := collect(ctx, "blend", b.stages, outcomes, b.quorum(len(b.stages)))
	if err != nil {
		return Ranking{}, err
	}
	r, err := fuse(ctx, b.fuser, q, inputs)
	if err != nil && b.emptyFallen(in, inputs) {
		if again, refused := fuse(ctx, b.fuser, q, inputs); refused == nil {
			r, err = again, nil
		}
	}
	if err != nil {
		return Ranking{}, err
	}
	return eachGap(r, inputs, func(int) []Gap { return in.Gaps }), nil
}

// emptyFallen empties the lists of branches that had nothing better than their
// input and gave that back, on its scale instead of their own: a rerank whose
// server is down. A fuser that is set up for the branch's scale has to refuse
// such a list, and what is no error of the branch should be none of the blend.
// It reports whether there was one, and at least one other list.
func (b blend) emptyFallen(in Ranking, lists []Ranking) bool {
	fallen := 0
	for i, r := range lists {
		own := scaleOf(b.stages[i].do)
		if len(r.Gaps) > len(in.Gaps) && r.Scale == in.Scale && own != in.Scale && slices.Equal(r.IDs(), in.IDs()) {
			lists[i] = r.Derive(nil)
			lists[i].Scale = own
			fallen++
		}
	}
	return fallen > 0 && fallen < len(lists)
}

// Refine implements Refiner: whenever a branch has a better ranking, the newest
// ones of all branches are fused. States that the fuser refuses are not shown.
func (b blend) Refine(ctx context.Context, q Query, in Ranking) iter.Seq2[Ranking, error] {
	if b.err != nil {
		return failing(b.err)
	}
	return func(yield func(Ranking, error) bool) {
		n := len(b.stages)
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
			return err != nil || yield(r, nil)
		}
		if refineSideBySide(ctx, b.stages, b.concurrency(n), q, in, take) {
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

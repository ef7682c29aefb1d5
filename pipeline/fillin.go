package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

type fillIn struct {
	combinator
	stage, alternative part[Stage]
	err                error
}

// Fill applies the stage and gives the hits that it could not judge to the
// alternative: a second reranker for what the first one lost to a deadline or an
// outage. Where the stage fails, or judges nothing at all, the alternative gets the
// whole ranking, as in an Else. Hits that the stage left out on purpose, for
// ReasonNotSent, stay left out.
//
// Both have to judge on one scale, since their scores stand in one ranking: two
// rerankers that give probabilities. Where the alternative answers on another
// scale, or fails, what the stage made is returned, with a gap. The gaps of the
// stage stay, and the gaps of the alternative say what is missing in the end.
//
// Where the context has a deadline, the stage gets half of the time that is left.
func Fill(stage, alternative Stage) Stage {
	f := fillIn{stage: newPart(stage), alternative: newPart(alternative)}
	f.err = missing("fill", "stage", []part[Stage]{f.stage, f.alternative})
	return f
}

// Describe implements Describer.
func (f fillIn) Describe() Node {
	return Node{
		Name: "fill", Children: nodes([]part[Stage]{f.stage, f.alternative}),
		Facts: Facts{Role: RoleFallback}, Err: f.err,
	}
}

// Apply implements Stage.
func (f fillIn) Apply(ctx context.Context, q Query, in Ranking) (Ranking, error) {
	if f.err != nil {
		return Ranking{}, f.err
	}
	attempt, cancel := shareOfDeadline(ctx, f.stage.name, 2)
	out, err := apply(attempt, f.stage, q, in)
	cancel()
	switch {
	case err != nil && callerGone(ctx):
		return Ranking{}, withCause(ctx, err)
	case err != nil:
		return f.whole(ctx, q, in, in.WithGaps(gapOf(f.stage.name, err)), err)
	case out.Scale == in.Scale && len(out.Gaps) > len(in.Gaps) && untouched(out.Hits, in.Hits):
		return f.whole(ctx, q, in, out, nil)
	}
	open := unjudgedHits(out)
	if len(open) == 0 || callerGone(ctx) {
		return out, nil
	}
	return f.rest(ctx, q, out, open)
}

// whole gives the alternative what the stage was given. fallen is the ranking that
// stands if it does not help either, and failure the error of the stage.
func (f fillIn) whole(ctx context.Context, q Query, in, fallen Ranking, failure error) (Ranking, error) {
	r, err := apply(ctx, f.alternative, q, in.Derive(in.Hits))
	switch {
	case err == nil:
		return r.withGapsAfter(in.Gaps, withoutGaps(fallen.Gaps, in.Gaps)...), nil
	case failure != nil || callerGone(ctx):
		return Ranking{}, withCause(ctx, fmt.Errorf("pipeline: fill: %w", errors.Join(failure, err)))
	}
	return fallen.WithGaps(gapOf(f.alternative.name, err)), nil
}

// rest gives the alternative the hits that are open and puts its judgements among
// those of the stage.
func (f fillIn) rest(ctx context.Context, q Query, out Ranking, open []Hit) (Ranking, error) {
	r, err := apply(ctx, f.alternative, q, out.Derive(open))
	if err != nil {
		return out.WithGaps(gapOf(f.alternative.name, err)), nil
	}
	gaps := withoutGaps(r.Gaps, out.Gaps)
	judged := map[string]Hit{}
	for _, h := range r.Hits {
		if h.Judged() {
			judged[h.Document.ID] = h
		}
	}
	if len(judged) > 0 && r.Scale != out.Scale {
		return out.WithGaps(Gap{
			Stage: f.alternative.name, Reason: ReasonUnscored,
			Err: fmt.Errorf("pipeline: fill: scores on %v do not compare with those of %s on %v", r.Scale, f.stage.name, out.Scale),
		}), nil
	}
	hits := slices.Clone(out.Hits)
	for i, h := range hits {
		if better, ok := judged[h.Document.ID]; ok {
			hits[i] = better
		}
	}
	Sort(hits, nil)
	filled := out.Derive(hits).WithGaps(gaps...)
	filled.notes = mergeNotes([]Ranking{out, r})
	if q.Trace {
		filled.Trace = &Step{Name: "fill", Inputs: []*Step{out.Trace, r.Trace}, Query: q.Text, Hits: hits, Scale: filled.Scale}
	}
	return filled, nil
}

// unjudgedHits returns the hits without a judgement that were not left out on
// purpose, in their order.
func unjudgedHits(r Ranking) []Hit {
	var open []Hit
	for _, h := range r.Hits {
		if !h.Judged() && h.Newest().Reason != ReasonNotSent {
			open = append(open, h)
		}
	}
	return open
}

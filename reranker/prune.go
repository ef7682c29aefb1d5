package reranker

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"

	"github.com/rankcascade/cascade/pipeline"
)

// FixedLister is a Fuser that can say of an input list, counted from 0, that what
// the list contributes to a document's fused score depends on nothing of the list
// but the document's own score, and never falls when that score rises. Only with
// such a fuser can a document's best possible fused score be known before it is
// scored. The retrieval list is complete and may be normalised by any means.
type FixedLister interface {
	pipeline.Fuser
	FixedList(list int) bool
}

// PruneOptions sets a Prune.
type PruneOptions struct {
	// Limit is how many hits are returned; at least 1.
	Limit int
	// Low and High bound what the scorer can answer. Both 0 takes the bounds of
	// the scale that the scorer declares, which must be finite.
	Low, High float64
}

// Pruned is a stage that reranks, fuses with the retrieval ranking and cuts, and
// sends no document that cannot get into what it returns. Make one with Prune.
// It is safe for concurrent use.
type Pruned struct {
	fuser  pipeline.Fuser
	rerank *Staged
	o      PruneOptions
	err    error
}

var (
	_ pipeline.Stage     = (*Pruned)(nil)
	_ pipeline.Describer = (*Pruned)(nil)
)

// Prune returns a stage that computes what
//
//	pipeline.Join(pipeline.Blend(fuser, pipeline.Keep(), rerank), cut.TopK(o.Limit))
//
// computes, to the bit, with fewer documents sent (after the threshold argument
// of Fagin, Lotem and Naor, "Optimal aggregation algorithms for middleware", PODS
// 2001): it sends the head of the retrieval ranking, twice the limit or a quarter of
// the input, then waves of the limit or an eighth of the input. Before each it asks the fuser for the best
// score that each other document could still reach and for the score that the
// last hit of the result has for certain, and goes on only with documents whose
// best is at least that. The others are in the rerank's ranking for the reason
// pipeline.ReasonNotSent, which is no gap. The price is time: waves follow one
// another.
//
// The fuser must be a FixedLister that says yes for list 1, the
// reranked one; the scorer must have bounds and must not be listwise; the rerank
// must have no Depth. Where documents are blank or scores leave the bounds,
// everything is sent. A mistake is in Describe().Err and in every call's error.
func Prune(fuser pipeline.Fuser, rerank *Staged, o PruneOptions) *Pruned {
	p := &Pruned{fuser: fuser, rerank: rerank, o: o}
	errs := []error{o.check()}
	if f, ok := fuser.(FixedLister); !ok || !f.FixedList(1) {
		errs = append(errs, errors.New("the fuser does not promise that a document's part in list 1 depends on its own score alone: normalise it by fixed bounds"))
	}
	if rerank == nil {
		errs = append(errs, errors.New("the rerank stage is nil: pass one that Stage made"))
	} else {
		errs = append(errs, rerank.err, p.bound(), p.prunable())
	}
	if err := errors.Join(errs...); err != nil {
		p.err = &Error{Kind: KindConfig, Op: "reranker: prune", Err: err}
	}
	return p
}

func (o PruneOptions) check() error {
	if o.Limit < 1 {
		return fmt.Errorf("Limit is %d: set how many hits are wanted", o.Limit)
	}
	return nil
}

// bound fills in the bounds from the scorer's scale.
func (p *Pruned) bound() error {
	if p.o.Low == 0 && p.o.High == 0 {
		p.o.Low, p.o.High = p.rerank.node.Facts.Scale.Bounds()
	}
	if !(p.o.Low < p.o.High) || math.IsInf(p.o.High-p.o.Low, 0) {
		return fmt.Errorf("scores between %v and %v are not bounded: set Low and High", p.o.Low, p.o.High)
	}
	return nil
}

// prunable reports what of the rerank stage stands against pruning.
func (p *Pruned) prunable() error {
	switch {
	case p.rerank.o.Depth != 0:
		return errors.New("the rerank stage has a Depth: cut the input instead")
	case p.rerank.node.Facts.Listwise:
		return errors.New("the scorer is listwise: its scores change with what is sent")
	}
	return nil
}

// Describe shows the stage as the blend that it computes.
func (p *Pruned) Describe() pipeline.Node {
	n := pipeline.Node{
		Name: "prune",
		Settings: []pipeline.Setting{
			{Name: "limit", Value: fmt.Sprint(p.o.Limit)},
			{Name: "bounds", Value: fmt.Sprintf("[%v, %v]", p.o.Low, p.o.High)},
		},
		Facts: pipeline.Facts{Role: pipeline.RoleBranch, Limit: p.o.Limit, Scale: pipeline.Fused},
		Err:   p.err,
	}
	if p.fuser != nil && p.rerank != nil {
		n.Facts.Tolerates = p.rerank.Describe().Facts.Tolerates
		n.Children = []pipeline.Node{pipeline.Describe(p.fuser), pipeline.Describe(pipeline.Keep()), pipeline.Describe(p.rerank)}
	}
	return n
}

// Apply reranks, fuses and cuts.
func (p *Pruned) Apply(ctx context.Context, q pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	if p.err != nil {
		return pipeline.Ranking{}, p.err
	}
	r := &pruneRun{p: p, work: p.rerank.begin(ctx, in), in: in}
	reranked, err := r.work.end(ctx, r.score(pipeline.WithQuery(ctx, q), q.Text))
	if err != nil {
		return pipeline.Ranking{}, err
	}
	out, err := p.fuse(in, reranked)
	switch {
	case err == nil:
	case reranked.Degraded() && !in.Degraded() && p.rerank.o.Unscored.tolerates():
		// The retrieval order came back on its own scale, which the fuser may not
		// know how to normalise as a rerank's: it stands as it is.
		out = reranked.WithGaps(pipeline.Gap{Stage: "prune", Reason: pipeline.ReasonOf(err), Err: err})
	default:
		return pipeline.Ranking{}, err
	}
	return out.Derive(out.Hits[:min(p.o.Limit, len(out.Hits))]), nil
}

// fuse asks the fuser, whose panic is an error.
func (p *Pruned) fuse(in, reranked pipeline.Ranking) (out pipeline.Ranking, err error) {
	defer func() {
		if v := recover(); v != nil {
			out, err = pipeline.Ranking{}, &pipeline.PanicError{Part: "prune", Value: v, Stack: debug.Stack()}
		}
	}()
	return p.fuser.Fuse([]pipeline.Ranking{in, reranked})
}

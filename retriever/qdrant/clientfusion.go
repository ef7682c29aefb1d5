package qdrant

import (
	"context"
	"errors"
	"fmt"
	"slices"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/sourcegraph/conc"
	"github.com/sourcegraph/conc/panics"

	"github.com/rankcascade/cascade/pipeline"
)

// source is one leg of a fusion that is done here.
type source struct {
	leg     *Leg
	request *api.QueryPoints // nil if the leg can match nothing
	points  []*api.ScoredPoint
	err     error
}

// fuseHere asks all legs in one batch and fuses their rankings in this process.
func (c *call) fuseHere(ctx context.Context) (pipeline.Ranking, error) {
	encoded := c.encode(ctx, c.roots...)
	if err := ended(ctx, "retrieve"); err != nil {
		return pipeline.Ranking{}, err
	}
	sources := make([]*source, len(c.roots))
	for i, root := range c.roots {
		s := &source{leg: root, err: encoded.below(root)}
		if s.err == nil {
			s.request, s.err = c.compile(ctx, root, encoded)
		}
		sources[i] = s
	}
	if err := c.ask(ctx, sources); err != nil {
		return pipeline.Ranking{}, err
	}
	rankings, gaps, err := c.rankings(ctx, sources)
	if err != nil {
		return pipeline.Ranking{}, err
	}
	return c.fuse(rankings, gaps)
}

// ask sends the requests as one batch. The server answers a batch as a whole,
// so where it refuses one, or the answers are too large together, the legs are
// asked one by one to find out which of them stand.
func (c *call) ask(ctx context.Context, sources []*source) error {
	var asked []*source
	batch := &api.QueryBatchPoints{CollectionName: c.collection, ReadConsistency: c.opts.ReadConsistency, Timeout: serverTimeout(ctx)}
	for _, s := range sources {
		if s.err == nil && s.request != nil {
			asked = append(asked, s)
			batch.QueryPoints = append(batch.QueryPoints, s.request)
		}
	}
	if len(asked) == 0 {
		return nil
	}
	answers, err := c.client.QueryBatch(ctx, batch)
	if err != nil {
		err = mapError(ctx, "query batch", err)
		if len(asked) > 1 && separable(err) {
			c.askEach(ctx, asked)
			return ended(ctx, "query points")
		}
		return err
	}
	if len(answers) != len(asked) {
		return badAnswer("query batch", "%d answers to %d queries", len(answers), len(asked))
	}
	for i, s := range asked {
		s.points = answers[i].GetResult()
	}
	return nil
}

// separable reports whether one leg alone may be to blame for a failed batch.
func separable(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	return e.Kind == KindInvalid || e.Kind == KindTooLarge || e.Kind == KindServer || e.Kind == KindUnimplemented
}

func (c *call) askEach(ctx context.Context, sources []*source) {
	var wg conc.WaitGroup
	for _, s := range sources {
		wg.Go(func() {
			var caught panics.Catcher
			caught.Try(func() {
				points, err := c.client.Query(ctx, s.request)
				s.points, s.err = points, mapError(ctx, "query points for "+s.leg.Name, err)
			})
			if r := caught.Recovered(); r != nil {
				s.err = fmt.Errorf("qdrant: query points for %s: panic: %w", s.leg.Name, r.AsError())
			}
		})
	}
	wg.Wait()
}

// rankings makes one ranking of each source, empty where it failed, so that
// weights keep their places. A point without text is a mistake in the mapping
// that every leg shares, and fails the query.
func (c *call) rankings(ctx context.Context, sources []*source) ([]pipeline.Ranking, []pipeline.Gap, error) {
	rankings := make([]pipeline.Ranking, len(sources))
	var gaps []pipeline.Gap
	var errs []error
	for i, s := range sources {
		if s.err == nil {
			rankings[i], s.err = c.ranking(ctx, s.leg.Name, s.leg, s.points)
		}
		if s.err == nil {
			continue
		}
		if over := ended(ctx, "retrieve"); over != nil {
			return nil, nil, over
		}
		if errors.Is(s.err, ErrNoText) {
			return nil, nil, s.err
		}
		rankings[i] = pipeline.Ranking{Hits: []pipeline.Hit{}, Scale: c.scales.known(s.leg)}
		gaps = append(gaps, pipeline.Gap{Stage: s.leg.Name, Reason: reasonOf(s.err), Err: s.err})
		errs = append(errs, s.err)
	}
	if len(errs) == len(sources) {
		return nil, nil, fmt.Errorf("qdrant: every leg failed: %w", errors.Join(errs...))
	}
	return rankings, gaps, nil
}

func (c *call) fuse(rankings []pipeline.Ranking, gaps []pipeline.Gap) (pipeline.Ranking, error) {
	var fused pipeline.Ranking
	var err error
	var caught panics.Catcher
	caught.Try(func() { fused, err = c.fuser.Fuse(rankings) })
	if r := caught.Recovered(); r != nil {
		err = fmt.Errorf("panic: %w", r.AsError())
	}
	if err == nil {
		err = fused.Validate()
	}
	if err != nil {
		return pipeline.Ranking{}, fmt.Errorf("qdrant: fuse legs: %w", err)
	}
	hits := slices.Clone(fused.Hits[:min(c.limit, len(fused.Hits))])
	keepMarks(hits, rankings)
	return fused.Derive(hits).WithGaps(gaps...), nil
}

// keepMarks gives every hit the mark of each leg that found it, before all
// others, where the fuser dropped it.
func keepMarks(hits []pipeline.Hit, rankings []pipeline.Ranking) {
	found := map[string][]pipeline.Mark{}
	for _, r := range rankings {
		for _, h := range r.Hits {
			found[h.Document.ID] = append(found[h.Document.ID], h.Marks...)
		}
	}
	for i, h := range hits {
		var missing []pipeline.Mark
		for _, m := range found[h.Document.ID] {
			if _, ok := h.Mark(m.Stage); !ok {
				missing = append(missing, m)
			}
		}
		if len(missing) > 0 {
			hits[i].Marks = slices.Concat(missing, h.Marks)
		}
	}
}

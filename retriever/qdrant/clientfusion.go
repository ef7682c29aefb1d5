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
	ranking pipeline.Ranking
	name    pipeline.Node
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
	// From here on it is an ordinary Fan over answers that are already there, with
	// its gaps, its trace and its events.
	legs := make([]pipeline.Retriever, len(sources))
	for i, s := range sources {
		// A point without text is a mistake in the mapping that all legs share.
		if s.settle(ctx, c); errors.Is(s.err, ErrNoText) {
			return pipeline.Ranking{}, s.err
		}
		legs[i] = s
	}
	fused, err := pipeline.Fan(c.fuser, legs...).Retrieve(ctx, c.query)
	if err != nil {
		return pipeline.Ranking{}, fmt.Errorf("qdrant: fuse legs: %w", orEnded(ctx, err))
	}
	hits := slices.Clone(fused.Hits[:min(c.limit, len(fused.Hits))])
	keepMarks(hits, sources)
	c.markFused(hits, fused.Scale)
	return fused.Derive(hits), nil
}

// settle turns the leg's answer into its ranking.
func (s *source) settle(ctx context.Context, c *call) {
	s.name = c.describeLeg(s.leg)
	if s.err == nil {
		s.ranking, s.err = c.ranking(ctx, s.leg.Name, s.leg, s.points)
	}
}

// Retrieve returns the answer that the leg got from the batch.
func (s *source) Retrieve(context.Context, pipeline.Query) (pipeline.Ranking, error) {
	return s.ranking, s.err
}

// Describe describes the leg.
func (s *source) Describe() pipeline.Node { return s.name }

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
				s.err = &pipeline.PanicError{Part: s.leg.Name, Value: r.Value, Stack: r.Stack}
			}
		})
	}
	wg.Wait()
}

// keepMarks gives every hit the mark of each leg that found it, before all
// others, where the fuser dropped it.
func keepMarks(hits []pipeline.Hit, sources []*source) {
	found := map[string][]pipeline.Mark{}
	for _, s := range sources {
		for _, h := range s.ranking.Hits {
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

// markFused gives every hit whose newest mark does not carry its score a mark of
// the fuser, for fusers that leave none.
func (c *call) markFused(hits []pipeline.Hit, scale pipeline.Scale) {
	name := pipeline.Describe(c.fuser).Name
	for i, h := range hits {
		if n := len(h.Marks); n == 0 || h.Marks[n-1].Score != h.Score {
			hits[i] = h.Marked(pipeline.Mark{Stage: name, Rank: i + 1, Score: h.Score, Scale: scale})
		}
	}
}

package qdrant

import (
	"context"
	"errors"
	"slices"

	api "github.com/qdrant/go-client/qdrant"

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

// separable reports whether one leg alone may be to blame for a failed batch.
func separable(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	return e.Kind == KindInvalid || e.Kind == KindTooLarge || e.Kind == KindServer || e.Kind == KindUnimplemented
}

// keepMarks gives every hit the mark of each leg that found it, before all
// others, where the fuser dropped it.
func keepMarks(hits []pipeline.Hit, sources []*source) {
	found := map[string][]pipeline.Mark{}
	for _, s := range sources {
		for _, h := range s.ranking.Hits {
			found[h.Document.ID] = append(found[h.Document.ID], h.Marks()...)
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
			hits[i].Trail = pipeline.TrailOf(slices.Concat(missing, h.Marks())...)
		}
	}
}

package qdrant

import (
	"context"

	api "github.com/qdrant/go-client/qdrant"

	"github.com/rankcascade/cascade/pipeline"
)

// groups asks for groups and returns their hits as one ranking, each document
// once, with the groups as a note.
func (c *call) groups(ctx context.Context, root *Leg, p *api.QueryPoints) (pipeline.Ranking, error) {
	g := c.opts.Groups
	size := uint64(g.size())
	request := &api.QueryPointGroups{
		CollectionName:   p.CollectionName,
		Prefetch:         p.Prefetch,
		Query:            p.Query,
		Using:            p.Using,
		Filter:           p.Filter,
		Params:           p.Params,
		ScoreThreshold:   p.ScoreThreshold,
		WithPayload:      p.WithPayload,
		Limit:            p.Limit,
		GroupSize:        &size,
		GroupBy:          g.By,
		ReadConsistency:  p.ReadConsistency,
		ShardKeySelector: p.ShardKeySelector,
		Timeout:          p.Timeout,
	}
	if g.Lookup != "" {
		request.WithLookup = &api.WithLookup{Collection: g.Lookup, WithPayload: api.NewWithPayloadEnable(true)}
	}
	found, err := c.client.QueryGroups(ctx, request)
	if err != nil {
		return pipeline.Ranking{}, mapError(ctx, "query groups", err)
	}
	return c.grouped(ctx, root, found)
}

func (c *call) grouped(ctx context.Context, root *Leg, found []*api.PointGroup) (pipeline.Ranking, error) {
	scale, err := c.scales.of(ctx, root)
	if err != nil {
		return pipeline.Ranking{}, err
	}
	var hits []pipeline.Hit
	notes := make([]Group, 0, len(found))
	seen := map[string]bool{}
	for _, g := range found {
		note := Group{ID: groupID(g.GetId())}
		if g.GetLookup() != nil {
			note.Lookup = fromFields(g.GetLookup().GetPayload())
		}
		for _, p := range g.GetHits() {
			h, err := c.hit(scale, p)
			if err != nil {
				return pipeline.Ranking{}, err
			}
			note.Documents = append(note.Documents, h.Document.ID)
			if !seen[h.Document.ID] {
				seen[h.Document.ID] = true
				hits = append(hits, h)
			}
		}
		notes = append(notes, note)
	}
	ranking, err := rank(c.name, scale, hits, c.limit*c.opts.Groups.size())
	if err != nil {
		return pipeline.Ranking{}, err
	}
	return GroupsKey.Note(ranking, notes), nil
}

func (g *Groups) size() int {
	if g.Size == 0 {
		return defaultGroupSize
	}
	return g.Size
}

func groupID(id *api.GroupId) any {
	switch v := id.GetKind().(type) {
	case *api.GroupId_UnsignedValue:
		return v.UnsignedValue
	case *api.GroupId_IntegerValue:
		return v.IntegerValue
	case *api.GroupId_StringValue:
		return v.StringValue
	}
	return nil
}

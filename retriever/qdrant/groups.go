package qdrant

import (
	"context"
	"fmt"
	"math"

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
	if _, here := c.client.(Getter); g.Lookup != "" && !here {
		request.WithLookup = &api.WithLookup{Collection: g.Lookup, WithPayload: api.NewWithPayloadEnable(true)}
	}
	found, err := c.client.QueryGroups(ctx, request)
	if err != nil {
		return pipeline.Ranking{}, mapError(ctx, "query groups", err)
	}
	ranking, err := c.grouped(ctx, root, found)
	if err != nil {
		return pipeline.Ranking{}, err
	}
	notes, _ := GroupsKey.Noted(ranking)
	if err := c.lookUp(ctx, notes); err != nil {
		return pipeline.Ranking{}, err
	}
	return ranking, nil
}

// lookUp fetches the payload of the documents that the groups are named after.
// The server's own lookup knows point ids only, and the point id of a text is
// made by PointID.
func (c *call) lookUp(ctx context.Context, groups []Group) error {
	getter, ok := c.client.(Getter)
	if c.opts.Groups.Lookup == "" || !ok || len(groups) == 0 {
		return nil
	}
	request := &api.GetPoints{
		CollectionName: c.opts.Groups.Lookup, WithPayload: api.NewWithPayloadEnable(true),
		WithVectors: api.NewWithVectorsEnable(false), ReadConsistency: c.opts.ReadConsistency, Timeout: serverTimeout(ctx),
	}
	of := make(map[string][]int, len(groups))
	for i, g := range groups {
		id := PointID(fmt.Sprint(g.ID))
		text, _ := pointText(id)
		if of[text] == nil {
			request.Ids = append(request.Ids, id)
		}
		of[text] = append(of[text], i)
	}
	found, err := getter.Get(ctx, request)
	if err != nil {
		return mapError(ctx, "look groups up", err)
	}
	for _, p := range found {
		text, _ := pointText(p.GetId())
		for _, i := range of[text] {
			groups[i].Lookup = fromFields(p.GetPayload())
		}
	}
	return nil
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
		if v.UnsignedValue <= math.MaxInt64 {
			return int64(v.UnsignedValue)
		}
		return v.UnsignedValue
	case *api.GroupId_IntegerValue:
		return v.IntegerValue
	case *api.GroupId_StringValue:
		return v.StringValue
	}
	return nil
}

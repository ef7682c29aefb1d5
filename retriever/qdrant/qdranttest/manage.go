package qdranttest

import (
	"context"

	api "github.com/qdrant/go-client/qdrant"
)

func completed(wait bool) *api.PointsOperationResponse {
	done := api.UpdateStatus_Completed
	if !wait {
		done = api.UpdateStatus_Acknowledged
	}
	return &api.PointsOperationResponse{Result: &api.UpdateResult{Status: done}}
}

// Count implements the call of that name. It always counts exactly.
func (h *points) Count(_ context.Context, r *api.CountPoints) (*api.CountResponse, error) {
	if err := first(checkName("collection_name", r.GetCollectionName()), checkFilter("filter", r.GetFilter()), convertFilter(r.GetFilter())); err != nil {
		return nil, err
	}
	h.server.mu.Lock()
	defer h.server.mu.Unlock()
	c, err := h.server.lookup(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	found, err := c.passing(r.GetFilter())
	if err != nil {
		return nil, err
	}
	return &api.CountResponse{Result: &api.CountResult{Count: uint64(len(found))}}, nil
}

func (c *collection) passing(f *api.Filter) ([]*point, error) {
	if err := c.checkIndexed(f); err != nil {
		return nil, err
	}
	var found []*point
	for _, p := range c.points {
		ok, err := p.passes(f)
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, p)
		}
	}
	return found, nil
}

// Delete implements the call of that name, by ids or by a filter.
func (h *points) Delete(_ context.Context, r *api.DeletePoints) (*api.PointsOperationResponse, error) {
	keys, err := checkDelete(r)
	if err != nil {
		return nil, err
	}
	h.server.mu.Lock()
	defer h.server.mu.Unlock()
	c, err := h.server.lookup(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	if f := r.GetPoints().GetFilter(); f != nil {
		found, err := c.passing(f)
		if err != nil {
			return nil, err
		}
		for _, p := range found {
			keys = append(keys, p.key)
		}
	}
	for _, k := range keys {
		c.deleted = c.deleted || c.points[k] != nil
		delete(c.points, k)
	}
	return completed(r.GetWait()), nil
}

func checkDelete(r *api.DeletePoints) ([]string, error) {
	if r.Ordering != nil || len(r.GetShardKeySelector().GetShardKeys()) > 0 {
		return nil, missing("write ordering and shard keys of a deletion")
	}
	if err := checkName("collection_name", r.GetCollectionName()); err != nil {
		return nil, err
	}
	switch s := r.GetPoints().GetPointsSelectorOneOf().(type) {
	case *api.PointsSelector_Filter:
		return nil, first(checkFilter("points.filter", s.Filter), convertFilter(s.Filter))
	case *api.PointsSelector_Points:
		if len(s.Points.GetIds()) == 0 {
			return nil, refusal("Bad request: Empty update request")
		}
		var keys []string
		for _, id := range s.Points.GetIds() {
			k, err := key(id)
			if err != nil {
				return nil, err
			}
			keys = append(keys, k)
		}
		return keys, nil
	}
	if r.GetPoints() == nil {
		return nil, refusal("PointSelector is missing")
	}
	return nil, refusal("Malformed PointsSelector type")
}

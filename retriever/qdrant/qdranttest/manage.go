package qdranttest

import (
	api "github.com/qdrant/go-client/qdrant"
)

func completed(wait bool) *api.PointsOperationResponse {
	done := api.UpdateStatus_Completed
	if !wait {
		done = api.UpdateStatus_Acknowledged
	}
	return &api.PointsOperationResponse{Result: &api.UpdateResult{Status: done}}
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

package qdranttest

import (
	"context"
	"fmt"
	"slices"

	api "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The limits that a server applies where a request names none.
const (
	defaultLimit     = 10
	defaultGroups    = 10
	defaultGroupSize = 3
)

type points struct {
	api.UnimplementedPointsServer
	server *Server
}

func invalid(format string, args ...any) error {
	return status.Error(codes.InvalidArgument, "Wrong input: "+fmt.Sprintf(format, args...))
}

// Upsert implements the call of that name: one bad point refuses all.
func (h *points) Upsert(_ context.Context, r *api.UpsertPoints) (*api.PointsOperationResponse, error) {
	if err := checkUpsert(r); err != nil {
		return nil, err
	}
	h.server.mu.Lock()
	defer h.server.mu.Unlock()
	c, err := h.server.lookup(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	all := make([]*point, len(r.GetPoints()))
	for i, p := range r.GetPoints() {
		if all[i], err = c.point(i, p); err != nil {
			return nil, err
		}
	}
	if keys := r.GetShardKeySelector().GetShardKeys(); len(keys) > 0 {
		return nil, invalid("Shard key %q not found", keys[0].GetKeyword())
	}
	for _, p := range all {
		old := c.points[p.key]
		if old == nil && r.GetUpdateMode() == api.UpdateMode_UpdateOnly || old != nil && r.GetUpdateMode() == api.UpdateMode_InsertOnly {
			continue
		}
		if old != nil && r.UpdateFilter != nil {
			if ok, err := c.passes(old, r.GetUpdateFilter()); !ok || err != nil {
				continue
			}
		}
		c.points[p.key] = p
	}
	return completed(r.GetWait()), nil
}

func checkUpsert(r *api.UpsertPoints) error {
	switch {
	case r.Ordering != nil:
		return missing("write ordering")
	case len(r.GetPoints()) == 0:
		return refusal("Bad request: Empty update request")
	}
	return first(checkName("collection_name", r.GetCollectionName()), checkFilter("update_filter", r.GetUpdateFilter()), convertFilter(r.GetUpdateFilter()))
}

// Get implements the call of that name.
func (h *points) Get(_ context.Context, r *api.GetPoints) (*api.GetResponse, error) {
	h.server.mu.Lock()
	defer h.server.mu.Unlock()
	c, err := h.server.lookup(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	shown, err := show(c, r.GetWithPayload(), r.GetWithVectors())
	if err != nil {
		return nil, err
	}
	reply := &api.GetResponse{}
	seen := map[string]bool{}
	for _, id := range r.GetIds() {
		k, err := key(id)
		if err != nil {
			return nil, err
		}
		if p := c.points[k]; p != nil && !seen[k] {
			seen[k] = true
			reply.Result = append(reply.Result, shown.retrieved(p))
		}
	}
	return reply, nil
}

// Scroll implements the call of that name, without an order by a field.
func (h *points) Scroll(_ context.Context, r *api.ScrollPoints) (*api.ScrollResponse, error) {
	if err := checkScroll(r); err != nil {
		return nil, err
	}
	h.server.mu.Lock()
	defer h.server.mu.Unlock()
	c, err := h.server.lookup(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	if by := r.GetOrderBy(); by != nil {
		return nil, c.refuseOrder(by)
	}
	found, err := c.passing(r.GetFilter())
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b *point) int { return compareIDs(a.id, b.id) })
	if r.Offset != nil {
		k, err := key(r.GetOffset())
		if err != nil {
			return nil, err
		}
		from := idOf(r.GetOffset(), k)
		found = slices.DeleteFunc(found, func(p *point) bool { return compareIDs(p.id, from) < 0 })
	}
	reply, most := &api.ScrollResponse{}, defaultLimit
	if r.Limit != nil {
		most = int(r.GetLimit())
	}
	if len(found) > most {
		reply.NextPageOffset, found = found[most].id, found[:most]
	}
	with := r.GetWithPayload()
	if with == nil {
		with = api.NewWithPayloadEnable(true)
	}
	shown, err := show(c, with, r.GetWithVectors())
	if err != nil {
		return nil, err
	}
	for _, p := range found {
		reply.Result = append(reply.Result, shown.retrieved(p))
	}
	return reply, nil
}

func checkScroll(r *api.ScrollPoints) error {
	err := checkName("collection_name", r.GetCollectionName())
	if err == nil && r.Limit != nil && r.GetLimit() == 0 {
		err = inBody("limit", "value 0 invalid, must be 1 or larger")
	}
	if err = first(err, checkFilter("filter", r.GetFilter()), convertFilter(r.GetFilter()), checkPositive("timeout", r.Timeout)); err != nil {
		return err
	}
	switch {
	case len(r.GetShardKeySelector().GetShardKeys()) > 0:
		return refusal("Bad request: Shard key %q not found", r.GetShardKeySelector().GetShardKeys()[0].GetKeyword())
	}
	return checkSelector(r.GetWithPayload())
}

// Query implements the call of that name.
func (h *points) Query(_ context.Context, r *api.QueryPoints) (*api.QueryResponse, error) {
	if err := checkQuery("", r); err != nil {
		return nil, err
	}
	h.server.mu.Lock()
	defer h.server.mu.Unlock()
	c, err := h.server.lookup(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	found, err := c.answer(r)
	if err != nil {
		return nil, err
	}
	return &api.QueryResponse{Result: found}, nil
}

// QueryBatch implements the call of that name: the outer collection is asked, and
// one failure fails all.
func (h *points) QueryBatch(_ context.Context, r *api.QueryBatchPoints) (*api.QueryBatchResponse, error) {
	for i, q := range r.GetQueryPoints() {
		if err := checkQuery(fmt.Sprintf("query_points[%d].", i), q); err != nil {
			return nil, err
		}
	}
	h.server.mu.Lock()
	defer h.server.mu.Unlock()
	c, err := h.server.lookup(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	reply := &api.QueryBatchResponse{}
	for _, q := range r.GetQueryPoints() {
		found, err := c.answer(q)
		if err != nil {
			return nil, err
		}
		reply.Result = append(reply.Result, &api.BatchResult{Result: found})
	}
	return reply, nil
}

// QueryGroups implements the call of that name.
func (h *points) QueryGroups(_ context.Context, r *api.QueryPointGroups) (*api.QueryGroupsResponse, error) {
	by, err := checkGroups(r)
	if err != nil {
		return nil, err
	}
	h.server.mu.Lock()
	defer h.server.mu.Unlock()
	c, err := h.server.lookup(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	if r.GetQuery() == nil {
		return nil, missing("groups without a query")
	}
	if !fuses(r.GetQuery()) {
		if err := c.knows(r.GetUsing()); err != nil {
			return nil, err
		}
	}
	found, err := groupable(c, r, by)
	if err != nil {
		return nil, err
	}
	shown, err := show(c, r.GetWithPayload(), r.GetWithVectors())
	if err != nil {
		return nil, err
	}
	groups := group(found, by, shown, limit(r.Limit, defaultGroups), limit(r.GroupSize, defaultGroupSize))
	if with := r.GetWithLookup(); with != nil {
		other := h.server.collections[with.GetCollection()]
		if other == nil {
			return nil, status.Error(codes.NotFound, fmt.Sprintf("Not found: Collection %s not found", with.GetCollection()))
		}
		if err := other.fill(groups, with); err != nil {
			return nil, err
		}
	}
	return &api.QueryGroupsResponse{Result: &api.GroupsResult{Groups: groups}}, nil
}

// CreateFieldIndex implements the call of that name.
func (h *points) CreateFieldIndex(_ context.Context, r *api.CreateFieldIndexCollection) (*api.PointsOperationResponse, error) {
	kind, err := indexKind(r)
	if err != nil {
		return nil, err
	}
	h.server.mu.Lock()
	defer h.server.mu.Unlock()
	c, err := h.server.lookup(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	c.indexes[r.GetFieldName()] = &api.PayloadSchemaInfo{DataType: kind, Params: r.GetFieldIndexParams()}
	return completed(r.GetWait()), nil
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
		if p := c.points[k]; p != nil {
			c.deleted[k] = p
		}
		delete(c.points, k)
	}
	return completed(r.GetWait()), nil
}

func checkGroups(r *api.QueryPointGroups) (jsonPath, error) {
	err := checkQuery("", &api.QueryPoints{
		CollectionName: r.GetCollectionName(), Prefetch: r.GetPrefetch(), Query: r.GetQuery(), Using: r.Using, Filter: r.GetFilter(), Params: r.GetParams(),
		Limit: r.Limit, WithPayload: r.GetWithPayload(), WithVectors: r.GetWithVectors(), LookupFrom: r.GetLookupFrom(),
		ReadConsistency: r.GetReadConsistency(), ShardKeySelector: r.GetShardKeySelector(), Timeout: r.Timeout,
	})
	if err == nil {
		err = checkPositive("group_size", r.GroupSize)
	}
	if err == nil && r.GetGroupBy() == "" {
		err = inBody("group_by", `value "" invalid, must be at least 1 characters`)
	}
	if err != nil {
		return nil, err
	}
	return parsePath(r.GetGroupBy())
}

func limit(asked *uint64, otherwise uint64) uint64 {
	if asked == nil {
		return otherwise
	}
	return *asked
}

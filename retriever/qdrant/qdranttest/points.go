package qdranttest

import (
	"context"
	"fmt"
	"strconv"

	api "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The limits that a server applies where a request names none.
const (
	defaultLimit     = 10
	defaultGroups    = 3
	defaultGroupSize = 3
)

type points struct {
	api.UnimplementedPointsServer
	server *Server
}

func invalid(format string, args ...any) error {
	return status.Error(codes.InvalidArgument, "Wrong input: "+fmt.Sprintf(format, args...))
}

// Upsert implements the call of that name.
func (h *points) Upsert(_ context.Context, r *api.UpsertPoints) (*api.PointsOperationResponse, error) {
	h.server.mu.Lock()
	defer h.server.mu.Unlock()
	c, err := h.server.lookup(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	for _, p := range r.GetPoints() {
		stored, err := c.point(p)
		if err != nil {
			return nil, err
		}
		c.points[stored.key] = stored
	}
	return &api.PointsOperationResponse{Result: &api.UpdateResult{Status: api.UpdateStatus_Completed}}, nil
}

// point checks a point against the collection and stores a copy of its vectors.
func (c *collection) point(p *api.PointStruct) (*point, error) {
	stored := &point{id: p.GetId(), key: key(p.GetId()), payload: p.GetPayload(), vectors: map[string]vector{}}
	if stored.key == "" {
		return nil, invalid("point has no id")
	}
	named := p.GetVectors().GetVectors().GetVectors()
	if v := p.GetVectors().GetVector(); v != nil {
		named = map[string]*api.Vector{"": v}
	}
	for name, v := range named {
		switch {
		case v.GetDense() != nil:
			stored.vectors[name] = vector{dense: v.GetDense().GetData()}
		case v.GetSparse() != nil:
			stored.vectors[name] = vector{indices: v.GetSparse().GetIndices(), values: v.GetSparse().GetValues()}
		case v.GetMultiDense() != nil:
			stored.vectors[name] = vector{multi: rows(v.GetMultiDense())}
		default:
			return nil, invalid("vector %q has no data", name)
		}
		if err := c.fits(name, stored.vectors[name]); err != nil {
			return nil, err
		}
	}
	return stored, nil
}

// fits checks a vector against the configuration of its name.
func (c *collection) fits(name string, v vector) error {
	if v.indices != nil {
		if c.sparse[name] == nil {
			return invalid("Not existing vector name error: %s", name)
		}
		return nil
	}
	params := c.dense[name]
	if params == nil {
		return invalid("Not existing vector name error: %s", name)
	}
	all := v.multi
	if v.dense != nil {
		all = [][]float32{v.dense}
	}
	for _, row := range all {
		if uint64(len(row)) != params.GetSize() {
			return invalid("Vector dimension error: expected dim: %d, got %d", params.GetSize(), len(row))
		}
	}
	return nil
}

func rows(m *api.MultiDenseVector) [][]float32 {
	out := make([][]float32, len(m.GetVectors()))
	for i, v := range m.GetVectors() {
		out[i] = v.GetData()
	}
	return out
}

func key(id *api.PointId) string {
	switch v := id.GetPointIdOptions().(type) {
	case *api.PointId_Num:
		return strconv.FormatUint(v.Num, 10)
	case *api.PointId_Uuid:
		return v.Uuid
	}
	return ""
}

// Get implements the call of that name.
func (h *points) Get(_ context.Context, r *api.GetPoints) (*api.GetResponse, error) {
	h.server.mu.Lock()
	defer h.server.mu.Unlock()
	c, err := h.server.lookup(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	reply := &api.GetResponse{}
	for _, id := range r.GetIds() {
		if p := c.points[key(id)]; p != nil {
			reply.Result = append(reply.Result, &api.RetrievedPoint{Id: p.id, Payload: selected(p.payload, r.GetWithPayload())})
		}
	}
	return reply, nil
}

// Query implements the call of that name.
func (h *points) Query(_ context.Context, r *api.QueryPoints) (*api.QueryResponse, error) {
	h.server.mu.Lock()
	defer h.server.mu.Unlock()
	found, err := h.server.answer(r)
	if err != nil {
		return nil, err
	}
	return &api.QueryResponse{Result: found}, nil
}

// QueryBatch implements the call of that name: one failure fails all.
func (h *points) QueryBatch(_ context.Context, r *api.QueryBatchPoints) (*api.QueryBatchResponse, error) {
	h.server.mu.Lock()
	defer h.server.mu.Unlock()
	reply := &api.QueryBatchResponse{}
	for _, q := range r.GetQueryPoints() {
		found, err := h.server.answer(q)
		if err != nil {
			return nil, err
		}
		reply.Result = append(reply.Result, &api.BatchResult{Result: found})
	}
	return reply, nil
}

// QueryGroups implements the call of that name.
func (h *points) QueryGroups(_ context.Context, r *api.QueryPointGroups) (*api.QueryGroupsResponse, error) {
	h.server.mu.Lock()
	defer h.server.mu.Unlock()
	c, err := h.server.lookup(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	all := uint64(len(c.points))
	found, err := c.search(&query{
		prefetch: r.GetPrefetch(), query: r.GetQuery(), using: r.GetUsing(), filter: r.GetFilter(),
		threshold: r.ScoreThreshold, limit: all,
	})
	if err != nil {
		return nil, err
	}
	groups := group(found, r, limit(r.Limit, defaultGroups), limit(r.GroupSize, defaultGroupSize))
	if r.GetWithLookup() != nil {
		other, err := h.server.lookup(r.GetWithLookup().GetCollection())
		if err != nil {
			return nil, err
		}
		other.fill(groups)
	}
	return &api.QueryGroupsResponse{Result: &api.GroupsResult{Groups: groups}}, nil
}

func limit(asked *uint64, otherwise uint64) uint64 {
	if asked == nil {
		return otherwise
	}
	return *asked
}

func (s *Server) answer(r *api.QueryPoints) ([]*api.ScoredPoint, error) {
	c, err := s.lookup(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	found, err := c.search(&query{
		prefetch: r.GetPrefetch(), query: r.GetQuery(), using: r.GetUsing(), filter: r.GetFilter(),
		threshold: r.ScoreThreshold, limit: limit(r.Limit, defaultLimit),
	})
	if err != nil {
		return nil, err
	}
	reply := make([]*api.ScoredPoint, len(found))
	for i, f := range found {
		reply[i] = f.scored(r.GetWithPayload())
	}
	return reply, nil
}

func (f scored) scored(with *api.WithPayloadSelector) *api.ScoredPoint {
	return &api.ScoredPoint{Id: f.point.id, Score: f.score, Payload: selected(f.point.payload, with)}
}

// selected returns the payload fields that the selector asks for; without one,
// none.
func selected(payload map[string]*api.Value, with *api.WithPayloadSelector) map[string]*api.Value {
	if with.GetEnable() {
		return payload
	}
	include := with.GetInclude().GetFields()
	if include == nil {
		return nil
	}
	out := map[string]*api.Value{}
	for _, field := range include {
		if v := payload[field]; v != nil {
			out[field] = v
		}
	}
	return out
}

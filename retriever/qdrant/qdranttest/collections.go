package qdranttest

import (
	"context"
	"fmt"

	api "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// collection is what one collection holds.
type collection struct {
	config *api.CollectionParams
	dense  map[string]*api.VectorParams
	sparse map[string]*api.SparseVectorParams
	points map[string]*point
}

// point is a stored point. Its vectors stand under their names.
type point struct {
	id      *api.PointId
	key     string
	payload map[string]*api.Value
	vectors map[string]vector
}

// vector holds exactly one of its forms.
type vector struct {
	dense   []float32
	indices []uint32
	values  []float32
	multi   [][]float32
}

type collections struct {
	api.UnimplementedCollectionsServer
	server *Server
}

// Create implements the call of that name.
func (h *collections) Create(_ context.Context, r *api.CreateCollection) (*api.CollectionOperationResponse, error) {
	s := h.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.collections[r.GetCollectionName()] != nil {
		return nil, status.Error(codes.AlreadyExists, fmt.Sprintf("Wrong input: Collection `%s` already exists!", r.GetCollectionName()))
	}
	c := &collection{
		config: &api.CollectionParams{ShardNumber: 1, VectorsConfig: r.GetVectorsConfig(), SparseVectorsConfig: r.GetSparseVectorsConfig()},
		dense:  map[string]*api.VectorParams{},
		sparse: r.GetSparseVectorsConfig().GetMap(),
		points: map[string]*point{},
	}
	if p := r.GetVectorsConfig().GetParams(); p != nil {
		c.dense[""] = p
	}
	for name, p := range r.GetVectorsConfig().GetParamsMap().GetMap() {
		c.dense[name] = p
	}
	for name, p := range c.dense {
		if p.GetSize() == 0 || p.GetDistance() == api.Distance_UnknownDistance {
			return nil, status.Error(codes.InvalidArgument, "Validation error in vector params of "+name)
		}
	}
	s.collections[r.GetCollectionName()] = c
	return &api.CollectionOperationResponse{Result: true}, nil
}

// CollectionExists implements the call of that name.
func (h *collections) CollectionExists(_ context.Context, r *api.CollectionExistsRequest) (*api.CollectionExistsResponse, error) {
	h.server.mu.Lock()
	defer h.server.mu.Unlock()
	exists := h.server.collections[r.GetCollectionName()] != nil
	return &api.CollectionExistsResponse{Result: &api.CollectionExists{Exists: exists}}, nil
}

// Get implements the call of that name.
func (h *collections) Get(_ context.Context, r *api.GetCollectionInfoRequest) (*api.GetCollectionInfoResponse, error) {
	h.server.mu.Lock()
	defer h.server.mu.Unlock()
	c, err := h.server.lookup(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	count := uint64(len(c.points))
	return &api.GetCollectionInfoResponse{Result: &api.CollectionInfo{
		Status: api.CollectionStatus_Green, PointsCount: &count, SegmentsCount: 1,
		Config: &api.CollectionConfig{Params: c.config},
	}}, nil
}

// Delete implements the call of that name.
func (h *collections) Delete(_ context.Context, r *api.DeleteCollection) (*api.CollectionOperationResponse, error) {
	h.server.mu.Lock()
	defer h.server.mu.Unlock()
	_, found := h.server.collections[r.GetCollectionName()]
	delete(h.server.collections, r.GetCollectionName())
	return &api.CollectionOperationResponse{Result: found}, nil
}

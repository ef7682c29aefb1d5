package qdranttest

import (
	"context"
	"fmt"
	"maps"

	api "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

type collections struct {
	api.UnimplementedCollectionsServer
	server *Server
}

// Create implements the call of that name.
func (h *collections) Create(_ context.Context, r *api.CreateCollection) (*api.CollectionOperationResponse, error) {
	if err := checkCreate(r); err != nil {
		return nil, err
	}
	s := h.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.aliases[r.GetCollectionName()] != "" {
		return nil, invalid("Can't create collection with name %s. Alias with the same name already exists", r.GetCollectionName())
	}
	if s.collections[r.GetCollectionName()] != nil {
		return nil, status.Error(codes.AlreadyExists, fmt.Sprintf("Wrong input: Collection `%s` already exists!", r.GetCollectionName()))
	}
	one, disk := uint32(1), r.OnDiskPayload == nil || r.GetOnDiskPayload()
	vectors := r.GetVectorsConfig()
	if vectors == nil {
		vectors = api.NewVectorsConfigMap(nil)
	}
	c := &collection{
		config: &api.CollectionParams{
			ShardNumber: 1, OnDiskPayload: disk, ReplicationFactor: &one, WriteConsistencyFactor: &one,
			VectorsConfig: vectors, SparseVectorsConfig: r.GetSparseVectorsConfig(),
		},
		dense:  dense(r.GetVectorsConfig()),
		sparse: r.GetSparseVectorsConfig().GetMap(),
		points: map[string]*point{}, deleted: map[string]*point{}, indexes: map[string]*api.PayloadSchemaInfo{},
	}
	if c.dense[""] != nil && vectors.GetParams() == nil && len(c.dense) == 1 {
		c.config.VectorsConfig = api.NewVectorsConfig(c.dense[""])
	}
	s.collections[r.GetCollectionName()] = c
	return &api.CollectionOperationResponse{Result: true}, nil
}

func dense(config *api.VectorsConfig) map[string]*api.VectorParams {
	found := map[string]*api.VectorParams{}
	if p := config.GetParams(); p != nil {
		found[""] = p
	}
	for name, p := range config.GetParamsMap().GetMap() {
		found[name] = p
	}
	return found
}

// checkCreate refuses what the server refuses.
func checkCreate(r *api.CreateCollection) error {
	err := first(
		checkNewName("collection_name", r.GetCollectionName()),
		checkFactor("shard_number", r.ShardNumber), checkFactor("replication_factor", r.ReplicationFactor),
	)
	if err != nil {
		return err
	}
	if r.StrictModeConfig != nil || r.HnswConfig != nil || r.WalConfig != nil || r.OptimizersConfig != nil || r.QuantizationConfig != nil ||
		r.ShardingMethod != nil || len(r.Metadata) > 0 || r.GetShardNumber() > 1 || r.GetReplicationFactor() > 1 {
		return missing("strict mode, shards, replicas, index settings and metadata")
	}
	if p := r.GetVectorsConfig().GetParams(); p != nil {
		if n := p.GetSize(); n == 0 || n > 65536 {
			return inBody("vectors_config.config.size", "value %d invalid, must be from 1 to 65536", n)
		}
	}
	vectors := dense(r.GetVectorsConfig())
	for _, p := range vectors {
		if p.GetDistance() == api.Distance_UnknownDistance {
			return refusal("Malformed distance parameter: UnknownDistance")
		}
	}
	for name := range r.GetSparseVectorsConfig().GetMap() {
		if name == "" {
			return invalid("Sparse vector name cannot be empty")
		}
		if vectors[name] != nil {
			return invalid("Dense and sparse vector names must be unique - duplicate found with '%s'", name)
		}
	}
	return nil
}

func checkFactor(field string, v *uint32) error {
	if v != nil && *v == 0 {
		return inBody(field, "value 0 invalid, must be 1 or larger")
	}
	return nil
}

// CollectionExists implements the call of that name.
func (h *collections) CollectionExists(_ context.Context, r *api.CollectionExistsRequest) (*api.CollectionExistsResponse, error) {
	if err := checkName("collection_name", r.GetCollectionName()); err != nil {
		return nil, err
	}
	h.server.mu.Lock()
	defer h.server.mu.Unlock()
	_, err := h.server.lookup(r.GetCollectionName())
	exists := err == nil
	return &api.CollectionExistsResponse{Result: &api.CollectionExists{Exists: exists}}, nil
}

// settings are the rest of what a server with default settings tells about a
// collection.
const settings = `{
	"status": "Green", "optimizerStatus": {"ok": true}, "updateQueue": {},
	"config": {
		"hnswConfig": {"m": "16", "efConstruct": "100", "fullScanThreshold": "10000", "maxIndexingThreads": "0", "onDisk": false},
		"optimizerConfig": {"deletedThreshold": 0.2, "vacuumMinVectorNumber": "1000", "defaultSegmentNumber": "0", "indexingThreshold": "10000",
			"flushIntervalSec": "5", "maxOptimizationThreads": {"setting": "Auto"}},
		"walConfig": {"walCapacityMb": "32", "walSegmentsAhead": "0", "walRetainClosed": "1"}}}`

// Get implements the call of that name.
func (h *collections) Get(_ context.Context, r *api.GetCollectionInfoRequest) (*api.GetCollectionInfoResponse, error) {
	if err := checkName("collection_name", r.GetCollectionName()); err != nil {
		return nil, err
	}
	h.server.mu.Lock()
	defer h.server.mu.Unlock()
	c, err := h.server.lookup(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	info := &api.CollectionInfo{}
	if err := protojson.Unmarshal([]byte(settings), info); err != nil {
		return nil, err
	}
	count := uint64(len(c.points))
	info.PointsCount = &count
	indexed := c.sparseVectors()
	info.IndexedVectorsCount = &indexed
	info.SegmentsCount = 1
	if info.PayloadSchema, err = c.schema(); err != nil {
		return nil, err
	}
	info.Config.Params = proto.Clone(c.config).(*api.CollectionParams)
	return &api.GetCollectionInfoResponse{Result: info}, nil
}

// Delete implements the call of that name.
func (h *collections) Delete(_ context.Context, r *api.DeleteCollection) (*api.CollectionOperationResponse, error) {
	if err := checkName("collection_name", r.GetCollectionName()); err != nil {
		return nil, err
	}
	h.server.mu.Lock()
	defer h.server.mu.Unlock()
	_, found := h.server.collections[r.GetCollectionName()]
	delete(h.server.collections, r.GetCollectionName())
	maps.DeleteFunc(h.server.aliases, func(_, collection string) bool { return collection == r.GetCollectionName() })
	return &api.CollectionOperationResponse{Result: found}, nil
}

// UpdateAliases implements the call of that name.
func (h *collections) UpdateAliases(_ context.Context, r *api.ChangeAliases) (*api.CollectionOperationResponse, error) {
	s := h.server
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range r.GetActions() {
		switch v := a.GetAction().(type) {
		case *api.AliasOperations_CreateAlias:
			name, of := v.CreateAlias.GetAliasName(), v.CreateAlias.GetCollectionName()
			if s.collections[of] == nil {
				return nil, status.Error(codes.NotFound, fmt.Sprintf("Not found: Collection `%s` doesn't exist!", of))
			}
			if s.collections[name] != nil {
				return nil, status.Error(codes.AlreadyExists, fmt.Sprintf("Wrong input: Collection `%s` already exists!", name))
			}
			s.aliases[name] = of
		case *api.AliasOperations_DeleteAlias:
			delete(s.aliases, v.DeleteAlias.GetAliasName())
		case *api.AliasOperations_RenameAlias:
			s.aliases[v.RenameAlias.GetNewAliasName()] = s.aliases[v.RenameAlias.GetOldAliasName()]
			delete(s.aliases, v.RenameAlias.GetOldAliasName())
		}
	}
	return &api.CollectionOperationResponse{Result: true}, nil
}

// ListAliases implements the call of that name.
func (h *collections) ListAliases(context.Context, *api.ListAliasesRequest) (*api.ListAliasesResponse, error) {
	return h.server.listAliases(""), nil
}

// ListCollectionAliases implements the call of that name.
func (h *collections) ListCollectionAliases(_ context.Context, r *api.ListCollectionAliasesRequest) (*api.ListAliasesResponse, error) {
	return h.server.listAliases(r.GetCollectionName()), nil
}

package qdranttest

import (
	"context"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// SetKeys makes the server ask for a key, as one with keys does: the first may do
// everything, the second may only read. A health check is answered under any key.
func (s *Server) SetKeys(readWrite, readOnly string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = [2]string{readWrite, readOnly}
}

// authorise checks the key of a call.
func (s *Server) authorise(ctx context.Context, method string) error {
	s.mu.Lock()
	keys := s.keys
	s.mu.Unlock()
	if keys[0] == "" || method == "HealthCheck" {
		return nil
	}
	md, _ := metadata.FromIncomingContext(ctx)
	sent := md.Get("api-key")
	switch {
	case len(sent) == 0:
		return status.Error(codes.Unauthenticated, "Must provide an API key or an Authorization bearer token")
	case sent[0] == keys[0]:
		return nil
	case sent[0] != keys[1]:
		return status.Error(codes.Unauthenticated, "Invalid API key or JWT")
	case !slices.Contains([]string{"CollectionExists", "Get", "List", "Query", "QueryBatch", "QueryGroups", "Count", "Scroll"}, method):
		return status.Error(codes.PermissionDenied, "Forbidden: Global manage access is required")
	}
	return nil
}

package qdranttest

import (
	"context"
	"fmt"
	"maps"
	"net"
	"path"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	api "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
)

// Version is the version that the server claims to be.
const Version = "1.19.0"

// Server is a running fake. It is safe for concurrent use.
type Server struct {
	listener *bufconn.Listener // nil if the server listens on loopback
	address  string

	mu          sync.Mutex
	collections map[string]*collection
	aliases     map[string]string // collections by alias
	version     string
	faults      []fault
	keys        [2]string // read and write, read only; no keys if the first is empty
	requests    []Request
}

// Request is one call that the server got.
type Request struct {
	// Method is the last part of the gRPC method: "Query", "Upsert".
	Method string
	// Message is a copy of the request.
	Message proto.Message
	// Metadata are the headers.
	Metadata metadata.MD
}

// Start starts a server that is reached over memory, see Server.Client. It works
// inside a synctest bubble and stops with the test.
func Start(t testing.TB, options ...grpc.ServerOption) *Server {
	t.Helper()
	s := newServer()
	s.listener = bufconn.Listen(1 << 20)
	s.serve(t, s.listener, options)
	return s
}

// Listen starts a server on a free port of the loopback interface, see
// Server.URL. It stops with the test.
func Listen(t testing.TB, options ...grpc.ServerOption) *Server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("qdranttest: listen: %v", err)
	}
	s := newServer()
	s.address = listener.Addr().String()
	s.serve(t, listener, options)
	return s
}

func newServer() *Server {
	return &Server{collections: map[string]*collection{}, aliases: map[string]string{}, version: Version}
}

func (s *Server) serve(t testing.TB, listener net.Listener, options []grpc.ServerOption) {
	options = append([]grpc.ServerOption{
		grpc.ChainUnaryInterceptor(s.intercept),
		// The client pings idle connections every ten seconds, which a server with
		// default enforcement answers by closing them.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}),
	}, options...)
	g := grpc.NewServer(options...)
	api.RegisterQdrantServer(g, &health{server: s})
	api.RegisterCollectionsServer(g, &collections{server: s})
	api.RegisterPointsServer(g, &points{server: s})
	done := make(chan error, 1)
	go func() { done <- g.Serve(listener) }()
	t.Cleanup(func() {
		g.Stop()
		if err := <-done; err != nil {
			t.Errorf("qdranttest: serve: %v", err)
		}
	})
}

// URL is the address of a server that Listen started, for a program under test.
func (s *Server) URL() string { return "http://" + s.address }

// DialOptions connect to a server that Start started. The host of the client's
// configuration must be "passthrough:///x".
func (s *Server) DialOptions() []grpc.DialOption {
	return []grpc.DialOption{grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		return s.listener.DialContext(ctx)
	})}
}

// Client returns a client of a server that Start started: one connection, no
// keep-alive, no version check, and further options as given. It is closed with
// the test.
func (s *Server) Client(t testing.TB, options ...grpc.DialOption) *api.Client {
	t.Helper()
	client, err := api.NewClient(&api.Config{
		Host:                   "passthrough:///x",
		PoolSize:               1,
		KeepAliveTime:          -1,
		SkipCompatibilityCheck: true,
		GrpcOptions:            append(s.DialOptions(), options...),
	})
	if err != nil {
		t.Fatalf("qdranttest: client: %v", err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// SetVersion changes the version that the server claims to be.
func (s *Server) SetVersion(version string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version = version
}

// Requests returns the calls so far, health checks left out.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Last returns the newest request of the method, and fails the test if there is
// none.
func Last[M proto.Message](t testing.TB, s *Server) M {
	t.Helper()
	requests := s.Requests()
	for i := len(requests) - 1; i >= 0; i-- {
		if m, ok := requests[i].Message.(M); ok {
			return m
		}
	}
	var none M
	t.Fatalf("qdranttest: the server got no %T", none)
	return none
}

// Count returns how many calls of the method the server got.
func (s *Server) Count(method string) int {
	n := 0
	for _, r := range s.Requests() {
		if r.Method == method {
			n++
		}
	}
	return n
}

// Points returns the number of points in a collection, 0 if there is none.
func (s *Server) Points(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.collections[name]; c != nil {
		return len(c.points)
	}
	return 0
}

// lookup returns a collection, or the error of a server that has none.
func (s *Server) lookup(name string) (*collection, error) {
	if c := s.collections[name]; c != nil {
		return c, nil
	}
	if c := s.collections[s.aliases[name]]; c != nil {
		return c, nil
	}
	return nil, status.Error(codes.NotFound, fmt.Sprintf("Not found: Collection `%s` doesn't exist!", name))
}

// RateLimit refuses the next n calls as Qdrant does: code ResourceExhausted and a
// retry-after trailer in whole seconds.
func (s *Server) RateLimit(n int, after time.Duration) { s.RateLimitMethod("", n, after) }

// RateLimitMethod is RateLimit for the calls of one method.
func (s *Server) RateLimitMethod(method string, n int, after time.Duration) {
	s.limit(method, n, strconv.Itoa(int(after/time.Second)))
}

// RateLimitText is RateLimit with any text in the trailer.
func (s *Server) RateLimitText(n int, after string) { s.limit("", n, after) }

// LimitWith refuses the next call of a method as a rate limit with any message, and
// any text in the trailer.
func (s *Server) LimitWith(method, message, after string) {
	s.add(fault{method: method, left: 1, trailer: metadata.Pairs("retry-after", after), err: status.Error(codes.ResourceExhausted, message)})
}

func (s *Server) limit(method string, n int, after string) {
	s.add(fault{method: method, left: n, trailer: metadata.Pairs("retry-after", after),
		err: status.Error(codes.ResourceExhausted, "Rate limiting exceeded: Read rate limit exceeded, request larger than remaining tokens")})
}

// Fail answers the next n calls of a method with an error; an empty method means
// any.
func (s *Server) Fail(method string, n int, code codes.Code, message string) {
	s.add(fault{method: method, left: n, err: status.Error(code, message)})
}

// FailWhen answers every call whose request the function picks with an error.
func (s *Server) FailWhen(pick func(proto.Message) bool, code codes.Code, message string) {
	s.add(fault{left: 1 << 30, judge: pick, err: status.Error(code, message)})
}

// Delay makes the next n calls of a method wait before they are answered. A call
// that is given up meanwhile ends at once.
func (s *Server) Delay(method string, n int, d time.Duration) {
	s.add(fault{method: method, left: n, delay: d})
}

func (s *Server) add(f fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
}

// next records the call and takes the fault that it meets.
func (s *Server) next(method string, message proto.Message, md metadata.MD) (fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if method == "HealthCheck" {
		return s.take(method, message)
	}
	s.requests = append(s.requests, Request{Method: method, Message: proto.Clone(message), Metadata: md})
	return s.take(method, message)
}

func (s *Server) take(method string, message proto.Message) (fault, bool) {
	for i := range s.faults {
		f := &s.faults[i]
		if f.left > 0 && (f.method == "" || f.method == method) && (f.judge == nil || f.judge(message)) {
			f.left--
			return *f, true
		}
	}
	return fault{}, false
}

func (s *Server) intercept(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	if err := s.authorise(ctx, path.Base(info.FullMethod)); err != nil {
		return nil, err
	}
	md, _ := metadata.FromIncomingContext(ctx)
	f, met := s.next(path.Base(info.FullMethod), request.(proto.Message), md)
	if !met {
		return handle(ctx, request)
	}
	if f.delay > 0 {
		timer := time.NewTimer(f.delay)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		case <-timer.C:
		}
	}
	if f.err == nil {
		return handle(ctx, request)
	}
	if f.trailer != nil {
		if err := grpc.SetTrailer(ctx, f.trailer); err != nil {
			return nil, err
		}
	}
	return nil, f.err
}

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

type health struct {
	api.UnimplementedQdrantServer
	server *Server
}

// HealthCheck says that the server runs, and its version.
func (h *health) HealthCheck(context.Context, *api.HealthCheckRequest) (*api.HealthCheckReply, error) {
	h.server.mu.Lock()
	defer h.server.mu.Unlock()
	return &api.HealthCheckReply{Title: "qdrant - vector search engine", Version: h.server.version}, nil
}

// listAliases lists the aliases of a collection, or of all, in their order.
func (s *Server) listAliases(of string) *api.ListAliasesResponse {
	s.mu.Lock()
	defer s.mu.Unlock()
	reply := &api.ListAliasesResponse{}
	for _, name := range slices.Sorted(maps.Keys(s.aliases)) {
		if of == "" || s.aliases[name] == of {
			reply.Aliases = append(reply.Aliases, &api.AliasDescription{AliasName: name, CollectionName: s.aliases[name]})
		}
	}
	return reply
}

package qdranttest

import (
	"context"
	"path"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// fault is what happens to some of the next calls in place of an answer, or
// before one.
type fault struct {
	method  string // empty means any
	left    int
	err     error
	trailer metadata.MD
	delay   time.Duration
	// judge, if set, decides by the request whether the fault applies.
	judge func(proto.Message) bool
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

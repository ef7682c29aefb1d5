package qdranttest

import (
	"time"

	"google.golang.org/grpc/metadata"
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

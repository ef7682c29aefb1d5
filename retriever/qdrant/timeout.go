package qdrant

import (
	"context"
	"time"
)

// serverTimeout turns the context's deadline into the timeout that is sent with
// a request. Qdrant takes whole seconds: the time that is left is rounded up,
// and is at least 1, so that the server never gives up before the caller does.
// The call itself ends with the context, to the millisecond. Without a deadline
// nothing is sent and the server's own limit holds.
func serverTimeout(ctx context.Context) *uint64 {
	deadline, ok := ctx.Deadline()
	if !ok {
		return nil
	}
	left := time.Until(deadline)
	seconds := uint64(max(1, (left+time.Second-1)/time.Second))
	return &seconds
}

package reranker

import (
	"context"
	"time"
)

// Lane is the priority of a call: who goes first when an endpoint's capacity or
// quota is short.
type Lane uint8

// The lanes. The zero value is for people who wait.
const (
	// LaneChat is served first and may use all of the capacity.
	LaneChat Lane = iota
	// LaneBatch leaves a quarter of the endpoint's concurrency and quota to
	// LaneChat, and is served after it. It still moves when the limit is one call.
	LaneBatch
)

// String returns "chat" or "batch".
func (l Lane) String() string {
	if l == LaneBatch {
		return "batch"
	}
	return "chat"
}

type laneKey struct{}

// WithLane returns a context whose calls run in the lane, whatever the options
// of the scheduler say.
func WithLane(ctx context.Context, lane Lane) context.Context {
	return context.WithValue(ctx, laneKey{}, lane)
}

type reservedKey struct{}

// reserved returns a context that ends at the deadline, which already leaves time
// to the caller, so that shards below need not leave any more.
func reserved(ctx context.Context, deadline time.Time, cause error) (context.Context, context.CancelFunc) {
	return context.WithDeadlineCause(context.WithValue(ctx, reservedKey{}, deadline), deadline, cause)
}

// reserveOf returns the time before the deadline of ctx that is left to the caller,
// when rest is left in all.
func reserveOf(ctx context.Context, rest time.Duration) time.Duration {
	deadline, _ := ctx.Deadline()
	if kept, ok := ctx.Value(reservedKey{}).(time.Time); ok && kept.Equal(deadline) {
		return 0
	}
	return max(5*time.Millisecond, rest/100)
}

// laneOf returns the lane of ctx, or otherwise if ctx names none.
func laneOf(ctx context.Context, otherwise Lane) Lane {
	if lane, ok := ctx.Value(laneKey{}).(Lane); ok {
		return lane
	}
	return otherwise
}

package pace

import "time"

// State is the state of a breaker.
type State uint8

// The states.
const (
	Closed   State = iota // calls pass
	Open                  // no call passes
	HalfOpen              // one call is finding out whether the server has recovered
)

// Snapshot is what a Pace knows. It shares nothing with it.
type Snapshot struct {
	Breaker     State
	BreakerWait time.Duration
	GateWait    time.Duration

	InFlight, BytesInFlight int
	Limit                   float64
	Waiting                 int

	Requests, Tokens                   int
	RemainingRequests, RemainingTokens int

	ExtraCalls             float64
	Hedging                bool
	MaxDocuments, MaxBytes int
	TokensPerByte          float64

	LatencyFixed, LatencyPerToken, TypicalLatency time.Duration

	Answered  int
	Cause     error
	Upstreams []UpstreamSnapshot
}

// UpstreamSnapshot is what a Pace knows of one upstream.
type UpstreamSnapshot struct {
	InFlight, Failures int
	Ejected            bool
	GateWait           time.Duration
	Cause              error
}

package reranker

import "time"

// EndpointState is a snapshot of what an endpoint knows. It shares nothing with
// the endpoint.
type EndpointState struct {
	// Name is the endpoint's name.
	Name string
	// Breaker says whether calls pass, and BreakerWait how long an open breaker
	// stays so.
	Breaker     BreakerState
	BreakerWait time.Duration
	// GateWait is how long calls are held back after a refusal, 0 if they are not.
	GateWait time.Duration
	// InFlight counts calls, BytesInFlight their document text, and Limit is the
	// adaptive bound on the calls, at least 1.
	InFlight, BytesInFlight int
	Limit                   float64
	// Waiting counts the queries that wait for room.
	Waiting int
	// Queries counts the queries that run.
	Queries int
	// Requests and Tokens are the quotas for each minute, 0 while unknown, and
	// RemainingRequests and RemainingTokens what is left of them by our count.
	Requests, Tokens                   int
	RemainingRequests, RemainingTokens int
	// ExtraCalls is how many retries and hedges the budget allows now.
	ExtraCalls float64
	// Hedging says whether hedges have proved useful, or not yet useless.
	Hedging bool
	// MaxDocuments and MaxBytes are what one call may hold; 0 bytes is unknown.
	MaxDocuments, MaxBytes int
	// TokensPerByte is the estimate that sizes calls.
	TokensPerByte float64
	// Latency predicts a call as LatencyFixed plus LatencyPerToken for each token;
	// TypicalLatency is the median of the newest calls. 0 while unknown.
	LatencyFixed, LatencyPerToken, TypicalLatency time.Duration
	// Answered counts the calls that succeeded.
	Answered int
	// Upstreams are the scorers behind the endpoint, in the order given.
	Upstreams []UpstreamState
}

// UpstreamState is a snapshot of one upstream.
type UpstreamState struct {
	// InFlight counts calls.
	InFlight int
	// Failures counts the failed calls in a row.
	Failures int
	// Ejected says that it is left out until a probe succeeds.
	Ejected bool
	// GateWait is how long its calls are held back after a refusal.
	GateWait time.Duration
}

// State returns a snapshot.
func (e *Endpoint) State() EndpointState {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state(time.Now())
}

func (e *Endpoint) state(now time.Time) EndpointState {
	e.quota.requests.refill(now)
	e.quota.tokens.refill(now)
	fixed, perToken := 0.0, 0.0
	if e.latency.n > 0 {
		fixed, perToken = e.latency.line()
	}
	s := EndpointState{
		Name: e.name, Breaker: e.breaker.state,
		InFlight: e.limit.inFlight, BytesInFlight: e.bytes, Limit: e.limit.limit,
		Waiting: len(e.limit.waiting[LaneChat]) + len(e.limit.waiting[LaneBatch]), Queries: e.active,
		Requests: int(e.quota.requests.limit), Tokens: int(e.quota.tokens.limit),
		RemainingRequests: int(e.quota.requests.level), RemainingTokens: int(e.quota.tokens.level),
		ExtraCalls: e.extra.level, Hedging: e.hedges.enabled() && !e.throttled(now),
		MaxDocuments: e.batch.documents, MaxBytes: e.batch.mostBytes,
		TokensPerByte:   e.size.rate(),
		LatencyFixed:    time.Duration(fixed * float64(time.Second)),
		LatencyPerToken: time.Duration(perToken * float64(time.Second)),
		TypicalLatency:  e.latency.typical(),
		Answered:        e.answered,
		Upstreams:       make([]UpstreamState, len(e.ups)),
	}
	if s.Breaker == BreakerOpen {
		s.BreakerWait = max(0, e.breaker.until.Sub(now))
	}
	s.GateWait = gateLongest
	for i, u := range e.ups {
		wait := u.gate.wait(now)
		s.GateWait = min(s.GateWait, wait)
		s.Upstreams[i] = UpstreamState{InFlight: u.inFlight, Failures: u.failed, Ejected: u.times > 0, GateWait: wait}
	}
	return s
}

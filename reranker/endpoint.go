package reranker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"time"

	"github.com/rankcascade/cascade/internal/stray"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker/internal/pace"
)

// EndpointOptions configures an Endpoint. The zero value is the default for one
// server behind one key.
type EndpointOptions struct {
	// Name names the endpoint in descriptions and states; empty means "endpoint".
	Name string
	// Requests and Tokens are the quotas for each minute, where they are known
	// before the first answer; 0 learns them from the answers. What the server
	// declares later replaces them.
	Requests, Tokens int
	// Concurrency is the most calls in flight over all queries; 0 means 32. The
	// limit in force adapts below it, down to 1.
	Concurrency int
	// ExtraShare is how many retries and hedges together the endpoint may make,
	// as a share of the first calls; 0 means 0.1, negative means none. It may save up
	// ten of them.
	ExtraShare float64
	// OneServer says that the upstreams are connections to one server under one
	// key, so that a refusal by one holds all of them. Without it every upstream
	// is held for itself.
	OneServer bool
	// Shared, if set, lets several processes of one key share its quotas, the hold
	// after a refusal and the state of the breaker: reranker/shared/redis keeps them
	// in Redis. Most calls need no question to it. While it cannot be reached the
	// endpoint keeps to its own part of the quotas: one in as many as there were
	// processes when it answered last. nil means that the process is alone.
	Shared Shared
	// Rand is the source of jitter, exploration and the choice of upstreams; nil
	// means one with a random seed. The endpoint uses it under a lock.
	Rand *rand.Rand
	// OnChange is called after the breaker opens or closes and after an upstream
	// is ejected: once for each change, not for each call, from the goroutine
	// that noticed it and without a lock held. nil means nobody wants to know.
	OnChange func(EndpointState)
}

// Endpoint is what all queries of a process share about one server and key: the
// quotas for requests and tokens, the gate that holds every call after a refusal,
// the adaptive limit of calls in flight, the budget for retries and hedges, the
// breaker, the batch limits that the server showed, and the estimates of tokens
// and latency. Make one for each base URL and key, and give it to every Shard:
//
//	endpoint, err := reranker.NewEndpoint([]reranker.Scorer{client}, reranker.EndpointOptions{})
//	chat := reranker.Shard(endpoint, reranker.ShardOptions{})
//	experiment := reranker.Shard(endpoint, reranker.EvaluationShards())
//
// An Endpoint is itself a Scorer that sends all documents in one call. It holds
// no goroutine but those of calls that are in flight or were left behind, its state
// has a fixed size, and it is safe for concurrent use.
type Endpoint struct {
	leaving
	o        EndpointOptions
	scorers  []Scorer
	whole    *Sharded
	children []pipeline.Node
	facts    pipeline.Facts
	pace     *pace.Pace
	life     *lifetime
	sharing  *sharing // nil without others

	pairTokens int // most of the query and a document; 0 for no bound
	fitter     Fitter
}

// ErrClosed is in the chain of what an Endpoint answers after Close.
var ErrClosed = errors.New("endpoint is closed")

// extraBurst is how many retries and hedges may be saved up.
const extraBurst = 10

// wholeCall is more than a call can hold.
const wholeCall = 1 << 30

// NewEndpoint makes an endpoint over one or more upstreams. Several are replicas
// of one model: each call goes to the less loaded of two, what fails repeatedly
// is left out for a while, and retries and hedges go to another one. It returns
// an *Error of KindConfig if there is no upstream, one is nil, or a number is
// out of range.
func NewEndpoint(upstreams []Scorer, o EndpointOptions) (*Endpoint, error) {
	if err := o.check(upstreams); err != nil {
		return nil, &Error{Kind: KindConfig, Op: "reranker: new endpoint", Err: err}
	}
	o = o.withDefaults()
	e := &Endpoint{leaving: leaving{stray.New(0)}, o: o, scorers: slices.Clone(upstreams), life: newLifetime()}
	for _, s := range upstreams {
		node := pipeline.Describe(s)
		e.children = append(e.children, node)
		e.facts.Listwise = e.facts.Listwise || node.Facts.Listwise
		e.facts.Scale = node.Facts.Scale
	}
	upstream := pipeline.Node{Children: e.children}
	declared := BoundsOf(upstream)
	e.pairTokens, e.fitter = declared.PairTokens, fitterOf(upstream)
	e.pace = pace.New(time.Now(), pace.Options{
		Upstreams: len(upstreams), OneServer: o.OneServer, Requests: o.Requests, Tokens: o.Tokens, Shared: o.Shared != nil,
		Bounds:      pace.Bounds{Documents: declared.Documents, Tokens: declared.Tokens},
		Concurrency: o.Concurrency, ExtraShare: o.ExtraShare, ExtraBurst: extraBurst, Rand: o.Rand,
	})
	if o.Shared != nil {
		e.sharing = newSharing(o.Shared, e.pace, e.changed)
	}
	e.whole = Shard(e, ShardOptions{Calls: 1, Documents: wholeCall, Bytes: wholeCall, Top: -1, Concurrency: o.Concurrency, Timeout: time.Minute, Wait: true})
	return e, nil
}

// turnedListwise reports whether an upstream has learnt from its server that its
// scores depend on what else is in the call.
func (e *Endpoint) turnedListwise() bool { return slices.ContainsFunc(e.children, ListwiseOf) }

func (o EndpointOptions) withDefaults() EndpointOptions {
	o.Name = cmp.Or(o.Name, "endpoint")
	o.Concurrency = cmp.Or(o.Concurrency, 32)
	o.ExtraShare = cmp.Or(o.ExtraShare, 0.1)
	if o.Rand == nil {
		o.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	return o
}

func (o EndpointOptions) check(upstreams []Scorer) error {
	switch {
	case len(upstreams) == 0:
		return errors.New("at least one upstream is needed: pass a scorer, such as a nebius.Client")
	case slices.Contains(upstreams, nil):
		return errors.New("an upstream is nil: leave it out")
	case o.Requests < 0 || o.Tokens < 0:
		return fmt.Errorf("quotas must not be negative, got %d requests and %d tokens", o.Requests, o.Tokens)
	case o.Concurrency < 0:
		return fmt.Errorf("Concurrency must not be negative, got %d", o.Concurrency)
	case o.ExtraShare > 1:
		return fmt.Errorf("ExtraShare must be at most 1, got %v", o.ExtraShare)
	}
	return nil
}

// Score sends all documents in one call, under everything that the endpoint
// knows and guards. What the server refuses for its size is split nevertheless.
func (e *Endpoint) Score(ctx context.Context, query string, documents []string) (Scores, error) {
	return e.whole.Score(ctx, query, documents)
}

// Describe describes the endpoint and its upstreams.
func (e *Endpoint) Describe() pipeline.Node {
	n := pipeline.Node{Name: e.o.Name, Children: e.children, Facts: e.facts, Settings: []pipeline.Setting{
		{Name: "upstreams", Value: fmt.Sprint(len(e.scorers))},
		{Name: "concurrency", Value: fmt.Sprint(e.o.Concurrency)},
		{Name: "requests a minute", Value: quotaSetting(e.o.Requests)},
		{Name: "tokens a minute", Value: quotaSetting(e.o.Tokens)},
		{Name: "extra calls", Value: fmt.Sprintf("%g %%, burst %d", 100*max(0, e.o.ExtraShare), extraBurst)},
	}}
	if e.sharing != nil {
		n.Settings = append(n.Settings, pipeline.Setting{Name: "quotas", Value: "shared"})
	}
	return n
}

func quotaSetting(n int) string {
	if n == 0 {
		return "learned"
	}
	return fmt.Sprint(n)
}

// ScoreStream is Score for consumers of a stream; one call has one answer.
func (e *Endpoint) ScoreStream(ctx context.Context, query string, documents []string) iter.Seq2[Scores, error] {
	return e.whole.ScoreStream(ctx, query, documents)
}

// TypicalLatency is the median latency of the newest calls, 0 before the first.
func (e *Endpoint) TypicalLatency() time.Duration { return e.pace.Likely(0) }

// Close ends the endpoint: queries that run are cancelled and waited for, later
// ones fail at once with ErrClosed in the chain. It may be called again, and by
// several goroutines; every call returns when nothing runs any more, also none of
// the calls that were left behind, see pipeline.StrayError: where an upstream may
// never return, Shutdown bounds the wait. It does not close the upstreams, which it
// did not make. It never returns an error.
//
// Close must not be called from inside a query of this endpoint.
func (e *Endpoint) Close() error { return e.Shutdown(context.Background()) }

// Shutdown is Close for those who do not wait for ever: if ctx ends before, it
// returns an error that says how much still runs, with the cause of ctx in its chain.
func (e *Endpoint) Shutdown(ctx context.Context) error {
	select {
	case <-e.life.begin():
	case <-ctx.Done():
	}
	if e.sharing != nil {
		e.sharing.close()
	}
	if left := e.AwaitLeft(ctx); left > 0 || e.life.running() > 0 {
		return fmt.Errorf("reranker: %s: shut down: %d queries and %d calls that were left behind still run: %w", e.o.Name, e.life.running(), left, context.Cause(ctx))
	}
	return nil
}

// release hands the outcome of a call to the pace, tells the others what they should
// know, and OnChange, whose panic it returns.
func (e *Endpoint) release(now time.Time, t *pace.Ticket, o pace.Outcome) (hook error) {
	changed := e.pace.Release(now, t, o)
	if e.sharing != nil && (changed || o.Refused) {
		e.sharing.tell()
	}
	if !changed {
		return nil
	}
	return e.changed()
}

// changed tells OnChange, whose panic it returns.
func (e *Endpoint) changed() (hook error) {
	if e.o.OnChange == nil {
		return nil
	}
	defer func() {
		if v := recover(); v != nil {
			hook = &Error{Kind: KindPanic, Op: "reranker: shard", Err: &pipeline.PanicError{Part: "EndpointOptions.OnChange", Value: v, Stack: debug.Stack()}}
		}
	}()
	e.o.OnChange(e.State())
	return nil
}

// admit decides about one call, after asking those who share the quotas where that
// is needed.
func (e *Endpoint) admit(ctx context.Context, lane Lane, c pace.Call) pace.Admission {
	a := e.pace.Admit(time.Now(), c)
	for tries := 0; a.Ask; tries++ {
		if tries == shareTries {
			return pace.Admission{Wait: shareRetry} // others take the permits faster
		}
		e.sharing.ask(ctx, pace.Lane(lane), c.Tokens)
		a = e.pace.Admit(time.Now(), c)
	}
	return a
}

// alone reports whether all upstreams are one server.
func (e *Endpoint) alone() bool { return len(e.scorers) == 1 || e.o.OneServer }

// suspended is the error of calls that the breaker does not let pass, with the
// cause that opened it.
func (e *Endpoint) suspended(wait time.Duration, cause error) *Error {
	return &Error{
		Kind: KindBreakerOpen, Op: e.o.Name, RetryAfter: wait,
		Message: "calls are suspended after failures", Err: cause,
	}
}

// State returns a snapshot.
func (e *Endpoint) State() EndpointState {
	p := e.pace.Snapshot(time.Now())
	s := EndpointState{
		Name: e.o.Name, Breaker: breakerStates[p.Breaker], BreakerWait: p.BreakerWait, GateWait: p.GateWait,
		InFlight: p.InFlight, BytesInFlight: p.BytesInFlight, Limit: p.Limit, Waiting: p.Waiting, Queries: e.life.running(),
		Requests: p.Requests, Tokens: p.Tokens, RemainingRequests: p.RemainingRequests, RemainingTokens: p.RemainingTokens,
		ExtraCalls: p.ExtraCalls, Hedging: p.Hedging, MaxDocuments: p.MaxDocuments, MaxBytes: p.MaxBytes,
		TokensPerByte: p.TokensPerByte, LatencyFixed: p.LatencyFixed, LatencyPerToken: p.LatencyPerToken,
		TypicalLatency: p.TypicalLatency, Answered: p.Answered, Cause: p.Cause, LeftBehind: e.LeftBehind(), Upstreams: make([]UpstreamState, len(p.Upstreams)),
	}
	if e.sharing != nil {
		s.Shared = e.sharing.state()
	}
	for i, u := range p.Upstreams {
		s.Upstreams[i] = UpstreamState(u)
	}
	return s
}

var breakerStates = [...]State{pace.Closed: Healthy, pace.Open: Open, pace.HalfOpen: HalfOpen}

// EndpointState is a snapshot of what an endpoint knows. It shares nothing with
// the endpoint.
type EndpointState struct {
	// Name is the endpoint's name.
	Name string
	// Breaker is Healthy when calls pass, HalfOpen while one finds out whether the
	// server is back, or Open; BreakerWait is how long an open one stays so.
	Breaker     State
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
	// Cause is the newest error that counted against the server, nil if there was
	// none; it says why the breaker is open or what nearly opened it.
	Cause error
	// Answered counts the calls that succeeded.
	Answered int
	// LeftBehind counts the calls that ignore the end of their context and that nobody
	// waits for; of 64 and more no other call is made.
	LeftBehind int
	// Shared is what is known of the processes that share the quotas; its zero value
	// without EndpointOptions.Shared.
	Shared SharedState
	// Upstreams are the scorers behind the endpoint, in the order given.
	Upstreams []UpstreamState
}

// UpstreamState is a snapshot of one upstream.
type UpstreamState struct {
	// InFlight counts calls, Failures the failed ones in a row.
	InFlight, Failures int
	// Ejected says that it is left out until a probe succeeds.
	Ejected bool
	// GateWait is how long its calls are held back after a refusal.
	GateWait time.Duration
	// Cause is the newest error that counted against it, nil if there was none.
	Cause error
}

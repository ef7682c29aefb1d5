package reranker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/rankcascade/cascade/pipeline"
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
	// as a share of the first calls; 0 means 0.1, negative means none.
	ExtraShare float64
	// ExtraBurst is how many of them it may save up; 0 means 10.
	ExtraBurst int
	// OneServer says that the upstreams are connections to one server under one
	// key, so that a refusal by one holds all of them. Without it every upstream
	// is held for itself.
	OneServer bool
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
//	endpoint, err := reranker.NewEndpoint(reranker.EndpointOptions{}, client)
//	chat := reranker.Shard(endpoint, reranker.ShardOptions{})
//	experiment := reranker.Shard(endpoint, reranker.EvaluationShards())
//
// An Endpoint is itself a Scorer that sends all documents in one call. It holds
// no goroutine, its state has a fixed size, and it is safe for concurrent use.
type Endpoint struct {
	name     string
	o        EndpointOptions
	ups      []*upstream
	whole    *Sharded
	closed   chan struct{}
	children []pipeline.Node
	facts    pipeline.Facts

	mu       sync.Mutex
	active   int           // queries running
	idle     chan struct{} // closed when Close may return
	rng      *rand.Rand
	quota    quota
	limit    callLimit
	extra    extraBudget
	breaker  breaker
	hedges   hedgeRecord
	size     tokenEstimate
	latency  latencyModel
	ladder   ladder
	batch    batchLimit
	bytes    int // in flight
	tokens   int // in flight
	skipped  int // queries in a row that were too late to try
	answered int // calls that succeeded
}

// ErrClosed is in the chain of what an Endpoint answers after Close.
var ErrClosed = errors.New("endpoint is closed")

// bytesInFlight bounds the document text that is on its way at one time.
const bytesInFlight = 256 << 20

// NewEndpoint makes an endpoint over one or more upstreams. Several are replicas
// of one model: each call goes to the less loaded of two, what fails repeatedly
// is left out for a while, and retries and hedges go to another one. It returns
// an *Error of KindConfig if there is no upstream, one is nil, or a number is
// out of range.
func NewEndpoint(o EndpointOptions, upstreams ...Scorer) (*Endpoint, error) {
	if err := o.check(upstreams); err != nil {
		return nil, &Error{Kind: KindConfig, Op: "reranker: new endpoint", Err: err}
	}
	if o.Name == "" {
		o.Name = "endpoint"
	}
	if o.Concurrency == 0 {
		o.Concurrency = 32
	}
	if o.ExtraShare == 0 {
		o.ExtraShare = 0.1
	}
	if o.ExtraBurst == 0 {
		o.ExtraBurst = 10
	}
	now := time.Now()
	e := &Endpoint{
		name: o.Name, o: o, closed: make(chan struct{}), rng: o.Rand,
		quota: quota{requests: newQuotaBucket(o.Requests, now), tokens: newQuotaBucket(o.Tokens, now)},
		limit: newCallLimit(o.Concurrency), extra: newExtraBudget(max(0, o.ExtraShare), o.ExtraBurst),
		batch: newBatchLimit(),
	}
	if o.ExtraShare < 0 {
		e.extra = newExtraBudget(0, 0)
	}
	if e.rng == nil {
		e.rng = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	for _, s := range upstreams {
		e.ups = append(e.ups, &upstream{scorer: s})
		node := pipeline.Describe(s)
		e.children = append(e.children, node)
		e.facts.Listwise = e.facts.Listwise || node.Facts.Listwise
		e.facts.Scale = node.Facts.Scale
	}
	e.whole = Shard(e, ShardOptions{Calls: 1, Documents: wholeCall, Bytes: wholeCall, Top: -1, Concurrency: o.Concurrency, Timeout: time.Minute, Reserve: -1, Wait: true})
	return e, nil
}

func (o EndpointOptions) check(upstreams []Scorer) error {
	switch {
	case len(upstreams) == 0:
		return errors.New("at least one upstream is needed")
	case slices.Contains(upstreams, nil):
		return errors.New("an upstream is nil")
	case o.Requests < 0 || o.Tokens < 0:
		return fmt.Errorf("quotas must not be negative, got %d requests and %d tokens", o.Requests, o.Tokens)
	case o.Concurrency < 0:
		return fmt.Errorf("Concurrency must not be negative, got %d", o.Concurrency)
	case o.ExtraShare > 1:
		return fmt.Errorf("ExtraShare must be at most 1, got %v", o.ExtraShare)
	case o.ExtraBurst < 0:
		return fmt.Errorf("ExtraBurst must not be negative, got %d", o.ExtraBurst)
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
	return pipeline.Node{Name: e.name, Children: e.children, Facts: e.facts, Settings: []pipeline.Setting{
		{Name: "upstreams", Value: fmt.Sprint(len(e.ups))},
		{Name: "concurrency", Value: fmt.Sprint(e.o.Concurrency)},
		{Name: "requests a minute", Value: quotaSetting(e.o.Requests)},
		{Name: "tokens a minute", Value: quotaSetting(e.o.Tokens)},
		{Name: "extra calls", Value: fmt.Sprintf("%g %%, burst %d", 100*max(0, e.o.ExtraShare), e.o.ExtraBurst)},
	}}
}

func quotaSetting(n int) string {
	if n == 0 {
		return "learned"
	}
	return fmt.Sprint(n)
}

// Close ends the endpoint: queries that run are cancelled and waited for, later
// ones fail at once with ErrClosed in the chain. It may be called again, and by
// several goroutines; every call returns when nothing runs any more. It does not
// close the upstreams, which it did not make. It never returns an error.
//
// Close must not be called from inside a query of this endpoint.
func (e *Endpoint) Close() error {
	e.mu.Lock()
	if e.idle == nil {
		e.idle = make(chan struct{})
		close(e.closed)
		if e.active == 0 {
			close(e.idle)
		}
	}
	idle := e.idle
	e.mu.Unlock()
	<-idle
	return nil
}

// enter registers a query; exit must follow if it returns true.
func (e *Endpoint) enter() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.idle != nil {
		return false
	}
	e.active++
	return true
}

func (e *Endpoint) exit() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.active--; e.active == 0 && e.idle != nil {
		close(e.idle)
	}
}

// locked runs f under the endpoint's lock. f calls nothing of the user's.
func (e *Endpoint) locked(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f()
}

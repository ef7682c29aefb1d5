package reranker

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/rankcascade/cascade/pipeline"
)

// ShardOptions says how documents are spread over calls. The zero value is the
// profile for people who wait; EvaluationShards is the one for experiments.
type ShardOptions struct {
	// Documents, Bytes and Tokens are the most that one call may hold, where the
	// tokens are estimated and count the query once for each document. 0 leaves it
	// to the endpoint: 32 documents until calls of that size succeed and more after
	// that, 1 MiB of text, any number of tokens. A document that exceeds a bound on
	// its own is sent alone.
	Documents, Bytes, Tokens int
	// Calls is into how many calls a query is split where the bounds allow it. 0
	// learns it from latency; 1 makes as few calls as the bounds allow.
	Calls int
	// Concurrency is the most calls of one query in flight. 0 means 8, or as many
	// as the query is split into once more than that have proved faster. The
	// endpoint's limit holds beside it.
	Concurrency int
	// Top is how many documents the caller will keep. The documents are taken to
	// come in retrieval order; the first 2*Top, or a quarter if that is more, are
	// sent first and the others 50 ms later when time may run out. 0 means 10,
	// negative sends all at once.
	Top int
	// Timeout bounds a query whose context has no deadline, which is never so below
	// a rerank stage with a Timeout; 0 means 1.5 s, negative means no bound.
	Timeout time.Duration
	// Attempts is how often one shard is tried, hedges not counted; 0 means 2.
	Attempts int
	// NoCut leaves out the documents that do not fit together with the query into the
	// Bounds.PairTokens of the server, for pipeline.ReasonTooLong. By default they are
	// cut, see Fitter, which is a warning of the kind WarnTruncated.
	NoCut bool
	// NoHedge switches hedging off.
	NoHedge bool
	// Wait makes a query wait for the server's quota up to its deadline, where by
	// default it leaves out the documents that the quota does not cover.
	Wait bool
	// Lane is the priority of queries whose context names none, see WithLane.
	Lane Lane
	// AllowListwise permits to split documents for a scorer whose scores depend on
	// what else is in the call, and so do not compare between calls.
	AllowListwise bool
	// Anchors, from 2 on, is how many documents of a query, spread evenly over the
	// retrieval ranking, are sent in each of its calls, to find out whether scores
	// of different calls compare. Calls that gave an anchor another score than the
	// call with the head of the ranking did are a warning of the kind
	// WarnNotComparable, and their scores are mapped onto that call's scale by the
	// anchors, or taken out where the anchors stand in another order. 0 means none.
	Anchors int
}

// EvaluationShards returns the options for experiments: every document is to be
// scored, however long it takes. No tiers, no hedges, four attempts, 60 s, the
// batch lane, and quotas are waited for.
func EvaluationShards() ShardOptions {
	return ShardOptions{Top: -1, Timeout: 60 * time.Second, Attempts: 4, NoHedge: true, Wait: true, Lane: LaneBatch}
}

// withDefaults fills in what 0 stands for.
func (o ShardOptions) withDefaults() ShardOptions {
	if o.Timeout == 0 {
		o.Timeout = 1500 * time.Millisecond
	}
	if o.Attempts == 0 {
		o.Attempts = 2
	}
	return o
}

// portionable reports whether the options leave it open how a query is sent.
func (o ShardOptions) portionable() bool {
	return o.Calls == 0 && o.Top >= 0 && o.Anchors == 0
}

func (o ShardOptions) check() error {
	for _, n := range [...]struct {
		name  string
		value int
	}{
		{"Documents", o.Documents}, {"Bytes", o.Bytes}, {"Tokens", o.Tokens},
		{"Calls", o.Calls}, {"Concurrency", o.Concurrency}, {"Attempts", o.Attempts}, {"Anchors", o.Anchors},
	} {
		if n.value < 0 {
			return fmt.Errorf("ShardOptions.%s must not be negative, got %d", n.name, n.value)
		}
	}
	if o.Anchors == 1 {
		return errors.New("ShardOptions.Anchors is 1: at least 2 are needed to compare calls")
	}
	if o.Lane > LaneBatch {
		return fmt.Errorf("ShardOptions.Lane %d is not a lane", o.Lane)
	}
	return nil
}

// Sharded is a Scorer that spreads the documents of a query over concurrent
// calls and puts the scores together by position, so that they do not depend on
// the order in which the calls finish. What fails costs its own documents only:
// Scores.Unscored has the reason for each, Scores.Causes the errors, and
// Scores.Report what was done. Make one with Shard.
//
// A Sharded is safe for concurrent use and starts no goroutine that outlives a
// call, unless its scorer ignores the end of its context: then the call returns some
// milliseconds after its deadline all the same, and what goes on is left to the
// endpoint, see pipeline.StrayError.
type Sharded struct {
	endpoint *Endpoint
	o        ShardOptions
	node     pipeline.Node
	err      error
}

var _ Varying = (*Sharded)(nil)

// Shard returns a scorer that splits the documents of a query over several calls
// of scorer. Give it an Endpoint to share limits, budgets and what was learned
// with the other queries of the process; any other scorer gets an endpoint of
// its own, which only this Sharded uses.
//
// A scorer whose description says Listwise, or whose server says so in its first
// answer, is called once for a query, and a
// query that does not fit into one call is refused, unless AllowListwise is set.
// A mistake in the options is in Describe().Err and in the error of every call.
func Shard(scorer Scorer, o ShardOptions) *Sharded {
	s := &Sharded{o: o.withDefaults(), err: o.check()}
	endpoint, ok := scorer.(*Endpoint)
	if ok && endpoint == nil {
		scorer, ok = nil, false
	}
	if !ok {
		var err error
		if endpoint, err = NewEndpoint([]Scorer{scorer}, EndpointOptions{Name: "private endpoint"}); err != nil {
			s.err = errors.Join(s.err, errors.New("the scorer is nil: pass the one that is asked"))
		}
	}
	s.endpoint = endpoint
	if s.err != nil {
		s.err = &Error{Kind: KindConfig, Op: "reranker: shard", Err: s.err}
	}
	if endpoint != nil {
		s.node = pipeline.Describe(endpoint)
	}
	return s
}

// Endpoint returns the endpoint that the calls go through, nil if Shard was
// given no scorer.
func (s *Sharded) Endpoint() *Endpoint { return s.endpoint }

// TypicalLatency is the median latency of the newest calls, 0 before the first.
// With less time than that left, a query is better not sent.
func (s *Sharded) TypicalLatency() time.Duration {
	if s.endpoint == nil {
		return 0
	}
	return s.endpoint.pace.Likely(0)
}

// listwise reports whether everything has to go in one call, by what the scorers say
// of themselves or by what their servers have said since.
func (s *Sharded) listwise() bool {
	return !s.o.AllowListwise && (s.node.Facts.Listwise || s.endpoint.turnedListwise())
}

// Describe describes the sharding and the endpoint below it.
func (s *Sharded) Describe() pipeline.Node {
	o := s.o
	n := pipeline.Node{Name: "shard", Err: s.err, Facts: pipeline.Facts{
		Sharded: o.AllowListwise || !s.node.Facts.Listwise, Listwise: s.node.Facts.Listwise, Scale: s.node.Facts.Scale,
	}}
	if s.endpoint != nil {
		n.Children = []pipeline.Node{s.node}
	}
	n.Settings = []pipeline.Setting{
		{Name: "documents", Value: learnedSetting(o.Documents)},
		{Name: "bytes", Value: learnedSetting(o.Bytes)},
		{Name: "tokens", Value: learnedSetting(o.Tokens)},
		{Name: "calls", Value: learnedSetting(o.Calls)},
		{Name: "concurrency", Value: learnedSetting(o.Concurrency)},
		{Name: "top", Value: fmt.Sprint(o.Top)},
		{Name: "timeout", Value: o.Timeout.String()},
		{Name: "attempts", Value: fmt.Sprint(o.Attempts)},
		{Name: "cut", Value: fmt.Sprint(!o.NoCut)},
		{Name: "hedge", Value: fmt.Sprint(!o.NoHedge)},
		{Name: "wait for quota", Value: fmt.Sprint(o.Wait)},
		{Name: "lane", Value: o.Lane.String()},
	}
	return n
}

func learnedSetting(n int) string {
	if n == 0 {
		return "learned"
	}
	return fmt.Sprint(n)
}

// Variant implements Varying: documents are cut to what the server takes.
func (s *Sharded) Variant(context.Context) string {
	if s.o.NoCut || s.endpoint == nil || s.endpoint.pairTokens == 0 {
		return ""
	}
	return fmt.Sprintf("pairs of %d tokens", s.endpoint.pairTokens)
}

// Score scores the documents and returns by the deadline with what it has. The
// documents are taken to be in retrieval order. Blank documents are never sent.
//
// It returns an error only if it scored nothing that it should have scored, or
// if ctx was cancelled: then the cause of ctx is in the chain. The error holds
// every cause, and the Scores beside it still have the reasons and the report.
func (s *Sharded) Score(ctx context.Context, query string, documents []string) (Scores, error) {
	var last Scores
	var failure error
	s.run(ctx, query, documents, nil, func(scores Scores, err error) bool {
		last, failure = scores, err
		return true
	})
	return last, failure
}

// ScoreStream yields what is there each time that calls have finished, see
// StreamScorer. The last pair equals what Score returns.
func (s *Sharded) ScoreStream(ctx context.Context, query string, documents []string) iter.Seq2[Scores, error] {
	return func(yield func(Scores, error) bool) {
		s.run(ctx, query, documents, func(scores Scores) bool { return yield(scores, nil) }, yield)
	}
}

// run scores, tells progress about what is there in between if that is not nil,
// and done about the end unless progress has asked to stop.
func (s *Sharded) run(ctx context.Context, query string, documents []string, progress func(Scores) bool, done func(Scores, error) bool) {
	if s.err != nil {
		done(Scores{}, s.err)
		return
	}
	if len(documents) == 0 {
		done(emptyScores(), nil)
		return
	}
	if !s.endpoint.life.enter() {
		done(Scores{}, &Error{Kind: KindConfig, Op: "reranker: shard", Err: ErrClosed})
		return
	}
	scores, stopped, err := s.score(ctx, query, documents, progress)
	if !stopped {
		done(scores, err)
	}
}

// score asks the servers, within the lifetime of the endpoint that was entered.
func (s *Sharded) score(ctx context.Context, query string, documents []string, progress func(Scores) bool) (scores Scores, stopped bool, err error) {
	defer s.endpoint.life.exit()
	r := newRun(ctx, s, query, documents)
	scores, stopped, err = r.score(progress)
	if !stopped && !r.whole && r.tally.report.Sent > 1 && s.listwise() {
		// The server has said only now that scores of different calls do not compare.
		return newRun(ctx, s, query, documents).score(progress)
	}
	return scores, stopped, err
}

func emptyScores() Scores { return Scores{Values: []float64{}, Report: &Report{Mode: Full}} }

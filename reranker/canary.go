package reranker

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rankcascade/cascade/pipeline"
)

// Drift says what a Canary does when scores of several calls do not compare.
type Drift uint8

// What can be done about drift.
const (
	// WarnOfDrift uses the scores as they are, with a warning of the kind
	// WarnNotComparable.
	WarnOfDrift Drift = iota
	// RefuseShards asks the single-call scorer instead, for the query in which
	// drift was found and for all later ones.
	RefuseShards
	// AlignShards maps the scores of each call that has drifted onto the scale of
	// the call that holds the head of the ranking, by the anchors that both have.
	AlignShards
)

// String returns "warn", "refuse shards" or "align shards".
func (d Drift) String() string {
	switch d {
	case WarnOfDrift:
		return "warn"
	case RefuseShards:
		return "refuse shards"
	case AlignShards:
		return "align shards"
	}
	return "invalid drift"
}

// CanaryOptions sets a Canary. The zero value watches every query and warns.
type CanaryOptions struct {
	// Anchors is how many documents of a query are sent in each of its calls,
	// spread evenly over the retrieval ranking; 0 means 3, at least 2.
	Anchors int
	// Tolerance is the difference between two scores of one anchor from which on
	// calls do not compare: absolute on a scale that is bounded on both sides,
	// else as a share of the range of the scores; 0 means 0.02.
	Tolerance float64
	// OnDrift says what is done then.
	OnDrift Drift
	// Every watches only each n-th query, to save the anchors; 0 means 1.
	// AlignShards needs every query.
	Every int
}

// Canary finds out whether scores that were computed in different calls compare,
// which is what scoring in shards rests on and what a listwise model, or a
// server that normalises over the batch, does not give. It sends the same few
// documents, the anchors, in every call of a query and looks at their scores:
//
//	canary := reranker.NewCanary(reranker.CanaryOptions{OnDrift: reranker.AlignShards})
//	sharded := reranker.Shard(canary.Call(client), reranker.ShardOptions{})
//	scorer := canary.Query(sharded, client)
//
// It is safe for concurrent use.
type Canary struct {
	o       CanaryOptions
	err     error
	queries atomic.Uint64
	refused atomic.Bool
	worst   atomic.Uint64 // bits of the largest drift
}

// NewCanary returns a canary. A mistake in the options is in the description and
// in the errors of its scorers.
func NewCanary(o CanaryOptions) *Canary {
	c := &Canary{o: o}
	if err := o.check(); err != nil {
		c.err = &Error{Kind: KindConfig, Op: "reranker: canary", Err: err}
	}
	if c.o.Anchors == 0 {
		c.o.Anchors = 3
	}
	if c.o.Tolerance == 0 {
		c.o.Tolerance = 0.02
	}
	c.o.Every = max(1, c.o.Every)
	return c
}

func (o CanaryOptions) check() error {
	switch {
	case o.Anchors < 0 || o.Anchors == 1:
		return fmt.Errorf("Anchors is %d: at least 2 are needed to compare calls", o.Anchors)
	case !(o.Tolerance >= 0) || math.IsInf(o.Tolerance, 0):
		return fmt.Errorf("Tolerance is %v: set a finite number of at least 0", o.Tolerance)
	case o.OnDrift > AlignShards:
		return fmt.Errorf("OnDrift is %d: use WarnOfDrift, RefuseShards or AlignShards", o.OnDrift)
	case o.Every < 0 || (o.Every > 1 && o.OnDrift == AlignShards):
		return fmt.Errorf("Every is %d: it must not be negative, and calls are aligned in every query or in none", o.Every)
	}
	return nil
}

// Drift returns the largest drift that was found so far.
func (c *Canary) Drift() float64 { return math.Float64frombits(c.worst.Load()) }

// Refused reports whether queries go to the single-call scorer.
func (c *Canary) Refused() bool { return c.refused.Load() }

// note keeps the largest drift. Bits of numbers that are not negative are in the
// order of the numbers.
func (c *Canary) note(drift float64) {
	bits := math.Float64bits(drift)
	for {
		old := c.worst.Load()
		if bits <= old || c.worst.CompareAndSwap(old, bits) {
			return
		}
	}
}

// Call decorates the scorer that makes single calls, to be given to the one that
// splits. Each call then carries the query's anchors, up to CanaryOptions.Anchors
// documents more than it is asked for, whose scores are taken out of the answer.
// Where the canary acts on drift it is no longer described as listwise, so that
// it may be split.
func (c *Canary) Call(scorer Scorer) Scorer { return &anchored{canary: c, scorer: scorer} }

// Query decorates the scorer that splits. single is asked after RefuseShards; it
// may be nil otherwise.
func (c *Canary) Query(sharded, single Scorer) Scorer {
	q := &compared{canary: c, sharded: sharded, single: single, err: c.err}
	switch {
	case c.err != nil:
	case sharded == nil:
		q.err = &Error{Kind: KindConfig, Op: "reranker: canary", Err: errors.New("the scorer is nil")}
	case single == nil && c.o.OnDrift == RefuseShards:
		q.err = &Error{Kind: KindConfig, Op: "reranker: canary", Err: errors.New("RefuseShards needs a scorer for single calls")}
	}
	return q
}

// Listwise declares that the scores of a scorer depend on what else is in the
// call, so that it is not split, cached or pruned.
func Listwise(scorer Scorer) Scorer { return declared{scorer} }

type declared struct{ Scorer }

// Describe adds the declaration to the scorer's description.
func (d declared) Describe() pipeline.Node {
	n := pipeline.Describe(d.Scorer)
	n.Facts.Listwise = true
	return n
}

// TypicalLatency is that of the scorer.
func (d declared) TypicalLatency() time.Duration { return typicalLatency(d.Scorer) }

// watch is one query that is being watched. It travels in the context from the
// query's scorer through the one that splits to the calls.
type watch struct {
	anchors []string

	mu    sync.Mutex
	calls []watchedCall
}

type watchKey struct{}

// watchedCall is what one call said: about its own documents, and about the
// anchors, NaN where it said nothing.
type watchedCall struct {
	documents []string
	values    []float64
	anchors   []float64
}

func (w *watch) add(c watchedCall) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, c)
}

// anchored is a scorer of single calls that sends the anchors along.
type anchored struct {
	canary *Canary
	scorer Scorer
}

// Describe is the scorer's own, with the listwise flag taken off where the
// canary makes up for it.
func (a *anchored) Describe() pipeline.Node {
	n := pipeline.Describe(a.scorer)
	if a.canary.o.OnDrift != WarnOfDrift {
		n.Facts.Listwise = false
	}
	n.Err = errors.Join(n.Err, a.canary.err)
	return n
}

// TypicalLatency is that of the scorer.
func (a *anchored) TypicalLatency() time.Duration { return typicalLatency(a.scorer) }

// Score scores the documents together with the anchors of the query.
func (a *anchored) Score(ctx context.Context, query string, documents []string) (Scores, error) {
	if a.canary.err != nil {
		return Scores{}, a.canary.err
	}
	w, _ := ctx.Value(watchKey{}).(*watch)
	if w == nil || len(documents) == 0 {
		return a.scorer.Score(ctx, query, documents)
	}
	at := make(map[string]int, len(documents)+len(w.anchors))
	for i, d := range documents {
		at[d] = i
	}
	texts := documents[:len(documents):len(documents)]
	for _, anchor := range w.anchors {
		if _, there := at[anchor]; !there {
			at[anchor] = len(texts)
			texts = append(texts, anchor)
		}
	}
	scores, err := a.scorer.Score(ctx, query, texts)
	if err != nil || len(scores.Values) != len(texts) {
		return scores, err
	}
	call := watchedCall{documents: documents, values: scores.Values[:len(documents)], anchors: make([]float64, len(w.anchors))}
	for i, anchor := range w.anchors {
		call.anchors[i] = math.NaN()
		if scores.Scored(at[anchor]) {
			call.anchors[i] = scores.Values[at[anchor]]
		}
	}
	w.add(call)
	return scores.head(len(documents)), nil
}

// head returns the scores of the first n documents.
func (s Scores) head(n int) Scores {
	s.Values = s.Values[:n:n]
	if s.Unscored != nil {
		s.Unscored = s.Unscored[:n:n]
	}
	if s.Cached != nil {
		s.Cached = s.Cached[:n:n]
	}
	return s
}

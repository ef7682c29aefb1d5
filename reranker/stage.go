package reranker

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/rankcascade/cascade/pipeline"
)

// Options sets a rerank stage. The zero value is not usable: Unscored has to be
// named. Chat and Evaluation return complete options.
type Options struct {
	// Name is the stage's name in marks, gaps and trees; "" means "rerank". Two
	// rerank stages of one pipeline should have different names.
	Name string
	// Depth is how many hits of the input are scored, from the top; 0 means all.
	// The others stay below, in retrieval order, with an imputed mark for the
	// reason pipeline.ReasonNotSent. That is no gap.
	Depth int
	// Unscored names what happens to documents that could not be scored.
	Unscored Policy
	// Text makes the text that is sent out of a document; nil means TextOnly. It
	// must be safe for concurrent use.
	Text func(pipeline.Document) string
	// MinCoverage is the share of candidates, in [0, 1], that has to be scored for
	// the scores to be used under KeepPosition and Below; with less the retrieval
	// order stands.
	MinCoverage float64
	// Top is the length of the head of the retrieval ranking for which
	// Report.TopScored is computed; 0 means 10.
	Top int

	// Share is the part of the caller's remaining time, in (0, 1], that the stage
	// may use; 0 means all but the reserve.
	Share float64
	// Reserve is the time left to what follows, so that a fallback always runs; 0
	// means 5 % of the remaining time, at least 20 ms; negative means none.
	Reserve time.Duration
	// Default is the time limit for a caller without a deadline; 0 means none.
	Default time.Duration
	// MinimumUseful is the time below which a call is not worth while and the
	// retrieval order stands at once; 0 asks the scorer, if it has a method
	// TypicalLatency() time.Duration, as Sharded has, and then lets each twentieth
	// query through that would be skipped.
	MinimumUseful time.Duration

	// Bypass is the share of queries, in [0, 1], that are not reranked on purpose,
	// so that the fallback stays warm and the worth of reranking can be measured.
	// Their rankings are degraded for the reason pipeline.ReasonNotSent. Which
	// queries, depends on Seed and on how many came before, and on nothing else.
	Bypass float64
	Seed   uint64
	// Hook is told when a detector changes its state, from the goroutine of the
	// query that did it and without any lock held; nil means nobody. It must be
	// safe for concurrent use. See SlogHook.
	Hook func(StateChange)
}

// Rerank is the stage that replaces the scores of a ranking by those of a
// Scorer. Make one with Stage. It is safe for concurrent use.
type Rerank struct {
	scorer  Scorer
	o       Options
	node    pipeline.Node // of the scorer
	err     error
	queries atomic.Uint64
	late    atomic.Uint64
	monitor monitor
}

var (
	_ pipeline.Refiner   = (*Rerank)(nil)
	_ pipeline.Describer = (*Rerank)(nil)
)

// Stage returns a stage that scores the hits of its input with the scorer. The
// scorer is given each distinct text once, in retrieval order, without blank
// ones. A mistake in the options is in Describe().Err and the error of every
// call.
//
// The new ranking is on the scorer's scale. Each hit has a mark of the stage;
// where there is no score it is imputed, has the reason, and an estimate that
// fits the hit's place. What is missing stands in the gaps, one for each reason;
// a ranking of which nothing could be scored is returned as it came, on its own
// scale, with the gaps. ReportKey finds the report on every ranking.
//
// Apply returns an error if the options are wrong, if the caller cancelled the
// context (its cause is in the chain), or, an *UnscoredError, if the policy is
// Fail. That time is up is no error under the other policies, whether it is the
// stage's own or the caller's.
func Stage(scorer Scorer, o Options) *Rerank {
	s := &Rerank{scorer: scorer, o: o.withDefaults(), err: o.check()}
	if scorer == nil {
		s.err = errors.Join(errors.New("the scorer is nil"), s.err)
	} else {
		s.node = pipeline.Describe(scorer)
		s.err = errors.Join(s.err, s.node.Err)
	}
	if s.err != nil {
		s.err = &Error{Kind: KindConfig, Op: "reranker: " + s.o.Name, Err: s.err}
	}
	return s
}

func (o Options) withDefaults() Options {
	if o.Name == "" {
		o.Name = "rerank"
	}
	if o.Text == nil {
		o.Text = TextOnly
	}
	if o.Top == 0 {
		o.Top = DefaultTop
	}
	return o
}

func (o Options) check() error {
	errs := []error{o.Unscored.check()}
	for _, n := range [...]struct {
		name  string
		value float64
	}{{"Depth", float64(o.Depth)}, {"Top", float64(o.Top)}, {"Default", float64(o.Default)}, {"MinimumUseful", float64(o.MinimumUseful)}} {
		if n.value < 0 {
			errs = append(errs, fmt.Errorf("%s must not be negative", n.name))
		}
	}
	for _, n := range [...]struct {
		name  string
		value float64
	}{{"MinCoverage", o.MinCoverage}, {"Share", o.Share}, {"Bypass", o.Bypass}} {
		if math.IsNaN(n.value) || n.value < 0 || n.value > 1 {
			errs = append(errs, fmt.Errorf("%s is a share and must lie in [0, 1], got %v", n.name, n.value))
		}
	}
	if o.Unscored == Fail && o.Bypass > 0 {
		errs = append(errs, errors.New("Bypass leaves queries unscored, which the policy Fail forbids: set one of them"))
	}
	return errors.Join(errs...)
}

// Describe returns the effective options, with the scorer as the only child.
func (s *Rerank) Describe() pipeline.Node {
	o := s.o
	n := pipeline.Node{
		Name: o.Name,
		Settings: []pipeline.Setting{
			{Name: "depth", Value: orAll(o.Depth)},
			{Name: "unscored", Value: o.Unscored.String()},
			{Name: "minimum coverage", Value: fmt.Sprint(o.MinCoverage)},
			{Name: "time", Value: o.timeSetting()},
			{Name: "bypass", Value: fmt.Sprint(o.Bypass)},
		},
		Facts: pipeline.Facts{
			Role: pipeline.RoleRerank, Depth: o.Depth, Scale: s.node.Facts.Scale, Max: s.node.Facts.Max,
			Listwise: s.node.Facts.Listwise, Sharded: s.node.Facts.Sharded, Tolerates: o.Unscored != Fail,
		},
		Err: s.err,
	}
	if s.scorer != nil {
		n.Children = []pipeline.Node{s.node}
	}
	return n
}

func orAll(n int) string {
	if n == 0 {
		return "all"
	}
	return fmt.Sprint(n)
}

// Apply scores the hits of the ranking and puts them into the new order.
func (s *Rerank) Apply(ctx context.Context, q pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	if s.err != nil {
		return pipeline.Ranking{}, s.err
	}
	w := s.begin(in)
	return w.end(ctx, w.score(pipeline.WithQuery(ctx, q), q.Text))
}

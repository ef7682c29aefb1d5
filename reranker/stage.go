package reranker

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/rankcascade/cascade/internal/stray"
	"github.com/rankcascade/cascade/pipeline"
)

// StageOptions sets a rerank stage. The zero value is not usable: Unscored has to be
// named. Chat and Evaluation return complete options.
type StageOptions struct {
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

	// Timeout is the time limit for a caller without a deadline; 0 means none. It is
	// no upper bound: where the caller's deadline may be longer, pipeline.Within is.
	// Time is limited by these two and the caller's context, and nowhere else: what
	// is below the stage inherits its deadline.
	Timeout time.Duration
	// Reserve is the part of the caller's time that is left to what follows, so that
	// a fallback always runs; 0 means 5 % of the remaining time, at least 20 ms;
	// negative means none. It is kept once: shards below the stage use all that
	// the stage gives them.
	Reserve time.Duration

	// Bypass is the share of queries, in [0, 1], that are not reranked on purpose,
	// so that the fallback stays warm and the worth of reranking can be measured.
	// Their rankings are degraded for the reason pipeline.ReasonNotSent. Which
	// queries, depends on how many came before and on nothing else.
	Bypass float64
	// OnChange is told when a detector changes its state, from the goroutine of the
	// query that did it and without any lock held; nil means nobody. It must be
	// safe for concurrent use. See LogChanges.
	OnChange func(StateChange)
}

// Staged is the stage that replaces the scores of a ranking by those of a
// Scorer. Make one with Stage. It is safe for concurrent use.
type Staged struct {
	leaving
	scorer  Scorer
	o       StageOptions
	node    pipeline.Node // of the scorer
	err     error
	queries atomic.Uint64
	monitor monitor
	plain   bool // the text of a document is what is sent
}

var (
	_ pipeline.Refiner   = (*Staged)(nil)
	_ pipeline.Describer = (*Staged)(nil)
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
// AllOrNothing. That time is up is no error under the other policies, whether it is the
// stage's own or the caller's.
//
// A scorer, or a StageOptions.Text, that ignores the end of its context is left
// behind at most 15 ms after it, see pipeline.StrayError: its documents are lost for
// the reason pipeline.ReasonDeadline, Report.LeftBehind counts it, and pipeline.Close
// waits for it. A call without a deadline may take as long as it likes.
func Stage(scorer Scorer, o StageOptions) *Staged {
	s := &Staged{leaving: leaving{stray.New(0)}, scorer: scorer, o: o.withDefaults(), err: o.check(), plain: o.Text == nil}
	if scorer == nil {
		s.err = errors.Join(errors.New("the scorer is nil: pass one, such as a nebius.Client"), s.err)
	} else {
		s.node = pipeline.Describe(scorer)
		s.err = errors.Join(s.err, s.node.Err)
	}
	if s.err != nil {
		s.err = &Error{Kind: KindConfig, Op: "reranker: " + s.o.Name, Err: s.err}
	}
	return s
}

func (o StageOptions) withDefaults() StageOptions {
	if o.Name == "" {
		o.Name = "rerank"
	}
	if o.Text == nil {
		o.Text = TextOnly
	}
	return o
}

func (o StageOptions) check() error {
	errs := []error{o.Unscored.check()}
	for _, n := range [...]struct {
		name  string
		value float64
	}{{"Depth", float64(o.Depth)}, {"Timeout", float64(o.Timeout)}} {
		if n.value < 0 {
			errs = append(errs, fmt.Errorf("%s must not be negative", n.name))
		}
	}
	for _, n := range [...]struct {
		name  string
		value float64
	}{{"MinCoverage", o.MinCoverage}, {"Bypass", o.Bypass}} {
		if math.IsNaN(n.value) || n.value < 0 || n.value > 1 {
			errs = append(errs, fmt.Errorf("%s is a share and must lie in [0, 1], got %v", n.name, n.value))
		}
	}
	if !o.Unscored.tolerates() && o.Bypass > 0 {
		errs = append(errs, errors.New("Bypass leaves queries unscored, which the policy AllOrNothing forbids: set one of them"))
	}
	return errors.Join(errs...)
}

// Describe returns the effective options, with the scorer as the only child.
func (s *Staged) Describe() pipeline.Node {
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
			Listwise: s.node.Facts.Listwise, Sharded: s.node.Facts.Sharded, Tolerates: o.Unscored.tolerates(),
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

// timeSetting describes how the stage's time is found.
func (o StageOptions) timeSetting() string {
	rest := "the caller's less 5 %, at least 20 ms"
	switch {
	case o.Reserve > 0:
		rest = fmt.Sprintf("the caller's less %v", o.Reserve)
	case o.Reserve < 0:
		rest = "the caller's"
	}
	if o.Timeout > 0 {
		rest += fmt.Sprintf("; %v without a deadline", o.Timeout)
	}
	return rest
}

// minReserve is the least time that is left to what follows a rerank.
const minReserve = 20 * time.Millisecond

// allot returns how much of the remaining time the stage may use.
func (o StageOptions) allot(left time.Duration) time.Duration {
	switch {
	case o.Reserve > 0:
		return left - o.Reserve
	case o.Reserve == 0:
		return left - max(minReserve, left/20)
	}
	return left
}

// Apply scores the hits of the ranking and puts them into the new order.
func (s *Staged) Apply(ctx context.Context, q pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	if s.err != nil {
		return pipeline.Ranking{}, s.err
	}
	w := s.begin(ctx, in)
	return w.end(ctx, w.score(pipeline.WithQuery(ctx, q), q.Text))
}

// Refine yields the retrieval order at once and then, if the scorer is a
// StreamScorer, a better ranking whenever it has more scores. The last ranking
// equals what Apply returns. The early ones are degraded: documents whose score
// is still to come keep their position, whatever the policy, in a gap of the
// reason pipeline.ReasonNotSent.
func (s *Staged) Refine(ctx context.Context, q pipeline.Query, in pipeline.Ranking) iter.Seq2[pipeline.Ranking, error] {
	return func(yield func(pipeline.Ranking, error) bool) {
		if s.err != nil {
			yield(pipeline.Ranking{}, s.err)
			return
		}
		w := s.begin(ctx, in)
		if len(w.texts) > 0 && s.cancelled(ctx) == nil && !yield(w.early(answer{}), nil) {
			return
		}
		a, stopped := w.stream(pipeline.WithQuery(ctx, q), q.Text, func(a answer) bool { return yield(w.early(a), nil) })
		if !stopped {
			yield(w.end(ctx, a))
		}
	}
}

// begin decides what is to be sent: the distinct texts of the first hits that are
// not blank.
func (s *Staged) begin(ctx context.Context, in pipeline.Ranking) *work {
	depth := len(in.Hits)
	if s.o.Depth > 0 {
		depth = min(depth, s.o.Depth)
	}
	w := &work{
		stage: s, start: time.Now(), bypassed: s.bypass(), slot: make([]int, len(in.Hits)),
		outcome: outcome{stage: s.o.Name, in: in, verdicts: make([]verdict, len(in.Hits))},
	}
	for i := range in.Hits {
		w.slot[i] = -1
		w.verdicts[i] = verdict{reason: pipeline.ReasonNotSent, left: i >= depth}
	}
	read, err := s.read(ctx, w, in.Hits[:depth])
	if err != nil {
		w.strayed(err)
		w.causes = append(w.causes, err)
		for i := range depth {
			w.verdicts[i].reason = ReasonOf(err)
		}
		return w
	}
	w.sort(read)
	return w
}

// document is what StageOptions.Text made of a hit.
type document struct {
	text string
	err  error // its panic
}

// read makes the texts of hits. Text is the user's, so its time is bounded; it has no
// context that could tell it.
func (s *Staged) read(ctx context.Context, w *work, hits []pipeline.Hit) ([]document, error) {
	all := func(context.Context) ([]document, error) {
		read := make([]document, len(hits))
		for i, h := range hits {
			read[i].text, read[i].err = s.text(h.Document)
		}
		return read, nil
	}
	if s.plain || len(hits) == 0 {
		return all(ctx)
	}
	ctx, stop, _ := w.within(ctx)
	defer stop()
	return stray.Call(ctx, bounded(s.strays, s.o.Name+": text", stagePatience), all)
}

func (s *Staged) text(d pipeline.Document) (text string, err error) {
	defer s.recovered(&err)
	return s.o.Text(d), nil
}

// recovered turns a panic in user code into an error that names the stage.
func (s *Staged) recovered(err *error) { s.recoveredValue(recover(), err) }

func (s *Staged) recoveredValue(v any, err *error) {
	if v != nil {
		*err = &pipeline.PanicError{Part: s.o.Name, Value: v, Stack: debug.Stack()}
	}
}

// bypass decides whether this query is one of the share that is not reranked:
// the fraction of a hash (SplitMix64) of the query's number.
func (s *Staged) bypass() bool {
	if s.o.Bypass == 0 {
		return false
	}
	x := s.queries.Add(1) * 0x9E3779B97F4A7C15
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	x ^= x >> 31
	return float64(x>>11)/(1<<53) < s.o.Bypass
}

// cancelled returns an error if the caller gave up. That its time is up, or that
// of a budget around the stage, is a reason to degrade and not to fail.
func (s *Staged) cancelled(ctx context.Context) error {
	if ctx.Err() == nil || pipeline.ReasonOf(context.Cause(ctx)) == pipeline.ReasonDeadline || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil
	}
	cause := context.Cause(ctx)
	if errors.Is(ctx.Err(), cause) {
		return fmt.Errorf("reranker: %s: %w", s.o.Name, cause)
	}
	return fmt.Errorf("reranker: %s: %w: %w", s.o.Name, ctx.Err(), cause)
}

// tell passes on a change of state.
func (s *Staged) tell(c StateChange) (err error) {
	defer s.recovered(&err)
	s.o.OnChange(c)
	return nil
}

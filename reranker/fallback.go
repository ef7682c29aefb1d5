package reranker

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/rankcascade/cascade/internal/stray"
	"github.com/rankcascade/cascade/pipeline"
)

// Share says what one scorer of several contributed to an answer.
type Share struct {
	// Scorer names it: its place, its name and its model.
	Scorer string
	// Asked and Scored count the documents that it was asked for and that it gave a
	// score.
	Asked, Scored int
	// Err is what it failed with; nil if it answered.
	Err error
}

// Fallbacks is a Scorer that asks several scorers one after the other. Make one
// with Fallback. It is safe for concurrent use if its scorers are.
type Fallbacks struct {
	leaving
	scorers []Scorer
	nodes   []pipeline.Node
	names   []string
	scale   pipeline.Scale
	err     error
}

var (
	_ StreamScorer       = (*Fallbacks)(nil)
	_ pipeline.Describer = (*Fallbacks)(nil)
)

// Fallback returns a scorer that asks the first scorer for all documents, and
// each later one for those only that have no score yet. Each but the last may
// use two thirds of the time that is left, so that one that hangs leaves time
// for the others; without a deadline there is no such bound.
//
// All of them must score on one scale, because their scores stand in one list: a
// scorer with another scale is a mistake in the options, and one that turns out
// to have another scale, or an answer that breaks the contract, is refused in the
// query. Calibrated brings scorers to one scale. Documents without text are
// asked for once.
//
// Report.Shares says who scored how many. Score fails only if there is no score
// at all; the error has the causes of all.
func Fallback(scorers ...Scorer) *Fallbacks {
	f := &Fallbacks{leaving: leaving{stray.New(0)}, scorers: scorers}
	var errs []error
	if len(scorers) < 2 {
		errs = append(errs, errors.New("a fallback needs two scorers at least: pass the preferred one and those that stand in for it"))
	}
	for i, s := range scorers {
		if s == nil {
			errs = append(errs, fmt.Errorf("scorer %d is nil", i+1))
			f.nodes, f.names = append(f.nodes, pipeline.Node{}), append(f.names, "")
			continue
		}
		n := pipeline.Describe(s)
		f.nodes, f.names = append(f.nodes, n), append(f.names, nameOf(i, n))
		errs = append(errs, n.Err, f.agree(n.Facts.Scale, i))
	}
	if err := errors.Join(errs...); err != nil {
		f.err = &Error{Kind: KindConfig, Op: "reranker: fallback", Err: err}
	}
	return f
}

// agree checks a declared scale against those before it.
func (f *Fallbacks) agree(scale pipeline.Scale, i int) error {
	switch {
	case scale == pipeline.Unknown:
		return nil
	case f.scale == pipeline.Unknown:
		f.scale = scale
		return nil
	case f.scale != scale:
		return fmt.Errorf("scorer %d has the scale %s and those before it %s: wrap it in Calibrated", i+1, scale, f.scale)
	}
	return nil
}

// nameOf names a scorer by its place, its name and the model somewhere below it.
func nameOf(i int, n pipeline.Node) string {
	name := fmt.Sprintf("%d %s", i+1, n.Name)
	walk(n, func(n pipeline.Node) {
		for _, s := range n.Settings {
			if s.Name == "model" && s.Value != "" {
				name = fmt.Sprintf("%d %s", i+1, s.Value)
			}
		}
	})
	return name
}

// Describe returns the scorers in their order.
func (f *Fallbacks) Describe() pipeline.Node {
	n := pipeline.Node{Name: "fallback", Children: f.nodes, Err: f.err, Facts: pipeline.Facts{Scale: f.scale}}
	for _, child := range f.nodes {
		n.Facts.Listwise = n.Facts.Listwise || child.Facts.Listwise
		n.Facts.Sharded = n.Facts.Sharded || child.Facts.Sharded
	}
	return n
}

// TypicalLatency is that of the first scorer.
func (f *Fallbacks) TypicalLatency() time.Duration {
	if len(f.scorers) == 0 {
		return 0
	}
	return TypicalLatency(f.scorers[0])
}

// Score scores the documents.
func (f *Fallbacks) Score(ctx context.Context, query string, documents []string) (Scores, error) {
	r, err := f.begin(ctx, documents)
	if err != nil || len(documents) == 0 {
		return r.out, err
	}
	for i := range f.scorers {
		if r.done() {
			break
		}
		r.take(i, r.ask(ctx, i, query))
	}
	return r.end(ctx)
}

// ScoreStream yields what there is after each scorer, and before that what a
// streaming first scorer hands out, see StreamScorer.
func (f *Fallbacks) ScoreStream(ctx context.Context, query string, documents []string) iter.Seq2[Scores, error] {
	return func(yield func(Scores, error) bool) {
		r, err := f.begin(ctx, documents)
		if err != nil || len(documents) == 0 {
			yield(r.out, err)
			return
		}
		for i := range f.scorers {
			if r.done() {
				break
			}
			last, stopped := r.follow(ctx, i, query, yield)
			if stopped {
				return
			}
			r.take(i, last)
		}
		yield(r.end(ctx))
	}
}

func (f *Fallbacks) begin(ctx context.Context, documents []string) (*fallbackRun, error) {
	r := &fallbackRun{f: f, documents: documents, out: Scores{Values: make([]float64, len(documents)), Scale: f.scale}}
	switch {
	case f.err != nil:
		return &fallbackRun{}, f.err
	case len(documents) > 0 && ctx.Err() != nil:
		return &fallbackRun{}, &Error{Kind: KindCanceled, Op: "reranker: fallback", Err: context.Cause(ctx)}
	}
	r.report.Candidates = len(documents)
	r.out.Unscored = slices.Repeat([]pipeline.Reason{pipeline.ReasonNotSent}, len(documents))
	for i := range documents {
		r.open = append(r.open, i)
	}
	return r, nil
}

// fallbackRun is one query of a Fallbacks.
type fallbackRun struct {
	f         *Fallbacks
	documents []string
	open      []int // documents without a score
	out       Scores
	report    Report
	errs      []error
	answered  bool
}

// fallbackAnswer is what one scorer said.
type fallbackAnswer struct {
	scores Scores
	err    error
}

func (r *fallbackRun) done() bool { return len(r.open) == 0 }

// texts are the documents that are asked for.
func (r *fallbackRun) texts() []string {
	texts := make([]string, len(r.open))
	for k, i := range r.open {
		texts[k] = r.documents[i]
	}
	return texts
}

// within bounds the time of a scorer that has others behind it.
func (r *fallbackRun) within(ctx context.Context, i int) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok || i == len(r.f.scorers)-1 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, time.Until(deadline)*2/3, errFallbackShare)
}

var errFallbackShare = fmt.Errorf("reranker: fallback: the scorer's share of the time is up: %w", context.DeadlineExceeded)

func (r *fallbackRun) ask(ctx context.Context, i int, query string) (a fallbackAnswer) {
	ctx, cancel := r.within(ctx, i)
	defer cancel()
	texts := r.texts()
	a.scores, a.err = stray.Call(ctx, r.bound(i), func(ctx context.Context) (scores Scores, err error) {
		defer recoverScorer(r.f.names[i], &err)
		return r.f.scorers[i].Score(ctx, query, texts)
	})
	return a
}

// bound bounds the calls of a scorer, so that one that ignores the end of its time
// does not take that of the others.
func (r *fallbackRun) bound(i int) stray.Bound {
	return bounded(r.f.strays, r.f.names[i], fallbackPatience)
}

// follow asks a scorer and shows what a streaming one has so far.
func (r *fallbackRun) follow(ctx context.Context, i int, query string, yield func(Scores, error) bool) (last fallbackAnswer, stopped bool) {
	s, ok := r.f.scorers[i].(StreamScorer)
	if !ok {
		return r.ask(ctx, i, query), false
	}
	ctx, cancel := r.within(ctx, i)
	defer cancel()
	texts, first := r.texts(), true
	last.err = errNoAnswer
	for scores, err := range stray.Sequence(ctx, r.bound(i), func(ctx context.Context) iter.Seq2[Scores, error] {
		return tamed(s.ScoreStream(ctx, query, texts), func(v any) error { return &pipeline.PanicError{Part: r.f.names[i], Value: v} })
	}) {
		if early, bad := r.checked(last.scores); !first && last.err == nil && bad == nil && !yield(r.show(early), nil) {
			return last, true
		}
		first, last = false, fallbackAnswer{scores, err}
	}
	return last, false
}

// show is what there is, with an answer that is not final yet.
func (r *fallbackRun) show(s Scores) Scores {
	out := r.out
	out.Values, out.Unscored = slices.Clone(r.out.Values), slices.Clone(r.out.Unscored)
	for k, i := range r.open {
		if s.Scored(k) {
			out.Values[i], out.Unscored[i] = s.Values[k], ""
		}
	}
	if out.Scale == pipeline.Unknown {
		out.Scale = s.Scale
	}
	return out
}

// checked refuses an answer that breaks the contract or has another scale.
func (r *fallbackRun) checked(s Scores) (Scores, error) {
	s, err := s.Check(len(r.open))
	if err != nil {
		return s, err
	}
	if r.out.Scale != pipeline.Unknown && s.Scale != pipeline.Unknown && s.Scale != r.out.Scale {
		return s, &Error{Kind: KindConfig, Op: "reranker: fallback", Message: fmt.Sprintf("the scorer answered on the scale %s, those before it on %s: wrap it in Calibrated", s.Scale, r.out.Scale)}
	}
	return s, nil
}

// take uses the answer of a scorer.
func (r *fallbackRun) take(i int, a fallbackAnswer) {
	s, err := a.scores, a.err
	if err == nil {
		s, err = r.checked(s)
	}
	share := Share{Scorer: r.f.names[i], Asked: len(r.open), Err: err}
	r.note(s)
	var left []int
	for k, at := range r.open {
		switch {
		case err != nil:
			r.out.Unscored[at] = reasonFor(err)
			left = append(left, at)
		case s.Scored(k):
			r.out.Values[at], r.out.Unscored[at] = s.Values[k], ""
			if s.Cached != nil && s.Cached[k] {
				r.cached(at)
			}
			share.Scored++
		case s.Unscored[k] == pipeline.ReasonBlank:
			r.out.Unscored[at] = pipeline.ReasonBlank // nobody judges nothing better
		default:
			r.out.Unscored[at] = s.Unscored[k]
			left = append(left, at)
		}
	}
	r.open = left
	if err != nil {
		r.errs = append(r.errs, fmt.Errorf("scorer %s: %w", r.f.names[i], err))
	} else {
		r.answered = true
		if r.out.Scale == pipeline.Unknown {
			r.out.Scale = s.Scale
		}
	}
	r.report.Shares = append(r.report.Shares, share)
}

func (r *fallbackRun) cached(at int) {
	if r.out.Cached == nil {
		r.out.Cached = make([]bool, len(r.documents))
	}
	r.out.Cached[at] = true
}

// note keeps what an answer says besides scores.
func (r *fallbackRun) note(s Scores) {
	r.out.Usage = r.out.Usage.Add(s.Usage)
	r.out.RequestIDs = append(r.out.RequestIDs, s.RequestIDs...)
	r.out.Causes = append(r.out.Causes, s.Causes...)
	r.out.Warnings = append(r.out.Warnings, s.Warnings...)
	if s.Limits.Known {
		r.out.Limits = s.Limits
	}
	if r.out.Model == "" {
		r.out.Model = s.Model
	}
	if r.out.Attributes == nil {
		r.out.Attributes = s.Attributes
	}
	if s.Report == nil {
		r.report.Attempts += s.Usage.Calls
		r.report.Useful = r.report.Useful.Add(s.Usage)
		return
	}
	r.report = added(r.report, *s.Report)
}

// added adds up what two schedulers did.
func added(a, b Report) Report {
	a.Planned, a.Sent, a.Answered = a.Planned+b.Planned, a.Sent+b.Sent, a.Answered+b.Answered
	a.Attempts, a.Retries, a.Hedges, a.HedgesWon = a.Attempts+b.Attempts, a.Retries+b.Retries, a.Hedges+b.Hedges, a.HedgesWon+b.HedgesWon
	a.Waited += b.Waited
	a.Useful, a.Wasted = a.Useful.Add(b.Useful), a.Wasted.Add(b.Wasted)
	return a
}

// end makes the answer, or the error if there is no score at all.
func (r *fallbackRun) end(ctx context.Context) (Scores, error) {
	if len(r.errs) > 0 && ctx.Err() != nil && !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return Scores{}, &Error{Kind: KindCanceled, Op: "reranker: fallback", Err: context.Cause(ctx)}
	}
	out := r.out
	for i, reason := range out.Unscored {
		switch {
		case reason != "":
			r.report.Unscored++
			if r.report.Reasons == nil {
				r.report.Reasons = map[pipeline.Reason]int{}
			}
			r.report.Reasons[reason]++
		case out.Cached != nil && out.Cached[i]:
			r.report.Cached++
		default:
			r.report.Scored++
		}
	}
	if r.report.Unscored == 0 {
		out.Unscored = nil
	} else {
		r.report.Mode = Partial
	}
	out.Causes = append(out.Causes, r.errs...)
	r.report.Causes, r.report.Warnings, r.report.Model, r.report.RequestIDs = out.Causes, out.Warnings, out.Model, out.RequestIDs
	out.Report = &r.report
	if !r.answered {
		r.report.Mode = Failed
		return out, fmt.Errorf("reranker: fallback: %w", errors.Join(r.errs...))
	}
	return out, nil
}

// recoverScorer turns a panic of a scorer into an error.
func recoverScorer(name string, err *error) {
	if v := recover(); v != nil {
		*err = &pipeline.PanicError{Part: name, Value: v}
	}
}

var errNoAnswer = errors.New("the scorer's sequence ended without scores")

// reasonFor is the reason that a document lost to an error is given: a deadline
// is told as one, whoever ended the context for it.
func reasonFor(err error) pipeline.Reason {
	r := pipeline.ReasonOf(err)
	if r == pipeline.ReasonCanceled && errors.Is(err, context.DeadlineExceeded) {
		return pipeline.ReasonDeadline
	}
	return r
}

package reranker

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/rankcascade/cascade/internal/distinct"
	"github.com/rankcascade/cascade/internal/stray"
	"github.com/rankcascade/cascade/pipeline"
)

// work is one query on its way through a rerank stage.
type work struct {
	outcome
	stage *Staged
	start time.Time
	limit time.Duration // 0 if there is none

	texts    []string // what is sent: distinct, in retrieval order
	slot     []int    // of each hit: the position of its text, -1 if it is not sent
	causes   []error  // of StageOptions.Text
	left     int      // calls of user code that were left behind
	bypassed bool
}

// answer is what the scorer said, or why it said nothing.
type answer struct {
	scores Scores
	err    error
	sent   bool
}

// within returns the context for the scorer, whose deadline leaves the reserve
// to the caller, and an error if no time is left.
func (w *work) within(ctx context.Context) (context.Context, context.CancelFunc, error) {
	o := w.stage.o
	deadline, bounded := ctx.Deadline()
	switch {
	case bounded:
		w.limit = o.allot(deadline.Sub(w.start))
	case o.Timeout > 0:
		w.limit = o.Timeout
	default:
		return ctx, func() {}, nil
	}
	cause := &pipeline.BudgetError{Part: o.Name, Limit: max(0, w.limit)}
	if w.limit <= 0 || ctx.Err() != nil {
		return ctx, func() {}, fmt.Errorf("reranker: %s: %v left: %w", o.Name, w.limit.Round(time.Microsecond), cause)
	}
	ctx, cancel := reserved(ctx, w.start.Add(w.limit), cause)
	return ctx, cancel, nil
}

// score asks the scorer, if there is something to ask and time to answer.
func (w *work) score(ctx context.Context, query string) answer {
	if len(w.texts) == 0 || w.bypassed {
		return answer{}
	}
	ctx, stop, err := w.within(ctx)
	defer stop()
	if err != nil {
		return answer{err: err}
	}
	return w.ask(ctx, query, w.texts)
}

// sort gives each distinct text that is not blank its place.
func (w *work) sort(read []document) {
	known := distinct.New(len(read))
	for i, d := range read {
		switch {
		case d.err != nil:
			w.verdicts[i].reason = pipeline.ReasonPanic
			w.causes = append(w.causes, d.err)
			continue
		case strings.TrimSpace(d.text) == "":
			w.verdicts[i].reason = pipeline.ReasonBlank
			continue
		}
		w.slot[i] = known.Add(d.text)
	}
	w.texts = known.List
}

// ask makes one call of the scorer.
func (w *work) ask(ctx context.Context, query string, texts []string) (a answer) {
	a.scores, a.err = stray.Call(ctx, w.bound(), func(ctx context.Context) (scores Scores, err error) {
		defer w.stage.recovered(&err)
		return Ask(ctx, w.stage.scorer, query, texts)
	})
	a.sent = !w.strayed(a.err)
	return a
}

// bound bounds the calls of the scorer.
func (w *work) bound() stray.Bound {
	return bounded(w.stage.strays, w.stage.o.Name, stagePatience)
}

// strayed counts what is left behind, and reports whether a call was refused because
// too much is.
func (w *work) strayed(err error) (refused bool) {
	var stray *pipeline.StrayError
	if !errors.As(err, &stray) {
		return false
	}
	if !stray.Refused {
		w.left++
	}
	return stray.Refused
}

// stream is score with every answer but the last one shown; it reports whether
// the consumer has seen enough.
func (w *work) stream(ctx context.Context, query string, show func(answer) bool) (last answer, stopped bool) {
	if len(w.texts) == 0 || w.bypassed {
		return answer{}, false
	}
	bounded, stop, err := w.within(ctx)
	defer stop()
	if err != nil {
		return answer{err: err}, false
	}
	scores := stray.Sequence(bounded, w.bound(), func(ctx context.Context) iter.Seq2[Scores, error] {
		return tamed(Stream(ctx, w.stage.scorer, query, w.texts), func(v any) (err error) {
			w.stage.recoveredValue(v, &err)
			return err
		})
	})
	last, stopped = follow(scores, show)
	if w.strayed(last.err) {
		last.sent = false
	}
	return last, stopped
}

var errNoScores = errors.New("the scorer's sequence ended without scores")

// follow shows an answer when the next one has come, since only then it is known
// not to be the last.
func follow(scores iter.Seq2[Scores, error], show func(answer) bool) (last answer, stopped bool) {
	last = answer{err: errNoScores, sent: true}
	for s, err := range scores {
		if last.err == nil && !show(last) {
			return last, true
		}
		last = answer{scores: s, err: err, sent: true}
	}
	return last, false
}

// early makes a ranking out of what is there so far. It leaves the verdicts as
// they are after the newest answer, which the end replaces.
func (w *work) early(a answer) pipeline.Ranking {
	w.judge(w.slot, len(w.texts), a)
	report := w.report(a)
	gaps := w.gaps(report.Causes)
	out := w.in.Derive(w.in.Hits)
	if report.Scored+report.Cached > 0 {
		out = w.arranged(a.scores.Scale, KeepPosition)
	}
	return ReportKey.Note(out.WithGaps(gaps...), report)
}

// end makes the ranking out of the answer, applies the policy, and tells the
// detectors.
func (w *work) end(ctx context.Context, a answer) (pipeline.Ranking, error) {
	if err := w.stage.cancelled(ctx); err != nil {
		return pipeline.Ranking{}, err
	}
	w.judge(w.slot, len(w.texts), a)
	report := w.report(a)
	gaps := w.gaps(report.Causes)
	s := w.stage
	if !s.o.Unscored.tolerates() && w.failing() {
		report.Mode = Failed
		w.observe(&report, a.scores, nil)
		return pipeline.Ranking{}, &UnscoredError{Stage: s.o.Name, Report: report, Gaps: gaps}
	}
	out := w.ranking(s.o, s.node.Facts.Scale, a.scores.Scale, &report)
	w.observe(&report, a.scores, out.Hits)
	return ReportKey.Note(w.passages(out, a.scores).WithGaps(gaps...), report), nil
}

// passages notes which part of each document had its best score, if the scorer
// says so.
func (w *work) passages(out pipeline.Ranking, s Scores) pipeline.Ranking {
	if s.Passages == nil {
		return out
	}
	won := map[string]Passage{}
	for i, at := range w.slot {
		if at >= 0 && s.Scored(at) {
			won[w.in.Hits[i].Document.ID] = s.Passages[at]
		}
	}
	return PassagesKey.Note(out, won)
}

// report tells what was done, on top of what the scorer tells.
func (w *work) report(a answer) Report {
	r := w.calls(a)
	w.count(&r, reportTop)
	r.Deadline, r.Elapsed = max(0, w.limit), time.Since(w.start)
	r.LeftBehind += w.left
	return r
}

// calls returns the part of the report that only the scorer knows, or, of a
// scorer that does not schedule, what one call amounts to.
func (w *work) calls(a answer) Report {
	var r Report
	switch {
	case a.scores.Report != nil:
		r = *a.scores.Report
	case a.sent && !remembered(a.scores):
		r = Report{Planned: 1, Sent: 1, Attempts: max(1, a.scores.Usage.Calls), Useful: a.scores.Usage}
		if a.err == nil {
			r.Answered = 1
		}
	}
	r.Causes = slices.Clone(r.Causes)
	for _, err := range slices.Concat(w.causes, a.scores.Causes, []error{a.err}) {
		if !errors.As(err, new(*unscoredError)) { // its causes are those of the scores
			r.Causes = addCause(r.Causes, err)
		}
	}
	r.Warnings = slices.Clone(r.Warnings)
	for _, warning := range a.scores.Warnings {
		if !slices.Contains(r.Warnings, warning) {
			r.Warnings = append(r.Warnings, warning)
		}
	}
	r.Model, r.RequestIDs, r.Attributes = a.scores.Model, slices.Clone(a.scores.RequestIDs), a.scores.Attributes
	return r
}

// remembered reports whether all scores were computed before, so that no call was
// made.
func remembered(s Scores) bool { return s.Cached != nil && !slices.Contains(s.Cached, false) }

// observe adds the warnings that the stage itself finds to the report and tells
// OnChange about changes of state. hits is the new order.
func (w *work) observe(report *Report, scores Scores, hits []pipeline.Hit) {
	if w.bypassed || report.Candidates == 0 {
		return
	}
	warn(report, scores, len(w.texts))
	s := w.stage
	changes := s.monitor.watch(s.o.Name, *report, w.in.Hits, hits)
	if s.o.OnChange == nil {
		return
	}
	for _, c := range changes {
		if err := s.tell(c); err != nil {
			report.Causes = append(report.Causes, err)
		}
	}
}

package reranker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rankcascade/cascade/pipeline"
)

// UnscoredError is what a rerank stage with the policy Fail returns when a
// document could not be scored. Unwrap yields every cause.
type UnscoredError struct {
	// Stage is the name of the rerank stage.
	Stage string
	// Report says what was done; its mode is Failed.
	Report Report
	// Gaps list the documents by reason.
	Gaps []pipeline.Gap
}

// Error counts the documents by reason and names the causes.
func (e *UnscoredError) Error() string {
	parts := make([]string, len(e.Gaps))
	for i, g := range e.Gaps {
		parts[i] = fmt.Sprintf("%d %s", len(g.IDs), g.Reason)
		if g.Err != nil {
			parts[i] += ": " + g.Err.Error()
		}
	}
	return fmt.Sprintf("reranker: %s: %d of %d documents unscored: %s", e.Stage, e.Report.Unscored, e.Report.Candidates, strings.Join(parts, "; "))
}

// Unwrap returns the causes of all gaps.
func (e *UnscoredError) Unwrap() []error { return (&pipeline.GapError{Gaps: e.Gaps}).Unwrap() }

// Reason returns the reason of the first gap that a document with text is in.
func (e *UnscoredError) Reason() pipeline.Reason {
	for _, g := range e.Gaps {
		if g.Reason != pipeline.ReasonBlank {
			return g.Reason
		}
	}
	return pipeline.ReasonFailed
}

// report tells what was done, on top of what the scorer tells.
func (w *work) report(a answer) Report {
	r := w.calls(a)
	r.Mode, r.Candidates, r.Scored, r.Cached, r.Unscored, r.Reasons = Full, 0, 0, 0, 0, nil
	r.Top = min(w.stage.o.Top, len(w.in.Hits))
	top := 0
	for i, v := range w.verdicts {
		if v.judged() && i < r.Top {
			top++
		}
		if !v.left {
			r.count(v)
		}
	}
	r.TopScored = 1
	if r.Top > 0 {
		r.TopScored = float64(top) / float64(r.Top)
	}
	switch {
	case r.Unscored > 0 && r.Unscored == r.Candidates:
		r.Mode = RetrievalOnly
	case r.Unscored > 0:
		r.Mode = Partial
	}
	r.Deadline, r.Elapsed = max(0, w.limit), time.Since(w.start)
	return r
}

func (r *Report) count(v verdict) {
	r.Candidates++
	switch {
	case !v.judged():
		r.Unscored++
		if r.Reasons == nil {
			r.Reasons = map[pipeline.Reason]int{}
		}
		r.Reasons[v.reason]++
	case v.status == pipeline.Cached:
		r.Cached++
	default:
		r.Scored++
	}
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
		if errors.As(err, new(*unscoredError)) {
			continue // its causes are those of the scores
		}
		if err != nil && !slices.ContainsFunc(r.Causes, func(known error) bool { return sameError(known, err) }) {
			r.Causes = append(r.Causes, err)
		}
	}
	r.Warnings = slices.Clone(r.Warnings)
	for _, warning := range a.scores.Warnings {
		if !slices.Contains(r.Warnings, warning) {
			r.Warnings = append(r.Warnings, warning)
		}
	}
	r.Model, r.RequestIDs = a.scores.Model, slices.Clone(a.scores.RequestIDs)
	return r
}

// remembered reports whether all scores were computed before, so that no call was
// made.
func remembered(s Scores) bool { return s.Cached != nil && !slices.Contains(s.Cached, false) }

// sameError compares by text too, since errors of uncomparable types would make
// == panic.
func sameError(a, b error) bool { return a.Error() == b.Error() }

// gaps returns one gap for each reason, in the order in which the retrieval
// ranking meets them. A cause goes to the gap of its reason; one that fits no
// gap goes to the first, so that errors.Is finds it in any case.
func (w *work) gaps(r Report) []pipeline.Gap {
	var gaps []pipeline.Gap
	at := map[pipeline.Reason]int{}
	for i, v := range w.verdicts {
		if v.left || v.judged() {
			continue
		}
		g, known := at[v.reason]
		if !known {
			g = len(gaps)
			at[v.reason] = g
			gaps = append(gaps, pipeline.Gap{Stage: w.stage.o.Name, Reason: v.reason})
		}
		gaps[g].IDs = append(gaps[g].IDs, w.in.Hits[i].Document.ID)
	}
	if len(gaps) == 0 {
		return nil
	}
	causes := make([][]error, len(gaps))
	for _, err := range r.Causes {
		g := at[reasonOfCause(err)]
		causes[g] = append(causes[g], err)
	}
	for g, errs := range causes {
		if len(errs) == 1 {
			gaps[g].Err = errs[0]
		} else {
			gaps[g].Err = errors.Join(errs...)
		}
	}
	return gaps
}

// reasonOfCause is pipeline.ReasonOf, but a call that was cancelled because time
// was up is late, not given up.
func reasonOfCause(err error) pipeline.Reason {
	r := pipeline.ReasonOf(err)
	if r == pipeline.ReasonCanceled && errors.Is(err, context.DeadlineExceeded) {
		return pipeline.ReasonDeadline
	}
	return r
}

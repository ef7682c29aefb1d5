package reranker

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/rankcascade/cascade/pipeline"
)

// mark gives document i a reason for having no score.
func (r *shardRun) mark(i int, reason pipeline.Reason) {
	if r.reasons == nil {
		r.reasons = make([]pipeline.Reason, len(r.documents))
	}
	r.reasons[i] = reason
	r.values[i] = 0
}

// lose gives up an open piece.
func (r *shardRun) lose(p *shardPiece, reason pipeline.Reason, err error) {
	if p.state == pieceAnswered || p.state == pieceLost || p.state == pieceSplit {
		return
	}
	p.state = pieceLost
	p.failed(err)
	r.open--
	r.hurt = true
	for _, c := range p.calls {
		c.cancel()
	}
	for _, d := range p.documents {
		r.mark(d, reason)
	}
}

// failed notes an error of p. Causes are gathered piece by piece in the end, so
// that their order does not depend on which call failed first.
func (p *shardPiece) failed(err error) {
	if err != nil {
		p.errs = append(p.errs, err)
	}
}

// loseOpen gives up every open piece.
func (r *shardRun) loseOpen(reason pipeline.Reason, err error) {
	for _, p := range r.pieces {
		r.lose(p, reason, err)
	}
}

// loseWaiting gives up the pieces that are not in flight.
func (r *shardRun) loseWaiting(reason pipeline.Reason, err error) {
	for _, p := range r.pieces {
		if p.state == pieceWaiting {
			r.lose(p, reason, err)
		}
	}
}

// loseDocuments gives up everything before a plan exists.
func (r *shardRun) loseDocuments(reason pipeline.Reason, err error) {
	for i, d := range r.documents {
		if strings.TrimSpace(d) == "" {
			reason := pipeline.ReasonBlank
			r.mark(i, reason)
			continue
		}
		r.mark(i, reason)
	}
	r.cause(err)
}

// cause notes an error once.
func (r *shardRun) cause(err error) {
	if err != nil {
		r.causes = addCause(r.causes, err)
	}
}

// finish puts the answer together after the last call has been joined.
func (r *shardRun) finish() (Scores, error) {
	s := r.scoresSoFar()
	scored := s.Report.Scored + s.Report.Cached
	r.teach(s.Report.Elapsed)
	if r.caller.Err() == context.Canceled && !s.Complete() {
		_, err := r.ending()
		return s, err
	}
	if scored == 0 && len(s.Causes) > 0 {
		return s, &unscoredError{causes: slices.Clone(s.Causes)}
	}
	return s, nil
}

// scoresSoFar builds the scores from the pieces in their order, so that nothing
// in them depends on the order in which calls finished.
func (r *shardRun) scoresSoFar() Scores {
	s := Scores{Values: slices.Clone(r.values), Usage: r.used, Limits: r.limits}
	s.Unscored = slices.Clone(r.reasons)
	s.Causes = slices.Clone(r.causes)
	met := slices.Clone(r.causes)
	r.walk(r.planned.pieces, func(p *shardPiece) {
		for _, err := range p.errs {
			met = addCause(met, err)
			if p.state == pieceLost {
				s.Causes = addCause(s.Causes, err)
			}
		}
		switch p.state {
		case pieceAnswered:
			s.take(p)
			for _, err := range p.scores.Causes {
				met, s.Causes = addCause(met, err), addCause(s.Causes, err)
			}
		case pieceWaiting, pieceFlying:
			s.pending(p.documents)
		}
	})
	s.dropFalseSilence()
	s.Report = r.tell(s, met)
	return s
}

// dropFalseSilence takes back the finding of single calls that all their scores
// are equal where those of all calls together are not.
func (s *Scores) dropFalseSilence() {
	low, high := math.Inf(1), math.Inf(-1)
	for i, v := range s.Values {
		if s.Scored(i) {
			low, high = min(low, v), max(high, v)
		}
	}
	if low < high {
		s.Warnings = slices.DeleteFunc(s.Warnings, func(w Warning) bool { return w.Kind == WarnNoSignal })
	}
}

// walk visits the pieces and what they were split into, in the order of the plan.
func (r *shardRun) walk(pieces []*shardPiece, visit func(*shardPiece)) {
	for _, p := range pieces {
		visit(p)
		r.walk(p.split, visit)
	}
}

// addCause adds err unless one that says the same is there.
func addCause(causes []error, err error) []error {
	text := err.Error()
	if slices.ContainsFunc(causes, func(c error) bool { return c.Error() == text }) {
		return causes
	}
	return append(causes, err)
}

func (s *Scores) pending(documents []int) {
	if s.Unscored == nil {
		s.Unscored = make([]pipeline.Reason, len(s.Values))
	}
	for _, d := range documents {
		s.Unscored[d] = pipeline.ReasonNotSent
	}
}

// take adds what an answered piece says beside its values.
func (s *Scores) take(p *shardPiece) {
	if s.Scale == pipeline.Unknown {
		s.Scale = p.scores.Scale
	}
	if s.Model == "" {
		s.Model = p.scores.Model
	} else if p.scores.Model != "" && p.scores.Model != s.Model {
		s.warn(Warning{Kind: WarnModelMismatch, Detail: "shards were answered by " + s.Model + " and " + p.scores.Model})
	}
	s.RequestIDs = append(s.RequestIDs, p.scores.RequestIDs...)
	for _, w := range p.scores.Warnings {
		s.warn(w)
	}
	if p.scores.Cached != nil {
		if s.Cached == nil {
			s.Cached = make([]bool, len(s.Values))
		}
		for i, d := range p.documents {
			s.Cached[d] = p.scores.Cached[i]
		}
	}
}

func (s *Scores) warn(w Warning) {
	if !slices.Contains(s.Warnings, w) {
		s.Warnings = append(s.Warnings, w)
	}
}

// tell builds the report.
func (r *shardRun) tell(s Scores, causes []error) *Report {
	report := r.report
	report.Candidates = len(r.documents)
	report.Top = min(len(r.documents), max(1, topTier(len(r.documents), max(0, r.s.o.Top))))
	top := 0
	for i := range r.documents {
		switch {
		case !s.Scored(i):
			report.Unscored++
			if report.Reasons == nil {
				report.Reasons = map[pipeline.Reason]int{}
			}
			report.Reasons[s.Unscored[i]]++
			continue
		case s.Cached != nil && s.Cached[i]:
			report.Cached++
		default:
			report.Scored++
		}
		if i < report.Top {
			top++
		}
	}
	report.TopScored = float64(top) / float64(report.Top)
	switch report.Unscored {
	case 0:
		report.Mode = Full
	case report.Candidates:
		report.Mode = RetrievalOnly
	default:
		report.Mode = Partial
	}
	report.Deadline, report.Elapsed = r.given, time.Since(r.start)
	report.Causes, report.Warnings = causes, s.Warnings
	report.Model, report.RequestIDs = s.Model, s.RequestIDs
	return &report
}

// teach tells the ladder how long the query took. One that was cut off counts
// with the time that the rest would have taken at the same pace; one that was
// held up by something else than the server's speed does not count.
func (r *shardRun) teach(elapsed time.Duration) {
	planned := len(r.planned.pieces)
	if planned == 0 || r.s.o.Calls != 0 || elapsed <= 0 {
		return
	}
	tokens, late := 0, false
	for _, p := range r.pieces {
		switch {
		case p.state == pieceAnswered:
			tokens += p.tokens
		case p.state == pieceLost && len(p.errs) > 0 && errors.Is(p.errs[len(p.errs)-1], errNoTime):
			late = true
		default:
			return
		}
	}
	if r.hurt && !late {
		return
	}
	if late {
		elapsed = time.Duration(min(16, float64(r.planned.tokens)/float64(max(1, tokens))) * float64(elapsed))
	}
	r.e.locked(func() { r.e.ladder.observe(r.planned.tokens, planned, elapsed) })
}

// unscoredError is the error of a query of which no document was scored.
type unscoredError struct{ causes []error }

// Error lists the causes.
func (e *unscoredError) Error() string {
	if len(e.causes) == 1 {
		return e.causes[0].Error()
	}
	parts := make([]string, len(e.causes))
	for i, c := range e.causes {
		parts[i] = c.Error()
	}
	return "reranker: no document was scored: " + strings.Join(parts, "; ")
}

// Unwrap returns the causes.
func (e *unscoredError) Unwrap() []error { return e.causes }

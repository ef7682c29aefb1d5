package reranker

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker/internal/pace"
)

// tally is what has come back of a query: scores, reasons, causes and costs. It
// belongs to one goroutine.
type tally struct {
	n       int
	blank   []int                   // documents that are not sent
	lost    map[int]pipeline.Reason // documents that were lost before there was a plan
	causes  []error                 // of the whole query
	report  Report                  // the counts of calls
	warning *Warning                // of the whole query
	cut     *Warning                // for documents that did not fit
	waited  *Warning                // for a server that was not there
	ignored *Warning                // limits that the server declares
	used    Usage                   // of answers, used or not
	limits  Limits
	top     int // of the report
	term    term
}

func newTally(n, top int, t term) tally {
	return tally{n: n, term: t, top: min(n, max(1, topTier(n, max(0, top))))}
}

// cause notes an error of the whole query once.
func (t *tally) cause(err error) { t.causes = addCause(t.causes, err) }

// wait notes that a server is waited for that is not there, once.
func (t *tally) wait(now time.Time, cause error) {
	if t.waited == nil {
		t.waited = &Warning{Kind: WarnWaited}
	}
	t.waited.Detail = fmt.Sprintf("waited for a server since %v after the start: %v", now.Sub(t.term.start).Round(time.Millisecond), cause)
}

// ignores notes limits that the server declares and that were disproved; -1 is none.
func (t *tally) ignores(requests, tokens int) {
	var limits []string
	if requests >= 0 {
		limits = append(limits, fmt.Sprintf("%d requests", requests))
	}
	if tokens >= 0 {
		limits = append(limits, fmt.Sprintf("%d tokens", tokens))
	}
	if len(limits) > 0 {
		t.ignored = &Warning{Kind: WarnLimitIgnored, Detail: "the server declares a limit of " + strings.Join(limits, " and ") + " a minute, which no call fits; calls are answered nevertheless, so it is ignored"}
	}
}

// leaveOut notes documents that are not sent at all.
func (t *tally) leaveOut(documents []int, reason pipeline.Reason) {
	if t.lost == nil {
		t.lost = make(map[int]pipeline.Reason, len(documents))
	}
	for _, d := range documents {
		t.lost[d] = reason
	}
}

// refuse gives up documents before there is a plan.
func (t *tally) refuse(send []pace.Item, l loss) {
	documents := make([]int, len(send))
	for i, it := range send {
		documents[i] = it.Document
	}
	t.leaveOut(documents, l.reason)
	t.cause(l.err)
}

// unaffordable gives up the last documents, which the quota does not cover.
func (t *tally) unaffordable(left []pace.Item, of int) {
	message := fmt.Sprintf("%d of %d documents not sent: the quota is low", len(left), of)
	if len(left) == of {
		message = "not sent: the quota is used up for now"
	}
	t.refuse(left, loss{pipeline.ReasonRateLimit, &Error{Kind: KindRateLimited, Op: "reranker: shard", Message: message}})
}

// started counts a call; waited is how long it was held back.
func (t *tally) started(first, alone, hedge bool, waited time.Duration) {
	t.report.Attempts++
	if first {
		t.report.Sent++
	}
	if alone {
		t.report.Waited += waited
	}
	if hedge {
		t.report.Hedges++
	}
}

// cost adds up usage: of the answer that is used, and of the others as far as it
// is known. A call that was cut off is charged by estimate, for servers go on
// working when the client has gone.
func (t *tally) cost(c *call, used bool) {
	u := c.scores.Usage
	switch {
	case !c.ended.failed && used:
		t.report.Useful = t.report.Useful.Add(u)
		t.used = t.used.Add(u)
	case !c.ended.failed:
		t.report.Wasted = t.report.Wasted.Add(u)
		t.used = t.used.Add(u)
	case c.ended.cutOff:
		t.report.Wasted = t.report.Wasted.Add(Usage{Calls: 1, Documents: len(c.piece.Documents), Tokens: c.piece.Tokens})
	}
	if l := c.limits(); l.Known {
		t.limits = l
	}
}

// scores puts together what is there, piece by piece in their order, so that
// nothing in it depends on the order in which calls finished.
func (t *tally) scores(f *flight, now time.Time) Scores {
	s := Scores{Values: make([]float64, t.n), Usage: t.used, Limits: t.limits, Causes: slices.Clone(t.causes)}
	for d, reason := range t.lost {
		s.lose(d, reason)
	}
	for _, d := range t.blank {
		s.lose(d, pipeline.ReasonBlank)
	}
	met := slices.Clone(t.causes)
	f.walk(func(p *piece) {
		for _, err := range p.errs {
			met = addCause(met, err)
			if p.state == pieceLost {
				s.Causes = addCause(s.Causes, err)
			}
		}
		switch p.state {
		case pieceAnswered:
			s.describe(p.scores)
			for i, d := range p.Documents {
				s.put(d, p.scores, i)
			}
			for _, err := range p.scores.Causes {
				met, s.Causes = addCause(met, err), addCause(s.Causes, err)
			}
		case pieceLost:
			for _, d := range p.Documents {
				s.lose(d, p.reason)
			}
		case pieceWaiting, pieceFlying:
			for _, d := range p.Documents {
				s.lose(d, pipeline.ReasonNotSent)
			}
		}
	})
	for _, w := range [...]*Warning{t.warning, t.cut, t.waited, t.ignored} {
		if w != nil {
			s.warn(*w)
		}
	}
	for _, it := range f.rest {
		s.lose(it.Document, pipeline.ReasonNotSent)
	}
	s.dropFalseSilence()
	s.Report = t.tell(s, met, now)
	return s
}

// tell builds the report.
func (t *tally) tell(s Scores, causes []error, now time.Time) *Report {
	report := t.report
	report.Top = t.top
	top := 0
	for i := range s.Values {
		reason := pipeline.Reason("")
		if !s.Scored(i) {
			reason = s.Unscored[i]
		} else if i < report.Top {
			top++
		}
		report.count(reason, s.Cached != nil && s.Cached[i])
	}
	report.TopScored = float64(top) / float64(report.Top)
	report.settle()
	report.Deadline, report.Elapsed = t.term.given, now.Sub(t.term.start)
	report.Causes, report.Warnings = causes, s.Warnings
	report.Model, report.RequestIDs, report.Attributes = s.Model, s.RequestIDs, s.Attributes
	return &report
}

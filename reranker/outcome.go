package reranker

import (
	"errors"
	"fmt"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
)

// verdict is what became of one hit of the input.
type verdict struct {
	score  float64
	status pipeline.Status
	// reason is why there is no score; empty where there is one.
	reason pipeline.Reason
	// left says that the stage did not want a score for this hit.
	left bool
}

func (v verdict) judged() bool { return v.reason == "" }

// verdictOf is the verdict of text number at of an answer.
func verdictOf(s Scores, at int) verdict {
	switch {
	case !s.Scored(at):
		return verdict{reason: s.Unscored[at]}
	case s.Cached != nil && s.Cached[at]:
		return verdict{score: s.Values[at], status: pipeline.Cached}
	}
	return verdict{score: s.Values[at]}
}

// outcome is what became of the hits of one input.
type outcome struct {
	stage    string
	in       pipeline.Ranking
	verdicts []verdict
}

// judge gives every hit that was wanted the verdict of an answer about n texts;
// slot has the position of each hit's text.
func (o *outcome) judge(slot []int, n int, a answer) {
	failed := pipeline.Reason("")
	if a.err != nil {
		failed = ReasonOf(a.err)
	}
	for i, at := range slot {
		switch {
		case at < 0:
		case failed != "" && len(a.scores.Unscored) == n && a.scores.Unscored[at] != "":
			o.verdicts[i].reason = a.scores.Unscored[at] // each shard failed in its own way
		case failed != "":
			o.verdicts[i].reason = failed
		case len(a.scores.Values) > 0:
			o.verdicts[i] = verdictOf(a.scores, at)
		}
	}
}

// failing reports whether a document with text has no score.
func (o *outcome) failing() bool {
	for _, v := range o.verdicts {
		if !v.left && !v.judged() && v.reason != pipeline.ReasonBlank {
			return true
		}
	}
	return false
}

// reportTop is how long the head of the retrieval ranking is that Report.TopScored
// is about.
const reportTop = 10

// count fills in what a report says about documents.
func (o *outcome) count(r *Report, top int) {
	r.Candidates, r.Scored, r.Cached, r.Unscored, r.Reasons = 0, 0, 0, 0, nil
	r.Top = min(top, len(o.in.Hits))
	scored := 0
	for i, v := range o.verdicts {
		if v.judged() && i < r.Top {
			scored++
		}
		if !v.left {
			r.count(v.reason, v.status == pipeline.Cached)
		}
	}
	r.TopScored = 1
	if r.Top > 0 {
		r.TopScored = float64(scored) / float64(r.Top)
	}
	r.settle()
}

// gaps returns one gap for each reason, in the order in which the retrieval
// ranking meets them. A cause goes to the gap of its reason; one that fits no
// gap goes to the first, so that errors.Is finds it in any case.
func (o *outcome) gaps(met []error) []pipeline.Gap {
	var gaps []pipeline.Gap
	at := map[pipeline.Reason]int{}
	for i, v := range o.verdicts {
		if v.left || v.judged() {
			continue
		}
		g, known := at[v.reason]
		if !known {
			g = len(gaps)
			at[v.reason] = g
			gaps = append(gaps, pipeline.Gap{Stage: o.stage, Reason: v.reason})
		}
		gaps[g].IDs = append(gaps[g].IDs, o.in.Hits[i].Document.ID)
	}
	if len(gaps) == 0 {
		return nil
	}
	causes := make([][]error, len(gaps))
	for _, err := range met {
		g := at[ReasonOf(err)]
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

// ranking arranges the hits, or leaves them as they came where the scores do not
// carry that far; the report says which. declared is the scale of a ranking
// without any score.
func (o *outcome) ranking(s StageOptions, declared, scale pipeline.Scale, report *Report) pipeline.Ranking {
	used := report.Scored + report.Cached
	switch {
	case len(o.in.Hits) == 0 || report.Candidates == 0:
		out := o.in.Derive(o.in.Hits)
		if declared != pipeline.Unknown && len(o.in.Hits) == 0 {
			out.Scale = declared
		}
		return out
	case used == 0 && s.Unscored.empties():
		out := o.in.Derive(nil)
		out.Scale = declared
		return out
	case used == 0, s.Unscored.needsCoverage() && report.Coverage() < s.MinCoverage:
		report.Mode = RetrievalOnly
		return o.in.Derive(o.in.Hits)
	}
	return o.arranged(scale, s.Unscored)
}

// arranged puts the hits into their new order.
func (o *outcome) arranged(scale pipeline.Scale, policy Policy) pipeline.Ranking {
	a := arrangement{stage: o.stage, scale: scale, policy: policy}
	out := o.in.Derive(a.order(o.in.Hits, o.verdicts))
	out.Scale = scale
	return out
}

// UnscoredError is what a rerank stage with the policy AllOrNothing returns when a
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

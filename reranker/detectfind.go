package reranker

import (
	"fmt"

	"github.com/rankcascade/cascade/pipeline"
)

// warn adds to the report what the scores of this one query show.
func (w *work) warn(report *Report, scores Scores) {
	distinct, outside, low, high := 0, 0, 0.0, 0.0
	for i, v := range scores.Values {
		if len(scores.Values) != len(w.texts) || !scores.Scored(i) {
			continue
		}
		if distinct == 0 {
			low, high = v, v
		}
		low, high = min(low, v), max(high, v)
		distinct++
		if !scores.Scale.Contains(v) {
			outside++
		}
	}
	if outside > 0 && !warned(*report, WarnOutOfScale) {
		report.Warnings = append(report.Warnings, Warning{Kind: WarnOutOfScale,
			Detail: fmt.Sprintf("%d of %d scores are no %v: lowest %v, highest %v", outside, distinct, scores.Scale, low, high)})
	}
	if distinct > 2 && low == high && !warned(*report, WarnNoSignal) {
		report.Warnings = append(report.Warnings, Warning{Kind: WarnNoSignal, Detail: fmt.Sprintf("all %d scores are %v", distinct, low)})
	}
}

func warned(r Report, kind WarningKind) bool {
	for _, warning := range r.Warnings {
		if warning.Kind == kind {
			return true
		}
	}
	return false
}

// findings says to every detector what this query shows. A detector that the
// query says nothing about is not in the list: scores that did not come can be
// neither equal nor outside of a scale.
func (w *work) findings(report Report, hits []pipeline.Hit) []finding {
	found := []finding{w.degraded(report), suspended(report)}
	found = append(found, w.shares(report)...)
	scored := report.Scored + report.Cached
	if scored == 0 {
		return found
	}
	for _, kind := range [...]WarningKind{WarnOutOfScale, WarnEchoMismatch, WarnMissingTemplate, WarnModelMismatch, WarnNotComparable} {
		found = append(found, warning(report, kind))
	}
	if scored > 2 {
		found = append(found, warning(report, WarnNoSignal))
	}
	if scored > 1 && hits != nil {
		found = append(found, w.moved(hits))
	}
	return found
}

func (w *work) degraded(report Report) finding {
	lost := report.Unscored - report.Reasons[pipeline.ReasonBlank]
	f := finding{kind: WarnDegraded, detail: fmt.Sprintf("%v, %d of %d documents unscored", report.Mode, lost, report.Candidates)}
	if lost > 0 {
		f.state = Degraded
	}
	return f
}

// suspended is open where calls were refused, and half open where some passed.
func suspended(report Report) finding {
	refused := report.Reasons[pipeline.ReasonBreaker]
	f := finding{kind: WarnBreakerOpen, detail: fmt.Sprintf("%d documents were not sent", refused)}
	switch {
	case refused > 0 && report.Scored > 0:
		f.state = HalfOpen
	case refused > 0 || warned(report, WarnBreakerOpen):
		f.state = Open
	}
	return f
}

func warning(report Report, kind WarningKind) finding {
	f := finding{kind: kind, detail: "no longer seen"}
	for _, warning := range report.Warnings {
		if warning.Kind == kind {
			f.state, f.detail = Degraded, warning.Detail
			break
		}
	}
	return f
}

func (w *work) moved(hits []pipeline.Hit) finding {
	for i, h := range hits {
		if h.Document.ID != w.in.Hits[i].Document.ID {
			return finding{kind: WarnNothingMoved, detail: "ranks change"}
		}
	}
	return finding{kind: WarnNothingMoved, state: Degraded, detail: fmt.Sprintf("no rank changed in %d queries", enterUnmoved)}
}

// The long views need some queries before they say anything.
const trendQueries = 20

func (w *work) shares(report Report) []finding {
	long := float64(report.Reasons[pipeline.ReasonTooLong]) / float64(report.Candidates)
	if warned(report, WarnTruncated) {
		long = 1
	}
	coverage, tooLong := w.stage.monitor.trends(report.Coverage(), long)
	if coverage.queries < trendQueries {
		return nil
	}
	falling := finding{kind: WarnCoverage, detail: fmt.Sprintf("%.0f %% of the documents are scored, usually %.0f %%", 100*coverage.newest, 100*coverage.usual)}
	if coverage.newest < 0.8*coverage.usual {
		falling.state = Degraded
	}
	cut := finding{kind: WarnTruncated, detail: fmt.Sprintf("%.0f %% of the documents are too long", 100*tooLong.newest)}
	if tooLong.newest > 0.1 {
		cut.state = Degraded
	}
	return []finding{falling, cut}
}

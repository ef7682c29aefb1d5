package reranker

import (
	"fmt"

	"github.com/rankcascade/cascade/pipeline"
)

// warn adds to the report what the scores of one query about so many texts show.
func warn(report *Report, scores Scores, texts int) {
	distinct, outside, low, high := 0, 0, 0.0, 0.0
	for i, v := range scores.Values {
		if len(scores.Values) != texts || !scores.Scored(i) {
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
	if outside > 0 && !report.warned(WarnOutOfScale) {
		report.Warnings = append(report.Warnings, Warning{Kind: WarnOutOfScale,
			Detail: fmt.Sprintf("%d of %d scores are no %v: lowest %v, highest %v", outside, distinct, scores.Scale, low, high)})
	}
	if distinct > 2 && low == high && !report.warned(WarnNoSignal) {
		report.Warnings = append(report.Warnings, Warning{Kind: WarnNoSignal, Detail: fmt.Sprintf("all %d scores are %v", distinct, low)})
	}
}

func degraded(report Report) finding {
	lost := report.Unscored - report.Reasons[pipeline.ReasonBlank]
	f := finding{kind: WarnDegraded, detail: fmt.Sprintf("%v, %d of %d documents unscored", report.Mode, lost, report.Candidates)}
	if lost > 0 {
		f.state = Degraded
		f.detail += because(report)
	}
	return f
}

// because names the first cause of a report, if it has one.
func because(report Report) string {
	if len(report.Causes) == 0 {
		return ""
	}
	return ": " + report.Causes[0].Error()
}

// suspended is open where calls were refused, and half open where some passed.
func suspended(report Report) finding {
	refused := report.Reasons[pipeline.ReasonBreaker]
	f := finding{kind: WarnBreakerOpen, detail: fmt.Sprintf("%d documents were not sent", refused) + because(report)}
	switch {
	case refused > 0 && report.Scored > 0:
		f.state = HalfOpen
	case refused > 0 || report.warned(WarnBreakerOpen):
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

// moved says whether any rank has changed.
func moved(before, after []pipeline.Hit) finding {
	for i, h := range after {
		if h.Document.ID != before[i].Document.ID {
			return finding{kind: WarnNothingMoved, detail: "ranks change"}
		}
	}
	return finding{kind: WarnNothingMoved, state: Degraded, detail: fmt.Sprintf("no rank changed in %d queries", enterUnmoved)}
}

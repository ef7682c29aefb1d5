package reranker

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/rankcascade/cascade/pipeline"
)

// Mode says how much of a rerank happened.
type Mode uint8

// The modes.
const (
	// Full means that every document that should be scored was.
	Full Mode = iota
	// Partial means that some were.
	Partial
	// RetrievalOnly means that none was and the retrieval order stands.
	RetrievalOnly
	// Failed means that the policy turned the loss into an error.
	Failed
)

// String returns "full", "partial", "retrieval only" or "failed".
func (m Mode) String() string {
	switch m {
	case Full:
		return "full"
	case Partial:
		return "partial"
	case RetrievalOnly:
		return "retrieval only"
	case Failed:
		return "failed"
	}
	return "invalid mode"
}

// Report says what a rerank did and what it cost. Every ranking that a rerank
// stage returns carries one, see ReportKey.
type Report struct {
	Mode Mode
	// Candidates is the number of documents that should have been scored.
	Candidates int
	// Scored, Cached and Unscored count documents; together they are Candidates.
	Scored, Cached, Unscored int
	// TopScored is the share, in [0, 1], of the first Top documents of the
	// retrieval ranking that have a score.
	TopScored float64
	Top       int
	// Planned, Sent and Answered count shards.
	Planned, Sent, Answered int
	// Attempts counts calls, first ones, retries and hedges alike.
	Attempts int
	// Retries and Hedges are contained in Attempts; HedgesWon counts the hedges
	// that answered first.
	Retries, Hedges, HedgesWon int
	// LeftBehind counts calls of user code that ignored the end of their context and
	// were left behind, see pipeline.StrayError.
	LeftBehind int
	// Waited is the time that calls were held back by limits and back-off, added
	// up over shards.
	Waited time.Duration
	// Useful is the usage of the answers that were used, Wasted that of the
	// others as far as it is known: losers of a hedge, refused answers.
	Useful, Wasted Usage
	// Deadline is the time that the stage was given, 0 if it had no limit, and
	// Elapsed what it took.
	Deadline, Elapsed time.Duration
	// Reasons counts the unscored documents by reason; nil when there are none.
	Reasons map[pipeline.Reason]int
	// Causes are the distinct errors that were met, also those that a retry
	// mended.
	Causes []error
	// Warnings are findings that cost no document its score.
	Warnings []Warning
	// Shares says what each scorer contributed where several were asked, see
	// Fallback; nil where it was one.
	Shares []Share
	// Model is the model that answered.
	Model string
	// RequestIDs are the server's names for the calls.
	RequestIDs []string
	// Attributes are what the query asked for beside its text and reached the
	// server, see Scores.Attributes.
	Attributes []pipeline.Setting
}

// jsonReport is a Report whose causes can be written down.
type jsonReport struct {
	plainReport
	Causes []*pipeline.RecordedError
}

type plainReport Report

// MarshalJSON writes the report with the text and the kind of its causes, so that a
// ranking that carries it survives JSON.
func (r Report) MarshalJSON() ([]byte, error) {
	j := jsonReport{plainReport: plainReport(r)}
	for _, err := range r.Causes {
		j.Causes = append(j.Causes, pipeline.RecordError(err))
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON wrote. Causes come back as
// *pipeline.RecordedError.
func (r *Report) UnmarshalJSON(text []byte) error {
	var j jsonReport
	if err := json.Unmarshal(text, &j); err != nil {
		return fmt.Errorf("reranker: decode report: %w", err)
	}
	*r = Report(j.plainReport)
	r.Causes = nil
	for _, cause := range j.Causes {
		r.Causes = append(r.Causes, cause)
	}
	return nil
}

// Coverage returns the share of candidates that have a score, in [0, 1]; 1 when
// there are no candidates.
func (r Report) Coverage() float64 {
	if r.Candidates == 0 {
		return 1
	}
	return float64(r.Scored+r.Cached) / float64(r.Candidates)
}

// addCalls adds what the calls of another report cost.
func (r *Report) addCalls(o Report) {
	r.Planned, r.Sent, r.Answered = r.Planned+o.Planned, r.Sent+o.Sent, r.Answered+o.Answered
	r.Attempts, r.Retries = r.Attempts+o.Attempts, r.Retries+o.Retries
	r.Hedges, r.HedgesWon = r.Hedges+o.Hedges, r.HedgesWon+o.HedgesWon
	r.LeftBehind += o.LeftBehind
	r.Waited += o.Waited
	r.Useful, r.Wasted = r.Useful.Add(o.Useful), r.Wasted.Add(o.Wasted)
	r.Causes = append(slices.Clone(r.Causes), o.Causes...)
	r.Warnings = append(slices.Clone(r.Warnings), o.Warnings...)
}

// count adds one document, which is unscored for the reason unless that is empty.
func (r *Report) count(reason pipeline.Reason, cached bool) {
	r.Candidates++
	switch {
	case reason != "":
		r.Unscored++
		if r.Reasons == nil {
			r.Reasons = map[pipeline.Reason]int{}
		}
		r.Reasons[reason]++
	case cached:
		r.Cached++
	default:
		r.Scored++
	}
}

// settle sets the mode that the counts amount to.
func (r *Report) settle() {
	switch {
	case r.Unscored == 0:
		r.Mode = Full
	case r.Unscored == r.Candidates:
		r.Mode = RetrievalOnly
	default:
		r.Mode = Partial
	}
}

// warned reports whether a warning of the kind is there.
func (r *Report) warned(kind WarningKind) bool {
	return slices.ContainsFunc(r.Warnings, func(w Warning) bool { return w.Kind == kind })
}

// ReportKey is the note under which a rerank stage leaves its report on the
// ranking: report, ok := reranker.ReportKey.Noted(ranking).
var ReportKey = pipeline.NewKey[Report]("rerank report")

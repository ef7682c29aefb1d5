package reranker

import (
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
	// Model is the model that answered.
	Model string
	// RequestIDs are the server's names for the calls.
	RequestIDs []string
}

// Coverage returns the share of candidates that have a score, in [0, 1]; 1 when
// there are no candidates.
func (r Report) Coverage() float64 {
	if r.Candidates == 0 {
		return 1
	}
	return float64(r.Scored+r.Cached) / float64(r.Candidates)
}

// ReportKey is the note under which a rerank stage leaves its report on the
// ranking: report, ok := reranker.ReportKey.Noted(ranking).
var ReportKey = pipeline.NewKey[Report]("rerank report")

package pipeline

import (
	"fmt"
	"strings"
)

// Reason says, in one word that a counter can be labelled with, why something
// is missing from a ranking.
type Reason string

// The reasons.
const (
	ReasonDeadline    Reason = "deadline"     // time ran out
	ReasonRateLimit   Reason = "rate_limit"   // the server's quota was, or would have been, exceeded
	ReasonBreaker     Reason = "breaker"      // calls are suspended after too many failures
	ReasonClientError Reason = "http_4xx"     // the server refused the request
	ReasonServerError Reason = "http_5xx"     // the server failed
	ReasonTransport   Reason = "transport"    // no answer arrived: name, connection, TLS, reset
	ReasonBadResponse Reason = "bad_response" // an answer arrived and cannot be trusted
	ReasonTooLong     Reason = "too_long"     // the document exceeds what the model takes
	ReasonBlank       Reason = "blank"        // the document has no text
	ReasonNotSent     Reason = "not_sent"     // left out on purpose: depth, quota, pruning
	ReasonCanceled    Reason = "canceled"     // the caller gave up
	ReasonFailed      Reason = "failed"       // any other error
	ReasonUnscored    Reason = "unscored"     // a threshold met hits without a score on its scale
	ReasonPanic       Reason = "panic"        // user code panicked
	ReasonEarly       Reason = "early"        // a better ranking follows in the same stream
	ReasonForbidden   Reason = "forbidden"    // a part showed what the permission does not allow
)

// Gap says what is missing from a ranking and why. A ranking with gaps is
// degraded, not wrong: what it holds can be used.
type Gap struct {
	// Stage names where it happened, as in the stage's description.
	Stage string
	// Reason classifies it.
	Reason Reason
	// IDs are the documents concerned, in ranking order; nil when a whole leg or
	// stage is missing and nobody can say which documents it would have brought.
	IDs []string
	// Err is the cause; errors.Is and errors.As see through it. It may be nil.
	Err error
}

// String describes the gap in one line without any document text.
func (g Gap) String() string {
	var b strings.Builder
	b.WriteString(g.Stage)
	b.WriteString(": ")
	b.WriteString(string(g.Reason))
	switch len(g.IDs) {
	case 0:
	case 1:
		b.WriteString(", 1 document")
	default:
		fmt.Fprintf(&b, ", %d documents", len(g.IDs))
	}
	if g.Err != nil {
		b.WriteString(": ")
		b.WriteString(strings.TrimPrefix(g.Err.Error(), g.Stage+": "))
	}
	return b.String()
}

// GapError is what Strict and Ranking.Err return for a degraded ranking.
// Unwrap yields the causes of all gaps.
type GapError struct{ Gaps []Gap }

// Error names every gap.
func (e *GapError) Error() string {
	parts := make([]string, len(e.Gaps))
	for i, g := range e.Gaps {
		parts[i] = g.String()
	}
	return "pipeline: degraded ranking: " + strings.Join(parts, "; ")
}

// Unwrap returns the causes, for errors.Is and errors.As.
func (e *GapError) Unwrap() []error {
	var errs []error
	for _, g := range e.Gaps {
		if g.Err != nil {
			errs = append(errs, g.Err)
		}
	}
	return errs
}

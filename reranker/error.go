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

// ErrorKind classifies a failed call by what a caller can do about it.
type ErrorKind string

// The kinds.
const (
	KindConfig        ErrorKind = "config"          // refused before anything was sent: a setting or an argument is wrong
	KindAuth          ErrorKind = "auth"            // 401, 402, 403: the key is missing, wrong or not allowed
	KindModelNotFound ErrorKind = "model_not_found" // 404 that names the model
	KindRouteNotFound ErrorKind = "route_not_found" // 404, 405, 501: the base URL or the dialect is wrong
	KindValidation    ErrorKind = "validation"      // 400, 415, 422, 424: the server refuses the request
	KindTooLarge      ErrorKind = "too_large"       // 413, or any status with a body that names size: fewer or shorter documents may pass
	KindRateLimited   ErrorKind = "rate_limited"    // 429
	KindOverloaded    ErrorKind = "overloaded"      // 503, 529: try later
	KindServer        ErrorKind = "server"          // 500, 502, 504 and the like
	KindProtocol      ErrorKind = "protocol"        // a 200 whose content cannot be trusted
	KindTransport     ErrorKind = "transport"       // no answer: name, connection, TLS, reset, cut body
	KindCanceled      ErrorKind = "canceled"        // the context ended
	KindBreakerOpen   ErrorKind = "breaker_open"    // not sent: calls are suspended
	KindPanic         ErrorKind = "panic"           // user code panicked
)

// Error is a failed call to a scorer. It never holds a key, a document or a
// query, and at most a few hundred bytes of what a server said.
type Error struct {
	Kind ErrorKind
	// Op names who failed, as in "nebius: rerank".
	Op string
	// Status is the HTTP status, 0 if there was no answer.
	Status int
	// Message is what the server said, shortened and cleaned, or what to change.
	Message string
	// RequestID is the server's name for the call.
	RequestID string
	// RetryAfter is how long the server asks to wait; 0 if it did not ask.
	RetryAfter time.Duration
	// Limits are the rate limits that the answer declared.
	Limits Limits
	// Permanent says that the same call can never succeed even though its kind
	// could be retried: an unknown host, an untrusted certificate.
	Permanent bool
	// Attempts is how many calls were made before giving up; 0 stands for 1.
	Attempts int
	// Err is the cause; it may be nil.
	Err error
}

// Error says who failed, how, and what the server said.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Op != "" {
		b.WriteString(e.Op)
		b.WriteString(": ")
	}
	b.WriteString(strings.ReplaceAll(string(e.Kind), "_", " "))
	if e.Status != 0 {
		fmt.Fprintf(&b, " (status %d)", e.Status)
	}
	if e.Message != "" {
		b.WriteString(": ")
		b.WriteString(e.Message)
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " [request %s]", e.RequestID)
	}
	if e.Attempts > 1 {
		fmt.Fprintf(&b, " after %d attempts", e.Attempts)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Retryable reports whether the same call may succeed later.
func (e *Error) Retryable() bool {
	if e.Permanent {
		return false
	}
	switch e.Kind {
	case KindRateLimited, KindOverloaded, KindServer, KindTransport, KindProtocol:
		return true
	}
	return e.Status == 408 || e.Status == 409 || e.Status == 425
}

// ErrorKind returns the kind in words, for pipeline.RecordError.
func (e *Error) ErrorKind() string { return string(e.Kind) }

// Reason returns the reason that a document lost to this error is given.
func (e *Error) Reason() pipeline.Reason {
	switch e.Kind {
	case KindRateLimited:
		return pipeline.ReasonRateLimit
	case KindBreakerOpen:
		return pipeline.ReasonBreaker
	case KindTooLarge:
		return pipeline.ReasonTooLong
	case KindAuth, KindModelNotFound, KindRouteNotFound, KindValidation:
		return pipeline.ReasonClientError
	case KindOverloaded, KindServer:
		return pipeline.ReasonServerError
	case KindProtocol:
		return pipeline.ReasonBadResponse
	case KindTransport:
		return pipeline.ReasonTransport
	case KindCanceled:
		return pipeline.ReasonCanceled
	case KindPanic:
		return pipeline.ReasonPanic
	}
	return pipeline.ReasonFailed
}

// ReasonOf is pipeline.ReasonOf, but a call that was cancelled because time was up
// is late and not given up.
func ReasonOf(err error) pipeline.Reason {
	r := pipeline.ReasonOf(err)
	if r == pipeline.ReasonCanceled && errors.Is(err, context.DeadlineExceeded) {
		return pipeline.ReasonDeadline
	}
	return r
}

// sameError compares by text, since errors of uncomparable types would make ==
// panic.
func sameError(a, b error) bool { return a.Error() == b.Error() }

// addCause adds err unless it is nil or one that says the same is there.
func addCause(causes []error, err error) []error {
	if err == nil || slices.ContainsFunc(causes, func(known error) bool { return sameError(known, err) }) {
		return causes
	}
	return append(causes, err)
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

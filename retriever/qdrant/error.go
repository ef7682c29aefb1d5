package qdrant

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	api "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rankcascade/cascade/pipeline"
)

// ErrorKind classifies a failed call by what a caller can do about it.
type ErrorKind string

// The kinds.
const (
	KindRateLimited   ErrorKind = "rate limited"   // wait for RetryAfter and call again
	KindTooLarge      ErrorKind = "too large"      // a request or answer exceeds a limit of size: fetch less payload, raise Config.MaxReply, send fewer points
	KindDeadline      ErrorKind = "deadline"       // time ran out, here or in the server
	KindCanceled      ErrorKind = "canceled"       // the caller gave up
	KindUnavailable   ErrorKind = "unavailable"    // no answer: the server is away or the connection broke
	KindInvalid       ErrorKind = "invalid"        // the server refuses the request
	KindNotFound      ErrorKind = "not found"      // there is no such collection
	KindAuth          ErrorKind = "auth"           // the key is missing, wrong or not allowed
	KindUnimplemented ErrorKind = "unimplemented"  // the server is too old for this request
	KindServer        ErrorKind = "server"         // the server failed
	KindFull          ErrorKind = "storage full"   // the server has no room left: calling again is no use
	KindBadAnswer     ErrorKind = "bad answer"     // an answer arrived and cannot be used
	KindEncoder       ErrorKind = "encoder failed" // the caller's embedder or encoder failed; nothing was sent
)

// Error is a failed call. It holds no key, no document text and at most a few
// hundred bytes of what the server said.
type Error struct {
	Kind ErrorKind
	// Op names the call, as in "query points".
	Op string
	// RetryAfter is how long the server asks to wait; 0 if it did not ask.
	RetryAfter time.Duration
	// Message is what the server said, shortened.
	Message string
	// Err is the cause as the client returned it. For KindDeadline the chain also
	// holds context.DeadlineExceeded, for KindCanceled context.Canceled, which
	// the gRPC status behind Err does not.
	Err error

	also []error
}

// Error says which call failed, how, and what the server said.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "qdrant: %s: %s", e.Op, e.Kind)
	if e.RetryAfter > 0 {
		fmt.Fprintf(&b, " (retry after %v)", e.RetryAfter)
	}
	if e.Message != "" {
		b.WriteString(": ")
		b.WriteString(e.Message)
	}
	return b.String()
}

// Unwrap returns the cause and the context errors that belong to it.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return e.also
	}
	return append([]error{e.Err}, e.also...)
}

// Retryable reports whether the same call may succeed later.
func (e *Error) Retryable() bool {
	return e.Kind == KindRateLimited || e.Kind == KindUnavailable
}

// Reason returns the reason of the gap that this error leaves.
func (e *Error) Reason() pipeline.Reason {
	switch e.Kind {
	case KindRateLimited:
		return pipeline.ReasonRateLimit
	case KindDeadline:
		return pipeline.ReasonDeadline
	case KindCanceled:
		return pipeline.ReasonCanceled
	case KindUnavailable:
		return pipeline.ReasonTransport
	case KindInvalid, KindNotFound, KindAuth, KindUnimplemented:
		return pipeline.ReasonClientError
	case KindServer, KindFull:
		return pipeline.ReasonServerError
	case KindTooLarge, KindBadAnswer:
		return pipeline.ReasonBadResponse
	}
	return pipeline.ReasonOf(e.Err) // that of the caller's own encoder
}

// mapError turns what the client returned into an *Error. The order matters: a
// rate limit with a time to wait has no gRPC status at all (status.Code says
// Unknown), while a reply over the size limit has the code of a rate limit.
func mapError(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	e := &Error{Op: op, Err: err}
	var limited *api.QdrantResourceExhaustedError
	if errors.As(err, &limited) {
		e.Kind, e.Message = KindRateLimited, shorten(limited.Reason)
		e.RetryAfter = max(0, time.Duration(limited.RetryAfterS)*time.Second)
		return e
	}
	e.Kind, e.Message = fromStatus(err)
	if errors.Is(err, errFull) || storageFull(e.Message) {
		e.Kind = KindFull
	}
	// Whatever a call says that was cut short, its context is the reason.
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		e.Kind = KindDeadline
	case ctx.Err() != nil:
		e.Kind = KindCanceled
	}
	e.also = contextErrors(ctx, e)
	return e
}

func fromStatus(err error) (ErrorKind, string) {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return KindDeadline, shorten(err.Error())
	case errors.Is(err, context.Canceled):
		return KindCanceled, shorten(err.Error())
	}
	st, ok := status.FromError(err)
	if !ok {
		return KindServer, shorten(err.Error())
	}
	message := shorten(statusMessage(err, st))
	switch st.Code() {
	case codes.DeadlineExceeded:
		return KindDeadline, message
	case codes.Canceled:
		return KindCanceled, message
	case codes.ResourceExhausted:
		if tooLarge(message) {
			return KindTooLarge, message
		}
		return KindRateLimited, message
	case codes.Unavailable:
		return KindUnavailable, message
	case codes.InvalidArgument:
		if tooLarge(message) {
			return KindTooLarge, message
		}
		return KindInvalid, message
	case codes.OutOfRange, codes.FailedPrecondition, codes.AlreadyExists:
		return KindInvalid, message
	case codes.NotFound:
		return KindNotFound, message
	case codes.Unauthenticated, codes.PermissionDenied:
		return KindAuth, message
	case codes.Unimplemented:
		return KindUnimplemented, message
	}
	return KindServer, message
}

// statusMessage returns the innermost status text: status.FromError replaces it
// with the whole text of the wrapping errors.
func statusMessage(err error, st *status.Status) string {
	var carrier interface{ GRPCStatus() *status.Status }
	if errors.As(err, &carrier) {
		return carrier.GRPCStatus().Message()
	}
	return st.Message()
}

// tooLarge recognises the texts with which gRPC reports a message over a size
// limit, sent or received, by grpc-go and by tonic, and those of a server in strict
// mode for a request that could never pass its rate limit, or has too many points.
// The codes are those of a rate limit and of a mistake; the cure is a smaller request.
func tooLarge(message string) bool {
	m := strings.ToLower(message)
	for _, text := range []string{"larger than max", "message length too large", "message too large", "larger than rate limiter capacity", `for "upsert limit"`} {
		if strings.Contains(m, text) {
			return true
		}
	}
	return false
}

// storageFull recognises the texts with which the server reports a full disk or
// an exhausted quota of storage, under the codes of a failure and of a rate limit.
func storageFull(message string) bool {
	m := strings.ToLower(message)
	return strings.Contains(m, "no space left") || strings.Contains(m, "insufficient storage") ||
		strings.Contains(m, "storage quota") || strings.Contains(m, "disk full")
}

// contextErrors returns what errors.Is must find besides the cause itself.
func contextErrors(ctx context.Context, e *Error) []error {
	var also []error
	switch e.Kind {
	case KindDeadline:
		also = append(also, context.DeadlineExceeded)
	case KindCanceled:
		also = append(also, context.Canceled)
	}
	if ctx.Err() != nil {
		also = append(also, ctx.Err(), context.Cause(ctx))
	}
	return also
}

// ended returns an error for a context that has ended, nil for one that has not.
func ended(ctx context.Context, op string) error {
	if ctx.Err() == nil {
		return nil
	}
	return mapError(ctx, op, context.Cause(ctx))
}

// badAnswer is the error for an answer that arrived and cannot be used.
func badAnswer(op, format string, args ...any) *Error {
	return &Error{Kind: KindBadAnswer, Op: op, Message: fmt.Sprintf(format, args...)}
}

const maxMessage = 300

// shorten keeps the first few hundred bytes of s, on one line, whole runes.
func shorten(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " ")
	if len(s) <= maxMessage {
		return s
	}
	cut := maxMessage
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "..."
}

package reranker

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker/internal/pace"
)

// callFault is what the scheduler reads from a failed call.
type callFault struct {
	err       *Error
	kind      ErrorKind
	retryable bool
	tooLarge  bool
}

// fault classifies err, which is not nil. Errors that no client typed are final:
// nobody knows what they mean.
func fault(err error) callFault {
	var typed *Error
	if !errors.As(err, &typed) {
		return callFault{err: &Error{Op: "reranker: score", Err: err}}
	}
	return callFault{
		err: typed, kind: typed.Kind, retryable: typed.Retryable() && !sizeRefusal(typed),
		tooLarge: sizeRefusal(typed),
	}
}

// sizeStatuses are the statuses under which servers refuse a call for its size.
// Some report it as a fault of their own.
var sizeStatuses = []int{400, 413, 422, 424, 500}

// sizeWords are how they say it.
var sizeWords = []string{
	"too large", "too long", "too many", "too big", "batch size", "maximum context", "max context", "context length",
	"maximum length", "max length", "token limit", "size limit", "exceeds the max", "exceeds max", "maximum allowed", "longer than",
}

// otherWords are how servers say that something else than the size of the call is
// too much: rate, quota, connections, memory, time.
var otherWords = []string{
	"too many requests", "too many concurrent", "too many connections", "connection", "concurren", "rate limit", "ratelimit", "quota", "billing", "credit",
	"per second", "per minute", "per hour", "per day", "per month", "/min", "monthly", "daily", "hourly", "tokens per", "requests per", "usage limit",
	"out of memory", "memory", "cuda", "oom", "timeout", "timed out", "time limit", "too long to respond", "too many attempts", "too many retries",
	"queue", "overload", "busy", "try again",
}

// sizeRefusal reports whether a smaller call may pass. Words are weak evidence: see
// run.tooLarge for what outweighs them.
func sizeRefusal(e *Error) bool {
	message := strings.ToLower(e.Message)
	has := func(words []string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(message, w) })
	}
	switch {
	case e.Kind == KindTooLarge:
		return e.Status == 413 || !has(otherWords)
	case !slices.Contains(sizeStatuses, e.Status):
		return false
	}
	return has(sizeWords) && !has(otherWords)
}

// bodyRefusal reports whether a size refusal is about bytes and not documents.
func bodyRefusal(e *Error) bool {
	message := strings.ToLower(e.Message)
	return slices.ContainsFunc([]string{"payload", "body", "bytes", "entity", "content-length", "content length"},
		func(w string) bool { return strings.Contains(message, w) })
}

// contentRefusal reports whether the server refused what the call holds, which
// may be the fault of one document: one with more tokens than its length tells is
// refused for its size where longer ones were scored.
func contentRefusal(e *Error) bool {
	return (e.Kind == KindValidation || sizeRefusal(e)) && (e.Status == 0 || slices.Contains(sizeStatuses, e.Status))
}

// elsewhere reports whether another replica may accept what this one refused: one
// that is being updated, or serves another model or route.
func elsewhere(e *Error) bool {
	return e != nil && (hopeless(e.Kind) && e.Kind != KindAuth || e.Kind == KindValidation)
}

// awaited reports whether a server that fails like this may be back soon, as one that
// is restarting is.
func awaited(f callFault) bool {
	return f.kind == KindOverloaded || f.kind == KindTransport && f.retryable
}

// hopeless reports whether every other call of the query will fail alike.
func hopeless(kind ErrorKind) bool {
	return kind == KindAuth || kind == KindModelNotFound || kind == KindRouteNotFound
}

// judge says what the error of a call says about the server.
func judge(f callFault) pace.Verdict {
	switch f.kind {
	case KindRateLimited, KindOverloaded:
		return pace.Pushback
	case KindServer:
		switch {
		case f.tooLarge:
			return pace.Good
		case f.err.Status == 504:
			return pace.Pushback // what is behind it cannot keep up
		}
		return pace.Bad
	case KindTransport:
		return pace.Unreachable
	case KindProtocol:
		return pace.Bad
	case KindAuth:
		return pace.Key
	case KindValidation, KindTooLarge, KindModelNotFound, KindRouteNotFound:
		return pace.Good
	case KindCanceled, KindPanic, KindConfig, KindBreakerOpen:
		return pace.None
	}
	if errors.Is(f.err, context.Canceled) || errors.Is(f.err, context.DeadlineExceeded) {
		return pace.None
	}
	return pace.Bad
}

// reasonOfCall is the reason that documents get from the error of a call.
func reasonOfCall(err error) pipeline.Reason {
	var typed *Error
	if errors.As(err, &typed) {
		return typed.Reason()
	}
	return pipeline.ReasonFailed
}

// ending is how a call ended.
type ending struct {
	fault  callFault // zero if it succeeded
	failed bool
	// cutOff says that it was ended because nobody needed it any more, late that the
	// deadline did it.
	cutOff, late bool
}

// endedAs classifies how a call ended from its error, the contexts around it and
// the deadline.
func endedAs(call, caller context.Context, late bool, err error) ending {
	if err == nil {
		return ending{}
	}
	e := ending{failed: true, fault: fault(err)}
	if call.Err() != nil && e.fault.kind != KindPanic {
		e.cutOff = true
		e.late = late && !errors.Is(caller.Err(), context.Canceled)
	}
	return e
}

// outcome is the ending as the pace of the endpoint takes it.
func (e ending) outcome(s Scores, overtaken bool) pace.Outcome {
	o := pace.Outcome{Answered: !e.failed, CutOff: e.cutOff, Late: e.late, Overtaken: e.cutOff && overtaken}
	if !e.failed {
		o.Verdict, o.Limits, o.Tokens = pace.Good, pace.Limits(s.Limits), s.Usage.Tokens
		return o
	}
	o.Verdict = judge(e.fault)
	o.Limits, o.RetryAfter = pace.Limits(e.fault.err.Limits), e.fault.err.RetryAfter
	o.Cause, o.Size = e.fault.err, e.fault.tooLarge
	o.Refused = e.fault.kind == KindRateLimited || o.RetryAfter > 0
	return o
}

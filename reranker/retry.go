package reranker

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

const (
	retryBase     = 50 * time.Millisecond
	throttledBase = time.Second
	retryLongest  = 20 * time.Second
)

// backoff returns the wait before repetition n, from 1: full jitter under an
// exponential ceiling, which starts at a second after a refusal.
func backoff(n int, throttled bool, rng *rand.Rand) time.Duration {
	ceiling := retryBase
	if throttled {
		ceiling = throttledBase
	}
	for i := 1; i < n && ceiling < retryLongest; i++ {
		ceiling *= 2
	}
	return time.Duration(rng.Float64() * float64(min(ceiling, retryLongest)))
}

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

// sizeRefusal reports whether a smaller call may pass.
func sizeRefusal(e *Error) bool {
	if e.Kind == KindTooLarge {
		return true
	}
	if !slices.Contains(sizeStatuses, e.Status) {
		return false
	}
	message := strings.ToLower(e.Message)
	return slices.ContainsFunc(sizeWords, func(w string) bool { return strings.Contains(message, w) })
}

// bodyRefusal reports whether a size refusal is about bytes and not documents.
func bodyRefusal(e *Error) bool {
	message := strings.ToLower(e.Message)
	return slices.ContainsFunc([]string{"payload", "body", "bytes", "entity", "content-length", "content length"},
		func(w string) bool { return strings.Contains(message, w) })
}

// contentRefusal reports whether the server refused what the call holds, which
// may be the fault of one document.
func contentRefusal(e *Error) bool {
	return e.Kind == KindValidation && (e.Status == 0 || slices.Contains(sizeStatuses, e.Status))
}

// hopeless reports whether every other call of the query will fail alike.
func hopeless(kind ErrorKind) bool {
	return kind == KindAuth || kind == KindModelNotFound || kind == KindRouteNotFound
}

// callVerdict is what an outcome says about the server.
type callVerdict uint8

const (
	verdictNone     callVerdict = iota // nothing: cancelled, or user code panicked
	verdictGood                        // it works, even if it refused the request
	verdictBad                         // it failed
	verdictPushback                    // it failed and wants less
	verdictKey                         // it does not know the key
)

// judge says what the error of a call says about the server.
func judge(f callFault) callVerdict {
	switch f.kind {
	case KindRateLimited, KindOverloaded:
		return verdictPushback
	case KindServer:
		switch {
		case f.tooLarge:
			return verdictGood
		case f.err.Status == 504:
			return verdictPushback // what is behind it cannot keep up
		}
		return verdictBad
	case KindTransport, KindProtocol:
		return verdictBad
	case KindAuth:
		return verdictKey
	case KindValidation, KindTooLarge, KindModelNotFound, KindRouteNotFound:
		return verdictGood
	case KindCanceled, KindPanic, KindConfig, KindBreakerOpen:
		return verdictNone
	}
	if errors.Is(f.err, context.Canceled) || errors.Is(f.err, context.DeadlineExceeded) {
		return verdictNone
	}
	return verdictBad
}

package nebius

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// usable reports whether document i has a score that JSON can hold.
func usable(s reranker.Scores, i int) bool {
	return s.Scored(i) && !math.IsNaN(s.Values[i]) && !math.IsInf(s.Values[i], 0)
}

// lost counts the documents that have no score for another reason than that they
// have no text.
func lost(s reranker.Scores) int {
	n := 0
	for i := range s.Values {
		if !usable(s, i) && (s.Scored(i) || s.Unscored[i] != pipeline.ReasonBlank) {
			n++
		}
	}
	return n
}

func unscored(s reranker.Scores) int {
	n := 0
	for i := range s.Values {
		if !usable(s, i) {
			n++
		}
	}
	return n
}

// failed turns an error of the scorer into the status that tells the caller
// what to do about it.
func failed(in *inquiry, err error) *answer {
	var wrong *attributeError
	if errors.As(err, &wrong) {
		return validationAnswer([]fault{{Type: "value_error", Loc: in.place(wrong.name), Msg: printable(wrong.said, maxMessage)}})
	}
	var e *reranker.Error
	if !errors.As(err, &e) {
		if errors.Is(err, context.DeadlineExceeded) {
			return detail(http.StatusGatewayTimeout, "The documents were not scored in time")
		}
		return detail(http.StatusInternalServerError, "Internal Server Error")
	}
	status, said := statusOf(e)
	if public := told(e); public != "" && status != http.StatusInternalServerError {
		said += ": " + public
	}
	a := detail(status, said)
	if status == http.StatusUnprocessableEntity {
		a = validationAnswer([]fault{{Type: "value_error", Loc: []any{"body"}, Msg: printable(said, maxMessage)}})
	}
	return a.after(e.RetryAfter)
}

// told returns what a caller may know of an error's message: nothing of how this
// server reaches the one behind it, so no address and nothing about its key, and
// nothing of this server's own mistakes.
func told(e *reranker.Error) string {
	switch e.Kind {
	case reranker.KindAuth, reranker.KindRouteNotFound, reranker.KindConfig, reranker.KindPanic:
		return ""
	}
	return e.Message
}

func statusOf(e *reranker.Error) (int, string) {
	switch e.Kind {
	case reranker.KindModelNotFound:
		return http.StatusNotFound, "The model does not exist upstream"
	case reranker.KindValidation:
		return http.StatusUnprocessableEntity, "The upstream refused the request"
	case reranker.KindTooLarge:
		return http.StatusRequestEntityTooLarge, "A document or the request is too large for the upstream"
	case reranker.KindRateLimited:
		return http.StatusTooManyRequests, "Rate limit of the upstream exceeded"
	case reranker.KindOverloaded:
		return http.StatusServiceUnavailable, "The upstream is overloaded"
	case reranker.KindBreakerOpen:
		return http.StatusServiceUnavailable, "Calls to the upstream are suspended"
	case reranker.KindAuth:
		return http.StatusBadGateway, "The upstream refused the key of this server"
	case reranker.KindRouteNotFound:
		return http.StatusBadGateway, "The upstream has no such route"
	case reranker.KindServer:
		return http.StatusBadGateway, "The upstream failed"
	case reranker.KindProtocol:
		return http.StatusBadGateway, "The upstream's answer cannot be trusted"
	case reranker.KindTransport:
		return http.StatusBadGateway, "The upstream did not answer"
	case reranker.KindCanceled:
		return http.StatusGatewayTimeout, "The documents were not scored in time"
	}
	return http.StatusInternalServerError, "Internal Server Error"
}

// partialError says how many documents have no score, and why.
func partialError(s reranker.Scores, n int) error {
	return fmt.Errorf("nebius: serve: %d of %d documents have no score: %w", n, len(s.Values), errors.Join(s.Causes...))
}

// refusedPartly answers for scores that are incomplete under FailPartial. The
// status is that of the gravest reason. Documents without text cost themselves
// and are no reason.
func refusedPartly(s reranker.Scores, err error) *answer {
	reasons := map[pipeline.Reason]int{}
	for i := range s.Values {
		switch {
		case usable(s, i):
		case s.Scored(i):
			reasons[pipeline.ReasonBadResponse]++
		default:
			reasons[s.Unscored[i]]++
		}
	}
	delete(reasons, pipeline.ReasonBlank)
	status, why := gravest(reasons)
	said := fmt.Sprintf("%d of %d documents could not be scored: %s", unscored(s), len(s.Values), why)
	var wait time.Duration
	var cause *reranker.Error
	if errors.As(err, &cause) {
		wait = cause.RetryAfter
		if public := told(cause); public != "" {
			said += ": " + public
		}
	}
	return detail(status, said).after(wait)
}

func gravest(reasons map[pipeline.Reason]int) (int, string) {
	for _, r := range []struct {
		reason pipeline.Reason
		status int
		why    string
	}{
		{pipeline.ReasonPanic, http.StatusInternalServerError, "internal error"},
		{pipeline.ReasonClientError, http.StatusBadGateway, "the upstream refused them"},
		{pipeline.ReasonTooLong, http.StatusRequestEntityTooLarge, "too long for the upstream"},
		{pipeline.ReasonRateLimit, http.StatusTooManyRequests, "rate limit of the upstream exceeded"},
		{pipeline.ReasonBreaker, http.StatusServiceUnavailable, "calls to the upstream are suspended"},
		{pipeline.ReasonServerError, http.StatusBadGateway, "the upstream failed"},
		{pipeline.ReasonBadResponse, http.StatusBadGateway, "the upstream's answer cannot be trusted"},
		{pipeline.ReasonTransport, http.StatusBadGateway, "the upstream did not answer"},
		{pipeline.ReasonDeadline, http.StatusGatewayTimeout, "time ran out"},
		{pipeline.ReasonCanceled, http.StatusGatewayTimeout, "the call was cancelled"},
	} {
		if reasons[r.reason] > 0 {
			return r.status, r.why
		}
	}
	return http.StatusBadGateway, "they were not scored"
}

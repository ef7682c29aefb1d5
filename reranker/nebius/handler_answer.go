package nebius

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// answer is a finished HTTP answer.
type answer struct {
	status int
	header map[string]string
	body   []byte
}

func (a *answer) write(w http.ResponseWriter) {
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	write(w, a.status, a.body)
}

func write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func refuse(w http.ResponseWriter, status int, said string) { detail(status, said).write(w) }

// detail is an error in the contract's form.
func detail(status int, said string) *answer {
	body := appendString([]byte(`{"detail":`), printable(said, maxMessage))
	return &answer{status: status, body: append(body, "}\n"...)}
}

func validationAnswer(faults []fault) *answer {
	body, err := json.Marshal(map[string][]fault{"detail": faults})
	if err != nil {
		return detail(http.StatusUnprocessableEntity, "Validation error")
	}
	return &answer{status: http.StatusUnprocessableEntity, body: append(body, '\n')}
}

// usable reports whether document i has a score that JSON can hold.
func usable(s reranker.Scores, i int) bool {
	return s.Scored(i) && !math.IsNaN(s.Values[i]) && !math.IsInf(s.Values[i], 0)
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

// success writes the scores as the contract has them, best first.
func (h *handler) success(in request, s reranker.Scores, id string) answer {
	order := make([]int, 0, len(s.Values))
	for i := range s.Values {
		if usable(s, i) {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return pipeline.Compare(s.Values[a], s.Values[b], a, b, "", "") })
	if in.topN > 0 {
		order = order[:min(in.topN, len(order))]
	}
	body := appendString([]byte(`{"id":`), id)
	body = appendString(append(body, `,"model":`...), in.model)
	body = append(body, `,"usage":{"prompt_tokens":`...)
	body = strconv.AppendInt(body, int64(s.Usage.Tokens), 10)
	body = append(body, `,"total_tokens":`...)
	body = strconv.AppendInt(body, int64(s.Usage.Tokens), 10)
	body = append(body, `},"results":[`...)
	for n, i := range order {
		if n > 0 {
			body = append(body, ',')
		}
		body = strconv.AppendInt(append(body, `{"index":`...), int64(i), 10)
		if in.echo {
			body = append(appendString(append(body, `,"document":{"text":`...), in.documents[i]), '}')
		}
		body = strconv.AppendFloat(append(body, `,"relevance_score":`...), s.Values[i], 'g', -1, 64)
		body = append(body, '}')
	}
	return answer{status: http.StatusOK, body: append(body, "]}\n"...)}
}

// failed turns an error of the scorer into the status that tells the caller
// what to do about it.
func failed(err error) answer {
	var e *reranker.Error
	if !errors.As(err, &e) {
		if errors.Is(err, context.DeadlineExceeded) {
			return *detail(http.StatusGatewayTimeout, "The documents were not scored in time")
		}
		return *detail(http.StatusInternalServerError, "Internal Server Error")
	}
	status, said := statusOf(e)
	if public := told(e); public != "" && status != http.StatusInternalServerError {
		said += ": " + public
	}
	a := detail(status, said)
	if status == http.StatusUnprocessableEntity {
		a = validationAnswer([]fault{{Type: "value_error", Loc: []any{"body"}, Msg: printable(said, maxMessage)}})
	}
	return a.after(status, e.RetryAfter)
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

// after adds Retry-After to a refusal that is worth repeating.
func (a *answer) after(status int, wait time.Duration) answer {
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		seconds := max(1, int(math.Ceil(wait.Seconds())))
		a.header = map[string]string{"Retry-After": strconv.Itoa(seconds)}
	}
	return *a
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
// status is that of the gravest reason; a document without text is the
// request's own fault and told as one.
func refusedPartly(s reranker.Scores, err error) answer {
	var blanks []fault
	reasons := map[pipeline.Reason]int{}
	for i := range s.Values {
		switch {
		case usable(s, i):
		case s.Scored(i):
			reasons[pipeline.ReasonBadResponse]++
		default:
			reasons[s.Unscored[i]]++
			if s.Unscored[i] == pipeline.ReasonBlank && len(blanks) < maxFaults {
				blanks = append(blanks, fault{Type: "value_error", Loc: []any{"body", "documents", i}, Msg: "Document has no text"})
			}
		}
	}
	if len(reasons) == 1 && len(blanks) > 0 {
		return *validationAnswer(blanks)
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
	return detail(status, said).after(status, wait)
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

package nebius

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rankcascade/cascade/reranker"
)

// tooLarge matches what servers say when a request has too many documents or
// one that is too long. Old builds of llama.cpp say it with status 500.
var tooLarge = regexp.MustCompile(`(?i)too (large|long|many (documents|texts|inputs|tokens|items))|context[ _](length|size|window)|maximum allowed batch|batch size \d+ >|(exceed|over|maximum)\w* .{0,40}(length|tokens|size|limit|number of documents)|must have less than \d+ tokens|at most \d+ (items|documents|texts|tokens|characters)`)

// modelMissing matches a 404 that is about the model and not about the route.
var modelMissing = regexp.MustCompile(`(?i)\bmodel\b`)

// witness knows what a call sent and what the server has said of it so far, and
// makes errors of that which give nothing away.
type witness struct {
	core  *core
	ctx   context.Context // the caller's
	query string          // as sent
	texts []string        // as sent

	status int
	limits reranker.Limits
	ids    []string
}

// note keeps what the headers say, whatever the body will be.
func (a *witness) note(res *http.Response) {
	a.status = res.StatusCode
	a.limits = rateLimits(res.Header)
	if res.Header.Get(listwiseHeader) == "true" {
		a.core.listwise.Store(true)
	}
	for _, name := range []string{"X-Request-Id", "X-Inference-Id", "Request-Id"} {
		if id := a.name(res.Header.Get(name)); id != "" && !slices.Contains(a.ids, id) {
			a.ids = append(a.ids, id)
		}
	}
}

func (a *witness) requestID() string {
	if len(a.ids) == 0 {
		return ""
	}
	return a.ids[0]
}

// clean returns what may be shown of a message.
func (a *witness) clean(said string, n int) string {
	return a.core.redactor.text(said, n, append([]string{a.query}, a.texts...)...)
}

// name returns what may be shown of a name that the server gave. A name without
// spaces is no passage of a text, so the texts need not be searched.
func (a *witness) name(said string) string {
	if said == a.core.model {
		return said
	}
	if strings.ContainsAny(said, " \t") {
		return a.clean(said, 200)
	}
	return a.core.redactor.text(said, 200)
}

// answered makes the error for an answer that is no success.
func (a *witness) answered(res *http.Response, body []byte) *reranker.Error {
	raw := message(body)
	e := &reranker.Error{Op: opRerank, Status: res.StatusCode, RequestID: a.requestID(), Limits: a.limits}
	e.Kind = kindOfStatus(res.StatusCode, raw, a.core.model)
	e.RetryAfter = retryAfter(res.Header, res.StatusCode, a.limits, a.core.options.now())
	e.Message = a.clean(raw, maxMessage)
	if res.StatusCode == http.StatusNotFound && a.core.options.MayWake {
		e.Kind = reranker.KindOverloaded
		e.Message = a.hint(e.Message, "the endpoint may be starting")
	}
	switch e.Kind {
	case reranker.KindModelNotFound:
		e.Message = a.hint(e.Message, "model "+quoted(a.core.model)+" is not served here; Models lists those that are")
	case reranker.KindRouteNotFound:
		e.Message = a.hint(e.Message, "no rerank route at "+a.core.endpoint.shown+"; check BaseURL and Dialect")
		if res.StatusCode/100 == 3 {
			e.Permanent = true
			e.Message = a.clean(fmt.Sprintf("the server redirects to %s; redirects are not followed, set BaseURL to that address", target(res)), maxMessage)
		}
	}
	if e.Message == "" {
		e.Message = strings.ToLower(http.StatusText(res.StatusCode))
	}
	return e
}

func quoted(s string) string { return `"` + printable(s, 100) + `"` }

// hint puts advice behind what the server said, within the length of a message.
func (a *witness) hint(said, advice string) string {
	advice = a.clean(advice, maxMessage)
	if said == "" {
		return advice
	}
	if room := maxMessage - len(advice) - 2; room > 20 {
		return printable(said, room) + "; " + advice
	}
	return advice
}

// target names where a redirect leads, without the query.
func target(res *http.Response) string {
	u, err := res.Location()
	if err != nil {
		return "an unknown place"
	}
	return bareURL(u.String())
}

// interim makes the error for a status that is no answer: one of 100 to 199 that
// comes where an answer should, above all 101, after which the connection is no
// longer HTTP and no context ends it.
func (a *witness) interim(status int) *reranker.Error {
	a.status = status
	return a.protocol("the server answers with status %d, which is no answer to a request for scores; check that BaseURL is a rerank server", status)
}

func kindOfStatus(status int, said, model string) reranker.ErrorKind {
	switch {
	case status/100 == 3, status == 405, status == 501:
		return reranker.KindRouteNotFound
	case status == 401, status == 402, status == 403:
		return reranker.KindAuth
	case status == 404:
		if modelMissing.MatchString(said) || model != "" && strings.Contains(said, model) {
			return reranker.KindModelNotFound
		}
		return reranker.KindRouteNotFound
	case status == 413:
		return reranker.KindTooLarge
	case status == 429:
		return reranker.KindRateLimited
	case status == 503, status == 529:
		return reranker.KindOverloaded
	case (status == 400 || status == 422 || status == 500) && tooLarge.MatchString(said):
		return reranker.KindTooLarge
	case status >= 500:
		return reranker.KindServer
	}
	return reranker.KindValidation
}

// unanswered makes the error for a call that got no complete answer.
func (a *witness) unanswered(ctx context.Context, err error) *reranker.Error {
	if parent := a.ctx.Err(); parent != nil {
		return canceled(a.ctx, opRerank)
	}
	var early *interimError
	if errors.As(err, &early) {
		return a.interim(early.status)
	}
	e := &reranker.Error{Kind: reranker.KindTransport, Op: opRerank, Status: a.status, RequestID: a.requestID(), Limits: a.limits}
	if ctx.Err() != nil {
		e.Message = fmt.Sprintf("no complete answer within %v", a.core.options.timeout())
		e.Err = errTimeout
		return e
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // the wrapper repeats the URL with its query
	}
	e.Permanent = permanent(err)
	e.Err = a.scrub(err)
	return e
}

// interimError ends a call at a status of 100 to 199 that HTTP does not define
// for this place.
type interimError struct{ status int }

// Error names the status.
func (e *interimError) Error() string { return fmt.Sprintf("status %d is no answer", e.status) }

// timeoutError is what a call ends with that took longer than Options.Timeout.
type timeoutError struct{}

// Error says so.
func (timeoutError) Error() string { return "call timed out" }

// Timeout implements net.Error.
func (timeoutError) Timeout() bool { return true }

// Temporary implements net.Error.
func (timeoutError) Temporary() bool { return true }

var errTimeout net.Error = timeoutError{}

// canceled makes the error for a context that ended: both its error and its
// cause are in the chain.
func canceled(ctx context.Context, op string) *reranker.Error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if !errors.Is(cause, err) {
		err = fmt.Errorf("%w: %w", err, cause)
	} else {
		err = cause
	}
	return &reranker.Error{Kind: reranker.KindCanceled, Op: op, Err: err}
}

// permanent reports whether a connection can never be made: an unknown name, a
// certificate that is not trusted, a server that does not speak TLS, an address
// that was refused.
func permanent(err error) bool {
	var name *net.DNSError
	if errors.As(err, &name) {
		return name.IsNotFound
	}
	var (
		verify  *tls.CertificateVerificationError
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
		host    x509.HostnameError
		header  tls.RecordHeaderError
		address *addressError
	)
	return errors.As(err, &verify) || errors.As(err, &unknown) || errors.As(err, &invalid) || errors.As(err, &host) ||
		errors.As(err, &header) || errors.As(err, &address) || strings.Contains(err.Error(), "server gave HTTP response to HTTPS client")
}

// scrub returns err itself if its words are harmless, and else an error with
// what may be said of it: net/http quotes what it cannot parse.
func (a *witness) scrub(err error) error {
	said := err.Error()
	if harmless := a.clean(said, maxMessage); harmless != said {
		return errors.New(harmless)
	}
	return err
}

// protocol makes the error for a success that cannot be trusted.
func (a *witness) protocol(format string, args ...any) *reranker.Error {
	return &reranker.Error{
		Kind: reranker.KindProtocol, Op: opRerank, Status: a.status, RequestID: a.requestID(), Limits: a.limits,
		Message: a.clean(fmt.Sprintf(format, args...), maxMessage),
	}
}

// lost makes the cause for documents of a good answer that have no score.
func (a *witness) lost(n int, doubt error) *reranker.Error {
	if doubt != nil {
		return a.protocol("the answer has no usable score for %d of %d documents: %s", n, len(a.texts), doubt.Error())
	}
	return a.protocol("the answer has no usable score for %d of %d documents", n, len(a.texts))
}

// since returns the time that passed, never negative.
func since(start, now time.Time) time.Duration { return max(0, now.Sub(start)) }

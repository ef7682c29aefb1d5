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
	"strings"
	"time"

	"github.com/rankcascade/cascade/reranker"
)

// tooLarge matches what servers say when a request has too many documents or
// one that is too long. Old builds of llama.cpp say it with status 500.
var tooLarge = regexp.MustCompile(`(?i)too (large|long|many (documents|texts|inputs|tokens|items))|context[ _](length|size|window)|maximum allowed batch|batch size \d+ >|(exceed|over|maximum)\w* .{0,40}(length|tokens|size|limit|number of documents)|must have less than \d+ tokens|at most \d+ (items|documents|texts|tokens|characters)`)

// modelMissing matches a 404 that is about the model and not about the route.
var modelMissing = regexp.MustCompile(`(?i)\bmodel\b`)

// answered makes the error for an answer that is no success.
func (a *attempt) answered(res *http.Response, body []byte) *reranker.Error {
	raw := message(body)
	e := &reranker.Error{Op: opRerank, Status: res.StatusCode, RequestID: a.requestID(), Limits: a.limits}
	e.Kind = kindOfStatus(res.StatusCode, raw, a.c.core.model)
	e.RetryAfter = retryAfter(res.Header, res.StatusCode, a.limits, a.c.now())
	e.Message = a.clean(raw, maxMessage)
	if res.StatusCode == http.StatusNotFound && a.c.options.MayWake {
		e.Kind = reranker.KindOverloaded
		e.Message = a.hint(e.Message, "the endpoint may be starting")
	}
	switch e.Kind {
	case reranker.KindModelNotFound:
		e.Message = a.hint(e.Message, "model "+quoted(a.c.core.model)+" is not served here; Models lists those that are")
	case reranker.KindRouteNotFound:
		e.Message = a.hint(e.Message, "no rerank route at "+a.c.core.endpoint.shown+"; check BaseURL and Dialect")
		if res.StatusCode/100 == 3 {
			e.Permanent = true
			e.Message = fmt.Sprintf("the server redirects to %s; redirects are not followed, set BaseURL to the final address", a.target(res))
		}
	}
	if e.Message == "" {
		e.Message = strings.ToLower(http.StatusText(res.StatusCode))
	}
	return e
}

func quoted(s string) string { return `"` + printable(s, 100) + `"` }

// hint puts advice behind what the server said, within the length of a message.
func (a *attempt) hint(said, advice string) string {
	advice = a.clean(advice, maxMessage)
	if said == "" {
		return advice
	}
	if room := maxMessage - len(advice) - 2; room > 20 {
		return printable(said, room) + "; " + advice
	}
	return advice
}

// target names where a redirect leads, without path and query.
func (a *attempt) target(res *http.Response) string {
	u, err := res.Location()
	if err != nil {
		return "an unknown place"
	}
	return a.clean(u.Scheme+"://"+u.Host, 100)
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
func (a *attempt) unanswered(ctx context.Context, err error) *reranker.Error {
	if parent := a.ctx.Err(); parent != nil {
		return canceled(a.ctx, opRerank)
	}
	e := &reranker.Error{Kind: reranker.KindTransport, Op: opRerank, Status: a.status, RequestID: a.requestID(), Limits: a.limits}
	if ctx.Err() != nil {
		e.Message = fmt.Sprintf("no complete answer within %v", a.c.timeout())
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
func (a *attempt) scrub(err error) error {
	said := err.Error()
	if harmless := a.clean(said, maxMessage); harmless != said {
		return errors.New(harmless)
	}
	return err
}

// protocol makes the error for a success that cannot be trusted.
func (a *attempt) protocol(format string, args ...any) *reranker.Error {
	return &reranker.Error{
		Kind: reranker.KindProtocol, Op: opRerank, Status: a.status, RequestID: a.requestID(), Limits: a.limits,
		Message: a.clean(fmt.Sprintf(format, args...), maxMessage),
	}
}

// since returns the time that passed, never negative.
func since(start, now time.Time) time.Duration { return max(0, now.Sub(start)) }

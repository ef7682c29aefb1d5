package nebius

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/rankcascade/cascade/reranker"
)

const opRerank = "nebius: rerank"

// attempt is one request and what became of it.
type attempt struct {
	witness
	key   secret
	asked asked
	inner []string // the texts without a prompt around them, nil if there is none
	sent  int
	got   int
}

// ask reads what the call asks for beside its texts and puts the prompt around
// the query. It returns the names of what the dialect does not know.
func (a *attempt) ask() (missing []string, err error) {
	o := a.core.options
	if a.asked, err = o.ask(a.ctx); err != nil {
		return nil, err
	}
	if a.asked != a.core.defaults {
		if missing, err = a.asked.fit(a.core.wire, o); err != nil {
			return nil, err
		}
	}
	if q := o.Qwen3; q != nil {
		a.query = q.query(a.query, a.asked.instruction)
	}
	return missing, nil
}

// do sends the texts and returns the decoded answer.
func (a *attempt) do() (*reply, error) {
	start := a.core.options.now()
	r, err := a.send()
	if err != nil {
		a.observe(start, reranker.Usage{}, err)
		return nil, err
	}
	if r.usage.Units == 0 {
		r.usage.Units = a.core.wire.unitsOf(len(a.texts))
	}
	r.usage.Cost = a.core.options.Price.of(r.usage)
	if r.id != "" && !slices.Contains(a.ids, r.id) {
		a.ids = append(a.ids, a.name(r.id))
	}
	a.observe(start, r.usage, nil)
	return r, nil
}

func (a *attempt) observe(start time.Time, usage reranker.Usage, err error) {
	if a.core.options.OnCall == nil {
		return
	}
	a.core.options.OnCall(Call{
		Model: a.core.model, Documents: len(a.texts), RequestBytes: a.sent, ResponseBytes: a.got,
		Status: a.status, Latency: since(start, a.core.options.now()), RequestIDs: slices.Clone(a.ids),
		Limits: a.limits, Usage: usage, Err: err,
	})
}

func (a *attempt) send() (*reply, error) {
	bytes := a.core.buffers.take()
	*bytes = a.core.frame.append(*bytes, a.query, a.texts, a.tail())
	body := newPayload(&a.core.buffers, bytes)
	defer body.done()
	a.sent = len(*bytes)

	ctx, cancel := a.within()
	defer cancel()
	req, err := a.request(ctx, body)
	if err != nil {
		return nil, configError("rerank", a.scrub(err))
	}
	var r *reply
	err = a.exchange(ctx, req, func(res *http.Response) error {
		r, err = a.receive(ctx, res)
		return err
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// tail returns the end of the request.
func (a *attempt) tail() []byte {
	if a.asked == a.core.defaults {
		return a.core.frame.tail
	}
	return a.core.frame.tailFor(a.asked)
}

// within bounds the time of a call, and ends it at an interim status.
func (a *attempt) within() (context.Context, context.CancelFunc) {
	ctx := httptrace.WithClientTrace(a.ctx, &interimTrace)
	if d := a.core.options.timeout(); d > 0 {
		return context.WithTimeout(ctx, d)
	}
	return ctx, func() {}
}

// exchange sends a request and reads its answer, which is one of the final
// statuses.
func (a *attempt) exchange(ctx context.Context, req *http.Request, read func(*http.Response) error) error {
	a.core.authorize(req, a.key)
	res, err := a.core.http.Do(req)
	if err != nil {
		return a.unanswered(ctx, err)
	}
	defer a.core.release()
	defer func() { _ = res.Body.Close() }()
	a.note(res)
	switch {
	case res.StatusCode < 200:
		return a.interim(res.StatusCode)
	case res.StatusCode/100 != 2:
		return a.refusal(ctx, res)
	}
	return read(res)
}

// interimTrace ends a call at an interim status that HTTP does not define: a
// server that sends one means it as its answer, and no other would come. It is
// never written to. (net/http hands 101 over as an answer and does not ask.)
var interimTrace = httptrace.ClientTrace{
	Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
		switch code {
		case http.StatusContinue, http.StatusProcessing, http.StatusEarlyHints:
			return nil
		}
		return &interimError{status: code}
	},
}

func (a *attempt) request(ctx context.Context, body *payload) (*http.Request, error) {
	address := a.core.endpoint.rerank
	if a.asked.project != a.core.defaults.project {
		address = a.core.endpoint.of(a.asked.project)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, nil)
	if err != nil {
		return nil, errors.New("the request's address cannot be used")
	}
	req.Body, err = body.open()
	req.GetBody = body.open
	req.ContentLength = int64(a.sent)
	// Scoring changes nothing on the server, so a request whose idle connection
	// was just closed may be sent again. net/http does that for a POST only if
	// this header exists; without a value it is never sent.
	req.Header["X-Idempotency-Key"] = nil
	return req, err
}

func (a *attempt) receive(ctx context.Context, res *http.Response) (*reply, error) {
	buffer := a.core.buffers.take()
	defer a.core.buffers.put(buffer)
	body, err := readBody(res, *buffer, limitFor(a.sent))
	*buffer = body
	a.got = len(body)
	var size *sizeError
	var coding *codingError
	switch {
	case errors.As(err, &size), errors.As(err, &coding):
		return nil, a.protocol("%s", err.Error())
	case err != nil:
		return nil, a.unanswered(ctx, err)
	}
	if isPage(res.Header.Get("Content-Type"), body) {
		return nil, a.protocol("the answer is a web page%s", pageTitle(body))
	}
	r, err := read(a.core.wire, body, a.texts, reading{ignoreEcho: a.core.options.IgnoreEcho, inner: a.inner})
	if err != nil {
		return nil, a.protocol("%s", err.Error())
	}
	return r, nil
}

// isPage reports whether an answer is HTML. JSON under a wrong name is taken.
func isPage(contentType string, body []byte) bool {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, byteOrderMark))
	if len(body) > 0 && strings.IndexByte("<{[", body[0]) >= 0 {
		return body[0] == '<'
	}
	kind, _, _ := mime.ParseMediaType(contentType)
	return strings.Contains(kind, "html")
}

// maxErrorBody is how much of an error's body is read.
const maxErrorBody = 64 << 10

func (a *attempt) refusal(ctx context.Context, res *http.Response) error {
	body, err := readBody(res, nil, maxErrorBody)
	a.got = len(body)
	if a.ctx.Err() != nil {
		return canceled(a.ctx, opRerank)
	}
	if err != nil && ctx.Err() != nil {
		return a.unanswered(ctx, err)
	}
	// A body that is cut off or too long does not change what the status says.
	if err == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1))
	}
	return a.answered(res, body)
}

// list asks for the models of the server.
func (a *attempt) list() (names []string, err error) {
	ctx, cancel := a.within()
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.core.endpoint.models, nil)
	if err != nil {
		return nil, configError("models", errors.New("the request's address cannot be used"))
	}
	err = a.exchange(ctx, req, func(res *http.Response) error {
		body, err := readBody(res, nil, limitFor(16<<20))
		if err != nil {
			return a.unanswered(ctx, err)
		}
		var ok bool
		if names, ok = modelNames(body); !ok {
			return a.protocol("the answer is no list of models")
		}
		return nil
	})
	return names, err
}

// guard turns a panic of user code into an error.
func guard(op string, err *error) {
	if p := recover(); p != nil {
		*err = &reranker.Error{Kind: reranker.KindPanic, Op: op, Message: printable(fmt.Sprint(p), maxMessage)}
	}
}

package nebius

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rankcascade/cascade/reranker"
)

const opRerank = "nebius: rerank"

// attempt is one request and what became of it.
type attempt struct {
	c     *Client
	ctx   context.Context // the caller's
	query string          // as sent
	texts []string        // as sent

	status int
	limits reranker.Limits
	ids    []string
	sent   int
	got    int
}

// do sends the texts and returns the decoded answer.
func (a *attempt) do() (*reply, error) {
	start := a.c.now()
	r, err := a.send()
	if err != nil {
		a.observe(start, reranker.Usage{}, err)
		return nil, err
	}
	if r.id != "" && !slices.Contains(a.ids, r.id) {
		a.ids = append(a.ids, a.name(r.id))
	}
	a.observe(start, r.usage, nil)
	return r, nil
}

func (a *attempt) observe(start time.Time, usage reranker.Usage, err error) {
	if a.c.options.OnCall == nil {
		return
	}
	a.c.options.OnCall(Call{
		Model: a.c.core.model, Documents: len(a.texts), RequestBytes: a.sent, ResponseBytes: a.got,
		Status: a.status, Latency: since(start, a.c.now()), RequestIDs: slices.Clone(a.ids),
		Limits: a.limits, Usage: usage, Err: err,
	})
}

func (a *attempt) send() (*reply, error) {
	core := a.c.core
	bytes := core.buffers.take()
	*bytes = core.frame.append(*bytes, a.query, a.texts)
	body := newPayload(&core.buffers, bytes)
	defer body.done()
	a.sent = len(*bytes)

	ctx, cancel := a.ctx, context.CancelFunc(func() {})
	if d := a.c.timeout(); d > 0 {
		ctx, cancel = context.WithTimeout(ctx, d)
	}
	defer cancel()
	req, err := a.request(ctx, body)
	if err != nil {
		return nil, configError("rerank", a.scrub(err))
	}
	res, err := core.http.Do(req)
	if err != nil {
		return nil, a.unanswered(ctx, err)
	}
	defer core.release()
	defer func() { _ = res.Body.Close() }()
	return a.receive(ctx, res)
}

func (a *attempt) request(ctx context.Context, body *payload) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.c.core.endpoint.rerank, nil)
	if err != nil {
		return nil, errors.New("the request's address cannot be used")
	}
	req.Body, err = body.open()
	req.GetBody = body.open
	req.ContentLength = int64(a.sent)
	req.Header.Set("Content-Type", "application/json")
	// Scoring changes nothing on the server, so a request whose idle connection
	// was just closed may be sent again. net/http does that for a POST only if
	// this header exists; without a value it is never sent.
	req.Header["X-Idempotency-Key"] = nil
	a.c.authorize(req)
	return req, err
}

// authorize sets the headers that every request to the server has.
func (c *Client) authorize(req *http.Request) {
	w := c.core.wire
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "cascade-nebius")
	for _, f := range w.Header {
		req.Header.Set(f.Name, f.JSON)
	}
	key := c.key.value()
	switch {
	case key == "":
	case w.KeyHeader != "":
		req.Header.Set(w.KeyHeader, w.KeyPrefix+key)
	default:
		req.Header.Set("Authorization", "Bearer "+key)
	}
}

func (a *attempt) receive(ctx context.Context, res *http.Response) (*reply, error) {
	a.note(res)
	if res.StatusCode/100 != 2 {
		return nil, a.refusal(ctx, res)
	}
	buffer := a.c.core.buffers.take()
	defer a.c.core.buffers.put(buffer)
	body, err := readBody(res, *buffer, a.c.options.limitFor(a.sent))
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
	r, err := read(a.c.core.wire, body, a.texts, reading{lenient: a.c.options.Lenient, checkEcho: a.c.options.CheckEcho})
	if err != nil {
		return nil, a.protocol("%s", err.Error())
	}
	return r, nil
}

// isPage reports whether an answer is HTML. JSON under a wrong name is taken.
func isPage(contentType string, body []byte) bool {
	kind, _, _ := mime.ParseMediaType(contentType)
	body = bytes.TrimSpace(bytes.TrimPrefix(body, byteOrderMark))
	looks := len(body) > 0 && body[0] == '<'
	json := len(body) > 0 && (body[0] == '{' || body[0] == '[')
	return looks || strings.Contains(kind, "html") && !json
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

// note keeps what the headers say, whatever the body will be.
func (a *attempt) note(res *http.Response) {
	a.status = res.StatusCode
	a.limits = rateLimits(res.Header)
	for _, name := range []string{"X-Request-Id", "X-Inference-Id", "Request-Id"} {
		if id := a.name(res.Header.Get(name)); id != "" && !slices.Contains(a.ids, id) {
			a.ids = append(a.ids, id)
		}
	}
}

func (a *attempt) requestID() string {
	if len(a.ids) == 0 {
		return ""
	}
	return a.ids[0]
}

// clean returns what may be shown of a message.
func (a *attempt) clean(said string, n int) string {
	return a.c.core.redactor.text(said, n, append([]string{a.query}, a.texts...)...)
}

// name returns what may be shown of a name that the server gave. A name without
// spaces is no passage of a text, so the texts need not be searched.
func (a *attempt) name(said string) string {
	if said == a.c.core.model {
		return said
	}
	if strings.ContainsAny(said, " \t") {
		return a.clean(said, 200)
	}
	return a.c.core.redactor.text(said, 200)
}

// guard turns a panic of user code into an error.
func guard(op string, err *error) {
	if p := recover(); p != nil {
		*err = &reranker.Error{Kind: reranker.KindPanic, Op: op, Message: printable(fmt.Sprint(p), maxMessage)}
	}
}

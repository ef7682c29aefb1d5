package nebius

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rankcascade/cascade/internal/stray"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// Partial says what a handler does when some documents have no score.
type Partial uint8

// The policies.
const (
	// FailPartial answers with an error when a document has no score.
	FailPartial Partial = iota
	// OmitPartial leaves documents without a score out of the results and counts
	// them in the header X-Rerank-Unscored.
	OmitPartial
)

// String returns "fail" or "omit".
func (p Partial) String() string {
	if p == OmitPartial {
		return "omit"
	}
	return "fail"
}

// Blank says what a handler does with documents that have no text.
type Blank uint8

// The policies. All of them are decided before anything is sent.
const (
	// OmitBlank leaves them out of the results, and scores the others.
	OmitBlank Blank = iota
	// RefuseBlank refuses the request and names them.
	RefuseBlank
	// ScoreBlank gives them to the scorer, as most vendors do; one that does not
	// send them either leaves them out.
	ScoreBlank
)

// String returns "omit", "refuse" or "score".
func (b Blank) String() string {
	return [...]string{"omit", "refuse", "score", "invalid"}[min(b, ScoreBlank+1)]
}

// HandlerOptions are the settings of a Handler. The zero value serves any model
// name, without a key, and fails when a document has no score.
type HandlerOptions struct {
	// Models are the names that are served; another one is answered with 404. Empty
	// serves every name.
	Models []string
	// Keys are the bearer keys that are let in; empty lets everybody in. Keys are
	// compared in constant time.
	Keys []string
	// Hosts are the host names, without ports, that the server answers to; "*" is
	// every one. Empty means every one, except for a server without keys that is
	// reached over loopback: that answers to localhost and loopback addresses only,
	// so that no web page can have its own name point here.
	Hosts []string
	// Origins are the origins, such as https://example.com, whose web pages may ask
	// from a browser; "*" is every one. Other pages are refused.
	Origins []string
	// Attributes are the names of what is handed on to the scorer of what a request
	// says beside query and documents: user, service_tier, ai_project_id,
	// instruction, max_tokens_per_doc. nil hands on all. What is not handed on is
	// checked; of those that change no score the answer then warns (WarnNotSent), and
	// the others are refused by name.
	Attributes []string
	// Dialects are served beside the hosted service's own form, each at its own
	// path; nil means CohereV2 at /v2/rerank and TEI at /rerank. They are those
	// whose requests are a query and a list of strings.
	Dialects []Dialect
	// MaxDocuments is the most documents of a call; 0 means 10,000.
	MaxDocuments int
	// MaxBytes is the most bytes of a request's body; 0 means 32 MiB. MaxQuery is
	// the most bytes of a query; 0 means 256 KiB.
	MaxBytes int64
	MaxQuery int
	// MaxInFlight is the most calls that are scored at once, and MaxHeld the most
	// bytes of all bodies that are being read and answered, 16 KiB of each not
	// counted; further calls are answered with 503 and Retry-After. 0 means 256 calls and 64 MiB, but no less
	// than MaxBytes.
	MaxInFlight int
	MaxHeld     int64
	// Timeout bounds each call; 0 means no bound. WriteTimeout bounds the time in
	// which a caller takes its answer; 0 means 30 s.
	Timeout      time.Duration
	WriteTimeout time.Duration
	// Partial says what to do when some documents have no score, and Blank what to
	// do with documents that have no text.
	Partial Partial
	Blank   Blank
	// AllowExtra honours the optional members of all dialects in the hosted
	// service's own form: top_n, return_documents, instruction, max_tokens_per_doc
	// and their like. What no dialect knows, or would not be done, is a validation
	// error that names it, as every extra member is by default.
	AllowExtra bool
	// OnCall, if not nil, is told about every answer, refusals of every kind
	// included.
	OnCall func(Served)
}

// Served tells how a request was answered. It holds no text and no key.
type Served struct {
	// ID is the answer's id, Route the path if it is one that is served.
	ID, Route string
	// Dialect is the form that the request was in.
	Dialect Dialect
	// Status is the HTTP status. Refused says that the scorer was not asked.
	Status  int
	Refused bool
	// Documents and Unscored count the documents of the call and those without a
	// score.
	Documents, Unscored int
	// Mode and Attempts are those of the scorer's report.
	Mode     reranker.Mode
	Attempts int
	// Latency is the time from the end of the headers to the answer.
	Latency time.Duration
	// Scores is what the scorer answered, with the names that the servers behind it
	// gave to their calls in RequestIDs. Its values must not be changed.
	Scores reranker.Scores
	// Err is what failed; nil for a success and for a refusal.
	Err error
}

const (
	defaultMaxDocuments = 10_000
	defaultMaxBytes     = 32 << 20
	defaultMaxQuery     = 256 << 10
	defaultMaxInFlight  = 256
	defaultMaxHeld      = 64 << 20
	defaultPatience     = 30 * time.Second
)

// Handler serves any scorer under the contract of the hosted service:
// POST /v1/rerank (also /rerank) and GET /v1/models. Faults of a request are
// answered in its form, {"detail": ...}, and never repeat what was sent; a
// *reranker.Error of the scorer becomes the status that tells the caller what to
// do, with Retry-After; a panic becomes a 500. Results stand by score, best
// first, equal ones by index. Model and usage are those of the answer behind it.
//
// Other dialects are served at their own paths, from the same table as the
// Client's, see HandlerOptions.Dialects.
//
// user, service_tier and ai_project_id of a request reach the scorer as
// attributes, see UserKey: a Client behind the handler sends them on. An instruction
// and a number of tokens that do not change the Variant of a scorer that describes
// itself, see reranker.Varying, are refused by name: it would not heed them. So is
// any other parameter in the query of the URL.
//
// Every answer has an X-Request-Id. The headers X-Rerank-Mode (full, partial or
// failed), X-Rerank-Unscored, X-Rerank-Attempts and X-Rerank-Warnings tell what
// the scorer's report says, and X-Rerank-Listwise is true where scores depend on what
// else is in the call.
//
// A scorer that ignores the end of its context, by HandlerOptions.Timeout or by the
// caller's leaving, is left behind, and the call is answered; of 64 such calls and
// more further ones are answered with 503.
//
// A mistake in the options makes every call a 500 that names it. The handler is
// safe for concurrent use; the caller's disconnection cancels the scorer.
func Handler(scorer reranker.Scorer, o HandlerOptions) http.Handler {
	h := &handler{scorer: scorer, strays: stray.New(0), o: o, fault: o.check(scorer)}
	h.slots = make(chan struct{}, max(1, or(o.MaxInFlight, defaultMaxInFlight)))
	h.hold.most = max(or(o.MaxHeld, defaultMaxHeld), or(o.MaxBytes, defaultMaxBytes))
	h.bounds = bounds{documents: or(o.MaxDocuments, defaultMaxDocuments), query: or(o.MaxQuery, defaultMaxQuery), text: or(o.MaxBytes, defaultMaxBytes)}
	dialects := o.Dialects
	if dialects == nil {
		dialects = []Dialect{CohereV2, TEI}
	}
	var doorErr, faceErr error
	h.door, doorErr = newDoor(o)
	h.faces, faceErr = newFaces(dialects, o.AllowExtra)
	h.fault = errors.Join(h.fault, doorErr, faceErr)
	return http.HandlerFunc(h.serve)
}

func (o HandlerOptions) check(scorer reranker.Scorer) error {
	switch {
	case scorer == nil:
		return errors.New("the handler has no scorer: pass one")
	case o.MaxDocuments < 0 || o.MaxBytes < 0 || o.MaxQuery < 0 || o.MaxInFlight < 0 || o.MaxHeld < 0 || o.Timeout < 0 || o.WriteTimeout < 0:
		return errors.New("a limit of the handler is negative: set 0 for the default, or more")
	case o.Partial > OmitPartial:
		return fmt.Errorf("the handler's partial policy %d is unknown", o.Partial)
	case o.Blank > ScoreBlank:
		return fmt.Errorf("the handler's blank policy %d is unknown", o.Blank)
	}
	known := AttributeNames()
	for _, name := range o.Attributes {
		if !slices.Contains(known, name) {
			return fmt.Errorf("attribute %q of the handler is unknown; known are %s", name, strings.Join(known, ", "))
		}
	}
	return nil
}

// AttributeNames returns the names of what a request may say beside query and
// documents, for HandlerOptions.Attributes.
func AttributeNames() []string {
	return []string{UserKey.String(), TierKey.String(), ProjectKey.String(), InstructionKey.String(), DocumentTokensKey.String()}
}

type handler struct {
	scorer reranker.Scorer
	strays *stray.Group
	o      HandlerOptions
	door   *door
	faces  faces
	bounds bounds
	slots  chan struct{}
	hold   hold
	fault  error
}

// listwiseHeader is "true" on answers whose scores do not compare with those of
// other calls.
const listwiseHeader = "X-Rerank-Listwise"

// serve answers a request. Whatever the answer is, it has an id and is told.
func (h *handler) serve(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	s := Served{ID: newID(), Refused: true}
	w.Header().Set("X-Request-Id", s.ID)
	a, done := h.answer(w, r, &s)
	defer done()
	s.Status, s.Latency = a.status, time.Since(start)
	if h.o.OnCall != nil {
		h.o.OnCall(s)
	}
	a.write(w, or(h.o.WriteTimeout, defaultPatience))
}

func nothing() {}

// answer finds the answer; done lets go what it holds, once it is sent.
func (h *handler) answer(w http.ResponseWriter, r *http.Request, s *Served) (a *answer, done func()) {
	if h.fault != nil {
		return detail(http.StatusInternalServerError, "configuration: "+h.fault.Error()), nothing
	}
	at := h.faces.at(r.URL.Path)
	models := strings.TrimSuffix(r.URL.Path, "/") == "/v1/models"
	if at == nil && !models {
		return detail(http.StatusNotFound, "Not Found"), nothing
	}
	s.Route = strings.TrimSuffix(r.URL.Path, "/")
	method := http.MethodPost
	if models {
		method = http.MethodGet
	}
	head := models && r.Method == http.MethodHead
	if h.door.allow(w, r) {
		return &answer{status: http.StatusNoContent}, nothing
	}
	a = h.door.denied(r)
	switch {
	case a != nil:
	case r.Method != method && !head:
		a = detail(http.StatusMethodNotAllowed, "Method Not Allowed").with("Allow", method)
	case models:
		return h.models(), nothing
	default:
		a = unreadable(r)
	}
	if a != nil {
		if at != nil {
			a = a.as(at[0].wire)
		}
		return a, nothing
	}
	return h.rerank(w, r, at, s)
}

func (h *handler) models() *answer {
	body := []byte(`{"object":"list","data":[`)
	for i, m := range h.o.Models {
		if i > 0 {
			body = append(body, ',')
		}
		body = appendString(append(body, `{"id":`...), m)
		body = append(body, `,"object":"model","created":0,"owned_by":"cascade"}`...)
	}
	return &answer{status: http.StatusOK, body: append(body, "]}\n"...)}
}

// rerank reads a request and scores it. What the request holds is counted until
// its answer was sent.
func (h *handler) rerank(w http.ResponseWriter, r *http.Request, at []*face, s *Served) (*answer, func()) {
	body := &heldBody{from: http.MaxBytesReader(w, r.Body, h.bounds.text), hold: &h.hold}
	in, a := h.read(r, body, at)
	s.Dialect = in.face.dialect
	if a != nil {
		return a.as(in.face.wire), body.release
	}
	select {
	case h.slots <- struct{}{}:
	default:
		return detail(http.StatusServiceUnavailable, "Too many calls are being served").after(0).as(in.face.wire), body.release
	}
	done := func() {
		<-h.slots
		body.release()
	}
	s.Documents, s.Refused = len(in.documents), false
	a = h.score(r.Context(), in, s)
	if reranker.ListwiseOf(pipeline.Describe(h.scorer)) { // now, since the call may have taught it
		a.with(listwiseHeader, "true")
	}
	return a.with("X-Rerank-Mode", strings.ReplaceAll(s.Mode.String(), " ", "-")).
		with("X-Rerank-Unscored", strconv.Itoa(s.Unscored)).
		with("X-Rerank-Attempts", strconv.Itoa(s.Attempts)).
		as(in.face.wire), done
}

// read reads and checks a request. All faults of its members are told at once,
// unless one of them makes the rest not worth reading.
func (h *handler) read(r *http.Request, body *heldBody, at []*face) (*inquiry, *answer) {
	b := newReader(newIntake(body), at, h.bounds)
	err := b.read()
	in := &b.in
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return in, detail(http.StatusRequestEntityTooLarge, fmt.Sprintf("The body is larger than %d bytes", h.bounds.text))
	case errors.Is(err, errHeld):
		return in, detail(http.StatusServiceUnavailable, "Too many bytes are being served").after(0)
	case errors.Is(err, errSyntax), errors.Is(err, errTooLong):
		return in, validationAnswer([]fault{{Type: "json_invalid", Loc: []any{"body", b.intake.offset()}, Msg: "JSON decode error"}})
	case err != nil:
		return in, detail(http.StatusBadRequest, "The body could not be read")
	}
	b.address(r.URL.RawQuery)
	b.refuseUnheeded(h.scorer, h.passes)
	if h.o.Blank == RefuseBlank {
		b.refuseBlank()
	}
	switch {
	case len(b.faults) > 0:
		return in, validationAnswer(b.faults)
	case len(h.o.Models) > 0 && in.face.wire.ModelKey == "":
		in.model = h.o.Models[0]
	case len(h.o.Models) > 0 && !slices.Contains(h.o.Models, in.model):
		return in, detail(http.StatusNotFound, "The model `"+printable(in.model, 100)+"` does not exist")
	}
	return in, nil
}

// score asks the scorer and makes an answer of what it says.
func (h *handler) score(ctx context.Context, in *inquiry, s *Served) *answer {
	if h.o.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, h.o.Timeout)
		defer cancel()
	}
	scores, err := h.ask(in.context(ctx, h.passes), in)
	if withheld := in.withheld(h.passes); len(withheld) > 0 && err == nil {
		scores.Warnings = append(slices.Clone(scores.Warnings), reranker.Warning{Kind: WarnNotSent, Detail: "not handed on to the scorer: " + strings.Join(withheld, ", ")})
	}
	s.Scores, s.Mode, s.Attempts = scores, reranker.Full, scores.Usage.Calls
	if scores.Report != nil {
		s.Attempts = scores.Report.Attempts
	}
	if err != nil {
		s.Mode, s.Err, s.Unscored = reranker.Failed, err, len(in.documents)
		s.Attempts = or(s.Attempts, attemptsOf(err))
		return failed(in, err)
	}
	if s.Unscored = unscored(scores); s.Unscored > 0 {
		s.Mode = reranker.Partial
	}
	if n := lost(scores); n > 0 && h.o.Partial == FailPartial {
		s.Mode, s.Err = reranker.Failed, partialError(scores, n)
		return refusedPartly(scores, s.Err)
	}
	a := success(in, scores, s.ID)
	if kinds := warningKinds(scores.Warnings); kinds != "" {
		a = a.with("X-Rerank-Warnings", kinds)
	}
	return a
}

// passes reports whether an attribute is handed on.
func (h *handler) passes(name string) bool {
	return h.o.Attributes == nil || slices.Contains(h.o.Attributes, name)
}

// ask scores the documents that have text, or all of them if the policy says so.
func (h *handler) ask(ctx context.Context, in *inquiry) (scores reranker.Scores, err error) {
	defer guard("nebius: serve", &err)
	texts, places := in.documents, []int(nil)
	if h.o.Blank != ScoreBlank {
		texts, places = withText(in.documents)
	}
	if len(texts) == 0 {
		return spread(reranker.Scores{}, places, len(in.documents)), nil
	}
	scores, err = stray.Call(ctx, h.bound(), func(ctx context.Context) (scores reranker.Scores, err error) {
		defer guard("nebius: serve", &err)
		return reranker.Ask(ctx, h.scorer, in.query, texts)
	})
	if err != nil || len(texts) == len(in.documents) {
		return scores, err
	}
	return spread(scores, places, len(in.documents)), nil
}

// scorerPatience is how long a scorer may go on after its caller has gone or its time
// is over.
const scorerPatience = 20 * time.Millisecond

// bound bounds the calls of the scorer, which may ignore its context.
func (h *handler) bound() stray.Bound {
	return stray.Bound{Group: h.strays, Patience: scorerPatience, Fail: func(left int, refused bool, cause error) error {
		e := &pipeline.StrayError{Part: "nebius: serve", Left: left, Refused: refused}
		if refused {
			return &reranker.Error{Kind: reranker.KindOverloaded, Op: "nebius: serve", Err: e}
		}
		e.Err = cause
		return e
	}}
}

// withText returns the documents that have text, and where they stand.
func withText(documents []string) (texts []string, places []int) {
	if !slices.ContainsFunc(documents, blank) {
		return documents, nil
	}
	for i, d := range documents {
		if !blank(d) {
			texts, places = append(texts, d), append(places, i)
		}
	}
	return texts, places
}

// spread puts the scores of some documents to their places among n; the others
// have no text.
func spread(s reranker.Scores, places []int, n int) reranker.Scores {
	values, reasons := make([]float64, n), slices.Repeat([]pipeline.Reason{pipeline.ReasonBlank}, n)
	for k, i := range places {
		values[i], reasons[i] = s.Values[k], ""
		if s.Unscored != nil {
			reasons[i] = s.Unscored[k]
		}
	}
	s.Values, s.Unscored, s.Cached = values, reasons, nil
	return s
}

func warningKinds(warnings []reranker.Warning) string {
	var kinds []string
	for _, w := range warnings {
		if !slices.Contains(kinds, string(w.Kind)) {
			kinds = append(kinds, string(w.Kind))
		}
	}
	return strings.Join(kinds, ", ")
}

// attemptsOf returns how many calls an error tells of.
func attemptsOf(err error) int {
	var e *reranker.Error
	if !errors.As(err, &e) {
		return 0
	}
	if e.Attempts == 0 && (e.Status != 0 || e.Kind == reranker.KindTransport) {
		return 1
	}
	return e.Attempts
}

// newID makes the name of an answer.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return "rerank-" + hex.EncodeToString(b[:])
}

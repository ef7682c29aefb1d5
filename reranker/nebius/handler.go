package nebius

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

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

// HandlerOptions are the settings of a Handler. The zero value serves any model
// name, without a key, and fails when a document has no score.
type HandlerOptions struct {
	// Models are the names that are served; another one is answered with 404. Empty
	// serves every name.
	Models []string
	// Keys are the bearer keys that are let in; empty lets everybody in. Keys are
	// compared in constant time.
	Keys []string
	// MaxDocuments is the most documents of a call; 0 means 10,000.
	MaxDocuments int
	// MaxBytes is the most bytes of a request's body; 0 means 32 MiB.
	MaxBytes int64
	// MaxInFlight is the most calls that are served at once, further ones are
	// answered with 503 and Retry-After; 0 means no limit.
	MaxInFlight int
	// Timeout bounds each call; 0 means no bound.
	Timeout time.Duration
	// Partial says what to do when some documents have no score.
	Partial Partial
	// AllowExtra accepts members that the contract does not have, and honours top_n
	// and return_documents among them. By default they are a validation error, as
	// in the contract.
	AllowExtra bool
	// OnCall, if not nil, is told about every answered rerank call.
	OnCall func(Served)
}

// Served tells how a call was answered. It holds no text and no key.
type Served struct {
	// ID is the answer's id.
	ID string
	// Status is the HTTP status.
	Status int
	// Documents and Unscored count the documents of the call and those without a
	// score.
	Documents, Unscored int
	// Mode and Attempts are those of the scorer's report.
	Mode     reranker.Mode
	Attempts int
	// Latency is the time from the end of the request to the answer.
	Latency time.Duration
	// Scores is what the scorer answered. Its values must not be changed.
	Scores reranker.Scores
	// Err is what failed; nil for a success.
	Err error
}

type handler struct {
	scorer reranker.Scorer
	o      HandlerOptions
	keys   [][sha256.Size]byte
	slots  chan struct{}
	fault  error
}

const (
	defaultMaxDocuments = 10_000
	defaultMaxBytes     = 32 << 20
)

// Handler serves any scorer under the contract of the hosted service:
// POST /v1/rerank (also /rerank) and GET /v1/models. Faults of a request are
// answered in its form, {"detail": ...}, and never repeat what was sent; a
// *reranker.Error of the scorer becomes the status that tells the caller what to
// do, with Retry-After; a panic becomes a 500. Results stand by score, best
// first, equal ones by index.
//
// The headers X-Rerank-Mode (full, partial or failed), X-Rerank-Unscored and
// X-Rerank-Attempts tell what the scorer's report says.
//
// A mistake in the options makes every call a 500 that names it. The handler is
// safe for concurrent use; the caller's disconnection cancels the scorer.
func Handler(scorer reranker.Scorer, o HandlerOptions) http.Handler {
	h := &handler{scorer: scorer, o: o, fault: o.check(scorer)}
	for _, k := range o.Keys {
		h.keys = append(h.keys, sha256.Sum256([]byte(strings.TrimSpace(k))))
	}
	if o.MaxInFlight > 0 {
		h.slots = make(chan struct{}, o.MaxInFlight)
	}
	return http.HandlerFunc(h.serve)
}

func (o HandlerOptions) check(scorer reranker.Scorer) error {
	switch {
	case scorer == nil:
		return errors.New("the handler has no scorer")
	case o.MaxDocuments < 0 || o.MaxBytes < 0 || o.MaxInFlight < 0 || o.Timeout < 0:
		return errors.New("a limit of the handler is negative")
	case o.Partial > OmitPartial:
		return fmt.Errorf("the handler's partial policy %d is unknown", o.Partial)
	case slices.ContainsFunc(o.Keys, func(k string) bool { return strings.TrimSpace(k) == "" }):
		return errors.New("one of the handler's keys is empty")
	}
	return nil
}

func (h *handler) serve(w http.ResponseWriter, r *http.Request) {
	switch path := strings.TrimSuffix(r.URL.Path, "/"); {
	case path == "/v1/rerank" || path == "/rerank":
		h.only(http.MethodPost, h.rerank)(w, r)
	case path == "/v1/models":
		h.only(http.MethodGet, h.models)(w, r)
	default:
		refuse(w, http.StatusNotFound, "Not Found")
	}
}

// only lets a method and an allowed key through.
func (h *handler) only(method string, then http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch said := h.denied(r); {
		case h.fault != nil:
			refuse(w, http.StatusInternalServerError, "configuration: "+h.fault.Error())
		case said != "":
			w.Header().Set("WWW-Authenticate", "Bearer")
			refuse(w, http.StatusUnauthorized, said)
		case r.Method != method:
			w.Header().Set("Allow", method)
			refuse(w, http.StatusMethodNotAllowed, "Method Not Allowed")
		default:
			then(w, r)
		}
	}
}

// denied says why a request may not pass; empty if it may. The time that it
// takes does not depend on how much of a key was right.
func (h *handler) denied(r *http.Request) string {
	if len(h.keys) == 0 {
		return ""
	}
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || strings.TrimSpace(key) == "" {
		return "Not authenticated"
	}
	given := sha256.Sum256([]byte(strings.TrimSpace(key)))
	allowed := 0
	for i := range h.keys {
		allowed |= subtle.ConstantTimeCompare(given[:], h.keys[i][:])
	}
	if allowed == 0 {
		return "Invalid API key"
	}
	return ""
}

func (h *handler) models(w http.ResponseWriter, _ *http.Request) {
	body := []byte(`{"object":"list","data":[`)
	for i, m := range h.o.Models {
		if i > 0 {
			body = append(body, ',')
		}
		body = appendString(append(body, `{"id":`...), m)
		body = append(body, `,"object":"model","created":0,"owned_by":"cascade"}`...)
	}
	write(w, http.StatusOK, append(body, "]}\n"...))
}

func (h *handler) rerank(w http.ResponseWriter, r *http.Request) {
	if h.slots != nil {
		select {
		case h.slots <- struct{}{}:
			defer func() { <-h.slots }()
		default:
			w.Header().Set("Retry-After", "1")
			refuse(w, http.StatusServiceUnavailable, "Too many calls are being served")
			return
		}
	}
	in, fault := h.read(w, r)
	if fault != nil {
		fault.write(w)
		return
	}
	s := Served{ID: newID(), Documents: len(in.documents)}
	w.Header().Set("X-Request-Id", s.ID)
	start := time.Now()
	out := h.score(r.Context(), in, &s)
	s.Status, s.Latency = out.status, time.Since(start)
	if h.o.OnCall != nil {
		h.o.OnCall(s)
	}
	for name, value := range out.header {
		w.Header().Set(name, value)
	}
	w.Header().Set("X-Rerank-Mode", strings.ReplaceAll(s.Mode.String(), " ", "-"))
	w.Header().Set("X-Rerank-Unscored", strconv.Itoa(s.Unscored))
	w.Header().Set("X-Rerank-Attempts", strconv.Itoa(s.Attempts))
	out.write(w)
}

// score asks the scorer and makes an answer of what it says.
func (h *handler) score(ctx context.Context, in request, s *Served) answer {
	if h.o.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, h.o.Timeout)
		defer cancel()
	}
	scores, err := h.ask(ctx, in)
	s.Scores, s.Mode, s.Attempts = scores, reranker.Full, scores.Usage.Calls
	if scores.Report != nil {
		s.Attempts = scores.Report.Attempts
	}
	if err == nil {
		s.Unscored = unscored(scores)
		if s.Unscored > 0 {
			s.Mode = reranker.Partial
			if h.o.Partial == FailPartial {
				s.Mode, s.Err = reranker.Failed, partialError(scores, s.Unscored)
				return refusedPartly(scores, s.Err)
			}
		}
		return h.success(in, scores, s.ID)
	}
	s.Mode, s.Err, s.Unscored = reranker.Failed, err, len(in.documents)
	var e *reranker.Error
	if errors.As(err, &e) && s.Attempts == 0 {
		s.Attempts = e.Attempts
		if e.Attempts == 0 && (e.Status != 0 || e.Kind == reranker.KindTransport) {
			s.Attempts = 1
		}
	}
	return failed(err)
}

func (h *handler) ask(ctx context.Context, in request) (scores reranker.Scores, err error) {
	defer guard("nebius: serve", &err)
	scores, err = h.scorer.Score(ctx, in.query, in.documents)
	if err == nil && len(scores.Values) != len(in.documents) {
		err = fmt.Errorf("nebius: serve: scorer gave %d scores for %d documents", len(scores.Values), len(in.documents))
	}
	return scores, err
}

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return "rerank-" + hex.EncodeToString(b[:])
}

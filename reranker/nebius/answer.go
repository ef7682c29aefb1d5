package nebius

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// answer is a finished HTTP answer.
type answer struct {
	status int
	header map[string]string
	body   []byte
	// stream, if not nil, writes the body in its place.
	stream func(*sink)
}

func (a *answer) with(name, value string) *answer {
	if a.header == nil {
		a.header = map[string]string{}
	}
	a.header[name] = value
	return a
}

// after adds Retry-After to a refusal that is worth repeating.
func (a *answer) after(wait time.Duration) *answer {
	if a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable {
		a.with("Retry-After", strconv.Itoa(max(1, int((wait+time.Second-1)/time.Second))))
	}
	return a
}

// write sends the answer. A reader that takes longer than the patience for it is
// left, so that nobody holds its documents for ever.
func (a *answer) write(w http.ResponseWriter, patience time.Duration) {
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(patience)) // a recorder has none
	out := &sink{w: w, status: a.status}
	if a.stream != nil {
		a.stream(out)
	} else {
		out.b = append(out.b, a.body...)
	}
	out.close()
}

// sink is where a large answer goes piece by piece.
type sink struct {
	w      http.ResponseWriter
	b      []byte
	status int
	begun  bool
	failed bool
}

const sinkPiece = 64 << 10

// flush sends what there is once it is a piece.
func (s *sink) flush() {
	if len(s.b) < sinkPiece || s.failed {
		return
	}
	s.send()
}

func (s *sink) send() {
	if !s.begun {
		s.begun = true
		s.w.WriteHeader(s.status)
	}
	if !s.failed {
		_, err := s.w.Write(s.b)
		s.failed = err != nil
	}
	s.b = s.b[:0]
}

// close sends the rest, with its length if nothing was sent before.
func (s *sink) close() {
	if !s.begun {
		s.w.Header().Set("Content-Length", strconv.Itoa(len(s.b)))
	}
	s.send()
}

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

// as puts an error into the form of another dialect.
func (a *answer) as(w Wire) *answer {
	if a.stream != nil || a.status < 300 || w.ErrorKey == "detail" {
		return a
	}
	body := append(appendString([]byte{'{'}, w.ErrorKey), ':')
	body = appendString(body, message(a.body))
	if w.ErrorKey == "error" {
		body = appendString(append(body, `,"error_type":`...), errorType(a.status))
	}
	a.body = append(body, "}\n"...)
	return a
}

// errorType is the word that TEI has for a status.
func errorType(status int) string {
	switch status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return "Overloaded"
	case http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusBadRequest, http.StatusNotFound:
		return "Validation"
	}
	return "Backend"
}

// success is the answer with the scores, best first, equal ones by index, in the
// words of the dialect that was asked in.
func success(in *inquiry, s reranker.Scores, id string) *answer {
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
	model := firstOf(s.Model, in.model)
	return &answer{status: http.StatusOK, stream: func(out *sink) {
		w := in.face.wire
		out.b = append(out.b, head(w, id, model, s.Usage)...)
		for n, i := range order {
			if n > 0 {
				out.b = append(out.b, ',')
			}
			out.b = appendResult(out.b, w, in, i, s.Values[i])
			out.flush()
		}
		out.b = append(append(out.b, ']'), tail(w, s.Usage, len(in.documents))...)
	}}
}

// head is what stands before the results.
func head(w Wire, id, model string, u reranker.Usage) []byte {
	if w.Envelope == "" {
		return []byte{'['}
	}
	b := appendString([]byte(`{"id":`), id)
	if w.Account == UsageTokens {
		b = appendString(append(b, `,"model":`...), model)
		b = fmt.Appendf(b, `,"usage":{"prompt_tokens":%d,"total_tokens":%d}`, u.Tokens, max(u.Tokens, u.TotalTokens))
	}
	return append(appendString(append(b, ','), w.Envelope), ":["...)
}

// tail is what stands behind them.
func tail(w Wire, u reranker.Usage, documents int) []byte {
	switch {
	case w.Envelope == "":
		return []byte("\n")
	case w.Account == MetaUnits:
		return fmt.Appendf(nil, `,"meta":{"api_version":{"version":"%s"},"billed_units":{"search_units":%d},"tokens":{"input_tokens":%d}}}`+"\n",
			strings.Trim(firstSegment(w.Path), "v"), or(u.Units, w.unitsOf(documents)), u.Tokens)
	}
	return []byte("}\n")
}

func appendResult(b []byte, w Wire, in *inquiry, i int, score float64) []byte {
	b = strconv.AppendInt(append(appendString(append(b, '{'), w.IndexKey), ':'), int64(i), 10)
	if in.echo {
		b = append(appendString(append(b, ','), w.EchoKey), ':')
		if w.Echo == Object {
			b = append(appendString(append(b, `{"text":`...), in.documents[i]), '}')
		} else {
			b = appendString(b, in.documents[i])
		}
	}
	b = append(appendString(append(b, ','), w.ScoreKey), ':')
	return append(strconv.AppendFloat(b, score, 'g', -1, 64), '}')
}

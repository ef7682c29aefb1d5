package overhead

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
)

// Mark begins every document's text, so that the Transport can count documents
// without parsing.
const Mark = "~#"

// Transport answers rerank calls from memory: it reads the body, counts the
// documents and returns scores with an echo of a text of Echo bytes for each.
// What it does costs both sides of a comparison the same.
type Transport struct {
	// Echo is the length of the echoed text.
	Echo int
	// Before, if not nil, runs before each answer; a response or error that it
	// returns takes the answer's place.
	Before func(*http.Request) (*http.Response, error)

	calls    atomic.Int64
	inFlight atomic.Int64
	mu       sync.Mutex
	answers  map[int][]byte
}

// Calls returns how many calls were answered, InFlight how many are being.
func (t *Transport) Calls() int64 { return t.calls.Load() }

// InFlight returns how many calls are under way.
func (t *Transport) InFlight() int64 { return t.inFlight.Load() }

// RoundTrip answers one call.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	t.inFlight.Add(1)
	defer t.inFlight.Add(-1)
	buffer := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buffer)
	buffer.Reset()
	if _, err := buffer.ReadFrom(r.Body); err != nil {
		return nil, err
	}
	r.Body.Close()
	if t.Before != nil {
		if resp, err := t.Before(r); resp != nil || err != nil {
			return resp, err
		}
	}
	t.calls.Add(1)
	body := t.answer(bytes.Count(buffer.Bytes(), []byte(Mark)))
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// answer returns the body for n documents, made once.
func (t *Transport) answer(n int) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	if body, ok := t.answers[n]; ok {
		return body
	}
	var b bytes.Buffer
	b.WriteString(`{"id":"rerank-1","model":"m","results":[`)
	text := bytes.Repeat([]byte("word "), t.Echo/5)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"index":` + strconv.Itoa(n-1-i) + `,"document":{"text":"`)
		b.Write(text)
		b.WriteString(`"},"relevance_score":` + strconv.FormatFloat(1-float64(i+1)/float64(n+2), 'g', -1, 64) + `}`)
	}
	b.WriteString(`],"usage":{"prompt_tokens":` + strconv.Itoa(100*n) + `,"total_tokens":` + strconv.Itoa(100*n) + `}}`)
	if t.answers == nil {
		t.answers = map[int][]byte{}
	}
	t.answers[n] = b.Bytes()
	return t.answers[n]
}

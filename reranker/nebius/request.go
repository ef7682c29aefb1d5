package nebius

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// frame is what all requests of a client have in common, encoded once.
type frame struct {
	wire Wire
	head []byte // from the brace to the colon before the query
	tail []byte // from the end of the documents to the closing brace
}

func newFrame(w Wire, model string, o Options) (frame, error) {
	head := []byte{'{'}
	if w.ModelKey != "" {
		head = append(appendString(head, w.ModelKey), ':')
		head = append(appendString(head, model), ',')
	}
	head = append(appendString(head, w.QueryKey), ':')
	var tail []byte
	add := func(name string, value []byte) {
		tail = append(appendString(append(tail, ','), name), ':')
		tail = append(tail, value...)
	}
	if o.User != "" {
		add("user", appendString(nil, o.User))
	}
	if o.ServiceTier != "" {
		add("service_tier", appendString(nil, string(o.ServiceTier)))
	}
	for _, f := range w.Fixed {
		if !json.Valid([]byte(f.JSON)) {
			return frame{}, fmt.Errorf("the value of the wire's fixed member %q is not JSON", f.Name)
		}
		add(f.Name, []byte(f.JSON))
	}
	core := w.core()
	for _, name := range slices.Sorted(maps.Keys(o.Extra)) {
		if slices.Contains(core, name) {
			return frame{}, fmt.Errorf("option Extra has a member %q, which the client sends itself", name)
		}
		value, err := json.Marshal(o.Extra[name])
		if err != nil {
			return frame{}, fmt.Errorf("member %q of option Extra cannot be encoded as JSON", name)
		}
		add(name, value)
	}
	return frame{wire: w, head: head, tail: append(tail, '}')}, nil
}

// append appends the request for the texts.
func (f frame) append(dst []byte, query string, texts []string) []byte {
	dst = append(dst, f.head...)
	if f.wire.Query == ForEach {
		dst = append(dst, '[')
		for i := range texts {
			dst = f.text(dst, i, query, Plain)
		}
		dst = append(dst, ']')
	} else {
		dst = f.text(dst, 0, query, f.wire.Query)
	}
	dst = append(appendString(append(dst, ','), f.wire.DocumentsKey), ':', '[')
	for i, t := range texts {
		dst = f.text(dst, i, t, f.wire.Document)
	}
	dst = append(dst, ']')
	return append(dst, f.tail...)
}

func (f frame) text(dst []byte, i int, text string, shape Shape) []byte {
	if i > 0 {
		dst = append(dst, ',')
	}
	if shape == Object {
		dst = append(dst, `{"text":`...)
		return append(appendString(dst, text), '}')
	}
	return appendString(dst, text)
}

// keepBuffers is the largest buffer that is kept for later calls.
const keepBuffers = 4 << 20

// buffers recycles the bytes of requests and answers.
type buffers struct{ pool sync.Pool }

func (b *buffers) take() *[]byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		*p = (*p)[:0]
		return p
	}
	return new([]byte)
}

func (b *buffers) put(p *[]byte) {
	if cap(*p) <= keepBuffers {
		b.pool.Put(p)
	}
}

// payload is a request body that can be sent again. Its bytes go back to the
// pool when the caller and all of its readers are done: a transport may still
// be reading after a call was given up.
type payload struct {
	bytes *[]byte
	from  *buffers
	users atomic.Int64
}

func newPayload(from *buffers, bytes *[]byte) *payload {
	p := &payload{bytes: bytes, from: from}
	p.users.Store(1)
	return p
}

func (p *payload) done() {
	if p.users.Add(-1) == 0 {
		p.from.put(p.bytes)
	}
}

// open returns a new reader from the beginning. It has the signature of
// http.Request.GetBody. Once nobody uses the bytes any more they may be those of
// another request, so a transport that asks that late gets an error.
func (p *payload) open() (io.ReadCloser, error) {
	for {
		n := p.users.Load()
		if n == 0 {
			return nil, errBodyClosed
		}
		if p.users.CompareAndSwap(n, n+1) {
			break
		}
	}
	return &payloadReader{payload: p, rest: *p.bytes}, nil
}

type payloadReader struct {
	mu      sync.Mutex
	payload *payload
	rest    []byte
	closed  bool
}

var errBodyClosed = errors.New("request body is closed")

// Read implements io.Reader.
func (r *payloadReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return 0, errBodyClosed
	}
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// Close implements io.Closer.
func (r *payloadReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.closed, r.rest = true, nil
		r.payload.done()
	}
	return nil
}

package nebius

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
)

// frame is what all requests of a client have in common, encoded once.
type frame struct {
	wire  Wire
	side  string
	qwen3 bool
	head  []byte // from the brace to the colon before the query
	rest  []byte // members that are the same in every request
	tail  []byte // from the end of the documents to the closing brace, by default
}

func newFrame(w Wire, model string, o Options, defaults asked) (frame, error) {
	head := []byte{'{'}
	if w.ModelKey != "" {
		head = append(appendString(head, w.ModelKey), ':')
		head = append(appendString(head, model), ',')
	}
	f := frame{wire: w, side: sideOf(o.Truncation), qwen3: o.Qwen3 != nil, head: append(appendString(head, w.QueryKey), ':')}
	for _, m := range w.Fixed {
		if !json.Valid([]byte(m.JSON)) {
			return frame{}, fmt.Errorf("the value of the wire's fixed member %q is not JSON", m.Name)
		}
		f.rest = appendMember(f.rest, m.Name, []byte(m.JSON))
	}
	core := w.core()
	for _, name := range sortedKeys(o.Extra) {
		if slices.Contains(core, name) {
			return frame{}, fmt.Errorf("option Extra has a member %q, which the client sends itself", name)
		}
		value, err := extraJSON(o.Extra[name])
		if err != nil {
			return frame{}, fmt.Errorf("member %q of option Extra cannot be encoded as JSON", name)
		}
		f.rest = appendMember(f.rest, name, value)
	}
	f.tail = f.tailFor(defaults)
	return f, nil
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

// extraJSON encodes the value of an extra member.
func extraJSON(v any) ([]byte, error) { return json.Marshal(v) }

func appendMember(dst []byte, name string, value []byte) []byte {
	return append(append(appendString(append(dst, ','), name), ':'), value...)
}

// tailFor encodes what follows the documents for what a call asks for.
func (f frame) tailFor(a asked) []byte {
	var tail []byte
	if a.user != "" {
		tail = appendMember(tail, UserKey.String(), appendString(nil, a.user))
	}
	if a.tier != "" {
		tail = appendMember(tail, TierKey.String(), a.tier.json())
	}
	if a.instruction != "" && f.wire.InstructionKey != "" && !f.qwen3 {
		tail = appendMember(tail, f.wire.InstructionKey, appendString(nil, a.instruction))
	}
	if a.tokens > 0 && serverCuts(f.wire, f.side) {
		tail = appendMember(tail, f.wire.DocumentTokensKey, strconv.AppendInt(nil, int64(a.tokens), 10))
		if f.wire.SideKey != "" {
			tail = appendMember(tail, f.wire.SideKey, appendString(nil, f.side))
		}
	}
	return append(append(tail, f.rest...), '}')
}

// append appends the request for the texts; the tail ends it.
func (f frame) append(dst []byte, query string, texts []string, tail []byte) []byte {
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
	return append(append(dst, ']'), tail...)
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

package nebius

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// front stands before the handler of a server and sees to it that every answer has
// an id and is told, whoever gives it.
type front struct {
	handler http.Handler
	told    func(Served) // nil for nobody
}

// ServeHTTP gives the answer an id, which a Handler replaces by its own.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c, ok := r.Context().Value(connKey{}).(*watchedConn); ok {
		c.take()
	}
	id := newID()
	w.Header().Set("X-Request-Id", id)
	f.handler.ServeHTTP(&watchedAnswer{ResponseWriter: w, front: f, id: id}, r)
}

func (f *front) tell(id string, status int) {
	if f.told != nil {
		f.told(Served{ID: id, Status: status, Refused: true})
	}
}

// watchedAnswer tells of a refusal that no Handler gave: its id is still the one
// that the front gave it.
type watchedAnswer struct {
	http.ResponseWriter
	front *front
	id    string
	begun bool
}

// WriteHeader implements http.ResponseWriter.
func (w *watchedAnswer) WriteHeader(status int) {
	if status >= 300 && !w.begun && w.Header().Get("X-Request-Id") == w.id {
		w.front.tell(w.id, status)
	}
	w.begun = w.begun || status >= 200
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *watchedAnswer) Write(p []byte) (int, error) {
	w.begun = true
	return w.ResponseWriter.Write(p)
}

// Unwrap lets an http.ResponseController find the server's own.
func (w *watchedAnswer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// gate watches the connections of a listener.
type gate struct {
	net.Listener
	front *front
}

// Accept implements net.Listener.
func (g gate) Accept() (net.Conn, error) {
	c, err := g.Listener.Accept()
	if _, encrypted := c.(*tls.Conn); err != nil || encrypted {
		return c, err
	}
	return &watchedConn{Conn: c, front: g.front}, nil
}

type connKey struct{}

// begun puts the connection into the context of its requests.
func begun(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// changed tells a connection that an answer is complete and another request may
// begin.
func changed(c net.Conn, state http.ConnState) {
	if w, ok := c.(*watchedConn); ok && state == http.StateIdle {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.taken = false
	}
}

// watchedConn is a connection that knows an answer of net/http itself when it sees
// one, and gives it an id.
type watchedConn struct {
	net.Conn
	front *front

	mu    sync.Mutex
	begun bool // bytes of a request came that nobody answers yet
	taken bool // a handler or net/http answers the request
	late  bool // the newest reading ended with the time for it
}

// take says that somebody answers the request that has begun.
func (c *watchedConn) take() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begun, c.taken = false, true
}

// Read implements net.Conn.
func (c *watchedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begun = c.begun || n > 0 && !c.taken
	var failed net.Error
	c.late = errors.As(err, &failed) && failed.Timeout()
	return n, err
}

// Close implements net.Conn. Where the headers of a request did not come in time
// net/http closes the connection without a word; it gets a 408.
func (c *watchedConn) Close() error {
	c.mu.Lock()
	late := c.begun && c.late
	c.mu.Unlock()
	if late {
		const text = "408 Request Timeout"
		_ = c.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = c.Write([]byte("HTTP/1.1 " + text + refusalHead + text))
	}
	return c.Conn.Close()
}

// CloseWrite lets net/http end its side first, so that a refusal is read before the
// connection is gone.
func (c *watchedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// refusalHead is what follows the status in the answers that net/http gives before
// it asks a handler. Those of a handler have a Date.
const refusalHead = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"

// Write implements net.Conn.
func (c *watchedConn) Write(p []byte) (int, error) {
	status, at := refusal(p)
	if status == 0 {
		return c.Conn.Write(p)
	}
	c.take()
	id := newID()
	c.front.tell(id, status)
	named := append(append(append([]byte(nil), p[:at]...), "\r\nX-Request-Id: "+id...), p[at:]...)
	n, err := c.Conn.Write(named)
	return min(n, len(p)), err
}

// refusal returns the status of an answer that net/http gives by itself and the
// end of its first line; 0 for anything else.
func refusal(p []byte) (status, end int) {
	const version = "HTTP/1.1 "
	if len(p) < len(version)+3 || !bytes.HasPrefix(p, []byte(version)) {
		return 0, 0
	}
	end = bytes.IndexByte(p, '\r')
	status, err := strconv.Atoi(string(p[len(version) : len(version)+3]))
	if end < 0 || err != nil {
		return 0, 0
	}
	own := bytes.HasPrefix(p[end:], []byte(refusalHead))
	if status != http.StatusExpectationFailed && !own {
		return 0, 0
	}
	return status, end
}

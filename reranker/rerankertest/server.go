package rerankertest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Server is a rerank server that does what its script says. It serves every
// path and method, and is safe for concurrent use.
type Server struct {
	// URL is the address without a path.
	URL string

	handler  http.Handler
	listener net.Listener
	dial     func(ctx context.Context, network, addr string) (net.Conn, error)
	roots    *x509.CertPool
	http2    bool
	stopped  chan struct{}
	stopOnce sync.Once

	mu       sync.Mutex
	script   Script
	calls    []Call
	inFlight int
	most     int
	conns    int
}

func newServer(script Script) *Server {
	s := &Server{script: script, stopped: make(chan struct{})}
	s.handler = http.HandlerFunc(s.serve)
	return s
}

// NewServer starts a server on a free port of the loopback interface. It stops
// with the test.
func NewServer(t testing.TB, script Script) *Server {
	t.Helper()
	s := newServer(script)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.URL = "http://" + listener.Addr().String()
	s.listener = listener
	s.start(t, listener)
	return s
}

// NewMemory starts a server without sockets, for tests in fake time: call it
// inside the testing/synctest bubble. Use Client to reach it, or NewNetwork for
// several servers that one client can reach.
func NewMemory(t testing.TB, script Script) *Server {
	t.Helper()
	return NewNetwork(t).Server(script)
}

// NewTLS starts a server on loopback that speaks TLS, and HTTP/2 if asked to.
// Its certificate is trusted by Client alone.
func NewTLS(t testing.TB, http2 bool, script Script) *Server {
	t.Helper()
	s := newServer(script)
	s.http2 = http2
	ts := httptest.NewUnstartedServer(s.handler)
	ts.EnableHTTP2 = http2
	ts.Config.ConnContext = s.number
	ts.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	ts.StartTLS()
	s.URL = ts.URL
	s.roots = x509.NewCertPool()
	s.roots.AddCert(ts.Certificate())
	t.Cleanup(func() {
		s.stop()
		ts.CloseClientConnections()
		ts.Close()
	})
	return s
}

func (s *Server) start(t testing.TB, listener net.Listener) {
	server := &http.Server{Handler: s.handler, ConnContext: s.number, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		s.stop()
		_ = server.Close()
		_ = listener.Close()
		<-done
	})
}

func (s *Server) stop() { s.stopOnce.Do(func() { close(s.stopped) }) }

// Client returns a new HTTP client that reaches the server, and whose
// connections nobody else uses.
func (s *Server) Client() *http.Client {
	return &http.Client{Transport: s.Transport()}
}

// Transport returns a new transport that reaches the server and trusts its
// certificate.
func (s *Server) Transport() *http.Transport {
	t := &http.Transport{DialContext: s.dial, MaxIdleConnsPerHost: 64}
	if s.roots != nil {
		t.TLSClientConfig = &tls.Config{RootCAs: s.roots, MinVersion: tls.VersionTLS12}
		t.ForceAttemptHTTP2 = s.http2
	}
	return t
}

// Roots returns what trusts the server's certificate; nil without TLS.
func (s *Server) Roots() *x509.CertPool { return s.roots }

// SetScript replaces the script for the calls that follow.
func (s *Server) SetScript(script Script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = script
}

// Dials lets a function decide the fate of each connection before it is made,
// counted from 1: nil lets it through, an error refuses it, blocking is a black
// hole. Only for servers in memory; nil removes it.
func (s *Server) Dials(f func(ctx context.Context, n int) error) {
	l := s.listener.(*memoryListener)
	if f == nil {
		l.fault.Store(nil)
		return
	}
	l.fault.Store(&f)
}

// Calls returns what was received so far, in the order of arrival.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Count returns the number of calls received so far.
func (s *Server) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls)
}

// Last returns the newest call; the zero Call if there was none.
func (s *Server) Last() Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.calls) == 0 {
		return Call{}
	}
	return s.calls[len(s.calls)-1]
}

// InFlight returns the number of calls that are being served, and the most that
// ever were at once.
func (s *Server) InFlight() (now, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inFlight, s.most
}

// Connections returns the number of connections that were accepted.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns
}

type connKey struct{}

func (s *Server) number(ctx context.Context, _ net.Conn) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns++
	return context.WithValue(ctx, connKey{}, s.conns)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the caller hung up while sending
	}
	call, script := s.enter(r, body)
	defer s.leave()
	s.play(w, call, script(call))
}

func (s *Server) enter(r *http.Request, body []byte) (Call, Script) {
	c := Call{
		At: time.Now(), Proto: r.Proto, Method: r.Method, URL: r.URL,
		Header: r.Header.Clone(), Body: body, ctx: r.Context(),
	}
	c.Conn, _ = r.Context().Value(connKey{}).(int)
	c.Header.Set("Host", r.Host)
	c.understand()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight++
	s.most = max(s.most, s.inFlight)
	c.N, c.InFlight = len(s.calls)+1, s.inFlight
	s.calls = append(s.calls, c)
	return c, s.script
}

func (s *Server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight--
}

// play carries a reply out.
func (s *Server) play(w http.ResponseWriter, c Call, r Reply) {
	if r.Then != nil {
		defer r.Then()
	}
	if !s.hold(c, r) {
		return
	}
	if r.Gzip {
		r.Body = compress(r.Body)
		r = r.With("Content-Encoding", "gzip")
	}
	switch r.Fault {
	case Hang:
		s.wait(c)
		panic(http.ErrAbortHandler)
	case Reset, Hangup, Garbage:
		end(w, r.Fault, r.Body)
		return
	}
	if r.Length != 0 {
		s.lie(w, c, r)
		return
	}
	s.answer(w, c, r)
}

// hold waits as the reply asks, and reports whether the caller is still there.
func (s *Server) hold(c Call, r Reply) bool {
	if r.Until != nil {
		select {
		case <-r.Until:
		case <-c.ctx.Done():
			return false
		case <-s.stopped:
			return false
		}
	}
	return s.sleep(c, r.Delay)
}

func (s *Server) sleep(c Call, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.ctx.Done():
		return false
	case <-s.stopped:
		return false
	}
}

func (s *Server) wait(c Call) {
	select {
	case <-c.ctx.Done():
	case <-s.stopped:
	}
}

// answer sends a well-formed answer, or the beginning of one.
func (s *Server) answer(w http.ResponseWriter, c Call, r Reply) {
	setHeader(w.Header(), r)
	if !r.Chunked {
		w.Header().Set("Content-Length", strconv.Itoa(len(r.Body)))
	}
	w.WriteHeader(max(r.Status, http.StatusOK))
	body := r.Body
	if r.Fault != NoFault {
		body = body[:min(r.CutAt, len(body))]
	}
	if !s.send(w, c, r, body) {
		return
	}
	switch r.Fault {
	case HangBody:
		_ = http.NewResponseController(w).Flush()
		s.wait(c)
		panic(http.ErrAbortHandler)
	case ResetBody, HangupBody:
		_ = http.NewResponseController(w).Flush()
		end(w, r.Fault, nil)
	}
}

func (s *Server) send(w io.Writer, c Call, r Reply, body []byte) bool {
	size := r.Chunk
	if size <= 0 {
		size = len(body)
	}
	for first := true; len(body) > 0; first = false {
		if !first && !s.sleep(c, r.ChunkDelay) {
			return false
		}
		n := min(size, len(body))
		if _, err := w.Write(body[:n]); err != nil {
			return false
		}
		if rw, ok := w.(http.ResponseWriter); ok && (r.Chunk > 0 || r.Chunked) {
			_ = http.NewResponseController(rw).Flush()
		}
		body = body[n:]
	}
	return true
}

// lie sends an answer whose Content-Length is not true. It needs HTTP/1.
func (s *Server) lie(w http.ResponseWriter, c Call, r Reply) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer func() { _ = conn.Close() }()
	header := http.Header{}
	setHeader(header, r)
	header.Set("Content-Length", strconv.Itoa(r.Length))
	var head bytes.Buffer
	status := max(r.Status, http.StatusOK)
	fmt.Fprintf(&head, "HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
	_ = header.Write(&head)
	head.WriteString("\r\n")
	if _, err := conn.Write(head.Bytes()); err == nil {
		s.send(conn, c, r, r.Body)
	}
}

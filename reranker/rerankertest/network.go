package rerankertest

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// Network connects clients with servers in memory. Nothing in it needs a
// socket, so it works inside a testing/synctest bubble, whose fake time then
// rules every delay. Make it inside the bubble.
type Network struct {
	t       testing.TB
	mu      sync.Mutex
	servers []*memoryListener
}

// NewNetwork makes an empty network.
func NewNetwork(t testing.TB) *Network { return &Network{t: t} }

// Server starts a server on the network; its URL is a loopback address that
// only the network's Dial understands. It stops with the test.
func (n *Network) Server(script Script) *Server {
	n.t.Helper()
	n.mu.Lock()
	l := &memoryListener{addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: len(n.servers) + 1}, conns: make(chan net.Conn), closed: make(chan struct{})}
	n.servers = append(n.servers, l)
	n.mu.Unlock()
	s := newServer(script)
	s.URL = "http://" + l.addr.String()
	s.dial = n.Dial
	s.listener = l
	s.start(n.t, l)
	return s
}

// Dial connects to the server that addr names. It has the signature of
// http.Transport.DialContext.
func (n *Network) Dial(ctx context.Context, _, addr string) (net.Conn, error) {
	n.mu.Lock()
	servers := n.servers
	n.mu.Unlock()
	for _, l := range servers {
		if l.addr.String() == addr {
			return l.dial(ctx)
		}
	}
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: addr, IsNotFound: true}}
}

// memoryListener accepts the far ends of pipes.
type memoryListener struct {
	addr   *net.TCPAddr
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
	dials  atomic.Int64
	fault  atomic.Pointer[func(ctx context.Context, n int) error]
}

func (l *memoryListener) dial(ctx context.Context) (net.Conn, error) {
	n := int(l.dials.Add(1))
	if f := l.fault.Load(); f != nil {
		if err := (*f)(ctx, n); err != nil {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: l.addr, Err: err}
		}
	}
	near, far := net.Pipe()
	reset := new(atomic.Bool)
	client := &memoryConn{Conn: near, addr: l.addr, reset: reset}
	select {
	case l.conns <- &memoryConn{Conn: far, addr: l.addr, reset: reset}:
		return client, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: l.addr, Err: syscall.ECONNREFUSED}
	case <-ctx.Done():
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: l.addr, Err: ctx.Err()}
	}
}

// Accept implements net.Listener.
func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *memoryListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements net.Listener.
func (l *memoryListener) Addr() net.Addr { return l.addr }

// memoryConn is a pipe with an address whose ends can tell a reset from an
// orderly end.
type memoryConn struct {
	net.Conn
	addr  net.Addr
	reset *atomic.Bool
}

// LocalAddr implements net.Conn.
func (c *memoryConn) LocalAddr() net.Addr { return c.addr }

// RemoteAddr implements net.Conn.
func (c *memoryConn) RemoteAddr() net.Addr { return c.addr }

// Read implements net.Conn.
func (c *memoryConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.reset.Load() && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe)) {
		err = &net.OpError{Op: "read", Net: "tcp", Addr: c.addr, Err: syscall.ECONNRESET}
	}
	return n, err
}

// Reset ends the connection as a lost peer would.
func (c *memoryConn) Reset() {
	c.reset.Store(true)
	_ = c.Close()
}

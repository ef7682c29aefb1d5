package nebius_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/reranker/nebius"
)

// TestFaults has the fault of the list, by number, that needs the client's own
// transport in fake time; internal/proof has the others.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []conformanceCase{{"09_http2_connection_is_dead", fake(deadConnection)}} {
		t.Run(c.name, c.run)
	}
}

// deadConnection is one that ends without a word: nothing arrives any more, and
// only a ping can tell.
func deadConnection(t *testing.T) {
	l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Protocols: protocols, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write([]byte(`{"results":[{"index":0,"relevance_score":0.5}]}`))
	})}
	go func() { _ = server.Serve(l) }()
	transport := nebius.OwnTransport(nebius.Options{})
	transport.Proxy, transport.Protocols, transport.DialContext = nil, protocols, l.dial
	c, err := nebius.New(testKey, testModel, nebius.Options{BaseURL: "http://127.0.0.1:1", HTTPClient: &http.Client{Transport: transport}})
	require.NoError(t, err)
	ask := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Score(ctx, "q", []string{"a"})
		return err
	}
	require.NoError(t, ask())
	l.dead.Store(true)
	require.ErrorIs(t, ask(), context.DeadlineExceeded, "on the dead connection")
	l.dead.Store(false)
	time.Sleep(15 * time.Second)
	require.NoError(t, ask(), "pings have found out")
	assert.EqualValues(t, 2, l.dials.Load())
	transport.CloseIdleConnections()
	require.NoError(t, server.Close())
	l.end()
	synctest.Wait()
}

// pipes are a network of one server whose first connection can die.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
	dials  atomic.Int64
	dead   atomic.Bool
	open   []*mortal
}

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	m := &mortal{Conn: near}
	if p.dials.Add(1) == 1 {
		m.dead = &p.dead
	}
	p.open = append(p.open, m)
	p.conns <- far
	return m, nil
}

func (p *pipes) end() {
	for _, m := range p.open {
		_ = m.Close()
	}
}

// Accept implements net.Listener.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr implements net.Listener.
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// mortal is a connection that loses what is written once it is dead, and stays so.
type mortal struct {
	net.Conn
	dead *atomic.Bool
	gone atomic.Bool
}

// Write implements net.Conn.
func (m *mortal) Write(b []byte) (int, error) {
	if m.dead != nil && m.dead.Load() {
		m.gone.Store(true)
	}
	if m.gone.Load() {
		return len(b), nil
	}
	return m.Conn.Write(b)
}

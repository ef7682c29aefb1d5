package proof_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

// connectionFaults are the rows 1 to 10: names, connections, TLS.
func connectionFaults() []row {
	return []row{
		{"01_unknown_host", fake(unknownHost)},
		{"02_refused_then_accepted", fake(func(t *testing.T) {
			r := memory(t, honest, setup{shard: single})
			r.server.Dials(only(1, syscall.ECONNREFUSED))
			g := r.ask().full()
			assert.Equal(t, 2, g.report.Attempts)
			assert.Equal(t, 1, g.report.Retries)
			assert.ErrorIs(t, g.report.Causes[0], syscall.ECONNREFUSED, "the report tells of what a retry mended")
		})},
		{"03_black_hole", func(t *testing.T) {
			t.Run("others are unaffected", fake(func(t *testing.T) {
				r := memory(t, rerankertest.Slow(10*time.Millisecond, honest), setup{})
				r.server.Dials(func(ctx context.Context, n int) error {
					if n == 1 {
						<-ctx.Done()
						return ctx.Err()
					}
					return nil
				})
				r.ask().full()
			}))
			t.Run("cut at the dial's share", blackHole)
		}},
		{"04_untrusted_certificate", untrusted},
		{"05_handshake_stalls", handshakeStalls},
		{"06_reset_before_headers", fake(func(t *testing.T) {
			r := memory(t, rerankertest.Times(1, rerankertest.Fails(rerankertest.Reset), honest), setup{shard: single})
			g := r.ask().full()
			assert.Equal(t, 1, g.report.Retries)
			assert.InDelta(t, 9, r.endpoint.State().ExtraCalls, 1e-9, "it came out of the budget")
		})},
		{"07_reset_inside_the_body", fake(func(t *testing.T) {
			cut := rerankertest.Cut(rerankertest.ResetBody, 400, honest)
			r := memory(t, rerankertest.Times(1, cut, honest), setup{shard: single})
			r.ask().full()
			r = memory(t, rerankertest.On(seventh, cut, honest), setup{})
			r.ask().lost(reasons{pipeline.ReasonTransport: 5}).honest()
		})},
		{"08_idle_connection_was_closed", fake(func(t *testing.T) {
			r := memory(t, rerankertest.On(func(c rerankertest.Call) bool { return c.N == 2 && c.Conn == 1 }, rerankertest.Fails(rerankertest.Hangup), honest), setup{shard: single})
			r.ask().full()
			g := r.ask().full()
			assert.Equal(t, 1, g.report.Attempts, "net/http replays it, so it is no attempt")
			assert.Equal(t, 3, r.server.Count())
			assert.Equal(t, 2, r.server.Connections())
		})},
		{"10_goaway", func(t *testing.T) {
			s := rerankertest.NewTLS(t, true, rerankertest.Change(honest, func(c rerankertest.Call, r rerankertest.Reply) rerankertest.Reply {
				r.Close = c.N%3 == 0
				return r
			}))
			r := newRig(t, s, setup{deadline: 10 * time.Second})
			for range 5 {
				g := r.ask().full()
				assert.Zero(t, g.report.Retries, "%v", g.report.Causes)
			}
			assert.Equal(t, "HTTP/2.0", s.Last().Proto)
			assert.Greater(t, s.Connections(), 1)
		}},
	}
}

// only lets one connection fail.
func only(n int, err error) func(context.Context, int) error {
	return func(_ context.Context, dial int) error {
		if dial == n {
			return err
		}
		return nil
	}
}

func unknownHost(t *testing.T) {
	dials := 0
	r := memory(t, honest, setup{shard: single})
	r.server.Dials(func(context.Context, int) error {
		dials++
		return &net.DNSError{Err: "no such host", Name: "rerank.invalid", IsNotFound: true}
	})
	g := r.ask().nothing(pipeline.ReasonTransport)
	assert.Equal(t, 1, dials, "an unknown name stays unknown")
	assert.Equal(t, 1, g.report.Attempts)
	assert.Equal(t, 10.0, r.endpoint.State().ExtraCalls)
	assert.Equal(t, "rerank.invalid", cause[*net.DNSError](g).Name)
}

// blackHole needs a socket: one whose queue of connections is full, so that the
// kernel answers no more.
func blackHole(t *testing.T) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	defer func() { _ = syscall.Close(fd) }()
	require.NoError(t, syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	require.NoError(t, syscall.Listen(fd, 0))
	name, err := syscall.Getsockname(fd)
	require.NoError(t, err)
	address := (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: name.(*syscall.SockaddrInet4).Port}).String()
	for full := false; !full; {
		c, err := net.DialTimeout("tcp", address, 50*time.Millisecond)
		if full = err != nil; !full {
			defer func() { _ = c.Close() }()
		}
	}
	client, err := nebius.New(testKey, testModel, nebius.Options{BaseURL: "http://" + address})
	require.NoError(t, err)
	defer func() { _ = client.Close() }()
	r := scorers(t, setup{shard: single, deadline: 5 * time.Second}, client)
	g := r.ask().nothing(pipeline.ReasonTransport)
	assert.Equal(t, 2, g.report.Attempts)
	assert.Less(t, g.took, 4*time.Second, "two dials, a back-off, and not the whole deadline")
}

func untrusted(t *testing.T) {
	s := rerankertest.NewTLS(t, true, honest)
	for name, config := range map[string]*tls.Config{
		"unknown authority": {},
		"expired":           {RootCAs: s.Roots(), Time: func() time.Time { return time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC) }},
		"wrong host":        {RootCAs: s.Roots(), ServerName: "other.test"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, s, setup{shard: single, deadline: 10 * time.Second, client: nebius.Options{TLS: config}})
			g := r.ask().nothing(pipeline.ReasonTransport)
			assert.Equal(t, 1, g.report.Attempts, "never repeated")
			cause[*tls.CertificateVerificationError](g)
			switch name {
			case "unknown authority":
				cause[x509.UnknownAuthorityError](g)
			case "expired":
				cause[x509.CertificateInvalidError](g)
			case "wrong host":
				cause[x509.HostnameError](g)
			}
			assert.Zero(t, s.Count())
		})
	}
}

// handshakeStalls puts a listener in front of the server that swallows the first
// connection.
func handshakeStalls(t *testing.T) {
	s := rerankertest.NewTLS(t, false, honest)
	front, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		stalled := swallow(front, s.URL[len("https://"):])
		for _, c := range stalled {
			_ = c.Close()
		}
	}()
	defer func() {
		_ = front.Close()
		<-done
	}()
	transport := s.Transport()
	transport.TLSHandshakeTimeout = 500 * time.Millisecond // an honest one takes long on a busy machine
	o := nebius.Options{BaseURL: "https://" + front.Addr().String()}
	o.HTTPClient = s.Client()
	o.HTTPClient.Transport = transport
	r := newRig(t, s, setup{shard: single, deadline: 10 * time.Second, client: o})
	g := r.ask().full().because("handshake timeout")
	assert.Equal(t, 1, g.report.Retries, "on a new connection")
	var e *reranker.Error
	require.ErrorAs(t, g.report.Causes[0], &e)
	assert.Equal(t, reranker.KindTransport, e.Kind)
}

// swallow keeps the first connection without a word and joins the others with
// the address, until the listener is closed.
func swallow(front net.Listener, address string) (open []net.Conn) {
	for n := 0; ; n++ {
		c, err := front.Accept()
		if err != nil {
			return open
		}
		open = append(open, c)
		if n == 0 {
			continue
		}
		back, err := net.Dial("tcp", address)
		if err != nil {
			continue
		}
		open = append(open, back)
		go func() { _, _ = io.Copy(back, c) }()
		go func() { _, _ = io.Copy(c, back) }()
	}
}

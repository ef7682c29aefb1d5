package nebius

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// newHTTPClient returns what carries the calls, and the transport if the client
// owns it. Redirects are never followed, whoever owns it: Go would send the
// texts on for 307 and 308, and the key to subdomains.
func newHTTPClient(o Options, plain bool) (*http.Client, *http.Transport) {
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if o.HTTPClient != nil {
		c := *o.HTTPClient
		c.CheckRedirect = stay
		return &c, nil
	}
	t := newTransport(o, plain)
	return &http.Client{Transport: t, CheckRedirect: stay}, t
}

// newTransport returns a transport of the client's own. Connections are limited to
// the concurrency, because some servers stall when idle connections occupy their
// workers, and idle ones are closed before such servers close them.
func newTransport(o Options, plain bool) *http.Transport {
	idle := idleTLS
	if plain {
		idle = idlePlain
	}
	proxy := o.Proxy
	if proxy == nil {
		proxy = http.ProxyFromEnvironment
	}
	n := or(o.Concurrency, defaultConcurrency)
	return &http.Transport{
		Proxy:                  proxy,
		DialContext:            newDialer(o),
		TLSClientConfig:        newTLSConfig(o),
		TLSHandshakeTimeout:    5 * time.Second,
		MaxConnsPerHost:        n,
		MaxIdleConnsPerHost:    n,
		MaxIdleConns:           n,
		IdleConnTimeout:        idle,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 5 * time.Second, PingTimeout: 5 * time.Second},
	}
}

func newTLSConfig(o Options) *tls.Config {
	if o.TLS == nil {
		return &tls.Config{MinVersion: tls.VersionTLS12}
	}
	c := o.TLS.Clone()
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	return c
}

func newDialer(o Options) func(ctx context.Context, network, addr string) (net.Conn, error) {
	d := &net.Dialer{Timeout: time.Second, KeepAlive: 15 * time.Second}
	if allow := o.AllowAddress; allow != nil {
		d.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error {
			a, err := netip.ParseAddrPort(address)
			if err != nil {
				return &addressError{fmt.Errorf("address cannot be read: %w", err)}
			}
			if err := allow(a.Addr()); err != nil {
				return &addressError{err}
			}
			return nil
		}
	}
	return d.DialContext
}

// addressError says that AllowAddress refused a connection.
type addressError struct{ err error }

// Error says why.
func (e *addressError) Error() string { return "refused by AllowAddress: " + e.err.Error() }

// Unwrap returns what AllowAddress said.
func (e *addressError) Unwrap() error { return e.err }

// or returns v, or the default if v is zero.
func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

package qdrant

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	api "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Config says how to reach a server.
type Config struct {
	// URL is "http://host:port" without TLS or "https://host:port" with it; a
	// plain "host:port" is without. The port is that of gRPC, 6334 where none is
	// given. 6333, the port of Qdrant's REST interface, which many people have in
	// their URL, is taken as 6334. A path is refused.
	URL string
	// APIKey is sent with every request; empty means none. It is refused without
	// TLS unless the host is this machine or PlaintextKey is set.
	APIKey string
	// PlaintextKey allows the key to cross a network unencrypted.
	PlaintextKey bool
	// TLS replaces the default settings (TLS 1.3, system roots) for https.
	TLS *tls.Config
	// MaxReply is the largest answer in bytes that is accepted; 0 means 64 MiB.
	// gRPC's own default of 4 MiB is less than a thousand payloads of 8 KB.
	MaxReply int
	// PoolSize is the number of connections; 0 means 3.
	PoolSize uint
	// KeepAlive is the time in seconds between pings on an idle connection; 0
	// means 10, -1 none.
	KeepAlive int
	// GRPC are further options, after our own.
	GRPC []grpc.DialOption
}

const (
	defaultPort     = 6334
	restPort        = 6333
	defaultMaxReply = 64 << 20
)

// Dial connects to a server and checks, within the time that ctx allows, that
// it answers, is recent enough for the Query API (1.10) and accepts the key: a
// health check is answered under any key, so one more call is made. A key that
// is missing or wrong is an *Error of KindAuth; what a valid key may do shows
// when it is done. The caller closes the client. Nothing is logged and nothing is
// retried. A connection that broke is tried again within a second.
//
// Dial exists because the client's own constructor, left to its defaults, waits
// up to a minute without a context for a server that says nothing, logs
// warnings, and accepts answers of 4 MiB at most. A client that was made in
// another way serves as well: set SkipCompatibilityCheck and
// grpc.MaxCallRecvMsgSize, and leave RetryConfig nil, because its retries ignore
// the time that a server asks to wait.
func Dial(ctx context.Context, c Config) (*api.Client, error) {
	config, err := c.clientConfig()
	if err != nil {
		return nil, fmt.Errorf("qdrant: dial: %w", err)
	}
	client, err := api.NewClient(config)
	if err != nil {
		return nil, fmt.Errorf("qdrant: dial: %w", err)
	}
	reply, err := client.HealthCheck(ctx)
	if err == nil {
		err = recentEnough(reply.GetVersion())
	} else {
		err = mapError(ctx, "check server", err)
	}
	if err == nil {
		err = checkKey(ctx, client)
	}
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return client, nil
}

// checkKey makes a call that needs a key where the server has one. A key that is
// bound to collections may be refused this one, and is valid.
func checkKey(ctx context.Context, client *api.Client) error {
	_, err := client.CollectionExists(ctx, "cascade")
	if status.Code(err) == codes.PermissionDenied {
		return nil
	}
	return mapError(ctx, "check key", err)
}

// reconnect keeps a broken connection from waiting longer than the server needs
// to start: gRPC's own back-off grows to two minutes.
var reconnect = grpc.ConnectParams{
	Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
	MinConnectTimeout: 5 * time.Second,
}

// errFull is in the chain of an error for which the server said, in a header or
// a trailer, that its storage is full.
var errFull = errors.New("the server's storage is full")

const fullHeader = "qdrant-insufficient-storage"

// tellFull marks such errors: their code is that of a rate limit, and waiting is
// no cure.
func tellFull(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	var header, trailer metadata.MD
	err := invoke(ctx, method, request, reply, conn, append(options, grpc.Header(&header), grpc.Trailer(&trailer))...)
	if err != nil && (len(header.Get(fullHeader)) > 0 || len(trailer.Get(fullHeader)) > 0) {
		return fmt.Errorf("%w: %w", errFull, err)
	}
	return err
}

func (c Config) clientConfig() (*api.Config, error) {
	host, port, secure, err := parseURL(c.URL)
	if err != nil {
		return nil, err
	}
	if c.MaxReply < 0 {
		return nil, fmt.Errorf("MaxReply is %d: it must be positive, or 0 for %d", c.MaxReply, defaultMaxReply)
	}
	limit := c.MaxReply
	if limit == 0 {
		limit = defaultMaxReply
	}
	config := &api.Config{
		Host:                   host,
		Port:                   port,
		UseTLS:                 secure,
		TLSConfig:              c.TLS,
		SkipCompatibilityCheck: true,
		PoolSize:               c.PoolSize,
		KeepAliveTime:          c.KeepAlive,
		GrpcOptions: append([]grpc.DialOption{
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(limit)), grpc.WithConnectParams(reconnect), grpc.WithChainUnaryInterceptor(tellFull),
		}, c.GRPC...),
	}
	if c.APIKey != "" {
		if !secure && !c.PlaintextKey && !loopback(host) {
			return nil, errors.New("the API key would cross the network unencrypted: use https, or set PlaintextKey")
		}
		// As a header and not as Config.APIKey: that one writes to the global
		// logger when there is no TLS.
		config.Headers = map[string]string{"api-key": c.APIKey}
	}
	return config, nil
}

func parseURL(raw string) (host string, port int, secure bool, err error) {
	if raw == "" {
		return "", 0, false, errors.New("URL is empty: use http://localhost:6334")
	}
	if !strings.Contains(raw, "://") {
		raw = "http://" + raw
	}
	u, err := url.Parse(raw)
	// The URL itself stays out of the errors: people write keys into them.
	switch {
	case err != nil:
		return "", 0, false, errors.New("URL is not valid: use http://host:6334 or https://host:6334")
	case u.Scheme != "http" && u.Scheme != "https":
		return "", 0, false, fmt.Errorf("URL has scheme %q: use http or https", u.Scheme)
	case u.Hostname() == "":
		return "", 0, false, errors.New("URL has no host: use http://localhost:6334")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		return "", 0, false, errors.New("URL has more than scheme, host and port: gRPC knows no paths, and the key belongs into APIKey")
	}
	port = defaultPort
	if p := u.Port(); p != "" {
		if port, err = strconv.Atoi(p); err != nil || port < 1 || port > 65535 {
			return "", 0, false, errors.New("URL has a port that is not between 1 and 65535")
		}
	}
	if port == restPort {
		port = defaultPort
	}
	host = u.Hostname()
	if strings.Contains(host, ":") {
		host = "[" + host + "]" // the client joins host and port as text
	}
	return host, port, u.Scheme == "https", nil
}

func loopback(host string) bool {
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// recentEnough refuses servers without the Query API. A version that is no
// number, as a development build has, is let through.
func recentEnough(version string) error {
	major, rest, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, errA := strconv.Atoi(major)
	b, errB := strconv.Atoi(minor)
	if errA == nil && errB == nil && (a < 1 || a == 1 && b < 10) {
		return &Error{Kind: KindUnimplemented, Op: "check server", Message: "version " + shorten(version) + " has no Query API: 1.10 or later is needed"}
	}
	return nil
}

package qdrant_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/rankcascade/cascade/retriever/qdrant"
	"github.com/rankcascade/cascade/retriever/qdrant/qdranttest"
)

func TestDialRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	const key = "not-a-real-key"
	for name, c := range map[string]struct {
		config qdrant.Config
		want   string
	}{
		"no URL":                {qdrant.Config{}, "URL is empty"},
		"another scheme":        {qdrant.Config{URL: "grpc://localhost:6334"}, `scheme "grpc": use http or https`},
		"a path":                {qdrant.Config{URL: "http://localhost:6334/collections"}, "more than scheme, host and port"},
		"a key in the URL":      {qdrant.Config{URL: "http://user:" + key + "@localhost"}, "the key belongs into APIKey"},
		"a key in the query":    {qdrant.Config{URL: "http://localhost?key=" + key}, "the key belongs into APIKey"},
		"no host":               {qdrant.Config{URL: "http://:6334"}, "no host"},
		"not a URL":             {qdrant.Config{URL: "http://" + key + " \x7f"}, "URL is not valid"},
		"a port out of range":   {qdrant.Config{URL: "localhost:99999"}, "between 1 and 65535"},
		"a key without TLS":     {qdrant.Config{URL: "http://qdrant.example:6334", APIKey: key}, "unencrypted"},
		"a negative reply size": {qdrant.Config{URL: "localhost", MaxReply: -1}, "MaxReply is -1"},
	} {
		_, err := qdrant.Dial(t.Context(), c.config)
		require.ErrorContains(t, err, c.want, name)
		assert.NotContains(t, err.Error(), key, name)
	}
}

func TestDialRefusesAServerWithoutTheQueryAPI(t *testing.T) {
	t.Parallel()
	server := qdranttest.Listen(t)
	for version, ok := range map[string]bool{"1.9.7": false, "0.11.0": false, "1.10.0": true, "2.0.0-rc1": true, "dev": true, "": true} {
		server.SetVersion(version)
		client, err := qdrant.Dial(t.Context(), qdrant.Config{URL: server.URL()})
		if !ok {
			require.ErrorContains(t, err, "1.10 or later is needed", version)
			continue
		}
		require.NoError(t, err, version)
		require.NoError(t, client.Close())
	}
}

func TestDialTakesAPlainAddress(t *testing.T) {
	t.Parallel()
	server := qdranttest.Listen(t)
	client, err := qdrant.Dial(t.Context(), qdrant.Config{URL: strings.TrimPrefix(server.URL(), "http://"), PoolSize: 1, KeepAlive: -1})
	require.NoError(t, err)
	require.NoError(t, client.Close())
}

// Nothing listens on 6333 here, so the failure shows which port was dialled.
func TestDialTakesTheRESTPortAsThatOfGRPC(t *testing.T) {
	t.Parallel()
	var dialled atomic.Value
	_, err := qdrant.Dial(t.Context(), qdrant.Config{URL: "http://127.0.0.1:6333", PoolSize: 1, GRPC: []grpc.DialOption{
		grpc.WithContextDialer(func(_ context.Context, address string) (net.Conn, error) {
			dialled.Store(address)
			return nil, net.ErrClosed
		}),
	}})
	require.Error(t, err)
	assert.Equal(t, "127.0.0.1:6334", dialled.Load())
}

func TestDialSpeaksTLS(t *testing.T) {
	t.Parallel()
	certificate, pool := selfSigned(t)
	server := qdranttest.Listen(t, grpc.Creds(credentials.NewServerTLSFromCert(&certificate)))
	address := strings.Replace(server.URL(), "http://", "https://", 1)
	client, err := qdrant.Dial(t.Context(), qdrant.Config{URL: address, APIKey: "not-a-real-key", TLS: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13}})
	require.NoError(t, err)
	require.NoError(t, client.Close())
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err = qdrant.Dial(ctx, qdrant.Config{URL: address})
	require.ErrorContains(t, err, "certificate", "one that nobody vouches for")
}

func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(raw)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}, pool
}

// W4: a health check is answered under any key.
func TestDialNoticesTheKey(t *testing.T) {
	t.Parallel()
	server := qdranttest.Listen(t)
	server.SetKeys("example-key-rw", "example-key-ro")
	for key, ok := range map[string]bool{"": false, "wrong-key": false, "EXAMPLE-KEY-RW": false, "example-key-ro": true, "example-key-rw": true} {
		client, err := qdrant.Dial(t.Context(), qdrant.Config{URL: server.URL(), APIKey: key})
		if ok {
			require.NoError(t, err, key)
			require.NoError(t, client.Close())
			continue
		}
		var e *qdrant.Error
		require.ErrorAs(t, err, &e, key)
		assert.Equal(t, qdrant.KindAuth, e.Kind)
		if key != "" {
			assert.NotContains(t, err.Error(), key)
		}
	}
}

// A key that is bound to a collection may not ask for another one.
func TestDialAcceptsAKeyOfOneCollection(t *testing.T) {
	t.Parallel()
	server := qdranttest.Listen(t)
	server.Fail("CollectionExists", 1, codes.PermissionDenied, "Forbidden: Access to collection cascade is required")
	client, err := qdrant.Dial(t.Context(), qdrant.Config{URL: server.URL()})
	require.NoError(t, err)
	require.NoError(t, client.Close())
}

// W10: the server's header tells a full storage from a rate limit.
func TestDialTellsAFullStorage(t *testing.T) {
	t.Parallel()
	full := func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		if !strings.HasSuffix(info.FullMethod, "/Upsert") {
			return handle(ctx, request)
		}
		_ = grpc.SetHeader(ctx, metadata.Pairs("qdrant-insufficient-storage", "1"))
		return nil, status.Error(codes.ResourceExhausted, "quota of the tenant is used up")
	}
	server := qdranttest.Listen(t, grpc.ChainUnaryInterceptor(full))
	client, err := qdrant.Dial(t.Context(), qdrant.Config{URL: server.URL()})
	require.NoError(t, err)
	defer client.Close()
	p, err := loaderFor(t, client, qdrant.LoaderOptions{}).Load(t.Context(), numbered(3, 0))
	var e *qdrant.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, qdrant.KindFull, e.Kind)
	assert.Zero(t, p.Retries)
}

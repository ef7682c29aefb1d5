package redistest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Certificates are an authority of a test, and a certificate of its own for a server
// on loopback and for a client.
type Certificates struct {
	// Roots trusts the authority.
	Roots *x509.CertPool
	// Client proves who the client is.
	Client tls.Certificate

	authority, certificate, key string // files
}

// NewCertificates makes certificates that are valid for an hour.
func NewCertificates(t testing.TB) Certificates {
	t.Helper()
	folder := t.TempDir()
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return path
	}
	template := func(serial int64, name string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
			NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
			KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, BasicConstraintsValid: true,
		}
	}
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	authority := template(1, "authority of a test")
	authority.IsCA = true
	der, err := x509.CreateCertificate(rand.Reader, authority, authority, &authorityKey.PublicKey, authorityKey)
	require.NoError(t, err)
	c := Certificates{Roots: x509.NewCertPool(), authority: write("authority.pem", "CERTIFICATE", der)}
	trusted, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	c.Roots.AddCert(trusted)

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	own := template(2, "localhost")
	own.IPAddresses, own.DNSNames = []net.IP{net.IPv4(127, 0, 0, 1)}, []string{"localhost"}
	own.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	der, err = x509.CreateCertificate(rand.Reader, own, trusted, &key.PublicKey, authorityKey)
	require.NoError(t, err)
	c.certificate = write("certificate.pem", "CERTIFICATE", der)
	c.Client = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	secret, err := x509.MarshalECPrivateKey(key)
	require.NoError(t, err)
	c.key = write("key.pem", "EC PRIVATE KEY", secret)
	return c
}

// StartTLS starts a server that speaks TLS beside the plain port of Start, or skips
// the test. It returns the port of TLS. auth says whether it wants a certificate of
// its clients.
func StartTLS(t testing.TB, c Certificates, auth bool, args ...string) (s *Server, port int) {
	t.Helper()
	URL(t)
	port = freePort(t)
	wants := map[bool]string{true: "yes", false: "no"}[auth]
	return Start(t, append([]string{
		"--tls-port", strconv.Itoa(port), "--tls-cert-file", c.certificate, "--tls-key-file", c.key,
		"--tls-ca-cert-file", c.authority, "--tls-auth-clients", wants,
	}, args...)...), port
}

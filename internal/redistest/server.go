// Package redistest gives tests a real Redis: the one that CASCADE_REDIS names, or
// one of their own that they may stop, freeze and kill.
package redistest

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// URL returns the address of the shared server, or skips the test. Tests that
// share it use keys of their own.
func URL(t testing.TB) string {
	t.Helper()
	url := os.Getenv("CASCADE_REDIS")
	if url == "" {
		t.Skip("CASCADE_REDIS is not set: bash .ci/redis.sh go test ... starts a server")
	}
	return url
}

// Server is a server of one test. Make one with Start.
type Server struct {
	t       testing.TB
	program string
	port    int
	args    []string

	mu      sync.Mutex
	process *exec.Cmd
}

// Start starts a server on loopback with more arguments, or skips the test where
// there is no program for it. It ends with the test.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	URL(t)
	program := os.Getenv("CASCADE_REDIS_SERVER")
	if program == "" {
		found, err := exec.LookPath("redis-server")
		if err != nil {
			t.Skip("there is no redis-server: set CASCADE_REDIS_SERVER to the program")
		}
		program = found
	}
	s := &Server{t: t, program: program, port: freePort(t), args: args}
	t.Cleanup(s.Kill)
	s.Restart()
	return s
}

func freePort(t testing.TB) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// Addr is the server's host and port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// URL is the server's address.
func (s *Server) URL() string { return "redis://" + s.Addr() + "/0" }

// Restart starts the server after Kill, without anything in it, and waits until it
// answers.
func (s *Server) Restart() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	args := append([]string{
		"--bind", "127.0.0.1", "--port", strconv.Itoa(s.port), "--save", "", "--appendonly", "no", "--dir", s.t.TempDir(),
	}, s.args...)
	s.process = exec.Command(s.program, args...)
	var said bytes.Buffer
	s.process.Stdout, s.process.Stderr = &said, &said
	require.NoError(s.t, s.process.Start())
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if s.answers() {
			return
		}
		require.True(s.t, time.Now().Before(end), "the server does not answer")
	}
}

// answers reports whether something speaks the protocol at the port; a server that
// wants a password does.
func (s *Server) answers() bool {
	c, err := net.DialTimeout("tcp", s.Addr(), time.Second)
	if err != nil {
		return false
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	if _, err := c.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	reply := make([]byte, 5)
	n, _ := c.Read(reply)
	return n > 0 && (reply[0] == '+' || bytes.HasPrefix(reply, []byte("-NOA")))
}

// Kill ends the server at once. It may be called again.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return
	}
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
	s.process = nil
}

// Freeze lets the server hang: it accepts connections and answers nothing until
// Thaw.
func (s *Server) Freeze() { s.signal(syscall.SIGSTOP) }

// Thaw ends Freeze.
func (s *Server) Thaw() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig os.Signal) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	require.NoError(s.t, s.process.Process.Signal(sig))
}

package postgres_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
)

// own is a server that a test may kill, on data that outlive it.
type own struct {
	programs, folder string
	port             int
	user             *syscall.Credential
	server           *exec.Cmd
	gone             chan struct{} // closed when server has ended
}

// nobody runs the server where the test runs as root, which PostgreSQL refuses.
const nobody = 65534

// startOwn starts a server from the programs of CASCADE_PGVECTOR_BIN or skips the test.
func startOwn(t *testing.T) *own {
	t.Helper()
	o := &own{programs: os.Getenv("CASCADE_PGVECTOR_BIN")}
	if o.programs == "" {
		t.Skip("no server to kill: run the tests as .ci/pgvector.sh go test ./retriever/postgres/...")
	}
	var err error
	o.folder, err = os.MkdirTemp("", "postgres")
	require.NoError(t, err)
	t.Cleanup(func() {
		o.end(syscall.SIGQUIT)
		require.NoError(t, os.RemoveAll(o.folder))
	})
	if os.Getuid() == 0 {
		o.user = &syscall.Credential{Uid: nobody, Gid: nobody}
		require.NoError(t, os.Chown(o.folder, nobody, nobody))
	}
	out, err := o.command("initdb", "-D", o.data(), "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C").CombinedOutput()
	require.NoError(t, err, "%s", out)
	rules := "host all keyed all scram-sha-256\nhost all all all trust\n"
	require.NoError(t, os.WriteFile(filepath.Join(o.data(), "pg_hba.conf"), []byte(rules), 0o600))
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	o.port = free.Addr().(*net.TCPAddr).Port
	require.NoError(t, free.Close())
	o.start(t)
	return o
}

func (o *own) data() string { return filepath.Join(o.folder, "data") }

func (o *own) command(program string, arguments ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(o.programs, program), arguments...)
	c.Dir = o.folder
	c.SysProcAttr = &syscall.SysProcAttr{Credential: o.user}
	return c
}

// start starts the server on its data and waits until it answers. The processes of one
// that was killed may need a moment to end, and the server does not start before.
func (o *own) start(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		if !o.runs() {
			o.server = o.command("postgres", "-D", o.data(), "-p", fmt.Sprint(o.port), "-c", "listen_addresses=127.0.0.1",
				"-c", "unix_socket_directories=", "-c", "max_connections=20", "-c", "fsync=off", "-c", "timezone=UTC")
			gone := make(chan struct{})
			o.gone = gone
			if o.server.Start() != nil {
				close(gone)
				return false
			}
			go func(c *exec.Cmd) { defer close(gone); _ = c.Wait() }(o.server)
		}
		return o.answers()
	}, time.Minute, 50*time.Millisecond)
}

func (o *own) answers() bool {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, o.address("postgres", ""))
	if err != nil {
		return false
	}
	return c.Close(ctx) == nil
}

func (o *own) runs() bool {
	if o.gone == nil {
		return false
	}
	select {
	case <-o.gone:
		return false
	default:
		return true
	}
}

// end sends a signal to the server and waits until it is gone. SIGKILL is for its
// processes too, as where a machine loses its power: one that has work may outlive the
// server otherwise.
func (o *own) end(s syscall.Signal) {
	if !o.runs() {
		return
	}
	pid := o.server.Process.Pid
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	_ = o.server.Process.Signal(s)
	if s == syscall.SIGKILL {
		for _, child := range strings.Fields(string(children)) {
			if pid, err := strconv.Atoi(child); err == nil {
				_ = syscall.Kill(pid, s)
			}
		}
	}
	<-o.gone
}

func (o *own) address(user, more string) string {
	return fmt.Sprintf("postgres://%s@127.0.0.1:%d/postgres?sslmode=disable%s", user, o.port, more)
}

func (o *own) pool(t *testing.T, user, more string) *pgxpool.Pool {
	t.Helper()
	return lazy(t, o.address(user, more))
}

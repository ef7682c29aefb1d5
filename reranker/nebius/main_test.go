package nebius_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails when a goroutine is left at the end; those of
// http.DefaultTransport, which a test uses as a plain caller would, are not ours.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"))
}

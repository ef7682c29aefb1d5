package proof_test

import (
	"errors"
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails when a goroutine is left at the end.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestFaults has a row for each fault that a rerank can meet, by number, and says
// what the caller gets under the chat profile.
func TestFaults(t *testing.T) {
	t.Parallel()
	run(t, connectionFaults(), bodyFaults(), contentFaults(), statusFaults(), loadFaults(), callerFaults(), dataFaults())
}

// anyAs is errors.As over several errors.
func anyAs(errs []error, target any) bool { return errors.As(errors.Join(errs...), target) }

package bleve_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain ignores the goroutines that are there before the first test: bleve
// starts its analysis workers when it is imported.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }

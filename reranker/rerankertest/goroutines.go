package rerankertest

import (
	"bytes"
	"context"
	"fmt"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rankcascade/cascade/reranker"
)

// goroutines demands that whatever a call starts has ended soon after it
// returned. Goroutines inherit the profiler labels of the one that starts them,
// so those of other tests do not count; nor do those that keep an idle
// connection of net/http.
func (s Suite) goroutines(t *testing.T, scorer reranker.Scorer) {
	label := fmt.Sprintf("%s-%p", t.Name(), t)
	pprof.Do(t.Context(), pprof.Labels("scorer", label), func(ctx context.Context) {
		_, err := scorer.Score(ctx, s.Query, s.Documents)
		assert.NoError(t, err)
		ended, cancel := context.WithCancel(ctx)
		cancel()
		_, err = scorer.Score(ended, s.Query, s.Documents)
		assert.Error(t, err)
	})
	var left []string
	for range 100 {
		if left = labelled(label); len(left) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond) // the runtime has no event for the end of a goroutine
	}
	t.Errorf("%d goroutines are left:\n%s", len(left), strings.Join(left, "\n\n"))
}

func labelled(label string) []string {
	var dump bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&dump, 1)
	var found []string
	for _, block := range strings.Split(dump.String(), "\n\n") {
		if strings.Contains(block, label) && !strings.Contains(block, "net/http.") {
			found = append(found, block)
		}
	}
	return found
}

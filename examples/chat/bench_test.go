package main

import (
	"testing"
	"time"

	"github.com/rankcascade/cascade/examples/internal/model"
	"github.com/stretchr/testify/require"
)

// BenchmarkQuestion asks the Go documentation the same question in new chats. It
// reports the time until the first list of sources, and the whole time stands as
// ns/op.
func BenchmarkQuestion(b *testing.B) {
	golang, err := newBot(b.Context(), options{model: model.MiniLM})
	require.NoError(b, err)
	defer golang.close()
	var first time.Duration
	n := 0
	for b.Loop() {
		s := &session{}
		began, seen := time.Now(), false
		require.NoError(b, golang.ask(b.Context(), s, "How do I set a timeout for an HTTP request?", func(e event) error {
			if e.Kind == "sources" && !seen {
				first, seen = first+time.Since(began), true
			}
			return nil
		}))
		n++
	}
	b.ReportMetric(float64(first.Milliseconds())/float64(n), "ms-to-sources")
}

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAShortSoakFailsNobody(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	err := soak(t.Context(), settings{length: 800 * time.Millisecond, every: 200 * time.Millisecond, faults: .2, workers: 2, seed: 1}, &out)
	if err != nil {
		require.ErrorContains(t, err, "late", "a busy machine may be late; nothing may fail")
	}
	assert.Contains(t, out.String(), " 0 failed")
}

func TestGrowthIsFound(t *testing.T) {
	t.Parallel()
	flat, growing := make([]sample, 20), make([]sample, 20)
	for i := range flat {
		flat[i] = sample{heap: 10 << 20, goroutines: 20, open: 30}
		growing[i] = sample{heap: uint64(10+i) << 20, goroutines: 20 + 10*i, open: 30}
	}
	require.NoError(t, verdict(flat, &counts{}, &strings.Builder{}))
	err := verdict(growing, &counts{}, &strings.Builder{})
	require.ErrorContains(t, err, "heap grew")
	require.ErrorContains(t, err, "goroutines grew")
	var failed counts
	failed.failed.Add(1)
	require.ErrorContains(t, verdict(flat, &failed, &strings.Builder{}), "queries failed")
}

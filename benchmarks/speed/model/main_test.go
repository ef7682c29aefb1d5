//go:build unix

package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestItComparesTheKernels(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), options{texts: 2, words: 3, rounds: 1}, &out))
	assert.Contains(t, out.String(), "ms a text")
	assert.Contains(t, out.String(), " 1.00\n")
}

func TestItComparesWorkersAndEndsThem(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), options{texts: 24, words: 60, rounds: 1, workers: 2}, &out))
	assert.Regexp(t, `^2 workers: \d+\.\d\d times as fast as one`, out.String())
	assert.Contains(t, out.String(), "ms later in the median")
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	t.Parallel()
	for says, o := range map[string]options{
		"-python needs -dir": {python: "python3", texts: 1, words: 1, rounds: 1},
		"at least 1":         {},
		"config.json":        {dir: t.TempDir(), texts: 1, words: 1, rounds: 1},
	} {
		assert.ErrorContains(t, run(t.Context(), o, &bytes.Buffer{}), says)
	}
}

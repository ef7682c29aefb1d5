package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheTableHasARowForEachMethodAndSize(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, run(&out, "rrf;convex(norm=minmax)", "2x20,3x10", time.Millisecond, ""))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 5)
	assert.Contains(t, lines[0], "bound")
	assert.Contains(t, lines[1], "2x20 rrf(k=60)")
	assert.Contains(t, lines[4], "3x10 convex(norm=minmax)")
}

func TestSizesAreRead(t *testing.T) {
	t.Parallel()
	_, err := parseShapes("2x100,5by7")
	require.ErrorContains(t, err, `size "5by7" is not of the form 5x1000`)
	require.ErrorContains(t, run(&strings.Builder{}, "rff", "2x20", time.Millisecond, ""), `did you mean "rrf"?`)
}

func TestDrawnListsShareHalfOfTheirDocuments(t *testing.T) {
	t.Parallel()
	q := draw(shape{5, 100}, 1)
	assert.Equal(t, 50+5*50, q.universe)
	assert.Len(t, q.named[0].Names[0], 25)
}

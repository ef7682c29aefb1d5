package pace

// White-box: when hedging gives up and comes back.

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHedgeRecord(t *testing.T) {
	t.Parallel()
	fire := func(h *hedgeRecord, won bool) {
		require.True(t, h.enabled())
		h.fired++
		h.record(won)
	}
	var h hedgeRecord
	n := 0
	for ; h.enabled(); n++ {
		fire(&h, false)
	}
	assert.LessOrEqual(t, n, 50, "losing hedges are switched off")
	for range hedgeRest {
		assert.False(t, h.enabled())
		h.called()
	}
	trial := 0
	for ; h.enabled(); trial++ {
		fire(&h, false)
	}
	assert.LessOrEqual(t, trial, 10, "a trial that loses is short")

	for range hedgeRest {
		h.called()
	}
	for range 200 {
		fire(&h, true)
	}
	assert.True(t, h.enabled(), "a trial that wins goes on")

	h = hedgeRecord{}
	for i := range 500 {
		fire(&h, i%4 == 0)
	}
	assert.Zero(t, h.level, "a quarter of wins is enough")

	h = hedgeRecord{}
	for range hedgeLevels[0].window {
		require.True(t, h.enabled())
		h.fired++
	}
	assert.False(t, h.enabled(), "outstanding hedges count as lost")
}

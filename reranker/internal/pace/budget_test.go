package pace

// White-box: the budget for extra calls is compared with a count of all calls.

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestExtraBudgetFollowsItsModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		burst := rapid.IntRange(0, 20).Draw(t, "burst")
		share := rapid.Float64Range(0, 1).Draw(t, "share")
		b := newExtraBudget(share, burst)
		level := float64(burst)
		first, extra := 0, 0
		t.Repeat(map[string]func(*rapid.T){
			"first call": func(*rapid.T) {
				b.earn()
				first++
				level = min(level+share, float64(burst))
			},
			"extra calls": func(t *rapid.T) {
				n := rapid.IntRange(1, 3).Draw(t, "n")
				ok := b.spend(n)
				require.Equal(t, level >= float64(n), ok, "all or none")
				if !ok {
					return
				}
				extra += n
				level -= float64(n)
				if rapid.Bool().Draw(t, "undone") {
					b.refund(n)
					extra -= n
					level = min(level+float64(n), float64(burst))
				}
			},
			"": func(t *rapid.T) {
				require.InDelta(t, level, b.level, 1e-9)
				require.LessOrEqual(t, float64(extra), float64(burst)+share*float64(first)+1e-9)
			},
		})
	})
}

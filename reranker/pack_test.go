package reranker

// White-box: parcels are a partition within their bounds, whatever the sizes.

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestPackIsAPartitionWithinTheBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 80).Draw(t, "documents")
		items := make([]cargo, n)
		for i := range items {
			size := rapid.IntRange(1, 4000).Draw(t, "bytes")
			items[i] = cargo{document: i, bytes: size, tokens: 1 + size/4}
		}
		want := rapid.IntRange(1, 40).Draw(t, "want")
		bounds := packBounds{
			documents: rapid.IntRange(0, 40).Draw(t, "most documents"),
			bytes:     rapid.IntRange(0, 9000).Draw(t, "most bytes"),
			tokens:    rapid.IntRange(0, 3000).Draw(t, "most tokens"),
		}
		again := slices.Clone(items)
		parcels := pack(items, want, bounds)
		require.Equal(t, parcels, pack(again, want, bounds), "equal inputs give equal parcels")
		var seen []int
		for _, p := range parcels {
			require.NotEmpty(t, p.documents)
			seen = append(seen, p.documents...)
			if len(p.documents) == 1 {
				continue
			}
			require.True(t, bounds.documents == 0 || len(p.documents) <= bounds.documents)
			require.True(t, bounds.bytes == 0 || p.bytes <= bounds.bytes)
			require.True(t, bounds.tokens == 0 || p.tokens <= bounds.tokens)
		}
		slices.Sort(seen)
		for i, d := range seen {
			require.Equal(t, i, d, "every document once")
		}
		require.Len(t, seen, n)
		if bounds == (packBounds{}) {
			require.Len(t, parcels, min(want, n), "the number that was asked for")
		}
	})
}

func TestPackBalancesTokens(t *testing.T) {
	t.Parallel()
	var items []cargo
	for i := range 200 {
		size := 50 + (i*7919)%900
		items = append(items, cargo{document: i, bytes: 4 * size, tokens: size})
	}
	parcels := pack(items, 8, packBounds{})
	require.Len(t, parcels, 8)
	least, most := parcels[0].tokens, parcels[0].tokens
	for _, p := range parcels {
		least, most = min(least, p.tokens), max(most, p.tokens)
	}
	assert.Less(t, float64(most), 1.15*float64(least))

	exact := pack(make([]cargo, 1000), 1, packBounds{documents: 32})
	assert.Len(t, exact, 32, "a bound on documents makes the least number of parcels")
}

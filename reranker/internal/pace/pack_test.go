package pace

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
		items := make([]Item, n)
		for i := range items {
			size := rapid.IntRange(1, 4000).Draw(t, "bytes")
			items[i] = Item{Document: i, Bytes: size, Tokens: 1 + size/4}
		}
		want := rapid.IntRange(1, 40).Draw(t, "want")
		bounds := Bounds{
			Documents: rapid.IntRange(0, 40).Draw(t, "most documents"),
			Bytes:     rapid.IntRange(0, 9000).Draw(t, "most bytes"),
			Tokens:    rapid.IntRange(0, 3000).Draw(t, "most tokens"),
		}
		again := slices.Clone(items)
		parcels := Pack(items, want, bounds)
		require.Equal(t, parcels, Pack(again, want, bounds), "equal inputs give equal parcels")
		var seen []int
		for _, p := range parcels {
			require.NotEmpty(t, p.Documents)
			seen = append(seen, p.Documents...)
			if len(p.Documents) == 1 {
				continue
			}
			require.True(t, bounds.Documents == 0 || len(p.Documents) <= bounds.Documents)
			require.True(t, bounds.Bytes == 0 || p.Bytes <= bounds.Bytes)
			require.True(t, bounds.Tokens == 0 || p.Tokens <= bounds.Tokens)
		}
		slices.Sort(seen)
		for i, d := range seen {
			require.Equal(t, i, d, "every document once")
		}
		require.Len(t, seen, n)
		if bounds == (Bounds{}) {
			require.Len(t, parcels, min(want, n), "the number that was asked for")
		}
	})
}

func TestPackBalancesTokens(t *testing.T) {
	t.Parallel()
	var items []Item
	for i := range 200 {
		size := 50 + (i*7919)%900
		items = append(items, Item{Document: i, Bytes: 4 * size, Tokens: size})
	}
	parcels := Pack(items, 8, Bounds{})
	require.Len(t, parcels, 8)
	least, most := parcels[0].Tokens, parcels[0].Tokens
	for _, p := range parcels {
		least, most = min(least, p.Tokens), max(most, p.Tokens)
	}
	assert.Less(t, float64(most), 1.15*float64(least))

	exact := Pack(make([]Item, 1000), 1, Bounds{Documents: 32})
	assert.Len(t, exact, 32, "a bound on documents makes the least number of parcels")
}

func TestTheLeastNumberOfParcelsFollowsFromEachBound(t *testing.T) {
	t.Parallel()
	items := func() []Item {
		return []Item{{0, 40, 10}, {1, 40, 10}, {2, 40, 10}, {3, 400, 100}}
	}
	for name, c := range map[string]struct {
		bounds Bounds
		least  int
	}{
		"no bound":                           {Bounds{}, 1},
		"documents":                          {Bounds{Documents: 3}, 2},
		"bytes, of which one has too many":   {Bounds{Bytes: 80}, 3},
		"tokens, of which one has too many":  {Bounds{Tokens: 20}, 3},
		"what fits exactly":                  {Bounds{Documents: 4, Bytes: 520, Tokens: 130}, 1},
		"one byte less":                      {Bounds{Bytes: 519}, 2},
		"one token less":                     {Bounds{Tokens: 129}, 2},
		"the bound that asks for most":       {Bounds{Documents: 2, Bytes: 200, Tokens: 20}, 3},
		"the bound on documents asks for it": {Bounds{Documents: 1, Bytes: 200, Tokens: 100}, 4},
	} {
		assert.Equal(t, c.least, fewest(items(), c.bounds), name)
		assert.GreaterOrEqual(t, len(Pack(items(), 1, c.bounds)), c.least, name)
	}
	assert.Zero(t, fewest(nil, Bounds{Tokens: 1}))
	even := make([]Item, 12)
	for i := range even {
		even[i] = Item{i, 40, 10}
	}
	for _, p := range Pack(even, 1, Bounds{Tokens: 50}) {
		assert.Equal(t, 40, p.Tokens, "three calls of equal tokens, and not two full ones and a rest")
	}
}

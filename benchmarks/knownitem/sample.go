package knownitem

import (
	"cmp"
	"slices"

	"github.com/rankcascade/cascade/benchmarks/trec"
)

// sample takes the documents with the smallest hashes, in their order.
func sample(at []int, documents []trec.Document, o Options) []int {
	chosen := slices.Clone(at)
	slices.SortFunc(chosen, func(a, b int) int {
		return cmp.Or(cmp.Compare(hash(o.Seed, "\x00"+documents[a].ID), hash(o.Seed, "\x00"+documents[b].ID)), cmp.Compare(a, b))
	})
	chosen = chosen[:o.Most]
	slices.Sort(chosen)
	return chosen
}

// hash is FNV-1a with a seed, finished by SplitMix64.
func hash(seed uint64, text string) uint64 {
	h := 14695981039346656037 ^ seed*0x9e3779b97f4a7c15
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

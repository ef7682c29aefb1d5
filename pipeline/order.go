package pipeline

import (
	"cmp"
	"slices"
)

// Sort puts hits into the one total order of this module: score descending,
// then rank ascending, then ID ascending. Nothing else in the module sorts
// hits, so results do not depend on the order in which work finished.
//
// rank returns a hit's best rank, from 1, in the input that it came from; nil
// means the position of the hit in the argument. Scores must not be NaN.
func Sort(hits []Hit, rank func(Hit) int) {
	if rank == nil {
		sortByPosition(hits)
		return
	}
	type ranked struct {
		hit  Hit
		rank int
	}
	keyed := make([]ranked, len(hits))
	for i, h := range hits {
		keyed[i] = ranked{h, rank(h)}
	}
	slices.SortFunc(keyed, func(a, b ranked) int {
		return Compare(a.hit.Score, b.hit.Score, a.rank, b.rank, a.hit.Document.ID, b.hit.Document.ID)
	})
	for i, k := range keyed {
		hits[i] = k.hit
	}
}

// sortByPosition is a stable sort by score. It sorts small keys instead of hits,
// since moving those about, with their pointers, costs several times as much.
func sortByPosition(hits []Hit) {
	type key struct {
		score    float64
		position int
	}
	keys := make([]key, len(hits))
	sorted := true
	for i, h := range hits {
		keys[i] = key{h.Score, i}
		sorted = sorted && (i == 0 || cmp.Compare(hits[i-1].Score, h.Score) >= 0)
	}
	if sorted {
		return
	}
	slices.SortFunc(keys, func(a, b key) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return a.position - b.position
	})
	for i := range keys { // move each cycle of the permutation
		first := hits[i]
		for to := i; keys[to].position != to; {
			from := keys[to].position
			keys[to].position = to
			if from == i {
				hits[to] = first
				break
			}
			hits[to] = hits[from]
			to = from
		}
	}
}

// Compare is the total order itself: negative when a stands before b. Code that
// sorts other things than hits (ids in a fusion kernel, lines of a run) uses it
// so that the order stays one.
func Compare(scoreA, scoreB float64, rankA, rankB int, idA, idB string) int {
	if c := cmp.Compare(scoreB, scoreA); c != 0 {
		return c
	}
	if c := cmp.Compare(rankA, rankB); c != 0 {
		return c
	}
	return cmp.Compare(idA, idB)
}

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
		slices.SortStableFunc(hits, func(a, b Hit) int { return cmp.Compare(b.Score, a.Score) })
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

package nebius

import "hash/maphash"

// texts finds a text that stands among documents twice, at a third of the cost of
// a map. The zero value finds none.
type texts struct {
	documents []string
	// slots is an open addressing table, at most half full, of positions plus 1. The
	// seed is random, which shows in nothing.
	slots []uint32
	seed  maphash.Seed
}

func newTexts(documents []string) texts {
	size := 16
	for size < 2*len(documents) {
		size *= 2
	}
	return texts{documents: documents, slots: make([]uint32, size), seed: maphash.MakeSeed()}
}

// first returns the position of the first document that is known to be equal to
// the one at i, which is known from then on; i if there is none.
func (t *texts) first(i int) int {
	if t.slots == nil {
		return i
	}
	mask := uint64(len(t.slots) - 1)
	for at := maphash.String(t.seed, t.documents[i]) & mask; ; at = (at + 1) & mask {
		held := t.slots[at]
		if held == 0 {
			t.slots[at] = uint32(i + 1)
			return i
		}
		if t.documents[held-1] == t.documents[i] {
			return int(held - 1)
		}
	}
}

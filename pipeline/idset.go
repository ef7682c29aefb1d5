package pipeline

import "hash/maphash"

// few is the number of hits that are compared with each other, without a table.
const few = 12

// idSet finds an ID that stands twice among hits. It is made for one pass over a
// ranking, which every part's result gets: a map of strings would cost several
// times as much.
type idSet struct {
	hits []Hit
	// slots is an open addressing table of positions plus 1, at most three quarters
	// full, or nil for few hits. The seed is random, which shows in nothing.
	slots []uint32
	seed  maphash.Seed
}

func newIDSet(hits []Hit) idSet {
	s := idSet{hits: hits}
	if len(hits) <= few {
		return s
	}
	size := 16
	for 3*size < 4*len(hits) {
		size *= 2
	}
	s.slots, s.seed = make([]uint32, size), maphash.MakeSeed()
	return s
}

// add adds the ID of the hit at position i, and reports false if a hit that was
// added before has it.
func (s *idSet) add(i int) bool {
	id := s.hits[i].Document.ID
	if s.slots == nil {
		for j := range i {
			if s.hits[j].Document.ID == id {
				return false
			}
		}
		return true
	}
	mask := uint64(len(s.slots) - 1)
	for at := maphash.String(s.seed, id) & mask; ; at = (at + 1) & mask {
		held := s.slots[at]
		if held == 0 {
			s.slots[at] = uint32(i + 1)
			return true
		}
		if s.hits[held-1].Document.ID == id {
			return false
		}
	}
}

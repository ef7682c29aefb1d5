package trec

import "github.com/rankcascade/cascade/benchmarks/internal/idhash"

// repeats finds ids that occur twice within a topic, for one topic after the
// other: a table with open addressing whose slots are emptied by counting up
// the generation. The seed is random and decides only where an id is kept.
type repeats struct {
	slots      []repeatSlot
	generation uint32
	seed       uint64
}

type repeatSlot struct {
	generation, tag uint32
	index           int32
}

// reset empties the table and makes room for n ids.
func (r *repeats) reset(n int) {
	size := 64
	for size < 2*n {
		size *= 2
	}
	if size > len(r.slots) || r.generation == 1<<32-1 {
		if len(r.slots) == 0 {
			r.seed = idhash.Seed()
		}
		r.slots, r.generation = make([]repeatSlot, max(size, len(r.slots))), 0
	}
	r.generation++
}

// add enters an id under an index and returns the index under which it was
// entered before, if it was. at returns the id of an index.
func (r *repeats) add(id string, index int, at func(int) string) (int, bool) {
	h := idhash.Of(r.seed, id)
	tag, mask := uint32(h>>32), len(r.slots)-1
	for i := int(uint32(h)) & mask; ; i = (i + 1) & mask {
		s := &r.slots[i]
		if s.generation != r.generation {
			*s = repeatSlot{generation: r.generation, tag: tag, index: int32(index)}
			return index, false
		}
		if s.tag == tag && at(int(s.index)) == id {
			return int(s.index), true
		}
	}
}

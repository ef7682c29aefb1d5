package fusion

import (
	"hash/maphash"
	"slices"
)

// Interner gives the documents of one request dense ids, so that strings are
// met once, at the edge. Ids count from 0 in the order in which names are met.
// The zero value is ready; it is not safe for concurrent use. Reset keeps the
// memory for the next request.
type Interner struct {
	// slots is an open addressing table, at most three quarters full: the hash and
	// the id plus 1 of each name in one number, 0 for an empty slot. The seed is
	// random, which shows in nothing: ids do not depend on where a name is kept.
	slots []uint64
	names []string
	seed  maphash.Seed
}

// ID returns the id of name, a new one if it has not been met.
func (in *Interner) ID(name string) uint32 {
	if 4*(len(in.names)+1) > 3*len(in.slots) {
		in.grow(max(64, 2*len(in.slots)))
	}
	hash := maphash.String(in.seed, name) >> 32
	mask := uint64(len(in.slots) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		held := in.slots[at&mask]
		if held == 0 {
			in.names = append(in.names, name)
			in.slots[at&mask] = hash<<32 | uint64(len(in.names))
			return uint32(len(in.names) - 1)
		}
		if held>>32 == hash && in.names[uint32(held)-1] == name {
			return uint32(held) - 1
		}
	}
}

// grow moves the names to a table of that many slots, a power of 2.
func (in *Interner) grow(slots int) {
	if in.slots == nil {
		in.seed = maphash.MakeSeed()
	}
	old := in.slots
	in.slots = make([]uint64, slots)
	mask := uint64(slots - 1)
	for _, held := range old {
		if held == 0 {
			continue
		}
		at := held >> 32 & mask
		for in.slots[at] != 0 {
			at = (at + 1) & mask
		}
		in.slots[at] = held
	}
}

// reserve makes room for n names in an interner that is new or was Reset.
func (in *Interner) reserve(n int) {
	slots := 64
	for 3*slots < 4*(n+1) {
		slots *= 2
	}
	if cap(in.slots) < slots {
		in.slots, in.seed = make([]uint64, slots), maphash.MakeSeed()
	}
	in.slots, in.names = in.slots[:slots], slices.Grow(in.names, n) // Reset left zeros
}

// Append appends the ids of names to dst.
func (in *Interner) Append(dst []uint32, names []string) []uint32 {
	for _, name := range names {
		dst = append(dst, in.ID(name))
	}
	return dst
}

// Name returns the name behind an id that ID gave out since the last Reset.
func (in *Interner) Name(id uint32) string { return in.names[id] }

// Names returns all names by id. The slice is valid until the next Reset.
func (in *Interner) Names() []string { return in.names }

// Len returns the number of distinct names.
func (in *Interner) Len() int { return len(in.names) }

// Reset forgets all names and keeps the memory.
func (in *Interner) Reset() {
	clear(in.slots)
	clear(in.names)
	in.names = in.names[:0]
}

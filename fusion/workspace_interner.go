package fusion

import "hash/maphash"

// Interner gives the documents of one request dense ids, so that strings are
// met once, at the edge. Ids count from 0 in the order in which names are met.
// The zero value is ready; it is not safe for concurrent use. Reset keeps the
// memory for the next request.
type Interner struct {
	// slots is an open addressing table, at most three quarters full: hash and id plus 1 of
	// each slot side by side, 0 and 0 for an empty one. The seed is random, which
	// shows in nothing: ids do not depend on where a name is kept.
	slots []uint32
	names []string
	seed  maphash.Seed
}

// ID returns the id of name, a new one if it has not been met.
func (in *Interner) ID(name string) uint32 {
	if 8*(len(in.names)+1) > 3*len(in.slots) {
		in.grow(max(64, len(in.slots)))
	}
	hash := uint32(maphash.String(in.seed, name))
	mask := uint32(len(in.slots)/2 - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		slot := in.slots[2*at : 2*at+2]
		if slot[1] == 0 {
			in.names = append(in.names, name)
			slot[0], slot[1] = hash, uint32(len(in.names))
			return slot[1] - 1
		}
		if slot[0] == hash && in.names[slot[1]-1] == name {
			return slot[1] - 1
		}
	}
}

// grow moves the names to a table of that many slots, a power of 2.
func (in *Interner) grow(slots int) {
	if in.slots == nil {
		in.seed = maphash.MakeSeed()
	}
	old := in.slots
	in.slots = make([]uint32, 2*slots)
	in.refill(old)
}

// refill puts the names of another table into the one in place.
func (in *Interner) refill(old []uint32) {
	mask := uint32(len(in.slots)/2 - 1)
	for i := 0; i < len(old); i += 2 {
		if old[i+1] == 0 {
			continue
		}
		at := old[i] & mask
		for in.slots[2*at+1] != 0 {
			at = (at + 1) & mask
		}
		in.slots[2*at], in.slots[2*at+1] = old[i], old[i+1]
	}
}

// reserve makes room for n names in an interner that has met none, and returns
// memory for spare numbers from the same piece.
func (in *Interner) reserve(n, spare int) []uint32 {
	slots := 64
	for 3*slots < 4*(n+1) {
		slots *= 2
	}
	piece := make([]uint32, 2*slots+spare)
	in.seed = maphash.MakeSeed()
	in.slots, in.names = piece[:2*slots:2*slots], make([]string, 0, n)
	return piece[2*slots:]
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

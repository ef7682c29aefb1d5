package fusion

import "hash/maphash"

// Interner gives the documents of one request dense ids, so that strings are
// met once, at the edge. Ids count from 0 in the order in which names are met.
// The zero value is ready; it is not safe for concurrent use. Reset keeps the
// memory for the next request.
type Interner struct {
	// slots is an open addressing table, at most half full. The seed is random,
	// which shows in nothing: ids do not depend on where a name is kept.
	slots []internSlot
	names []string
	seed  maphash.Seed
}

// internSlot is empty where id is 0, else it holds the id plus 1.
type internSlot struct{ hash, id uint32 }

// ID returns the id of name, a new one if it has not been met.
func (in *Interner) ID(name string) uint32 {
	if 2*(len(in.names)+1) > len(in.slots) {
		in.grow()
	}
	hash := uint32(maphash.String(in.seed, name))
	mask := uint32(len(in.slots) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		s := &in.slots[at]
		if s.id == 0 {
			in.names = append(in.names, name)
			*s = internSlot{hash, uint32(len(in.names))}
			return s.id - 1
		}
		if s.hash == hash && in.names[s.id-1] == name {
			return s.id - 1
		}
	}
}

// grow doubles the table and puts the names into it again.
func (in *Interner) grow() {
	if in.slots == nil {
		in.seed = maphash.MakeSeed()
	}
	old := in.slots
	in.slots = make([]internSlot, max(64, 2*len(old)))
	mask := uint32(len(in.slots) - 1)
	for _, s := range old {
		if s.id == 0 {
			continue
		}
		at := s.hash & mask
		for in.slots[at].id != 0 {
			at = (at + 1) & mask
		}
		in.slots[at] = s
	}
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

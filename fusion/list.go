package fusion

import "github.com/rankcascade/cascade/pipeline"

// List is one ranked list of one query on request-local ids. Its order is the
// ranking: the entry at index i has rank i+1.
//
// Ids should be dense (see Interner): the kernel's memory grows with the largest
// one. A List is read and never written to, so lists may be shared.
type List struct {
	// IDs are the documents, best first, each once.
	IDs []uint32
	// Scores has one finite score for each id, higher is better; nil when the
	// list has an order and no scores, which then count as 1/rank.
	Scores []float64
	// Scale is what the scores mean.
	Scale pipeline.Scale
}

// Len returns the number of entries.
func (l List) Len() int { return len(l.IDs) }

// Task is one query's lists, and how many documents are wanted.
type Task struct {
	// Lists are fused in this order, which fixes the order of summation.
	Lists []List
	// Names are the documents' names by id. They decide between documents of
	// equal score and equal best rank; nil lets the smaller id come first.
	Names []string
	// Limit is how many documents are wanted; 0 means all.
	Limit int
}

// Scored is a document in a fused list.
type Scored struct {
	ID    uint32
	Score float64
}

// Interner gives the documents of one request dense ids, so that strings are
// met once, at the edge. The zero value is ready; it is not safe for concurrent
// use. Reset keeps the memory for the next request.
type Interner struct {
	ids   map[string]uint32
	names []string
}

// ID returns the id of name, a new one if it has not been met: 0, 1, 2 ...
func (in *Interner) ID(name string) uint32 {
	if id, ok := in.ids[name]; ok {
		return id
	}
	if in.ids == nil {
		in.ids = make(map[string]uint32)
	}
	id := uint32(len(in.names))
	in.ids[name] = id
	in.names = append(in.names, name)
	return id
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
	clear(in.ids)
	clear(in.names)
	in.names = in.names[:0]
}

package measure

import (
	"github.com/rankcascade/cascade/benchmarks/internal/idhash"
	"github.com/rankcascade/cascade/benchmarks/trec"
)

// gradeTable looks up the grades of one topic after the other: open addressing,
// emptied by counting up the generation. The seed is random and decides only
// where a document is kept.
type gradeTable struct {
	slots      []gradeSlot
	generation uint32
	seed       uint64
	judged     []trec.Judgement
}

type gradeSlot struct {
	generation, tag uint32
	index, grade    int32
}

// fill replaces the table's content. Negative grades become notJudged; of a
// document that is judged twice the last grade stays.
func (g *gradeTable) fill(judged []trec.Judgement) {
	size := 64 // sparse while that is in the first cache, where misses end at once
	for size < 2*len(judged) || size < 8*len(judged) && size < 1024 {
		size *= 2
	}
	if size > len(g.slots) || g.generation == 1<<32-1 {
		if len(g.slots) == 0 {
			g.seed = idhash.Seed()
		}
		g.slots, g.generation = make([]gradeSlot, max(size, len(g.slots))), 0
	}
	g.generation++
	g.judged = judged
	for i, j := range judged {
		grade := int32(j.Grade)
		if grade < 0 {
			grade = notJudged
		}
		slot, tag := g.find(j.Document)
		*slot = gradeSlot{generation: g.generation, tag: tag, index: int32(i), grade: grade}
	}
}

// find returns the slot that holds the document, or the empty one where it
// would be.
func (g *gradeTable) find(document string) (*gradeSlot, uint32) {
	h := idhash.Of(g.seed, document)
	tag, mask := uint32(h>>32), len(g.slots)-1
	for i := int(uint32(h)) & mask; ; i = (i + 1) & mask {
		s := &g.slots[i]
		if s.generation != g.generation || s.tag == tag && g.judged[s.index].Document == document {
			return s, tag
		}
	}
}

// of returns the grade of a document, and whether it has one.
func (g *gradeTable) of(document string) (int32, bool) {
	s, _ := g.find(document)
	if s.generation != g.generation {
		return notPooled, false
	}
	return s.grade, true
}

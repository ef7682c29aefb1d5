package fusion

// FixedList reports whether what the list at that position, from 0, adds to a
// document's fused score depends on nothing of that list but the document's own
// score, and never falls when that score rises. Exact pruning asks it about the
// list whose scores are still to come; the others may be normalised by any means.
func (f Convex) FixedList(list int) bool { return f.scoring().fixedList(list) }

// FixedList is that of Convex.
func (f WSUM) FixedList(list int) bool { return f.scoring().fixedList(list) }

// FixedList is that of Convex.
func (f CombSUM) FixedList(list int) bool { return f.scoring().fixedList(list) }

func (s scoring) fixedList(list int) bool {
	if list >= 0 && list < len(s.norms) && s.norms[list] != nil {
		return fixed(s.norms[list])
	}
	return fixed(s.norm)
}

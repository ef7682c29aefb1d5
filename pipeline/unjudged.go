package pipeline

import "slices"

// fall is one of several lists that a fuser should be given whose maker judged
// nothing of it, and why.
type fall struct {
	list   int
	reason Reason
}

// emptied returns the lists with those that have fallen empty, on the scale that
// their makers declare.
func emptied[T any](lists []Ranking, fallen []fall, parts []part[T]) []Ranking {
	out := slices.Clone(lists)
	for _, f := range fallen {
		out[f.list] = lists[f.list].Derive(nil)
		out[f.list].Scale = scaleOf(parts[f.list].do)
	}
	return out
}

// honest marks the hits of a fused ranking as imputed that one of the lists holds
// unjudged, and puts documents that only a fallen list holds at the end. lists are
// what the parts returned. A fuser cannot do this itself: it is not given the
// lists that have fallen, and a user's own fuser need not know of it.
func honest(fuser string, r Ranking, lists []Ranking, fallen []fall) Ranking {
	u := unjudged{fuser: fuser, reasons: map[string]Reason{}}
	for _, f := range fallen {
		for _, h := range lists[f.list].Hits {
			u.reasons[h.Document.ID] = f.reason
		}
	}
	for _, in := range lists {
		for _, h := range in.Hits {
			if !h.Judged() {
				u.reasons[h.Document.ID] = h.Newest().Reason
			}
		}
	}
	if len(u.reasons) == 0 {
		return r
	}
	hits := u.marked(r, lists)
	for _, f := range fallen {
		hits = u.append(hits, r.Scale, lists[f.list].Hits)
	}
	return r.Derive(hits)
}

// unjudged are the documents that a list holds without a judgement, and why.
type unjudged struct {
	fuser   string
	reasons map[string]Reason
}

// marked returns the hits of r. The fuser's mark on an unjudged one says that it
// is imputed; where the fuser left none, a mark is added.
func (u unjudged) marked(r Ranking, lists []Ranking) []Hit {
	before := map[string]int{}
	for _, in := range lists {
		for _, h := range in.Hits {
			before[h.Document.ID] = max(before[h.Document.ID], len(h.Marks()))
		}
	}
	hits := slices.Clone(r.Hits)
	for i, h := range hits {
		reason, ok := u.reasons[h.Document.ID]
		if !ok {
			continue
		}
		m := Mark{Stage: u.fuser, Rank: i + 1, Scale: r.Scale}
		marks := h.Marks()
		if last := len(marks) - 1; last >= before[h.Document.ID] {
			m, h.Trail = marks[last], TrailOf(marks[:last]...)
		}
		m.Score, m.Status, m.Reason = h.Score, Imputed, reason
		hits[i] = h.Marked(m)
	}
	return hits
}

// append adds the hits whose documents are not there yet, with the lowest score.
func (u unjudged) append(hits []Hit, scale Scale, more []Hit) []Hit {
	lowest, there := 0.0, make(map[string]bool, len(hits))
	for _, h := range hits {
		lowest, there[h.Document.ID] = h.Score, true
	}
	for _, h := range more {
		if there[h.Document.ID] {
			continue
		}
		m := Mark{Stage: u.fuser, Rank: len(hits) + 1, Score: lowest, Scale: scale, Status: Imputed, Reason: u.reasons[h.Document.ID]}
		hits = append(hits, h.Marked(m))
	}
	return hits
}

// behind returns the hits of a fused ranking and, below them, the hits that were
// left out of it on purpose.
func behind(fuser string, r Ranking, more []Hit) []Hit {
	u := unjudged{fuser: fuser, reasons: make(map[string]Reason, len(more))}
	for _, h := range more {
		u.reasons[h.Document.ID] = ReasonNotSent
	}
	return u.append(slices.Clip(r.Hits), r.Scale, more)
}

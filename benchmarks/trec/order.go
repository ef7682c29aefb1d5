package trec

import (
	"cmp"
	"math"
	"slices"
)

// TieRule says in which order documents with equal scores are evaluated.
type TieRule uint8

// The tie rules.
const (
	// DocDescending is trec_eval's: the greater document id first, bytewise.
	DocDescending TieRule = iota
	// DocAscending puts the smaller id first.
	DocAscending
	// InputOrder keeps the order of the file.
	InputOrder
	// Expected takes the mean over all orders of the tied documents, so that no
	// id decides (McSherry and Najork 2008). Only a measure can do that; Sort
	// orders ties as DocDescending does.
	Expected
)

// String names the rule as reports print it.
func (t TieRule) String() string {
	return [...]string{"document descending", "document ascending", "input order", "expected value over all orders"}[t]
}

// Order says how a topic's entries are ordered before they are evaluated.
type Order struct {
	// Ties decides between equal scores.
	Ties TieRule
	// Float32 compares scores as 32-bit numbers, as trec_eval did up to version
	// 9: scores that differ only beyond its precision are ties.
	Float32 bool
}

// Sort orders entries in place: score descending, then the tie rule. The rank
// column plays no part.
func (o Order) Sort(entries []Entry) {
	if o.Sorted(entries) {
		return
	}
	sorted := make([]Entry, len(entries))
	for i, from := range o.Ranking(entries, nil) {
		sorted[i] = entries[from]
	}
	copy(entries, sorted)
}

// Ranking returns the indices of the entries in the order in which Sort would
// put them. It uses the memory of into and leaves the entries as they are. Runs
// that stand in the order of their scores, as nearly all do, cost one pass.
func (o Order) Ranking(entries []Entry, into []int32) []int32 {
	into = into[:0]
	falling, tied := true, false
	above := math.Inf(1)
	for i := range entries {
		into = append(into, int32(i))
		score := o.score(&entries[i])
		if !(score < above) {
			tied = true
			falling = falling && score == above
		}
		above = score
	}
	switch {
	case !falling:
		o.sortIndices(entries, into)
		return into
	case !tied || o.Ties == InputOrder:
		return into
	}
	for start, i := 0, 1; i <= len(entries); i++ {
		if i < len(entries) && o.score(&entries[i]) == o.score(&entries[start]) {
			continue
		}
		if i-start == 2 && o.compareTied(&entries[start], &entries[start+1]) > 0 {
			into[start], into[start+1] = into[start+1], into[start]
		}
		if i-start > 2 {
			slices.SortFunc(into[start:i], func(a, b int32) int { return o.compareIndices(entries, a, b) })
		}
		start = i
	}
	return into
}

// sortIndices compares scores many times and moves no entry.
func (o Order) sortIndices(entries []Entry, into []int32) {
	type key struct {
		score float64
		index int32
	}
	keys := make([]key, len(entries))
	for i := range entries {
		keys[i] = key{o.score(&entries[i]), int32(i)}
	}
	slices.SortFunc(keys, func(a, b key) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		if c := cmp.Compare(b.score, a.score); c != 0 { // NaN comes last
			return c
		}
		return o.compareIndices(entries, a.index, b.index)
	})
	for i, k := range keys {
		into[i] = k.index
	}
}

// compareIndices orders two entries with equal scores.
func (o Order) compareIndices(entries []Entry, a, b int32) int {
	if c := o.compareTied(&entries[a], &entries[b]); c != 0 {
		return c
	}
	return int(a - b)
}

// Sorted reports whether Sort would leave the entries as they are.
func (o Order) Sorted(entries []Entry) bool {
	for i := 1; i < len(entries); i++ {
		a, b := &entries[i-1], &entries[i]
		above, below := o.score(a), o.score(b)
		if above > below {
			continue
		}
		c := cmp.Compare(below, above)
		if c > 0 || c == 0 && o.compareTied(a, b) > 0 {
			return false
		}
	}
	return true
}

// Tied reports whether two entries have the same score in this order.
func (o Order) Tied(a, b Entry) bool { return o.compareScores(a.Score, b.Score) == 0 }

func (o Order) score(e *Entry) float64 {
	if o.Float32 {
		return float64(float32(e.Score))
	}
	return e.Score
}

func (o Order) compareTied(a, b *Entry) int {
	switch o.Ties {
	case DocAscending:
		return cmp.Compare(a.Document, b.Document)
	case InputOrder:
		return 0
	}
	return cmp.Compare(b.Document, a.Document)
}

func (o Order) compareScores(a, b float64) int {
	if o.Float32 {
		return cmp.Compare(float32(b), float32(a))
	}
	return cmp.Compare(b, a)
}

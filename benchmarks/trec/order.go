package trec

import (
	"cmp"
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
	// Scores are compared many times and entries moved once.
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
		if c := o.compareTied(&entries[a.index], &entries[b.index]); c != 0 {
			return c
		}
		return int(a.index - b.index)
	})
	sorted := make([]Entry, len(entries))
	for i, k := range keys {
		sorted[i] = entries[k.index]
	}
	copy(entries, sorted)
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

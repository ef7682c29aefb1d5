package trec

import (
	"cmp"
	"slices"
)

// Run is what one system returned for a set of topics.
type Run struct {
	// Name is the run's tag, or the file's name where the format has no tag.
	Name string
	// Topics stand in the order of the file.
	Topics []Topic
	// Problems lists what the reader found: warnings always, errors only in
	// lenient mode.
	Problems []Problem

	index map[string]int
}

// Topic is one topic's part of a run.
type Topic struct {
	ID string
	// Entries stand in the order of the file; see Sort.
	Entries []Entry
}

// Entry is a returned document.
type Entry struct {
	Document string
	Score    float64
	// Rank is what the file says, which evaluation ignores; 0 where the format
	// has no rank.
	Rank int
}

// Topic returns the entries of a topic, and whether the run has it.
func (r *Run) Topic(id string) ([]Entry, bool) {
	if r.index == nil {
		for _, t := range r.Topics {
			if t.ID == id {
				return t.Entries, true
			}
		}
		return nil, false
	}
	i, ok := r.index[id]
	if !ok {
		return nil, false
	}
	return r.Topics[i].Entries, true
}

// NewRun returns a run of the given topics. It takes ownership of the slice.
func NewRun(name string, topics []Topic) *Run {
	r := &Run{Name: name, Topics: topics}
	r.buildIndex()
	return r
}

func (r *Run) buildIndex() {
	r.index = make(map[string]int, len(r.Topics))
	for i, t := range r.Topics {
		r.index[t.ID] = i
	}
}

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
)

// String names the rule as reports print it.
func (t TieRule) String() string {
	return [...]string{"document descending", "document ascending", "input order"}[t]
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
	compare := func(a, b Entry) int {
		if c := o.compareScores(a.Score, b.Score); c != 0 {
			return c
		}
		switch o.Ties {
		case DocDescending:
			return cmp.Compare(b.Document, a.Document)
		case DocAscending:
			return cmp.Compare(a.Document, b.Document)
		}
		return 0
	}
	if slices.IsSortedFunc(entries, compare) {
		return
	}
	if o.Ties == InputOrder {
		slices.SortStableFunc(entries, compare)
		return
	}
	slices.SortFunc(entries, compare)
}

func (o Order) compareScores(a, b float64) int {
	if o.Float32 {
		return cmp.Compare(float32(b), float32(a))
	}
	return cmp.Compare(b, a)
}

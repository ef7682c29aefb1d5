package measure

import (
	"slices"

	"github.com/rankcascade/cascade/benchmarks/trec"
)

// What a retrieved document's grade is when nobody gave it one; trec_eval's
// values.
const (
	notPooled = -1 // the document does not occur in the judgements
	notJudged = -2 // the judgements name it with a negative grade
)

// topic is one topic, ready to be measured.
type topic struct {
	// grades has the grade of each retrieved document, in ranking order.
	grades []int32
	// ideal has all positive grades that were given, highest first.
	ideal []int32
	// given counts the judged documents of each grade from 0 up.
	given []int
	// entries and judged are what the above was made from.
	entries []trec.Entry
	judged  []trec.Judgement
	// level is the lowest relevant grade where a measure names none.
	level int32
	// powers keeps the discounts of RBP by persistence.
	powers map[float64][]float64
	// oldCuts selects trec_eval 9's rounding of recall points.
	oldCuts bool
}

// prepare fills t for a ranking and its judgements, using t's memory again.
func (t *topic) prepare(entries []trec.Entry, judged []trec.Judgement, grades map[string]int32) {
	t.entries, t.judged = entries, judged
	t.grades, t.ideal = t.grades[:0], t.ideal[:0]
	clear(t.given)
	t.given = t.given[:0]
	for _, e := range entries {
		grade, ok := grades[e.Document]
		if !ok {
			grade = notPooled
		}
		t.grades = append(t.grades, grade)
	}
	for _, j := range judged {
		if j.Grade < 0 {
			continue
		}
		for len(t.given) <= j.Grade {
			t.given = append(t.given, 0)
		}
		t.given[j.Grade]++
	}
	for grade := len(t.given) - 1; grade > 0; grade-- {
		for range t.given[grade] {
			t.ideal = append(t.ideal, int32(grade))
		}
	}
}

// gradesOf turns judgements into a map for prepare.
func gradesOf(judged []trec.Judgement) map[string]int32 {
	grades := make(map[string]int32, len(judged))
	for _, j := range judged {
		grade := int32(j.Grade)
		if grade < 0 {
			grade = notJudged
		}
		grades[j.Document] = grade
	}
	return grades
}

// relevant counts the judged documents of at least the level.
func (t *topic) relevant(level int32) int {
	n := 0
	for grade := max(int(level), 0); grade < len(t.given); grade++ {
		n += t.given[grade]
	}
	return n
}

// nonrelevant counts the judged documents below the level.
func (t *topic) nonrelevant(level int32) int {
	n := 0
	for grade := 0; grade < len(t.given) && grade < int(level); grade++ {
		n += t.given[grade]
	}
	return n
}

// top returns the first k grades, all of them if there are fewer or k is 0.
func (t *topic) top(k int) []int32 {
	if k == 0 || k > len(t.grades) {
		return t.grades
	}
	return t.grades[:k]
}

// retrieved counts the relevant documents among the first k.
func (t *topic) retrieved(k int, level int32) int {
	n := 0
	for _, g := range t.top(k) {
		if g >= level {
			n++
		}
	}
	return n
}

// ids returns the retrieved documents in ranking order.
func (t *topic) ids() []string {
	ids := make([]string, len(t.entries))
	for i, e := range t.entries {
		ids[i] = e.Document
	}
	return ids
}

// idealIDs returns the relevant documents, the best grade first and among equal
// grades those that the ranking put first, ids ascending at last.
func (t *topic) idealIDs() []string {
	rank := make(map[string]int, len(t.entries))
	for i, e := range t.entries {
		rank[e.Document] = i
	}
	type judged struct {
		id          string
		grade, rank int
	}
	var list []judged
	for _, j := range t.judged {
		if j.Grade > 0 {
			r, ok := rank[j.Document]
			if !ok {
				r = len(t.entries)
			}
			list = append(list, judged{j.Document, j.Grade, r})
		}
	}
	slices.SortStableFunc(list, func(a, b judged) int {
		if a.grade != b.grade {
			return b.grade - a.grade
		}
		return a.rank - b.rank
	})
	ids := make([]string, len(list))
	for i, j := range list {
		ids[i] = j.id
	}
	return ids
}

// powersOf returns p^0 ... p^(n-1), or more of them.
func (t *topic) powersOf(p float64, n int) []float64 {
	known := t.powers[p]
	if len(known) < n {
		if t.powers == nil {
			t.powers = map[float64][]float64{}
		}
		known = powers(p, max(n, 1000))
		t.powers[p] = known
	}
	return known
}

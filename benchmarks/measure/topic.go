package measure

import (
	"math"
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
	// id is the topic's.
	id string
	// grades has the grade of each retrieved document, in ranking order.
	grades []int32
	// ideal has all positive grades that were given, highest first.
	ideal []int32
	// given counts the judged documents of each grade from 0 up.
	given []int
	// entries and judged are what the above was made from.
	entries []trec.Entry
	judged  []trec.Judgement
	// order has the indices of the entries in ranking order.
	order []int32
	// level is the lowest relevant grade where a measure names none.
	level int32
	// tieEnds has the rank at which each run of equal scores ends, nil unless
	// ties are evaluated by their expected value.
	tieEnds []int32
	// found keeps, by relevance level, how many relevant documents the first k
	// have; unjudgedUpTo how many unjudged ones.
	found        []foundUpTo
	unjudgedUpTo []int32
	// eleven has the precisions at the eleven usual recalls for a level, 0 if
	// they were not asked for yet.
	eleven      []float64
	elevenLevel int32
	// annotated holds every document judged for any topic, if a measure asks.
	annotated map[string]struct{}
	// powers keeps the discounts of RBP by persistence.
	powers map[float64][]float64
	// oldCuts selects trec_eval 9's rounding of recall points.
	oldCuts bool
}

// foundUpTo has the number of documents of at least the level among the first
// k, for each k from 0.
type foundUpTo struct {
	level  int32
	counts []int32
}

// rank fills t with the entries in the given order, using t's memory again.
func (t *topic) rank(entries []trec.Entry, order []int32, grades *gradeTable) {
	t.entries, t.order, t.tieEnds, t.elevenLevel = entries, order, nil, 0
	t.grades, t.found = t.grades[:0], t.found[:0]
	t.unjudgedUpTo = append(t.unjudgedUpTo[:0], 0)
	unjudged := int32(0)
	for _, i := range order {
		grade, _ := grades.of(entries[i].Document)
		if grade < 0 {
			unjudged++
		}
		t.grades = append(t.grades, grade)
		t.unjudgedUpTo = append(t.unjudgedUpTo, unjudged)
	}
}

// tie notes which neighbours of the ranking have equal scores.
func (t *topic) tie(order trec.Order) {
	t.tieEnds = make([]int32, 0, len(t.order))
	for i := range t.order {
		if i+1 == len(t.order) || !order.Tied(t.entries[t.order[i]], t.entries[t.order[i+1]]) {
			t.tieEnds = append(t.tieEnds, int32(i+1))
		}
	}
}

// judge fills t with judgements, using t's memory again.
func (t *topic) judge(judged []trec.Judgement) {
	t.judged = judged
	t.ideal = t.ideal[:0]
	clear(t.given)
	t.given = t.given[:0]
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
	if k == 0 || k > len(t.grades) {
		k = len(t.grades)
	}
	return int(t.counts(level)[k])
}

// counts returns how many documents of at least the level the first k have.
func (t *topic) counts(level int32) []int32 {
	for i := range t.found {
		if t.found[i].level == level {
			return t.found[i].counts
		}
	}
	if len(t.found) < cap(t.found) {
		t.found = t.found[:len(t.found)+1] // with the memory of an earlier topic
	} else {
		t.found = append(t.found, foundUpTo{})
	}
	f := &t.found[len(t.found)-1]
	f.level = level
	n := int32(0)
	f.counts = append(f.counts[:0], 0)
	for _, g := range t.grades {
		if g >= level {
			n++
		}
		f.counts = append(f.counts, n)
	}
	return f.counts
}

// ranked shows the topic to a program's own measure.
func (t *topic) ranked(m Measure) Ranked {
	top := t.top(m.K)
	r := Ranked{Topic: t.id, Level: int(m.level(t)), Judged: t.judged, Documents: make([]string, len(top)), Grades: make([]int, len(top)), Ideal: make([]int, len(t.ideal))}
	for i, g := range top {
		r.Documents[i], r.Grades[i] = t.document(i), max(int(g), Unjudged)
	}
	for i, g := range t.ideal {
		r.Ideal[i] = int(g)
	}
	return r
}

// document returns the document that stands at an index of the ranking.
func (t *topic) document(i int) string { return t.entries[t.order[i]].Document }

// ids returns the retrieved documents in ranking order.
func (t *topic) ids() []string {
	ids := make([]string, len(t.order))
	for i := range t.order {
		ids[i] = t.document(i)
	}
	return ids
}

// idealIDs returns the relevant documents, the best grade first and among equal
// grades those that the ranking put first, ids ascending at last.
func (t *topic) idealIDs() []string {
	rank := make(map[string]int, len(t.order))
	for i := range t.order {
		rank[t.document(i)] = i
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
				r = len(t.order)
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

// elevenPoints interpolates at the eleven usual recalls, once for each ranking
// and level in a row.
func (t *topic) elevenPoints(level int32) []float64 {
	if t.elevenLevel != level {
		t.eleven, t.elevenLevel = interpolate(t, level, elevenRecalls()), level
	}
	return t.eleven
}

// recallCut is how many relevant documents make the recall.
func (t *topic) recallCut(recall float64, all int) int {
	if t.oldCuts {
		return int(recall*float64(all) + .9)
	}
	return int(math.Round(recall * float64(all)))
}

// groups calls f for each group of ties: where it begins, how many documents it
// has and how many of them have at least the level.
func (t *topic) groups(level int32, f func(start, size, relevant int) bool) {
	start := 0
	for _, end := range t.tieEnds {
		size, found := int(end)-start, 0
		for _, g := range t.grades[start:end] {
			if g >= level {
				found++
			}
		}
		if !f(start, size, found) {
			return
		}
		start = int(end)
	}
}

// depth is the rank up to which a measure with cut-off k looks.
func (t *topic) depth(k int) int {
	if k == 0 || k > len(t.grades) {
		return len(t.grades)
	}
	return k
}

// expectedFound is the expected number of relevant documents in the top k.
func (t *topic) expectedFound(k int, level int32) float64 {
	k = t.depth(k)
	sum := 0.0
	t.groups(level, func(start, size, relevant int) bool {
		switch {
		case start >= k:
			return false
		case start+size <= k:
			sum += float64(relevant)
		default:
			sum += float64(relevant) * float64(k-start) / float64(size)
		}
		return true
	})
	return sum
}

// expectedSum adds up weight(rank) times the mean gain of the rank's group, for
// measures that are linear in the gains.
func (t *topic) expectedSum(k int, gain func(int32) float64, weight func(rank int) float64) float64 {
	k, start, sum := t.depth(k), 0, 0.0
	for _, end := range t.tieEnds {
		if start >= k {
			break
		}
		gains, weights := 0.0, 0.0
		for _, g := range t.grades[start:end] {
			gains += gain(g)
		}
		for rank := start + 1; rank <= min(int(end), k); rank++ {
			weights += weight(rank)
		}
		sum += gains / float64(int(end)-start) * weights
		start = int(end)
	}
	return sum
}

// unjudgedIn is the number of unjudged documents in the top k, the expected one
// if ties are.
func (t *topic) unjudgedIn(k int) float64 {
	if t.tieEnds == nil {
		return float64(t.unjudged(k))
	}
	return t.expectedSum(k, func(g int32) float64 {
		if g < 0 {
			return 1
		}
		return 0
	}, func(int) float64 { return 1 })
}

// unjudged counts the documents in the top k without a judgement.
func (t *topic) unjudged(k int) int {
	return int(t.unjudgedUpTo[len(t.top(k))])
}

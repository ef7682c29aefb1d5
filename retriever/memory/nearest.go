package memory

import (
	"cmp"
	"container/heap"
	"slices"

	"github.com/rankcascade/cascade/pipeline"
)

// candidate is a row and its score.
type candidate struct {
	row   int
	score float64
	id    string
}

// before is the order of candidates: the one of all rankings, with the ID alone
// to decide between equal scores.
func before(a, b candidate) int { return pipeline.Compare(a.score, b.score, 0, 0, a.id, b.id) }

// nearest keeps the best candidates that it is offered, at most limit, with the
// worst of them on top of a heap.
type nearest struct {
	limit int
	kept  []candidate
}

// Len implements heap.Interface.
func (n *nearest) Len() int { return len(n.kept) }

// Less implements heap.Interface.
func (n *nearest) Less(i, j int) bool { return before(n.kept[i], n.kept[j]) > 0 }

// Swap implements heap.Interface.
func (n *nearest) Swap(i, j int) { n.kept[i], n.kept[j] = n.kept[j], n.kept[i] }

// Push implements heap.Interface.
func (n *nearest) Push(c any) { n.kept = append(n.kept, c.(candidate)) }

// Pop implements heap.Interface.
func (n *nearest) Pop() any { return nil }

func (n *nearest) offer(c candidate) {
	if len(n.kept) < n.limit {
		heap.Push(n, c)
		return
	}
	if c.score < n.kept[0].score || before(c, n.kept[0]) >= 0 {
		return
	}
	n.kept[0] = c
	heap.Fix(n, 0)
}

// merge returns the best candidates of all parts in their order.
func merge(parts []nearest, limit int) []candidate {
	var all []candidate
	for _, p := range parts {
		all = append(all, p.kept...)
	}
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Or(before(a, b), cmp.Compare(a.row, b.row)) })
	return all[:min(len(all), limit)]
}

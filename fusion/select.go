package fusion

import (
	"cmp"
	"math"
	"slices"

	"github.com/rankcascade/cascade/pipeline"
)

// item is a document on its way into the fused order.
type item struct {
	score float64
	best  uint32
	id    uint32
}

// compare is pipeline.Compare on ids: negative when a stands before b.
func (w *Workspace) compare(a, b item) int {
	if a.score != b.score {
		return cmp.Compare(b.score, a.score)
	}
	if a.best != b.best {
		return cmp.Compare(a.best, b.best)
	}
	if int(a.id) < len(w.names) && int(b.id) < len(w.names) {
		return pipeline.Compare(a.score, b.score, int(a.best), int(b.best), w.names[a.id], w.names[b.id])
	}
	return cmp.Compare(a.id, b.id)
}

// selectTop leaves the best limit documents in w.items, in order.
func (w *Workspace) selectTop(limit int) {
	n := w.documents()
	if limit == 0 || limit > n {
		limit = n
	}
	w.items = w.items[:0]
	if limit <= n/8 {
		w.heapSelect(limit)
	} else {
		w.collect()
		if limit < len(w.items) {
			w.quickSelect(limit)
			w.items = w.items[:limit]
		}
	}
	slices.SortFunc(w.items, w.compare)
}

// documents bounds the number of distinct documents.
func (w *Workspace) documents() int {
	if w.dense {
		return w.universe
	}
	return len(w.order)
}

// collect puts every document that the plan does not drop into w.items.
func (w *Workspace) collect() {
	if w.dense {
		for id := range w.cells[:w.universe] {
			if c := &w.cells[id]; c.count > 0 && !w.dropped(c) {
				w.items = append(w.items, item{score: w.score(c), best: c.best(), id: uint32(id)})
			}
		}
		return
	}
	for _, id := range w.order {
		if c := &w.cells[id]; !w.dropped(c) {
			w.items = append(w.items, item{score: w.score(c), best: c.best(), id: id})
		}
	}
}

func (w *Workspace) dropped(c *cell) bool { return w.how.drop && int(c.count) < len(w.lists) }

// heapSelect keeps the best limit documents in a heap whose root is the worst.
func (w *Workspace) heapSelect(limit int) {
	if limit == 0 {
		return
	}
	if !w.dense {
		for _, id := range w.order {
			if c := &w.cells[id]; !w.dropped(c) {
				w.offer(limit, w.score(c), c, id)
			}
		}
		return
	}
	plain := w.how.finish == asIs && w.how.scale == 0 && w.how.assign == nil && !w.how.drop
	threshold := math.Inf(-1)
	for id := range w.cells[:w.universe] {
		c := &w.cells[id]
		if c.count == 0 {
			continue
		}
		score := c.acc
		if !plain {
			if w.dropped(c) {
				continue
			}
			score = w.score(c)
		}
		if score < threshold {
			continue
		}
		w.offer(limit, score, c, uint32(id))
		if len(w.items) == limit {
			threshold = w.items[0].score
		}
	}
}

// offer puts a document into the heap if it belongs there.
func (w *Workspace) offer(limit int, score float64, c *cell, id uint32) {
	it := item{score: score, best: c.best(), id: id}
	if len(w.items) < limit {
		w.items = append(w.items, it)
		w.up(len(w.items) - 1)
	} else if root := &w.items[0]; score >= root.score && w.compare(it, *root) < 0 {
		*root = it
		w.down(0)
	}
}

func (w *Workspace) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if w.compare(w.items[i], w.items[parent]) <= 0 {
			return
		}
		w.items[i], w.items[parent] = w.items[parent], w.items[i]
		i = parent
	}
}

func (w *Workspace) down(i int) {
	for {
		worst := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < len(w.items) && w.compare(w.items[child], w.items[worst]) > 0 {
				worst = child
			}
		}
		if worst == i {
			return
		}
		w.items[i], w.items[worst] = w.items[worst], w.items[i]
		i = worst
	}
}

// quickSelect moves the best limit items to the front. The order is total, so
// the choice of pivots shows in nothing.
func (w *Workspace) quickSelect(limit int) {
	low, high := 0, len(w.items)-1
	for low < high {
		mid := low + (high-low)/2
		pivot := w.items[mid]
		i, j := low, high
		for i <= j {
			for w.compare(w.items[i], pivot) < 0 {
				i++
			}
			for w.compare(w.items[j], pivot) > 0 {
				j--
			}
			if i <= j {
				w.items[i], w.items[j] = w.items[j], w.items[i]
				i, j = i+1, j-1
			}
		}
		switch {
		case limit-1 <= j:
			high = j
		case limit-1 >= i:
			low = i
		default:
			return
		}
	}
}

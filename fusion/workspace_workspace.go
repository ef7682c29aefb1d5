package fusion

import (
	"fmt"
	"math"

	"github.com/rankcascade/cascade/pipeline"
)

// Workspace fuses lists of ids and keeps its memory between calls: after the
// first few it allocates nothing. The zero value is ready. A Workspace serves
// one goroutine at a time; results do not depend on what it did before.
type Workspace struct {
	lists []List
	cols  []column
	how   scheme
	admit admission
	cells cells
	best  selection

	weightSum []float64 // weights of the lists that hold the document, by slot
	matrix    []uint32  // ranks by slot and list, 0 for missing
	estimates []float64 // imputed normalised scores by slot and list
	table     rankTable
	scratch   []float64
}

// Fuse appends the best task.Limit documents of the fused lists to dst, in the
// module's total order: score descending, then best rank in any list, then name
// (id where the task has no names). It returns an error, and dst as it was, if
// the lists do not suit the method.
func (w *Workspace) Fuse(dst []Scored, m Method, task Task) ([]Scored, error) {
	if err := w.run(m, task); err != nil {
		return dst, fmt.Errorf("fusion: %s: %w", methodName(m), err)
	}
	w.selectTop(task.Limit)
	for _, it := range w.best.items {
		if !finite(it.score) {
			return dst, w.overflow(m, it.id)
		}
	}
	for _, it := range w.best.items {
		dst = append(dst, Scored{ID: it.id, Score: it.score})
	}
	return dst, nil
}

func (w *Workspace) overflow(m Method, id uint32) error {
	return fmt.Errorf("fusion: %s: %w: the score of %s overflows", methodName(m), ErrInput, w.name(id))
}

// run plans and accumulates; the scores then stand in the cells.
func (w *Workspace) run(m Method, task Task) error {
	if len(task.Lists) == 0 {
		return fmt.Errorf("%w: no lists: give at least one", ErrInput)
	}
	if task.Limit < 0 {
		return fmt.Errorf("%w: limit %d is negative", ErrConfig, task.Limit)
	}
	if err := m.check(); err != nil {
		return err
	}
	w.lists = append(w.lists[:0], task.Lists...)
	w.best.names = task.Names
	w.how = scheme{factors: w.how.factors[:0]}
	w.cells.order = w.cells.order[:0]
	for len(w.cols) < len(w.lists) {
		w.cols = append(w.cols, column{})
	}
	w.cols = w.cols[:len(w.lists)]
	for i := range w.cols {
		c := &w.cols[i]
		c.absent, c.weight = absence{}, 1
		c.normalised, c.contribution = nil, nil
	}
	if err := m.plan(w); err != nil {
		return err
	}
	return w.combine()
}

// combine runs the accumulation that the plan set up.
func (w *Workspace) combine() error {
	if !w.cells.grow(w.lists) {
		return fmt.Errorf("%w: id %d is reserved", ErrInput, uint32(math.MaxUint32))
	}
	w.cells.generation()
	if again := w.cells.accumulate(w.lists, w.cols, w.how.rule); again.list > 0 {
		return fmt.Errorf("%w: list %d holds %s twice", ErrInput, again.list, w.name(again.id))
	}
	weighed := w.how.finish == timesWeights || w.how.finish == overWeights
	if w.how.assign != nil || w.how.impute || weighed {
		w.cells.enumerate(w.lists)
	}
	if w.how.impute {
		sumImputed(w)
	}
	if w.how.rule == pipeline.Median {
		medians(w)
	}
	if weighed {
		w.sumWeights()
	} else if w.how.finish != asIs {
		w.how.tabulate(len(w.lists))
	}
	if w.how.assign != nil {
		return w.how.assign(w)
	}
	return nil
}

// weigh sets the columns' weights, each where weights is nil.
func (w *Workspace) weigh(weights []float64, each float64) error {
	if weights != nil && len(weights) != len(w.lists) {
		return fmt.Errorf("%w: %d weights for %d lists: give one for each", ErrConfig, len(weights), len(w.lists))
	}
	for i := range w.cols {
		w.cols[i].weight = each
		if weights != nil {
			w.cols[i].weight = weights[i]
		}
	}
	return nil
}

// totalWeight adds the columns' weights in list order.
func (w *Workspace) totalWeight() float64 {
	total := 0.0
	for l := range w.cols {
		total += w.cols[l].weight
	}
	return total
}

// longest returns the length of the longest list.
func (w *Workspace) longest() int {
	n := 0
	for _, l := range w.lists {
		n = max(n, l.Len())
	}
	return n
}

// fit fits n, with the size of the union where it asks for that.
func (w *Workspace) fit(n Normaliser, list List) (Map, error) {
	if u, ok := n.(unionNormaliser); ok {
		return u.fitUnion(list, w.cells.union(w.lists))
	}
	if list.Len() == 0 {
		return Map{}, nil
	}
	return n.Fit(list)
}

// sumWeights adds, for each document, the weights of the lists that hold it.
func (w *Workspace) sumWeights() {
	sums := buffer(&w.weightSum, len(w.cells.order))
	clear(sums)
	for l, list := range w.lists {
		weight := w.cols[l].weight
		for _, id := range list.IDs {
			sums[w.cells.table[id].slot] += weight
		}
	}
}

// ranks returns, by slot and list, the rank of each document in each list, 0
// where it is missing. The slice belongs to the workspace.
func (w *Workspace) ranks() []uint32 {
	size := len(w.cells.order) * len(w.lists)
	if cap(w.matrix) < size {
		w.matrix = make([]uint32, size)
	}
	w.matrix = w.matrix[:size]
	clear(w.matrix)
	for l, list := range w.lists {
		for i, id := range list.IDs {
			w.matrix[int(w.cells.table[id].slot)*len(w.lists)+l] = uint32(i + 1)
		}
	}
	return w.matrix
}

// score returns the fused score of a document. It computes exactly what
// pipeline.Derivation.Value computes from the document's terms.
func (w *Workspace) score(c *cell) float64 {
	v := c.acc
	switch {
	case w.how.assign != nil:
		return v
	case w.how.rule == pipeline.Compensated:
		v += w.cells.comp[c.slot]
	}
	if w.how.finish == asIs && w.how.scale == 0 {
		return v
	}
	weights := 0.0
	if w.how.finish == timesWeights || w.how.finish == overWeights {
		weights = w.weightSum[c.slot]
	}
	return w.how.end(v, int(c.count), weights)
}

// selectTop leaves the best limit documents in w.best, in order.
func (w *Workspace) selectTop(limit int) {
	n := w.cells.documents()
	if limit == 0 || limit > n {
		limit = n
	}
	w.best.items = w.best.items[:0]
	if limit <= n/8 {
		w.heapSelect(limit)
	} else {
		w.collect()
		w.best.keep(limit)
	}
	w.best.sort()
}

// collect puts every document that the plan does not drop into w.best.
func (w *Workspace) collect() {
	if w.cells.dense {
		for id := range w.cells.table[:w.cells.universe] {
			if c := &w.cells.table[id]; c.count > 0 && !w.dropped(c) {
				w.best.items = append(w.best.items, item{score: w.score(c), best: c.best(), id: uint32(id)})
			}
		}
		return
	}
	for _, id := range w.cells.order {
		if c := &w.cells.table[id]; !w.dropped(c) {
			w.best.items = append(w.best.items, item{score: w.score(c), best: c.best(), id: id})
		}
	}
}

func (w *Workspace) dropped(c *cell) bool { return w.how.drop && int(c.count) < len(w.lists) }

// heapSelect keeps the best limit documents in a heap whose root is the worst.
func (w *Workspace) heapSelect(limit int) {
	if limit == 0 {
		return
	}
	if !w.cells.dense {
		for _, id := range w.cells.order {
			if c := &w.cells.table[id]; !w.dropped(c) {
				w.best.offer(limit, item{score: w.score(c), best: c.best(), id: id})
			}
		}
		return
	}
	plain := w.how.finish == asIs && w.how.scale == 0 && w.how.assign == nil && !w.how.drop
	threshold := math.Inf(-1)
	for id := range w.cells.table[:w.cells.universe] {
		c := &w.cells.table[id]
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
		w.best.offer(limit, item{score: score, best: c.best(), id: uint32(id)})
		if len(w.best.items) == limit {
			threshold = w.best.items[0].score
		}
	}
}

// allFinite reports whether no document's score overflows, those included that
// are not among the best.
func (w *Workspace) allFinite() bool {
	if w.cells.dense {
		for id := range w.cells.table[:w.cells.universe] {
			if c := &w.cells.table[id]; c.count > 0 && !w.dropped(c) && !finite(w.score(c)) {
				return false
			}
		}
		return true
	}
	for _, id := range w.cells.order {
		if c := &w.cells.table[id]; !w.dropped(c) && !finite(w.score(c)) {
			return false
		}
	}
	return true
}

// name returns what an error calls a document.
func (w *Workspace) name(id uint32) string { return nameOf(w.best.names, id) }

func nameOf(names []string, id uint32) string {
	if int(id) < len(names) {
		return fmt.Sprintf("document %q", names[id])
	}
	return fmt.Sprintf("document %d", id)
}

// buffer returns p's memory with length n.
func buffer(p *[]float64, n int) []float64 {
	if cap(*p) < n {
		*p = make([]float64, n, n+n/2)
	}
	*p = (*p)[:n]
	return *p
}

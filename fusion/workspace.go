package fusion

import (
	"fmt"
	"math"
	"slices"

	"github.com/rankcascade/cascade/pipeline"
)

// Workspace fuses lists of ids and keeps its memory between calls: after the
// first few it allocates nothing. The zero value is ready. A Workspace serves
// one goroutine at a time; results do not depend on what it did before.
type Workspace struct {
	lists []List
	names []string
	cols  []column
	how   scheme

	cells []cell   // by id; valid where stamp is the current generation
	order []uint32 // ids in the order in which they were first seen
	gen   uint32
	// dense says that the cells below universe were cleared instead of stamped
	// and that order is empty until enumerate fills it.
	dense    bool
	universe int // one more than the largest id

	comp      []float64 // rounding errors by slot, for compensated sums
	weightSum []float64 // weights of the lists that hold the document, by slot
	matrix    []uint32  // ranks by slot and list, 0 for missing
	estimates []float64 // imputed normalised scores by slot and list
	items     []item
	table     rankTable
	clean     [][]uint32
	cleaned   [][]float64
	implicit  []float64 // 1/rank, for lists without scores
	scratch   []float64
}

// cell is what the kernel knows about one document, 32 bytes, so that none
// lies across two cache lines.
type cell struct {
	acc   float64
	stamp uint32
	near  uint32 // complement of the best rank in any list, so that 0 is worst
	slot  uint32 // position in order
	last  uint32 // newest list that holds it, from 1
	count uint32 // lists that hold it
	_     uint32
}

// best returns the best rank in any list, from 1.
func (c *cell) best() uint32 { return ^c.near }

// column is what a method makes of one list.
type column struct {
	normalised   []float64
	contribution []float64
	weight       float64
	absent       absence
	a, b         []float64 // memory behind the two
}

// absence is what a list adds for a document that it does not hold.
type absence struct {
	given      bool // whether it adds anything
	counts     bool // whether the document then counts as held
	score      float64
	normalised float64
	add        float64
}

// scheme is how contributions become a score.
type scheme struct {
	rule   pipeline.Rule
	drop   bool    // only documents that all lists hold
	finish finish  // what the combination is multiplied or divided by
	param  float64 // of finish
	scale  float64 // constant divisor, 0 for none
	assign func(w *Workspace) error
	impute bool
	filled bool // a normaliser has filled the lists
	// factors holds finish by count, so that logarithms and powers are taken
	// once for each count and not once for each document.
	factors []float64
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
	for _, it := range w.items {
		if !finite(it.score) {
			return dst, fmt.Errorf("fusion: %s: %w: the score of %s overflows", methodName(m), ErrInput, w.name(it.id))
		}
	}
	for _, it := range w.items {
		dst = append(dst, Scored{ID: it.id, Score: it.score})
	}
	return dst, nil
}

// run plans and accumulates; the scores then stand in the cells.
func (w *Workspace) run(m Method, task Task) error {
	if len(task.Lists) == 0 {
		return fmt.Errorf("%w: no lists", ErrInput)
	}
	if task.Limit < 0 {
		return fmt.Errorf("%w: limit %d is negative", ErrConfig, task.Limit)
	}
	if err := m.check(); err != nil {
		return err
	}
	w.lists = append(w.lists[:0], task.Lists...)
	w.names = task.Names
	w.how = scheme{factors: w.how.factors[:0]}
	w.order = w.order[:0]
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
	if err := w.grow(); err != nil {
		return err
	}
	w.generation()
	if err := w.accumulate(); err != nil {
		return err
	}
	if w.how.assign != nil || w.how.impute || w.how.finish == timesWeights || w.how.finish == overWeights {
		w.enumerate()
	}
	if w.how.impute {
		w.sumImputed()
	}
	if w.how.rule == pipeline.Median {
		w.medians()
	}
	if w.how.finish == timesWeights || w.how.finish == overWeights {
		w.sumWeights()
	}
	if w.how.finish != asIs && w.how.finish != timesWeights && w.how.finish != overWeights {
		w.tabulate()
	}
	if w.how.assign != nil {
		return w.how.assign(w)
	}
	return nil
}

// grow makes room for the largest id.
func (w *Workspace) grow() error {
	var top uint32
	for _, l := range w.lists {
		for _, id := range l.IDs {
			top = max(top, id)
		}
	}
	if top == math.MaxUint32 {
		return fmt.Errorf("%w: id %d is reserved", ErrInput, top)
	}
	w.universe = int(top) + 1
	if w.universe > len(w.cells) {
		w.cells = append(w.cells, make([]cell, w.universe-len(w.cells))...)
	}
	return nil
}

// generation invalidates all cells by a new number instead of clearing them.
func (w *Workspace) generation() {
	w.gen++
	if w.gen == 0 {
		clear(w.cells)
		w.gen = 1
	}
}

// name returns what an error calls a document.
func (w *Workspace) name(id uint32) string {
	if int(id) < len(w.names) {
		return fmt.Sprintf("document %q", w.names[id])
	}
	return fmt.Sprintf("document %d", id)
}

// admit applies the options that change the lists and gives every list scores.
func (w *Workspace) admit(o Options) error {
	for i := range w.lists {
		l := &w.lists[i]
		if l.Scores != nil && len(l.Scores) != len(l.IDs) {
			return fmt.Errorf("%w: list %d has %d ids and %d scores", ErrInput, i+1, len(l.IDs), len(l.Scores))
		}
		if err := w.admitList(i, o); err != nil {
			return err
		}
		if o.Window > 0 && len(l.IDs) > o.Window {
			l.IDs = l.IDs[:o.Window]
			if l.Scores != nil {
				l.Scores = l.Scores[:o.Window]
			}
		}
		if l.Scores == nil {
			l.Scores = w.implicitScores(len(l.IDs))
			if l.Scale == pipeline.Unknown {
				l.Scale = pipeline.RankOnly
			}
		}
	}
	return nil
}

func (w *Workspace) admitList(i int, o Options) error {
	l := &w.lists[i]
	bad := firstNonFinite(l.Scores)
	if bad >= 0 && o.NonFinite == NonFiniteRefuse {
		return fmt.Errorf("%w: list %d: %s at rank %d has score %v", ErrInput, i+1, w.name(l.IDs[bad]), bad+1, l.Scores[bad])
	}
	if bad < 0 && o.Duplicates == DuplicatesRefuse {
		return nil
	}
	w.cleanList(i, o)
	return nil
}

// implicitScores returns 1, 1/2, 1/3 ...
func (w *Workspace) implicitScores(n int) []float64 {
	for len(w.implicit) < n {
		w.implicit = append(w.implicit, 1/float64(len(w.implicit)+1))
	}
	return w.implicit[:n:n]
}

// cleanList copies list i without what the options remove.
func (w *Workspace) cleanList(i int, o Options) {
	for len(w.clean) <= i {
		w.clean, w.cleaned = append(w.clean, nil), append(w.cleaned, nil)
	}
	l := &w.lists[i]
	ids, scores := w.clean[i][:0], w.cleaned[i][:0]
	low, high := finiteRange(l.Scores)
	at := map[uint32]int{}
	for j, id := range l.IDs {
		s := 0.0
		if l.Scores != nil {
			s = l.Scores[j]
			if !finite(s) && o.NonFinite == NonFiniteDrop {
				continue
			}
			if !finite(s) {
				s = clampTo(s, low, high)
			}
		}
		seen, dup := at[id]
		switch {
		case !dup || o.Duplicates == DuplicatesRefuse:
			at[id] = len(ids)
			ids, scores = append(ids, id), append(scores, s)
		case o.Duplicates == DuplicatesBest && s > scores[seen]:
			ids, scores = slices.Delete(ids, seen, seen+1), slices.Delete(scores, seen, seen+1)
			for k := seen; k < len(ids); k++ {
				at[ids[k]] = k
			}
			at[id] = len(ids)
			ids, scores = append(ids, id), append(scores, s)
		}
	}
	w.clean[i], w.cleaned[i] = ids, scores
	l.IDs = ids
	if l.Scores != nil {
		l.Scores = scores
	}
}

func clampTo(s, low, high float64) float64 {
	if math.IsInf(s, 1) {
		return high
	}
	return low
}

// buffer returns p's memory with length n.
func buffer(p *[]float64, n int) []float64 {
	if cap(*p) < n {
		*p = make([]float64, n, n+n/2)
	}
	*p = (*p)[:n]
	return *p
}

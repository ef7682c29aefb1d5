package fusion

import (
	"fmt"
	"slices"

	"github.com/rankcascade/cascade/pipeline"
)

// ordering is what methods share that compare documents and give out an order:
// the document at position p of c gets the score c-p+1.
type ordering struct {
	weights []float64
	options Options
	most    int // documents that the method can take, 0 for any number
	assign  func(w *Workspace) error
}

func (o ordering) check() error {
	if o.options.Compensated {
		return fmt.Errorf("%w: the method does not add, so compensated has no meaning", ErrConfig)
	}
	return firstError(checkWeights(o.weights), checkOptions(o.options, MissingDefault))
}

func (o ordering) plan(w *Workspace) error {
	if err := firstError(w.admit.apply(w.lists, o.options, w.best.names), w.weigh(o.weights, 1)); err != nil {
		return err
	}
	for l := range w.lists {
		col := &w.cols[l]
		col.normalised = buffer(&col.a, w.lists[l].Len())
		for i := range col.normalised {
			col.normalised[i] = float64(i + 1)
		}
		col.contribution = col.normalised
	}
	w.how.assign = func(w *Workspace) error {
		if n := len(w.cells.order); o.most > 0 && n > o.most {
			return fmt.Errorf("%w: %d documents are more than the %d that this method can compare: set a window", ErrInput, n, o.most)
		}
		return o.assign(w)
	}
	return nil
}

// place gives the documents, by slot and best first, their scores.
func place(w *Workspace, slots []int) {
	for position, slot := range slots {
		w.cells.bySlot(slot).acc = float64(len(slots) - position)
	}
}

// declared compares documents by what decides where a method does not: best
// rank in any list, then name.
func declared(w *Workspace, a, b int) int {
	ia, ib := w.cells.order[a], w.cells.order[b]
	return w.best.compare(item{best: w.cells.table[ia].best(), id: ia}, item{best: w.cells.table[ib].best(), id: ib})
}

// placeBy orders the slots by a value, higher first, and then as declared.
func placeBy(w *Workspace, value []float64) {
	slots := make([]int, len(value))
	for i := range slots {
		slots[i] = i
	}
	slices.SortFunc(slots, func(a, b int) int {
		if value[a] != value[b] {
			if value[a] > value[b] {
				return -1
			}
			return 1
		}
		return declared(w, a, b)
	})
	place(w, slots)
}

// Interleave takes the lists in turn: the first of each, then the second of each
// ..., leaving out what has been taken (round robin).
type Interleave struct {
	Options Options
}

func (f Interleave) ordering() ordering {
	return ordering{options: f.Options, assign: func(w *Workspace) error {
		slots := make([]int, 0, len(w.cells.order))
		taken := make([]bool, len(w.cells.order))
		next := make([]int, len(w.lists))
		for len(slots) < len(w.cells.order) {
			for l, list := range w.lists {
				for next[l] < list.Len() {
					slot := int(w.cells.table[list.IDs[next[l]]].slot)
					next[l]++
					if !taken[slot] {
						taken[slot] = true
						slots = append(slots, slot)
						break
					}
				}
			}
		}
		place(w, slots)
		return nil
	}}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f Interleave) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f Interleave) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f Interleave) String() string { return specOf(f) }

func (f Interleave) check() error                          { return f.ordering().check() }
func (f Interleave) plan(w *Workspace) error               { return f.ordering().plan(w) }
func (f Interleave) facts([]pipeline.Scale) pipeline.Facts { return pipeline.Facts{} }

// Concatenate puts each list below the ones before it, leaving out what they
// hold: the first list as it is, then what only the second holds ... (PyTerrier's
// operator ^). It is the cascade of a reranked list above a retrieved one.
type Concatenate struct {
	Options Options
}

func (f Concatenate) ordering() ordering {
	return ordering{options: f.Options, assign: func(w *Workspace) error {
		slots := make([]int, len(w.cells.order)) // documents are first seen in this very order
		for i := range slots {
			slots[i] = i
		}
		place(w, slots)
		return nil
	}}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f Concatenate) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) {
	return fuse(f, inputs)
}

// Describe names the method and its effective settings.
func (f Concatenate) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f Concatenate) String() string { return specOf(f) }

func (f Concatenate) check() error                          { return f.ordering().check() }
func (f Concatenate) plan(w *Workspace) error               { return f.ordering().plan(w) }
func (f Concatenate) facts([]pipeline.Scale) pipeline.Facts { return pipeline.Facts{} }

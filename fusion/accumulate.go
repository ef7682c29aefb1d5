package fusion

import (
	"fmt"
	"math"

	"github.com/rankcascade/cascade/pipeline"
)

// accumulate folds all columns into the cells, list after list.
func (w *Workspace) accumulate() error {
	if w.dense = w.suitsDense(); w.dense {
		return w.accumulateDense()
	}
	var before running
	for l := range w.lists {
		var err error
		switch w.how.rule {
		case pipeline.Sum:
			err = w.add(l, before.value)
		case pipeline.Max, pipeline.Min:
			err = w.pick(l, before)
		default:
			err = w.fold(l, before)
		}
		if err != nil {
			return err
		}
		w.sweep(l)
		if a := w.cols[l].absent; a.given {
			before.fold(w.how.rule, a.add)
		}
	}
	return nil
}

// suitsDense reports whether the lists are plainly added and most ids below the
// largest are in use. Clearing their cells then costs less than finding out, at
// every entry, whether its cell is in use: that branch is a coin toss.
func (w *Workspace) suitsDense() bool {
	entries := 0
	for l := range w.lists {
		entries += w.lists[l].Len()
	}
	return w.how.rule == pipeline.Sum && w.universe <= 2*entries
}

// accumulateDense is the loop that nearly all methods spend their time in.
func (w *Workspace) accumulateDense() error {
	cells := w.cells[:w.universe]
	clear(cells)
	for l := range w.lists {
		ids, tag := w.lists[l].IDs, uint32(l+1)
		contribution := w.cols[l].contribution[:len(ids)]
		for i, id := range ids {
			c := &cells[id]
			if c.last == tag {
				return w.twice(l, id)
			}
			c.acc += contribution[i]
			c.near = max(c.near, ^uint32(i+1))
			c.last = tag
			c.count++
		}
		if a := w.cols[l].absent; a.given && a.add != 0 {
			sweepDense(cells, tag, a.add)
		}
	}
	return nil
}

// sweepDense adds what a list says about documents that it does not hold to all
// other cells, those included that only a later list will use: that is what they
// have to start from. Adding 0 to the rest is cheaper than a branch.
func sweepDense(cells []cell, tag uint32, add float64) {
	bits := math.Float64bits(add)
	for i := range cells {
		c := &cells[i]
		differ := uint64(c.last ^ tag)
		mask := (differ | -differ) >> 63 // 1 where the list does not hold it
		c.acc += math.Float64frombits(bits & -mask)
	}
}

// enumerate gives the documents slots in the order in which they were first
// seen, where accumulateDense has left that out.
func (w *Workspace) enumerate() {
	if !w.dense {
		return
	}
	for _, l := range w.lists {
		for _, id := range l.IDs {
			if c := &w.cells[id]; c.stamp != w.gen {
				c.stamp, c.slot = w.gen, uint32(len(w.order))
				w.order = append(w.order, id)
			}
		}
	}
	w.dense = false
}

// running is a combination in progress.
type running struct {
	value, comp float64
	started     bool
}

// fold adds one contribution by the rule.
func (r *running) fold(rule pipeline.Rule, x float64) {
	switch rule {
	case pipeline.Sum32:
		r.value = float64(float32(r.value) + float32(x))
	case pipeline.Compensated:
		t := r.value + x
		if math.Abs(r.value) >= math.Abs(x) {
			r.comp += (r.value - t) + x
		} else {
			r.comp += (x - t) + r.value
		}
		r.value = t
	case pipeline.Max:
		if !r.started || x > r.value {
			r.value = x
		}
	case pipeline.Min:
		if !r.started || x < r.value {
			r.value = x
		}
	default:
		r.value += x
	}
	r.started = true
}

// add is the kernel for sums over sparse ids. before is what the lists before this one add for a document that none of
// them holds.
func (w *Workspace) add(l int, before float64) error {
	cells, gen, tag := w.cells, w.gen, uint32(l+1)
	ids := w.lists[l].IDs
	contribution := w.cols[l].contribution[:len(ids)]
	for i, id := range ids {
		c := &cells[id]
		if c.stamp != gen {
			*c = cell{acc: before + contribution[i], stamp: gen, near: ^uint32(i + 1), slot: uint32(len(w.order)), last: tag, count: 1}
			w.order = append(w.order, id)
			continue
		}
		if c.last == tag {
			return w.twice(l, id)
		}
		c.acc += contribution[i]
		c.near = max(c.near, ^uint32(i+1))
		c.last = tag
		c.count++
	}
	return nil
}

// pick is the kernel for the largest and the smallest contribution.
func (w *Workspace) pick(l int, before running) error {
	largest := w.how.rule == pipeline.Max
	tag := uint32(l + 1)
	for i, id := range w.lists[l].IDs {
		x := w.cols[l].contribution[i]
		c, fresh, err := w.touch(l, id, uint32(i+1), tag)
		if err != nil {
			return err
		}
		if fresh {
			c.acc = x
			if before.started && (before.value > x) == largest {
				c.acc = before.value
			}
		} else if (x > c.acc) == largest {
			c.acc = x
		}
	}
	return nil
}

// fold is the kernel for the other rules.
func (w *Workspace) fold(l int, before running) error {
	tag := uint32(l + 1)
	for i, id := range w.lists[l].IDs {
		c, fresh, err := w.touch(l, id, uint32(i+1), tag)
		if err != nil {
			return err
		}
		r := running{value: c.acc, started: true}
		if fresh {
			r = before
			w.comp = append(w.comp[:c.slot], 0)
		} else {
			r.comp = w.comp[c.slot]
		}
		r.fold(w.how.rule, w.cols[l].contribution[i])
		c.acc, w.comp[c.slot] = r.value, r.comp
	}
	return nil
}

// touch finds the cell of a document and counts the list that holds it.
func (w *Workspace) touch(l int, id, rank, tag uint32) (c *cell, fresh bool, err error) {
	c = &w.cells[id]
	if c.stamp != w.gen {
		*c = cell{stamp: w.gen, near: ^rank, slot: uint32(len(w.order)), last: tag, count: 1}
		w.order = append(w.order, id)
		return c, true, nil
	}
	if c.last == tag {
		return nil, false, w.twice(l, id)
	}
	c.near = max(c.near, ^rank)
	c.last = tag
	c.count++
	return c, false, nil
}

func (w *Workspace) twice(l int, id uint32) error {
	return fmt.Errorf("%w: list %d holds %s twice", ErrInput, l+1, w.name(id))
}

// sweep adds what list l says about documents that earlier lists hold and it
// does not.
func (w *Workspace) sweep(l int) {
	a := w.cols[l].absent
	if !a.given || (a.add == 0 && !a.counts && w.how.rule != pipeline.Max && w.how.rule != pipeline.Min) {
		return
	}
	tag := uint32(l + 1)
	for slot, id := range w.order {
		c := &w.cells[id]
		if c.last == tag {
			continue
		}
		r := running{value: c.acc, started: true}
		if w.how.rule == pipeline.Compensated {
			r.comp = w.comp[slot]
		}
		r.fold(w.how.rule, a.add)
		c.acc = r.value
		if w.how.rule == pipeline.Compensated {
			w.comp[slot] = r.comp
		}
	}
}

// held returns the number of lists that count as holding the document: all of
// them where a normaliser fills lists.
func (w *Workspace) held(c *cell) int {
	if w.how.filled {
		return len(w.lists)
	}
	return int(c.count)
}

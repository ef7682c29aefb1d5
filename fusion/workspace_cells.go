package fusion

import (
	"math"
	"slices"

	"github.com/rankcascade/cascade/pipeline"
)

// cell is what the kernel knows about one document, 32 bytes, so that none
// lies across two cache lines.
type cell struct {
	acc   float64
	stamp uint32
	near  uint32 // complement of the best rank in any list, so that 0 is worst
	slot  uint32 // position in order
	last  uint32 // newest list that holds it, from 1
	count uint32 // lists that hold it
	place uint32 // rank in the selection, from 1, where somebody has asked for it
}

// best returns the best rank in any list, from 1.
func (c *cell) best() uint32 { return ^c.near }

// cells holds the documents by id while the lists are added up.
type cells struct {
	table []cell   // by id; valid where stamp is the current generation
	order []uint32 // ids in the order in which they were first seen
	gen   uint32
	// dense says that the cells below universe were cleared instead of stamped
	// and that order is empty until enumerate fills it.
	dense    bool
	universe int       // one more than the largest id
	comp     []float64 // rounding errors by slot, for compensated sums
}

// twice says that a list holds a document twice. The zero value says that none does.
type twice struct {
	list int // from 1
	id   uint32
}

// grow makes room for the largest id; it reports false for the reserved one.
func (t *cells) grow(lists []List) bool {
	var top uint32
	for _, l := range lists {
		for _, id := range l.IDs {
			top = max(top, id)
		}
	}
	if top == math.MaxUint32 {
		return false
	}
	t.universe = int(top) + 1
	if t.universe > len(t.table) {
		t.table = append(t.table, make([]cell, t.universe-len(t.table))...)
	}
	return true
}

// forget empties the cells of n documents, with their places in a selection.
func (t *cells) forget(n int) {
	t.table = slices.Grow(t.table[:0], n)[:n]
	clear(t.table)
}

// generation invalidates all cells by a new number instead of clearing them.
func (t *cells) generation() {
	t.gen++
	if t.gen == 0 {
		clear(t.table)
		t.gen = 1
	}
}

// documents bounds the number of distinct documents.
func (t *cells) documents() int {
	if t.dense {
		return t.universe
	}
	return len(t.order)
}

// bySlot returns the cell of the document that was the slot's to be seen.
func (t *cells) bySlot(slot int) *cell { return &t.table[t.order[slot]] }

// union counts the distinct documents of all lists.
func (t *cells) union(lists []List) int {
	if !t.grow(lists) {
		return 0
	}
	t.generation()
	n := 0
	for _, l := range lists {
		for _, id := range l.IDs {
			if c := &t.table[id]; c.stamp != t.gen {
				c.stamp = t.gen
				n++
			}
		}
	}
	return n
}

// accumulate folds all columns into the cells, list after list.
func (t *cells) accumulate(lists []List, cols []column, rule pipeline.Rule) twice {
	if t.dense = t.suitsDense(lists, rule); t.dense {
		return t.accumulateDense(lists, cols)
	}
	var before running
	for l := range lists {
		var again twice
		x := &step{list: l, ids: lists[l].IDs, contribution: cols[l].contribution, absent: cols[l].absent, rule: rule}
		switch rule {
		case pipeline.Sum:
			again = t.add(x, before.value)
		case pipeline.Max, pipeline.Min:
			again = t.pick(x, before)
		default:
			again = t.fold(x, before)
		}
		if again.list > 0 {
			return again
		}
		t.sweep(x)
		if x.absent.given {
			before.fold(rule, x.absent.add)
		}
	}
	return twice{}
}

// suitsDense reports whether the lists are plainly added and most ids below the
// largest are in use. Clearing their cells then costs less than finding out, at
// every entry, whether its cell is in use: that branch is a coin toss.
func (t *cells) suitsDense(lists []List, rule pipeline.Rule) bool {
	entries := 0
	for l := range lists {
		entries += lists[l].Len()
	}
	return rule == pipeline.Sum && t.universe <= 2*entries
}

// accumulateDense is the loop that nearly all methods spend their time in.
func (t *cells) accumulateDense(lists []List, cols []column) twice {
	cells := t.table[:t.universe]
	clear(cells)
	for l := range lists {
		ids, tag := lists[l].IDs, uint32(l+1)
		contribution := cols[l].contribution[:len(ids)]
		for i, id := range ids {
			c := &cells[id]
			if c.last == tag {
				return twice{l + 1, id}
			}
			c.acc += contribution[i]
			c.near = max(c.near, ^uint32(i+1))
			c.last = tag
			c.count++
		}
		if a := cols[l].absent; a.given && a.add != 0 {
			sweepDense(cells, tag, a.add)
		}
	}
	return twice{}
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
func (t *cells) enumerate(lists []List) {
	if !t.dense {
		return
	}
	for _, l := range lists {
		for _, id := range l.IDs {
			if c := &t.table[id]; c.stamp != t.gen {
				c.stamp, c.slot = t.gen, uint32(len(t.order))
				t.order = append(t.order, id)
			}
		}
	}
	t.dense = false
}

// step is the adding of one list: its position from 0, documents, shares and rule.
type step struct {
	list         int
	ids          []uint32
	contribution []float64
	absent       absence
	rule         pipeline.Rule
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
func (t *cells) add(x *step, before float64) twice {
	cells, gen, tag := t.table, t.gen, uint32(x.list+1)
	ids := x.ids
	contribution := x.contribution[:len(ids)]
	for i, id := range ids {
		c := &cells[id]
		if c.stamp != gen {
			*c = cell{acc: before + contribution[i], stamp: gen, near: ^uint32(i + 1), slot: uint32(len(t.order)), last: tag, count: 1}
			t.order = append(t.order, id)
			continue
		}
		if c.last == tag {
			return twice{x.list + 1, id}
		}
		c.acc += contribution[i]
		c.near = max(c.near, ^uint32(i+1))
		c.last = tag
		c.count++
	}
	return twice{}
}

// pick is the kernel for the largest and the smallest contribution.
func (t *cells) pick(x *step, before running) twice {
	largest := x.rule == pipeline.Max
	for i, id := range x.ids {
		v := x.contribution[i]
		c, fresh := t.touch(x.list, id, uint32(i+1))
		if c == nil {
			return twice{x.list + 1, id}
		}
		if fresh {
			c.acc = v
			if before.started && (before.value > v) == largest {
				c.acc = before.value
			}
		} else if (v > c.acc) == largest {
			c.acc = v
		}
	}
	return twice{}
}

// fold is the kernel for the other rules.
func (t *cells) fold(x *step, before running) twice {
	for i, id := range x.ids {
		c, fresh := t.touch(x.list, id, uint32(i+1))
		if c == nil {
			return twice{x.list + 1, id}
		}
		r := running{value: c.acc, started: true}
		if fresh {
			r = before
			t.comp = append(t.comp[:c.slot], 0)
		} else {
			r.comp = t.comp[c.slot]
		}
		r.fold(x.rule, x.contribution[i])
		c.acc, t.comp[c.slot] = r.value, r.comp
	}
	return twice{}
}

// touch finds the cell of a document and counts the list that holds it; it
// returns nil where the list has held it before.
func (t *cells) touch(list int, id, rank uint32) (c *cell, fresh bool) {
	c, tag := &t.table[id], uint32(list+1)
	if c.stamp != t.gen {
		*c = cell{stamp: t.gen, near: ^rank, slot: uint32(len(t.order)), last: tag, count: 1}
		t.order = append(t.order, id)
		return c, true
	}
	if c.last == tag {
		return nil, false
	}
	c.near = max(c.near, ^rank)
	c.last = tag
	c.count++
	return c, false
}

// sweep adds what a list says about documents that earlier lists hold and it
// does not.
func (t *cells) sweep(x *step) {
	a := x.absent
	if !a.given || (a.add == 0 && !a.counts && x.rule != pipeline.Max && x.rule != pipeline.Min) {
		return
	}
	tag := uint32(x.list + 1)
	for slot, id := range t.order {
		c := &t.table[id]
		if c.last == tag {
			continue
		}
		r := running{value: c.acc, started: true}
		if x.rule == pipeline.Compensated {
			r.comp = t.comp[slot]
		}
		r.fold(x.rule, a.add)
		c.acc = r.value
		if x.rule == pipeline.Compensated {
			t.comp[slot] = r.comp
		}
	}
}

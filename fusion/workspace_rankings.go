package fusion

import (
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/rankcascade/cascade/pipeline"
)

// fuse is the Fuse method of all methods: strings are met here and nowhere else.
func fuse(m Method, inputs []pipeline.Ranking) (pipeline.Ranking, error) {
	return fuseTop(m, inputs, 0)
}

// fuseTop is fuse for the first limit hits only, all of them where it is 0. The
// result has the bits of the first hits of fuse, and is an error where that is.
func fuseTop(m Method, inputs []pipeline.Ranking, limit int) (pipeline.Ranking, error) {
	f := newMerger(methodName(m), inputs)
	if err := f.w.run(m, f.task(numbersFor(m))); err != nil {
		return pipeline.Ranking{}, fmt.Errorf("fusion: %s: %w", f.kept.name, err)
	}
	if limit > 0 && !f.w.allFinite() {
		limit = 0 // the error below names the same document then
	}
	f.w.selectTop(limit)
	for _, it := range f.w.best.items {
		if !finite(it.score) {
			return pipeline.Ranking{}, f.w.overflow(m, it.id)
		}
	}
	return pipeline.Merge(inputs, pipeline.Fused, f.hits()), nil
}

// merger makes one ranking of several. What the marks may ask for later is in
// kept, in a few pieces for all lists or all hits together. The rest is memory
// that the next fusion uses again.
type merger struct {
	inputs []pipeline.Ranking
	ids    []uint32 // of all hits of all inputs, list after list
	names  Interner
	w      Workspace
	marks  int // how many the hits of all inputs have
	// at holds, by hit and list, the hit's position in the input, from 1, and 0
	// where it is missing. It is kept.ranks where the options changed no list.
	at   []uint32
	kept *arithmetic
	// deriver stands behind the marks; nil for kept.
	deriver pipeline.Deriver
}

// mergers holds those that have done their work.
var mergers = sync.Pool{New: func() any { return new(merger) }}

// newMerger takes one for a fusion of that name. hits gives it back.
func newMerger(name string, inputs []pipeline.Ranking) *merger {
	f := mergers.Get().(*merger)
	f.inputs, f.kept = inputs, &arithmetic{name: name}
	return f
}

// numbersFor returns how many numbers a method keeps for each entry of a list:
// the score, and what becomes of it unless a table for all lists says that.
func numbersFor(m Method) int {
	r, ok := m.(interface{ rankwise() rankwise })
	if !ok || r.rankwise().table == noTable || r.rankwise().ranks != RanksOrdinal {
		return 3
	}
	if r.rankwise().weights == nil {
		return 1
	}
	return 2
}

// task gives the documents ids and the workspace its memory.
func (f *merger) task(perEntry int) Task {
	n, longest := 0, 0
	for _, r := range f.inputs {
		n, longest = n+len(r.Hits), max(longest, len(r.Hits))
	}
	numbers := make([]float64, perEntry*n+longest)
	take := func(n int) []float64 {
		piece := numbers[:n:n]
		numbers = numbers[n:]
		return piece
	}
	k := f.kept
	lists, cols := k.fewLists[:0], k.fewCols[:0]
	f.names.reserve(n)
	f.ids = slices.Grow(f.ids[:0], n)[:n]
	from := 0
	for _, r := range f.inputs {
		size := len(r.Hits)
		list := List{IDs: f.ids[from : from+size : from+size], Scores: take(size), Scale: r.Scale, Failed: size == 0 && r.Degraded()}
		f.meet(list, r.Hits)
		lists = append(lists, list)
		col := column{}
		if perEntry > 1 {
			col.b = take(size)
		}
		if perEntry > 2 {
			col.a = take(size)
		}
		cols = append(cols, col)
		from += size
	}
	f.w.lists, f.w.cols, f.w.table.table = lists[:0:cap(lists)], cols, take(longest)[:0]
	f.w.how.factors = k.fewFactors[:0]
	f.w.cells.forget(f.names.Len())
	return Task{Lists: lists, Names: f.names.Names()}
}

// meet fills in the ids and the scores of a list, and counts its marks.
func (f *merger) meet(list List, hits []pipeline.Hit) {
	for i := range hits {
		h := &hits[i]
		list.IDs[i], list.Scores[i] = f.names.ID(h.Document.ID), h.Score
		f.marks += len(h.Marks)
	}
}

// hits makes the hits of the selection, keeps what their marks need, and ends the
// merger's work.
func (f *merger) hits() []pipeline.Hit {
	items, lists := f.w.best.items, len(f.inputs)
	for i, it := range items {
		f.w.cells.table[it.id].place = uint32(i + 1)
	}
	f.kept.ranks = make([]uint32, len(items)*lists)
	changed := false
	for l, list := range f.w.lists {
		changed = changed || list.Len() != len(f.inputs[l].Hits)
		f.locate(f.kept.ranks, l, list.IDs)
	}
	if f.deriver == nil {
		f.deriver = f.kept
	}
	f.at = f.kept.ranks
	if changed || f.w.admit.ids != nil {
		f.at = make([]uint32, len(f.kept.ranks))
		from := len(f.ids)
		for l := lists - 1; l >= 0; l-- {
			to := from
			from -= len(f.inputs[l].Hits)
			f.locate(f.at, l, f.ids[from:to])
		}
	}
	f.kept.sources = f.kept.fewSources[:0]
	for _, r := range f.inputs {
		name := ""
		if len(r.Hits) > 0 {
			name = source(&r.Hits[0])
		}
		f.kept.sources = append(f.kept.sources, name)
	}
	hits := make([]pipeline.Hit, len(items))
	marks := make([]pipeline.Mark, len(items)+f.countMarks())
	for i := range items {
		marks = marks[f.hit(&hits[i], i, marks):]
	}
	f.keep()
	f.release()
	return hits
}

// locate writes the positions of a list's documents, from 1, into a table by hit
// and list. The first of several positions counts.
func (f *merger) locate(table []uint32, l int, ids []uint32) {
	lists, cells := len(f.inputs), f.w.cells.table
	for i := len(ids) - 1; i >= 0; i-- {
		if int(ids[i]) >= len(cells) {
			continue
		}
		if place := cells[ids[i]].place; place > 0 {
			table[int(place-1)*lists+l] = uint32(i + 1)
		}
	}
}

// countMarks returns how many marks the selected hits have in all inputs.
func (f *merger) countMarks() int {
	if len(f.w.best.items) == f.names.Len() {
		return f.marks
	}
	n, lists := 0, len(f.inputs)
	for i, at := range f.at {
		if at > 0 {
			n += len(f.inputs[i%lists].Hits[at-1].Marks)
		}
	}
	return n
}

// hit fills in the fused hit of a document: what the first list that holds it
// says about it, with text and metadata from a later one where the first has
// none, the marks of all lists, and the mark of the fusion. It takes the marks
// from free memory and returns how many it took.
func (f *merger) hit(h *pipeline.Hit, place int, free []pipeline.Mark) int {
	n, judged, found := 0, false, false
	var reason pipeline.Reason
	lists := len(f.inputs)
	at := f.at[place*lists : (place+1)*lists]
	for l, position := range at {
		if position == 0 {
			continue
		}
		from := &f.inputs[l].Hits[position-1]
		if found {
			complete(&h.Document, &from.Document)
		} else {
			h.Document, found = from.Document, true
		}
		n = addMarks(free, n, from.Marks)
		if len(from.Marks) == 0 {
			judged = true
			continue
		}
		last := &from.Marks[len(from.Marks)-1]
		f.kept.note(place*lists+l, l, last.Stage)
		if last.Status.Judged() {
			judged = true
			continue
		}
		f.kept.flag(place*lists + l)
		if reason == "" {
			reason = last.Reason
		}
	}
	m := &free[n]
	m.Stage, m.Rank, m.Score, m.Scale, m.Deriver = f.kept.name, place+1, f.w.best.items[place].score, pipeline.Fused, f.deriver
	if !judged {
		m.Status, m.Reason = pipeline.Imputed, reason
	}
	h.Score, h.Marks = m.Score, free[:n+1:n+1]
	return n + 1
}

// complete takes from another list what the first one does not say.
func complete(d, from *pipeline.Document) {
	if d.Text == "" {
		d.Text = from.Text
	}
	if d.Metadata == nil {
		d.Metadata = from.Metadata
	}
}

// addMarks puts the marks that are not among the first n yet behind them, and
// returns how many there are then: lists that come from one ranking have its
// marks in common.
func addMarks(marks []pipeline.Mark, n int, more []pipeline.Mark) int {
	known := marks[:n]
	for i := range more {
		if n == 0 || !hasMark(known, &more[i]) {
			marks[n] = more[i]
			n++
		}
	}
	return n
}

func hasMark(marks []pipeline.Mark, m *pipeline.Mark) bool {
	for i := range marks {
		if sameMark(&marks[i], m) {
			return true
		}
	}
	return false
}

// sameMark compares what differs soonest first. Derivers of a type that does not
// compare count as different.
func sameMark(a, b *pipeline.Mark) bool {
	if a.Rank != b.Rank || a.Score != b.Score || a.Scale != b.Scale || a.Status != b.Status || a.Stage != b.Stage || a.Reason != b.Reason {
		return false
	}
	if a.Deriver == nil || b.Deriver == nil {
		return a.Deriver == nil && b.Deriver == nil
	}
	t := reflect.TypeOf(a.Deriver)
	return t == reflect.TypeOf(b.Deriver) && t.Comparable() && a.Deriver == b.Deriver
}

// keep hands over to kept what the marks may ask for: no document and no table of
// the kernel.
func (f *merger) keep() {
	k, w := f.kept, &f.w
	k.how, k.lists, k.cols = w.how, w.lists, w.cols
	if w.how.assign != nil {
		k.assigned = make([]float64, len(w.best.items))
		for i, it := range w.best.items {
			k.assigned[i] = it.score
		}
	}
	if w.how.impute {
		k.estimates = make([]float64, len(k.ranks))
		for i, it := range w.best.items {
			slot := int(w.cells.table[it.id].slot)
			copy(k.estimates[i*len(k.lists):(i+1)*len(k.lists)], w.estimates[slot*len(k.lists):])
		}
	}
	for l := range k.lists {
		k.lists[l].IDs = nil
	}
}

// release lets go of all that belongs to this fusion, and hands the rest to the
// next one.
func (f *merger) release() {
	w := &f.w
	f.names.Reset()
	w.lists, w.cols, w.how, w.admit, w.table = nil, nil, scheme{}, admission{}, rankTable{}
	w.best.names = nil
	*f = merger{ids: f.ids, names: f.names, w: f.w}
	mergers.Put(f)
}

// source names the stage that made the ranking of a hit.
func source(h *pipeline.Hit) string {
	if len(h.Marks) == 0 {
		return ""
	}
	return h.Marks[len(h.Marks)-1].Stage
}

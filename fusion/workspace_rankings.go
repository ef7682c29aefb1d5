package fusion

import (
	"fmt"
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
	kept   *arithmetic
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
	lists, cols, leads := k.fewLists[:0], k.fewCols[:0], k.fewLeads[:0]
	f.names.reserve(n)
	f.ids = slices.Grow(f.ids[:0], n)[:n]
	from := 0
	for _, r := range f.inputs {
		size := len(r.Hits)
		list := List{IDs: f.ids[from : from+size : from+size], Scores: take(size), Scale: r.Scale, Failed: size == 0 && r.Degraded()}
		f.meet(list, r.Hits)
		leads = append(leads, leadOf(r.Hits))
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
	k.leads = leads
	f.w.lists, f.w.cols, f.w.table.table = lists[:0:cap(lists)], cols, take(longest)[:0]
	f.w.how.factors = k.fewFactors[:0]
	f.w.cells.forget(f.names.Len())
	return Task{Lists: lists, Names: f.names.Names()}
}

// meet fills in the ids and the scores of a list.
func (f *merger) meet(list List, hits []pipeline.Hit) {
	for i := range hits {
		h := &hits[i]
		list.IDs[i], list.Scores[i] = f.names.ID(h.Document.ID), h.Score
	}
}

// hits makes the hits of the selection, keeps what their marks need, and ends the
// merger's work.
func (f *merger) hits() []pipeline.Hit {
	f.place()
	f.scatter()
	items, k := f.w.best.items, f.kept
	hits, trails := make([]pipeline.Hit, len(items)), pipeline.TrailsBy(k)
	k.scores = make([]float64, len(items))
	for i, it := range items {
		h := &hits[i]
		judged := f.fill(h, i)
		k.scores[i], h.Score, h.Trail = it.score, it.score, trails.At(i, judged)
	}
	f.keep()
	f.release()
	return hits
}

// place finds the ranks of the selected documents in the lists, and their positions
// in the inputs, which are the same unless the options changed a list.
func (f *merger) place() {
	items, lists, k := f.w.best.items, len(f.inputs), f.kept
	for i, it := range items {
		f.w.cells.table[it.id].place = uint32(i + 1)
	}
	k.ranks = make([]uint32, len(items)*lists)
	changed := f.w.admit.ids != nil
	for l, list := range f.w.lists {
		changed = changed || list.Len() != len(f.inputs[l].Hits)
		f.locate(k.ranks, l, list.IDs)
	}
	k.at = k.ranks
	if changed {
		k.at = make([]uint32, len(k.ranks))
		from := len(f.ids)
		for l := lists - 1; l >= 0; l-- {
			to := from
			from -= len(f.inputs[l].Hits)
			f.locate(k.at, l, f.ids[from:to])
		}
	}
}

// scatter keeps the trails behind the selected hits in those lists whose trails do
// not follow each other.
func (f *merger) scatter() {
	k, lists := f.kept, len(f.inputs)
	for l, lead := range k.leads {
		if !lead.scattered {
			continue
		}
		if k.trails == nil {
			k.trails = make([]pipeline.Trail, len(k.at))
		}
		for i := l; i < len(k.at); i += lists {
			if at := k.at[i]; at > 0 {
				k.trails[i] = f.inputs[l].Hits[at-1].Trail
			}
		}
	}
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

// fill fills in the document of a fused hit: what the first list that holds it says
// about it, with text and metadata from a later one where the first has none. It
// reports whether a list has judged the hit.
func (f *merger) fill(h *pipeline.Hit, i int) (judged bool) {
	lists, found := len(f.inputs), false
	for l, position := range f.kept.at[i*lists : (i+1)*lists] {
		if position == 0 {
			continue
		}
		from := &f.inputs[l].Hits[position-1]
		if found {
			complete(&h.Document, &from.Document)
		} else {
			h.Document, found = from.Document, true
		}
		judged = judged || from.Trail.Judged()
	}
	return judged
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

// keep hands over to kept what the marks may ask for: no document and no table of
// the kernel.
func (f *merger) keep() {
	k, w := f.kept, &f.w
	k.how, k.lists, k.cols = w.how, w.lists, w.cols
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

package fusion

import (
	"fmt"
	"slices"

	"github.com/rankcascade/cascade/pipeline"
)

// fuse is the Fuse method of all methods: strings are met here and nowhere else.
func fuse(m Method, inputs []pipeline.Ranking) (pipeline.Ranking, error) {
	var in Interner
	task := Task{Lists: make([]List, len(inputs))}
	for l, r := range inputs {
		list := List{IDs: make([]uint32, len(r.Hits)), Scores: make([]float64, len(r.Hits)), Scale: r.Scale}
		for i, h := range r.Hits {
			list.IDs[i], list.Scores[i] = in.ID(h.Document.ID), h.Score
		}
		task.Lists[l] = list
	}
	task.Names = in.Names()
	var w Workspace
	if err := w.run(m, task); err != nil {
		return pipeline.Ranking{}, fmt.Errorf("fusion: %s: %w", methodName(m), err)
	}
	w.selectTop(0)
	e := explainer{w: &w, inputs: inputs, name: methodName(m)}
	e.index(&in)
	e.derivations = make([]pipeline.Derivation, 0, len(w.items))
	e.terms = make([]pipeline.Term, 0, len(w.items)*len(inputs))
	hits := make([]pipeline.Hit, len(w.items))
	for i, it := range w.items {
		hits[i] = e.hit(i+1, it)
		if !finite(it.score) {
			return pipeline.Ranking{}, fmt.Errorf("fusion: %s: %w: the score of document %q overflows", methodName(m), ErrInput, in.Name(it.id))
		}
	}
	return pipeline.Merge(inputs, pipeline.Fused, hits), nil
}

// explainer makes hits with marks from what is left in a workspace.
type explainer struct {
	w      *Workspace
	inputs []pipeline.Ranking
	name   string
	// rank and at hold, by list and id, the rank in the list as it was fused and
	// the hit's position in the input, both from 1 and 0 for missing.
	rank, at [][]uint32
	sources  []string
	// derivations and terms are the memory of all hits, made once, so that
	// pointers into it stay valid.
	derivations []pipeline.Derivation
	terms       []pipeline.Term
}

func (e *explainer) index(in *Interner) {
	n := in.Len()
	e.rank, e.at = make([][]uint32, len(e.inputs)), make([][]uint32, len(e.inputs))
	e.sources = make([]string, len(e.inputs))
	for l, r := range e.inputs {
		e.rank[l], e.at[l] = make([]uint32, n), make([]uint32, n)
		for i, id := range e.w.lists[l].IDs {
			e.rank[l][id] = uint32(i + 1)
		}
		for i, h := range r.Hits {
			if id := in.ID(h.Document.ID); e.at[l][id] == 0 {
				e.at[l][id] = uint32(i + 1)
			}
		}
		if len(r.Hits) > 0 {
			e.sources[l] = source(r.Hits[0])
		}
	}
}

// source names the stage that made the ranking of a hit.
func source(h pipeline.Hit) string {
	if len(h.Marks) == 0 {
		return ""
	}
	return h.Marks[len(h.Marks)-1].Stage
}

// hit returns the fused hit of a document: what the first list that holds it
// says about it, with text and metadata from a later one where the first has
// none, the marks of all lists, and the mark of the fusion.
func (e *explainer) hit(rank int, it item) pipeline.Hit {
	var h pipeline.Hit
	judged, found := false, false
	var reason pipeline.Reason
	marks := make([]pipeline.Mark, 0, e.countMarks(it.id)+1)
	for l, r := range e.inputs {
		at := e.at[l][it.id]
		if at == 0 {
			continue
		}
		from := r.Hits[at-1]
		if !found {
			h, found = from, true
		}
		if h.Document.Text == "" {
			h.Document.Text = from.Document.Text
		}
		if h.Document.Metadata == nil {
			h.Document.Metadata = from.Document.Metadata
		}
		marks = addMarks(marks, from.Marks)
		if from.Judged() {
			judged = true
		} else if reason == "" {
			reason = from.Marks[len(from.Marks)-1].Reason
		}
	}
	mark := pipeline.Mark{Stage: e.name, Rank: rank, Score: it.score, Scale: pipeline.Fused, Deriver: e.derive(it)}
	if !judged {
		mark.Status, mark.Reason = pipeline.Imputed, reason
	}
	h.Score, h.Marks = it.score, append(marks, mark)
	return h
}

func (e *explainer) countMarks(id uint32) int {
	n := 0
	for l, r := range e.inputs {
		if at := e.at[l][id]; at > 0 {
			n += len(r.Hits[at-1].Marks)
		}
	}
	return n
}

// addMarks appends the marks that are not there yet: lists that come from one
// ranking have its marks in common.
func addMarks(marks, more []pipeline.Mark) []pipeline.Mark {
	known := len(marks)
	for _, m := range more {
		if !slices.Contains(marks[:known], m) {
			marks = append(marks, m)
		}
	}
	return marks
}

// derive writes down the arithmetic of one document's score.
func (e *explainer) derive(it item) *pipeline.Derivation {
	w := e.w
	c := &w.cells[it.id]
	e.derivations = append(e.derivations, pipeline.Derivation{Rule: w.how.rule})
	d := &e.derivations[len(e.derivations)-1]
	if w.how.assign != nil {
		d.Rule, d.Assigned = pipeline.Assigned, it.score
	}
	first := len(e.terms)
	for l := range e.inputs {
		if t, ok := e.term(l, it.id, c); ok {
			e.terms = append(e.terms, t)
		}
	}
	d.Terms = e.terms[first:len(e.terms):len(e.terms)]
	if d.Rule == pipeline.Assigned {
		return d
	}
	factor, divisor := w.closing(c)
	if factor == 0 {
		for i := range d.Terms {
			d.Terms[i].Contribution = 0 // a factor of 0 would stand for 1
		}
		factor = 1
	}
	if factor != 1 {
		d.Factor = factor
	}
	if divisor != 1 {
		d.Divisor = divisor
	}
	return d
}

// term returns what list l says about a document, false if nothing.
func (e *explainer) term(l int, id uint32, c *cell) (pipeline.Term, bool) {
	w, col := e.w, &e.w.cols[l]
	t := pipeline.Term{List: l, Source: e.sources[l], Weight: col.weight}
	if rank := e.rank[l][id]; rank > 0 {
		from := e.inputs[l].Hits[e.at[l][id]-1]
		t.Rank, t.Score = int(rank), w.lists[l].Scores[rank-1]
		t.Normalised, t.Contribution = col.normalised[rank-1], col.contribution[rank-1]
		t.Imputed = !from.Judged()
		if s := source(from); s != "" {
			t.Source = s
		}
		return t, true
	}
	t.Imputed = true
	if w.how.impute {
		t.Normalised = w.estimates[int(c.slot)*len(w.lists)+l]
		t.Score = t.Normalised
		t.Contribution = float64(col.weight * t.Normalised)
		return t, true
	}
	t.Score, t.Normalised, t.Contribution = col.absent.score, col.absent.normalised, col.absent.add
	return t, col.absent.given
}

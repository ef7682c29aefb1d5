package fusion

import (
	"cmp"

	"github.com/rankcascade/cascade/pipeline"
)

// few is the number of lists whose small records need no memory of their own.
const few = 6

// arithmetic is what a fused ranking remembers of its computation: the columns
// and the ranks, without the documents. It writes the mark and the derivation of a
// hit down when somebody asks, with the very numbers that were added.
type arithmetic struct {
	name      string
	how       scheme
	lists     []List // scores, without ids
	cols      []column
	scores    []float64 // by hit
	ranks     []uint32  // by hit and list, from 1, 0 for missing
	estimates []float64 // by hit and list, where missing scores are estimated
	// at is the position of each hit in the inputs, by hit and list, from 1, and 0
	// where it is missing. It is ranks where the options changed no list.
	at     []uint32
	leads  []lead           // by list
	trails []pipeline.Trail // by hit and list, for the lists that are scattered
	// deriver stands behind the marks; nil for this one.
	deriver pipeline.Deriver

	fewLists   [few]List
	fewCols    [few]column
	fewLeads   [few]lead
	fewFactors [few + 1]float64
}

// lead says where the marks of an input's hits are.
type lead struct {
	first pipeline.Trail
	// scattered says that the other trails do not just follow the first one.
	scattered bool
}

// leadOf returns the lead of an input.
func leadOf(hits []pipeline.Hit) lead {
	if len(hits) == 0 {
		return lead{}
	}
	first := hits[0].Trail
	for i := range hits {
		if hits[i].Trail != first.Next(i) {
			return lead{first, true}
		}
	}
	return lead{first, false}
}

// Mark implements pipeline.Marker: the place of a hit is its position. A hit that no
// list has judged is imputed, for the first reason that a list gives.
func (a *arithmetic) Mark(place int) pipeline.Mark {
	m := pipeline.Mark{Stage: a.name, Rank: place + 1, Score: a.scores[place], Scale: pipeline.Fused, Deriver: a.deriver}
	if a.deriver == nil {
		m.Deriver = a
	}
	var reason pipeline.Reason
	for _, t := range a.Before(place) {
		if t.Judged() {
			return m
		}
		reason = cmp.Or(reason, t.Newest().Reason)
	}
	m.Status, m.Reason = pipeline.Imputed, reason
	return m
}

// Before implements pipeline.Marker.
func (a *arithmetic) Before(place int) []pipeline.Trail {
	trails := make([]pipeline.Trail, 0, len(a.leads))
	for l := range a.leads {
		if i := place*len(a.leads) + l; a.at[i] > 0 {
			trails = append(trails, a.trail(i, l))
		}
	}
	return trails
}

// trail returns the trail of a hit in list l, at position i by hit and list.
func (a *arithmetic) trail(i, l int) pipeline.Trail {
	if a.leads[l].scattered {
		return a.trails[i]
	}
	return a.leads[l].first.Next(int(a.at[i]) - 1)
}

// Derivation implements pipeline.Deriver.
func (a *arithmetic) Derivation(rank int) *pipeline.Derivation {
	if rank < 1 || rank*len(a.lists) > len(a.ranks) {
		return nil
	}
	d := &pipeline.Derivation{Rule: a.how.rule, Terms: make([]pipeline.Term, 0, len(a.lists))}
	count, weights := 0, 0.0
	for l := range a.lists {
		if a.ranks[(rank-1)*len(a.lists)+l] > 0 {
			count++
			weights += a.cols[l].weight
		}
		if t, ok := a.term(rank, l); ok {
			d.Terms = append(d.Terms, t)
		}
	}
	if a.how.assign != nil {
		d.Rule, d.Assigned = pipeline.Assigned, a.scores[rank-1]
		return d
	}
	a.close(d, count, weights)
	return d
}

// close sets factor and divisor.
func (a *arithmetic) close(d *pipeline.Derivation, count int, weights float64) {
	factor, divisor := a.how.closing(count, weights)
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
}

// term returns what list l says about a document, false if nothing.
func (a *arithmetic) term(rank, l int) (pipeline.Term, bool) {
	i, col := (rank-1)*len(a.lists)+l, &a.cols[l]
	t := pipeline.Term{List: l, Source: a.leads[l].first.Newest().Stage, Weight: col.weight}
	if at := int(a.ranks[i]); at > 0 {
		trail := a.trail(i, l)
		t.Source = cmp.Or(trail.Newest().Stage, t.Source)
		t.Rank, t.Score, t.Imputed = at, a.lists[l].Scores[at-1], !trail.Judged()
		t.Normalised, t.Contribution = col.normalised[at-1], col.contribution[at-1]
		return t, true
	}
	t.Imputed = true
	if a.how.impute {
		t.Normalised = a.estimates[i]
		t.Score = t.Normalised
		t.Contribution = float64(col.weight * t.Normalised)
		return t, true
	}
	t.Score, t.Normalised, t.Contribution = col.absent.score, col.absent.normalised, col.absent.add
	return t, col.absent.given
}

package fusion

import "github.com/rankcascade/cascade/pipeline"

// few is the number of lists whose small records need no memory of their own.
const few = 6

// arithmetic is what a fused ranking remembers of its computation: the columns
// and the ranks, without the documents. It writes the derivation of a hit down
// when somebody asks, with the very numbers that were added.
type arithmetic struct {
	name      string
	how       scheme
	lists     []List // scores, without ids
	cols      []column
	assigned  []float64 // by hit, where the method computes scores as a whole
	ranks     []uint32  // by hit and list, from 1, 0 for missing; see unjudged
	estimates []float64 // by hit and list, where missing scores are estimated
	sources   []string  // who made each list
	odd       map[int]string

	fewLists   [few]List
	fewCols    [few]column
	fewSources [few]string
	fewFactors [few + 1]float64
}

// unjudged is set in a rank whose hit stood in its list without a real score.
const unjudged = 1 << 31

// flag marks the hit at position i, by hit and list, as unjudged where the list
// was fused with it.
func (a *arithmetic) flag(i int) {
	if a.ranks[i] > 0 {
		a.ranks[i] |= unjudged
	}
}

// note keeps the source of a hit where it is not that of its list's first hit.
func (a *arithmetic) note(i, l int, source string) {
	if source == "" || source == a.sources[l] {
		return
	}
	if a.odd == nil {
		a.odd = map[int]string{}
	}
	a.odd[i] = source
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
		d.Rule, d.Assigned = pipeline.Assigned, a.assigned[rank-1]
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
	t := pipeline.Term{List: l, Source: a.sources[l], Weight: col.weight}
	if odd, ok := a.odd[i]; ok {
		t.Source = odd
	}
	if a.ranks[i] > 0 {
		at := int(a.ranks[i] &^ unjudged)
		t.Rank, t.Score, t.Imputed = at, a.lists[l].Scores[at-1], a.ranks[i]&unjudged != 0
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

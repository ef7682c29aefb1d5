package fusion

import "github.com/rankcascade/cascade/pipeline"

// RRF is reciprocal rank fusion, Σ w/(k+r) with ranks from 1 (Cormack, Clarke
// and Büttcher 2009). It looks at no score, so lists of any scale go together.
//
// What engines call RRF differs from this and from each other: see EngineRRF.
type RRF struct {
	// K is the constant of the formula; 0 stands for 60 and Zero for a true 0. A
	// small k lets the first ranks decide, a large one agreement.
	K float64 `spec:"k,zero=60"`
	// Weights has one weight for each list, not negative; nil weighs all by 1.
	Weights []float64 `spec:"w"`
	// Ranks says which rank documents of equal score get.
	Ranks Ranks `spec:"ranks"`
	// Missing says what a list that does not hold a document contributes; the
	// default is nothing.
	Missing Missing `spec:"missing"`
	// ToOne divides by Σ w/(k+1), so that the best possible score is 1.
	ToOne   bool `spec:"toone"`
	Options Options
}

func (f RRF) rankwise() rankwise {
	return rankwise{
		value: func(k, rank float64) float64 { return 1 / (k + rank) },
		table: reciprocalTable, param: or(f.K, 60), weights: f.Weights, ranks: f.Ranks, missing: f.Missing, options: f.Options,
	}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f RRF) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f RRF) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f RRF) String() string { return specOf(f) }

func (f RRF) check() error {
	return firstError(checkPositive("k", or(f.K, 60)), f.rankwise().check())
}

func (f RRF) facts(scales []pipeline.Scale) pipeline.Facts {
	if f.ToOne {
		return pipeline.Facts{Max: 1}
	}
	return pipeline.Facts{Max: f.rankwise().maximum(len(scales))}
}

// plan is rankwise with one table of reciprocals for all lists that need no
// more, which is the common case.
func (f RRF) plan(w *Workspace) error {
	r := f.rankwise()
	if err := r.begin(w); err != nil {
		return err
	}
	k := or(f.K, 60)
	table := w.table.upTo(reciprocalTable, k, w.longest(), r.value)
	for l := range w.lists {
		list, col := w.lists[l], &w.cols[l]
		if f.Ranks == RanksOrdinal {
			col.normalised = table[:list.Len()]
			ordinalShares(col, k)
		} else {
			f.shares(col, list, k)
		}
		if rank := f.Missing.rank(list.Len()); rank > 0 && (list.Len() > 0 || f.Missing != MissingRankAfter) {
			v := k + float64(rank)
			col.absent = absence{given: true, normalised: 1 / v, add: col.weight / v}
		}
		if f.ToOne {
			w.how.scale += col.weight / (k + 1)
		}
	}
	return nil
}

// ordinalShares divides the weight by k+r instead of multiplying the
// reciprocal: one rounding, not two.
func ordinalShares(col *column, k float64) {
	if col.weight == 1 {
		col.contribution = col.normalised
		return
	}
	col.contribution = buffer(&col.b, len(col.normalised))
	for i := range col.contribution {
		col.contribution[i] = col.weight / (k + float64(i+1))
	}
}

// shares is ordinalShares for the other conventions about equal scores.
func (f RRF) shares(col *column, list List, k float64) {
	col.normalised = buffer(&col.a, list.Len())
	col.contribution = buffer(&col.b, list.Len())
	f.Ranks.fill(col.normalised, list.Scores)
	for i, rank := range col.normalised {
		col.contribution[i] = col.weight / (k + rank)
		col.normalised[i] = 1 / (k + rank)
	}
}

package fusion

import (
	"fmt"

	"github.com/rankcascade/cascade/fusion/internal/elementary"
	"github.com/rankcascade/cascade/pipeline"
)

// GeometricMean is exp(Σ w·ln norm(s) / Σ w) over the lists that hold the
// document with a positive score; other lists are left out with their weight. A
// document without a positive score gets 0.
type GeometricMean struct {
	// Weights has one weight for each list, not negative; nil weighs all by 1.
	Weights []float64 `spec:"w"`
	// Norm normalises every list, or Norms, where it is given, each list in its own
	// way; a nil Normaliser is Auto.
	Norm    Normaliser   `spec:"norm"`
	Norms   []Normaliser `spec:"norms"`
	Options Options
}

func (f GeometricMean) scoring() scoring {
	return scoring{norm: f.Norm, norms: f.Norms, weights: f.Weights, options: f.Options, scheme: scheme{assign: func(w *Workspace) error {
		meanOf(w, func(weight, s float64) float64 { return float64(weight * elementary.Log(s)) },
			func(total, weights float64) float64 { return elementary.Exp(total / weights) })
		return nil
	}}}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f GeometricMean) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) {
	return fuse(f, inputs)
}

// Describe names the method and its effective settings.
func (f GeometricMean) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f GeometricMean) String() string { return specOf(f) }

func (f GeometricMean) check() error {
	return firstError(noCompensation(f.Options), f.scoring().check())
}
func (f GeometricMean) plan(w *Workspace) error { return f.scoring().plan(w) }
func (f GeometricMean) facts(scales []pipeline.Scale) pipeline.Facts {
	return f.scoring().facts(scales)
}

// HarmonicMean is Σ w / Σ (w/norm(s)) over the lists that hold the document with a
// positive score; other lists are left out with their weight. A document without
// a positive score gets 0.
type HarmonicMean struct {
	// Weights has one weight for each list, not negative; nil weighs all by 1.
	Weights []float64 `spec:"w"`
	// Norm normalises every list, or Norms, where it is given, each list in its own
	// way; a nil Normaliser is Auto.
	Norm    Normaliser   `spec:"norm"`
	Norms   []Normaliser `spec:"norms"`
	Options Options
}

func (f HarmonicMean) scoring() scoring {
	return scoring{norm: f.Norm, norms: f.Norms, weights: f.Weights, options: f.Options, scheme: scheme{assign: func(w *Workspace) error {
		meanOf(w, func(weight, s float64) float64 { return weight / s },
			func(total, weights float64) float64 { return weights / total })
		return nil
	}}}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f HarmonicMean) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) {
	return fuse(f, inputs)
}

// Describe names the method and its effective settings.
func (f HarmonicMean) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f HarmonicMean) String() string { return specOf(f) }

func (f HarmonicMean) check() error {
	return firstError(noCompensation(f.Options), f.scoring().check())
}
func (f HarmonicMean) plan(w *Workspace) error                      { return f.scoring().plan(w) }
func (f HarmonicMean) facts(scales []pipeline.Scale) pipeline.Facts { return f.scoring().facts(scales) }

func noCompensation(o Options) error {
	if o.Compensated {
		return fmt.Errorf("%w: compensated has no meaning for this method", ErrConfig)
	}
	return nil
}

// meanOf replaces the sums by a mean of positive normalised scores: of the terms
// and the weights, both added in list order. The columns' contributions become
// the terms.
func meanOf(w *Workspace, term func(weight, s float64) float64, end func(total, weights float64) float64) {
	lists := len(w.lists)
	ranks := w.ranks()
	for l := range w.cols {
		col := &w.cols[l]
		col.contribution = buffer(&col.b, len(col.normalised))
		for i, s := range col.normalised {
			col.contribution[i] = 0
			if s > 0 {
				col.contribution[i] = term(col.weight, s)
			}
		}
	}
	for slot, id := range w.cells.order {
		var total, weights float64
		for l := range lists {
			rank := ranks[slot*lists+l]
			if rank == 0 || !(w.cols[l].normalised[rank-1] > 0) || w.cols[l].weight == 0 {
				continue
			}
			total += w.cols[l].contribution[rank-1]
			weights += w.cols[l].weight
		}
		w.cells.table[id].acc = 0
		if weights > 0 {
			w.cells.table[id].acc = end(total, weights)
		}
	}
}

package fusion

import (
	"fmt"

	"github.com/rankcascade/cascade/pipeline"
)

// Convex is the convex combination Σ w·norm(s): the weights add up to 1, and
// with normalisers into [0, 1] so does the best score (Bruch, Gai and Ingber
// 2023, who find it better than RRF on all of nine collections). Without Norm
// the scale of each list decides, see Auto.
type Convex struct {
	// Weights has one weight for each list, not negative; nil weighs all by 1/L.
	Weights []float64 `spec:"w"`
	// Norm normalises every list, or Norms, where it is given, each list in its own
	// way; a nil Normaliser is Auto.
	Norm  Normaliser   `spec:"norm"`
	Norms []Normaliser `spec:"norms"`
	// Missing says what a list that does not hold a document contributes; the
	// default is 0, and the list's minimum after ZScore or Robust.
	Missing Missing `spec:"missing"`
	Options Options
}

func (f Convex) scoring() scoring {
	return scoring{norm: f.Norm, norms: f.Norms, missing: f.Missing, options: f.Options, weights: f.Weights, unit: true}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f Convex) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f Convex) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f Convex) String() string { return specOf(f) }

// FixedRange reports whether FixedList holds for every list.
func (f Convex) FixedRange() bool { return f.scoring().fixedRange() }

// FixedList reports whether what the list, counted from 0, adds to a document
// depends on the document's own score alone and does not fall when that score
// rises, so that its best possible fused score is known before it is scored.
func (f Convex) FixedList(list int) bool { return f.scoring().fixedList(list) }

func (f Convex) check() error                                 { return firstError(f.scoring().check(), f.checkSum()) }
func (f Convex) plan(w *Workspace) error                      { return f.scoring().plan(w) }
func (f Convex) facts(scales []pipeline.Scale) pipeline.Facts { return f.scoring().facts(scales) }

func (f Convex) checkSum() error {
	if total := sum(f.Weights); f.Weights != nil && (total < 1-1e-9 || total > 1+1e-9) {
		return fmt.Errorf("%w: the weights of a convex combination add up to %v and not to 1: use WSUM for free weights", ErrConfig, total)
	}
	return nil
}

// WSUM is the weighted sum Σ w·norm(s), with any weights that are not negative.
// It is what most systems call "linear" or "weighted".
type WSUM struct {
	// Weights has one weight for each list, not negative; nil weighs all by 1.
	Weights []float64 `spec:"w"`
	// Norm normalises every list, or Norms, where it is given, each list in its own
	// way; a nil Normaliser is Auto.
	Norm  Normaliser   `spec:"norm"`
	Norms []Normaliser `spec:"norms"`
	// Missing says what a list that does not hold a document contributes; the
	// default is 0, and the list's minimum after ZScore or Robust.
	Missing Missing `spec:"missing"`
	Options Options
}

func (f WSUM) scoring() scoring {
	return scoring{norm: f.Norm, norms: f.Norms, missing: f.Missing, options: f.Options, weights: f.Weights}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f WSUM) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f WSUM) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f WSUM) String() string { return specOf(f) }

// FixedRange reports whether FixedList holds for every list.
func (f WSUM) FixedRange() bool { return f.scoring().fixedRange() }

// FixedList reports whether what the list, counted from 0, adds to a document
// depends on the document's own score alone and does not fall when that score
// rises, so that its best possible fused score is known before it is scored.
func (f WSUM) FixedList(list int) bool { return f.scoring().fixedList(list) }

func (f WSUM) check() error                                 { return f.scoring().check() }
func (f WSUM) plan(w *Workspace) error                      { return f.scoring().plan(w) }
func (f WSUM) facts(scales []pipeline.Scale) pipeline.Facts { return f.scoring().facts(scales) }
